"""Make tasks of recalling Gaussian numbers after a delay: the Copy Task for linear networks.

White Gaussian numbers are shown on all channels for p steps; after a delay they are recalled, in order. Each is held
for ``retention`` steps. A linear network adds up what its inputs cause, so a stop flag could switch nothing: there is
none, and the delay is the same in all sequences. With two
channels, p = 2, a retention of 3, a lead of 1 and a tail of 1:

    step      0 1 2 3 4 5 6
    inputs    . a c . . . .
              . b d . . . .
    targets           a c
                      b d
    phase     l i i i o o o      (lead, input, output)

Load (channels · p), retention and lead each vary alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from wmcl.likelihoods import Gaussian
from wmcl.tasks.layout import every_sample
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task, check_counts


@dataclass(frozen=True)
class RecallLayout:
    """A recall layout says where everything stands in the sequences.

    Raises:
        ValueError: if a field lies outside of its range, naming it.
    """

    channels: int
    """m, numbers of a step"""
    pattern_length: int
    """p, steps that show numbers"""
    retention: int
    """R, steps from the one at which a number is shown to the one at which it is recalled"""
    lead: int = 0
    """blank steps before the pattern"""
    tail: int = 0
    """blank steps after the last scored one"""

    def __post_init__(self) -> None:
        check_counts(channels=self.channels, pattern_length=self.pattern_length, retention=self.retention)
        check_counts(0, lead=self.lead, tail=self.tail)
        if self.retention < self.pattern_length:
            raise ValueError(
                f"retention is {self.retention} and pattern_length is {self.pattern_length}: the pattern is shown"
                " before it is recalled, so retention must be at least pattern_length"
            )

    @property
    def steps(self) -> int:
        """Return T, the number of steps of a sequence."""
        return self.lead + self.retention + self.pattern_length + self.tail

    @property
    def shown(self) -> slice:
        """Return the steps that show numbers."""
        return slice(self.lead, self.lead + self.pattern_length)

    @property
    def window(self) -> slice:
        """Return the steps at which they are recalled."""
        return slice(self.lead + self.retention, self.lead + self.retention + self.pattern_length)

    @property
    def memory_demand(self) -> MemoryDemand:
        """Return the working-memory demand: all numbers are held at once, each for the retention."""
        load = self.channels * self.pattern_length
        return MemoryDemand(load=load, retention=self.retention, lead=self.lead, steps=self.steps, scored_bits=load)

    def draw(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        """Draw sequences of white Gaussian numbers: one member a generator."""
        shape = (samples, self.pattern_length, self.channels)
        return self.lay_out(np.stack([g.standard_normal(shape) for g in generators]))

    def lay_out(self, numbers: Float[np.ndarray, "member sample time channel"]) -> Sequences:
        """Return the sequences of given numbers."""
        members, samples = numbers.shape[:2]
        inputs = torch.zeros(members, self.steps, samples, self.channels, dtype=torch.float32)
        targets = torch.zeros_like(inputs)
        inputs[:, self.shown] = targets[:, self.window] = torch.from_numpy(numbers).transpose(1, 2).float()
        phase = torch.full((self.steps,), int(Phase.input), dtype=torch.int8)
        phase[: self.lead], phase[self.window.start :] = int(Phase.lead), int(Phase.output)
        scored = torch.zeros(self.steps, dtype=torch.float32)
        scored[self.window] = 1
        return Sequences(inputs, targets, every_sample(scored, samples), every_sample(phase, samples), self.window)


def recall_task(
    channels: int,
    pattern_length: int,
    retention: int,
    *,
    lead: int = 0,
    tail: int = 0,
    validation_samples: int = 512,
    test_samples: int = 1000,
) -> Task:
    """Make the task of recalling Gaussian numbers of unit variance after ``retention`` steps.

    The likelihood of the targets is Gaussian with unit variance.

    Args:
        channels: m, numbers of a step; inputs and outputs alike.
        pattern_length: p, steps that show numbers. The load is m · p.
        retention: steps from the one at which a number is shown to the one at which it is recalled, at least p.
        lead: blank steps before the pattern.
        tail: blank steps after the last scored one.
        validation_samples: size of the validation set.
        test_samples: size of the test set.

    Raises:
        ValueError: if a number is not whole or lies outside of its range.
    """
    check_counts(validation_samples=validation_samples, test_samples=test_samples)
    layout = RecallLayout(channels, pattern_length, retention, lead, tail)
    return Task(
        name=f"recall m={channels} p={pattern_length} retention={retention} lead={lead} tail={tail}",
        inputs=channels,
        outputs=channels,
        likelihood=Gaussian(),
        draw=layout.draw,
        memory_demand=layout.memory_demand,
        validation_samples=validation_samples,
        test_samples=test_samples,
    )
