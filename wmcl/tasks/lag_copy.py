"""Make the copy task with a lag: load and retention change while length, input and scored window stay the same.

Random bits are shown at every step. In the window, the last ``scored_steps`` of the sequence, the targets are the bits
of ``lag`` steps ago. A network that does not count steps holds the bits of the last ``lag`` steps at any time; that
is the load (with a lag longer than the window, one that counts could hold fewer). With two channels, five
steps, two of them scored, and a lag of 2:

    step      0 1 2 3 4
    inputs    a c e g k
              b d f h l
    targets         c e
                    d f
    phase     i i i o o      (input, output)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8

from wmcl.likelihoods import Bernoulli
from wmcl.randomness import bits
from wmcl.tasks.layout import every_sample
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task, check_counts


@dataclass(frozen=True)
class LagLayout:
    """A lag layout says where everything stands in the sequences.

    Raises:
        ValueError: if a field lies outside of its range, naming it.
    """

    lag: int
    steps: int
    scored_steps: int
    width: int
    independent_bits: int

    def __post_init__(self) -> None:
        check_counts(0, lag=self.lag)
        check_counts(steps=self.steps, scored_steps=self.scored_steps, width=self.width)
        check_counts(independent_bits=self.independent_bits)
        if self.independent_bits > self.width:
            raise ValueError(f"independent_bits is {self.independent_bits}: it must be at most the width, {self.width}")
        if self.lag + self.scored_steps > self.steps:
            raise ValueError(
                f"lag is {self.lag}: with {self.scored_steps} of {self.steps} steps scored, it must be at most"
                f" {self.steps - self.scored_steps}, so that every target bit has been shown"
            )

    @property
    def memory_demand(self) -> MemoryDemand:
        """Return the working-memory demand; the first step that matters is the one whose bits are recalled first."""
        return MemoryDemand(
            load=self.lag * self.independent_bits,
            retention=self.lag,
            lead=self.steps - self.scored_steps - self.lag,
            steps=self.steps,
            scored_bits=self.scored_steps * self.width,
        )

    def draw(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        """Draw sequences of random bits: one member a generator."""
        return self.lay_out(np.stack([bits(g, (samples, self.steps, self.independent_bits)) for g in generators]))

    def lay_out(self, shown: UInt8[np.ndarray, "member sample time bit"]) -> Sequences:
        """Return the sequences of given bits."""
        samples = shown.shape[1]
        window = slice(self.steps - self.scored_steps, self.steps)
        repeated = shown[..., np.arange(self.width) % self.independent_bits]
        inputs = torch.from_numpy(repeated).transpose(1, 2).float().contiguous()
        targets = torch.zeros_like(inputs)
        targets[:, window] = inputs[:, window.start - self.lag : self.steps - self.lag]
        phase = torch.full((self.steps,), int(Phase.input), dtype=torch.int8)
        phase[window] = Phase.output
        scored = (phase == Phase.output).to(inputs.dtype)
        return Sequences(inputs, targets, every_sample(scored, samples), every_sample(phase, samples), window)


def lag_copy_task(
    lag: int,
    steps: int = 31,
    scored_steps: int = 10,
    width: int = 7,
    independent_bits: int | None = None,
    validation_samples: int = 512,
    test_samples: int = 1000,
) -> Task:
    """Repeat what was shown ``lag`` steps ago, in a window at the end of a sequence of fixed length.

    Args:
        lag: steps from the one at which a bit is shown to the one at which it is recalled.
        steps: T, of a sequence.
        scored_steps: length of the window.
        width: channels; inputs and outputs alike, as there is no stop flag.
        independent_bits: b, of a step; channel c shows bit c mod b. ``None`` means the width.
        validation_samples: size of the validation set.
        test_samples: size of the test set.

    Raises:
        ValueError: if a number is not whole or lies outside of its range.
    """
    check_counts(validation_samples=validation_samples, test_samples=test_samples)
    layout = LagLayout(lag, steps, scored_steps, width, width if independent_bits is None else independent_bits)
    return Task(
        name=f"lag copy lag={lag} T={steps}",
        inputs=width,
        outputs=width,
        likelihood=Bernoulli(),
        draw=layout.draw,
        memory_demand=layout.memory_demand,
        validation_samples=validation_samples,
        test_samples=test_samples,
    )
