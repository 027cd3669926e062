"""Define tasks: where sequences come from, and what their targets mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from wmcl.likelihoods import Likelihood
from wmcl.randomness import generator
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.sequences import Sequences

SHARED_SET_SEED = 0
"""seed of the validation and test sets, which all networks share"""


@dataclass(frozen=True)
class Task:
    """A task is a distribution over sequences.

    Add a task of your own by writing its ``draw``: it receives one random generator a member and the number
    of samples, and returns :class:`Sequences` whose member axis has one entry a generator.

    Example:
        >>> import wmcl
        >>> task = wmcl.tasks.copy_task(pattern_length=3, input_length=5)
        >>> batch = task.batch(seeds=[0, 1], iteration=7, samples=16)
        >>> tuple(batch.inputs.shape)
        (2, 9, 16, 8)
    """

    name: str
    inputs: int
    """input features"""
    outputs: int
    """output units"""
    likelihood: Likelihood
    draw: Callable[[Sequence[np.random.Generator], int], Sequences]
    validation_samples: int = 512
    test_samples: int = 1000
    memory_demand: MemoryDemand | None = None
    """working-memory demand, if it is known"""
    learned_vectors: tuple[int, int] | None = None
    """words and features of the table of vectors that is learned with the task; then the number of a word, from 1 on,
    or 0 for none, stands before the input features (:mod:`wmcl.networks.vectors`)"""

    def batch(self, seeds: Sequence[int], iteration: int, samples: int) -> Sequences:
        """Draw the training sequences of an iteration: each member draws its own, addressed by its seed."""
        return self.draw([generator(seed, "batch", iteration) for seed in seeds], samples)

    def fixed_set(self, purpose: str, samples: int) -> Sequences:
        """Draw a fixed set that all members share (member size 1), e.g. ``task.fixed_set("probe", 200)``."""
        check_counts(samples=samples)
        return self.draw([generator(SHARED_SET_SEED, purpose)], samples)

    def changed(self, change: Callable[[Sequences], Sequences], inputs: int) -> "Task":
        """Return this task with a change to whatever is drawn, which may give it another number of input features."""
        return replace(self, inputs=inputs, draw=_Changed(self.draw, change))

    @property
    def has_alike_batches(self) -> bool:
        """Tell whether all batches of a size have the same shape, so that a step can be captured and replayed."""
        return True

    @cached_property
    def validation(self) -> Sequences:
        """Return the set that decides when training stops."""
        return self.fixed_set("validation", self.validation_samples)

    @cached_property
    def test(self) -> Sequences:
        """Return the set that results are reported on."""
        return self.fixed_set("test", self.test_samples)


@dataclass(frozen=True)
class _Changed:
    draw: Callable[[Sequence[np.random.Generator], int], Sequences]
    change: Callable[[Sequences], Sequences]

    def __call__(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        return self.change(self.draw(generators, samples))


def check_counts(least: int = 1, **counts: int) -> None:
    """Refuse numbers that are not whole, or too small, with a ValueError that names them."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} is {value!r}: it must be a whole number of at least {least}")
