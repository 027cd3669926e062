"""Define tasks: where sequences come from, and what their targets mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from wmcl.likelihoods import Likelihood
from wmcl.randomness import generator
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.sequences import Sequences
from wmcl.tasks.torch_data import Item, TaskDataset, TaskStream, arranged, items_of

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
    def tells_which(self) -> bool:
        """Tell whether the inputs say which task of several this is (:func:`wmcl.tasks.with_task_identity`)."""
        draw = self.draw
        while isinstance(draw, _Changed):
            if getattr(draw.change, "tells_which", False):
                return True
            draw = draw.draw
        return False

    @property
    def has_alike_batches(self) -> bool:
        """Tell whether all batches of a size have the same shape, so that a step can be captured and replayed."""
        return True

    def dataset(self, samples: int | Sequences, seed: int = 0, *, batch_first: bool = True) -> TaskDataset:
        """Draw a fixed number of sequences for a PyTorch loop: ``DataLoader(task.dataset(1000), batch_size=32)``.

        An item is a named tuple of tensors: ``inputs`` (time, feature), ``targets``, ``scored`` (time), a mask, and
        ``length``, the steps before the padding. Targets are numbers of classes (time), -100 where nothing is scored
        as in :class:`torch.nn.CrossEntropyLoss`, or bits or real numbers (time, output), 0 where nothing is scored.
        Sequences are padded to one length, so PyTorch's own collate function makes batches, which are batch first.
        ``collate_fn=data.collate`` makes batches that are as long as their longest sequence.

        Args:
            samples: number of sequences; or sequences that all members share, such as ``task.test``. Of recorded data
                they are training sequences, none twice unless there are too few.
            seed: of the draw, which is independent of those of training, validation and test.
            batch_first: whether ``collate`` makes batches (sample, time, …) or (time, sample, …).

        Raises:
            ValueError: if a number is out of range, if sequences differ between members, or if the task has steps with
                other weights than 0 and 1.
        """
        return TaskDataset(self._items(samples, seed), batch_first)

    def stream(
        self, seed: int = 0, batch: int | None = None, *, batch_first: bool = True, start: int = 0
    ) -> TaskStream:
        """Draw sequences without end for a PyTorch loop, as an iterable data set with the items of :meth:`dataset`.

        ``DataLoader(task.stream(seed=1, batch=32), batch_size=None)`` yields batches, which are those that
        :func:`wmcl.training.train` draws for a member of this seed; so a network that was trained with the seed knows
        them. Without ``batch`` there are single sequences, each as long as it is, which ``collate_fn=stream.collate``
        puts together.

        Worker w of W takes the entries w, w + W, …: none is drawn twice, and seed and number of workers settle
        everything. With ``batch_size=None`` the order is that of the entries, whatever the number of workers.
        Every loop over it begins with the same entry.

        Args:
            seed: of the draws.
            batch: number of sequences of an entry; ``None`` for single sequences.
            batch_first: whether batches are (sample, time, …) or (time, sample, …).
            start: index of the first entry, e.g. that of the iteration that a loop goes on with.

        Raises:
            ValueError: if a number is out of range.
        """
        check_counts(0, seed=seed, start=start)
        if batch is not None:
            check_counts(batch=batch)
        return TaskStream(self.batch, self.likelihood, seed, batch, batch_first, start)

    def arrays(self, samples: int | Sequences, seed: int = 0, *, batch_first: bool = True) -> Item:
        """Draw the sequences of :meth:`dataset` as NumPy arrays.

        Args:
            samples: as in :meth:`dataset`.
            seed: as in :meth:`dataset`.
            batch_first: whether samples stand before time.

        Returns:
            A named tuple, of which batch first ``inputs`` is (sample, time, feature), ``targets`` is (sample, time) for
            classes and else (sample, time, output), ``scored`` is (sample, time) and ``length`` is (sample).

        Raises:
            ValueError: as :meth:`dataset`.
        """
        return Item(*(values.numpy(force=True) for values in arranged(self._items(samples, seed), batch_first)))

    def _items(self, samples: int | Sequences, seed: int) -> Item:
        """Return so many sequences as one batch, or those that are given."""
        if isinstance(samples, Sequences):
            return items_of(samples, self.likelihood)
        check_counts(samples=samples)
        check_counts(0, seed=seed)
        return items_of(self.draw([generator(seed, "dataset")], samples), self.likelihood)

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


_TOO_MANY = 2**64  # of anything; seeds are below that, too


def check_counts(least: int = 1, **counts: int) -> None:
    """Refuse numbers that are not whole, or too small, with a ValueError that names them."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} is {value!r}: it must be a whole number of at least {least}")
        if value >= _TOO_MANY:
            raise ValueError(f"{name} is {value}: it must be below {_TOO_MANY}")
