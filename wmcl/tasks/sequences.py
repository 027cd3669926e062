"""Define sequences, the one data type that every task produces."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from jaxtyping import Float, Int8, Int64
from torch import Tensor


class Phase(IntEnum):
    """A phase says what happens at a step of a sequence."""

    lead = 0
    """steps before the pattern"""
    input = 1
    """steps from the first one of the pattern up to the stop flag, fillers included"""
    stop = 2
    """the step of the stop flag"""
    output = 3
    """steps after the stop flag, blank ones before the targets included"""
    padding = 4
    """steps after the end of a sequence that is shorter than others"""


@dataclass(frozen=True, repr=False)
class Sequences:
    """A set of sequences holds inputs, targets, and the steps that are scored.

    The member axis has size 1 if all members of an ensemble share the sequences.
    """

    inputs: Float[Tensor, "member time sample feature"]
    targets: Float[Tensor, "member time sample output"]
    scored: Float[Tensor, "#member time sample"]
    """weight of each step in loss and accuracy: 1 where it is scored, 0 elsewhere"""
    phase: Int8[Tensor, "#member time sample"]
    """:class:`Phase` of each step"""
    window: slice
    """contiguous steps outside of which nothing is scored; a network needs its outputs here alone"""
    answers: int | None = None
    """answers of a scored step: 1 if its outputs are one choice among classes; ``None``: one an output unit"""

    def __repr__(self) -> str:
        return f"Sequences(inputs {tuple(self.inputs.shape)}, targets {tuple(self.targets.shape)})"

    @property
    def steps(self) -> int:
        """Return the number of steps of the longest sequence."""
        return self.inputs.shape[1]

    @property
    def samples(self) -> int:
        """Return the number of sequences of each member."""
        return self.inputs.shape[2]

    @property
    def lengths(self) -> Int64[Tensor, "#member sample"]:
        """Return the number of steps of each sequence before its padding."""
        return (self.phase != Phase.padding).sum(1)

    def scored_bits(self) -> Float[Tensor, "#member sample"]:
        """Count the scored answers of each sequence, summed over its steps (S in the documentation).

        An answer is a bit an output unit, or a choice among classes, for which a step counts once.
        """
        return self.scored.sum(1) * (self.targets.shape[-1] if self.answers is None else self.answers)

    def tensors(self) -> list[Tensor]:
        """Return all tensors: inputs, targets, scored and phase."""
        return [self.inputs, self.targets, self.scored, self.phase]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Sequences":
        """Return the sequences with a function applied to every tensor."""
        inputs, targets, scored, phase = map(function, self.tensors())
        return replace(self, inputs=inputs, targets=targets, scored=scored, phase=phase)

    def shapes(self) -> list[object]:
        """Return what must stay the same for a captured training step: shapes and types of tensors, and the window."""
        return [*((tuple(values.shape), values.dtype) for values in self.tensors()), self.window, self.answers]

    def take(self, chunk: slice) -> "Sequences":
        """Return the sequences of a range of samples (views, no copies)."""
        return self.map(lambda values: values[:, :, chunk])

    def trimmed(self) -> "Sequences":
        """Return the sequences without the steps at which all of them are over (views, no copies).

        The window begins with the first step that is scored in any of them, and ends with the last one.
        """
        steps = int(self.lengths.max())
        first, last, _ = self.window.indices(steps)
        steps_scored = (self.scored[:, first:last] > 0).any(2).any(0).nonzero()
        if len(steps_scored):
            first, last = first + int(steps_scored[0]), first + int(steps_scored[-1]) + 1
        return replace(self.map(lambda values: values[:, :steps]), window=slice(first, last))

    def to(self, target: torch.device | str | torch.dtype) -> "Sequences":
        """Move everything to a device, or convert the floating-point values to a dtype."""
        if isinstance(target, torch.dtype):
            return self.map(lambda values: values.to(target) if values.is_floating_point() else values)
        return self.map(lambda values: values.to(target))
