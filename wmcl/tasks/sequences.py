"""The one data type that every task produces."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

import torch
from jaxtyping import Float, Int8, Int64
from torch import Tensor


class Phase(IntEnum):
    """What happens at a step of a sequence."""

    lead = 0
    """before the pattern"""
    input = 1
    """from the first step of the pattern up to the stop flag, fillers included"""
    stop = 2
    """the step of the stop flag"""
    output = 3
    """after the stop flag, blank steps before the answer included"""
    padding = 4
    """after the end of a sequence that is shorter than others"""


@dataclass(frozen=True)
class Sequences:
    """A set of sequences, with what is to be answered and where it counts.

    The member axis has size 1 if all members of an ensemble share the sequences.
    """

    inputs: Float[Tensor, "member time sample feature"]
    targets: Float[Tensor, "member time sample output"]
    scored: Float[Tensor, "#member time sample"]
    """weight of each step in loss and accuracy: 1 where it is scored, 0 elsewhere"""
    phase: Int8[Tensor, "#member time sample"]
    """:class:`Phase` of each step"""
    window: slice
    """contiguous steps outside of which nothing is scored; a network needs its read-out here alone"""
    answers: int | None = None
    """what a scored step counts as: 1 if its outputs make one choice among classes; ``None``: a bit an output unit"""

    @property
    def steps(self) -> int:
        """Number of steps of the longest sequence."""
        return self.inputs.shape[1]

    @property
    def samples(self) -> int:
        """Number of sequences of each member."""
        return self.inputs.shape[2]

    @property
    def lengths(self) -> Int64[Tensor, "#member sample"]:
        """Steps of each sequence before its padding."""
        return (self.phase != Phase.padding).sum(1)

    def scored_bits(self) -> Float[Tensor, "#member sample"]:
        """Scored answers of each sequence, summed over its steps (S in the documentation).

        An answer is a bit an output unit, or a choice among classes, for which a step counts once.
        """
        return self.scored.sum(1) * (self.targets.shape[-1] if self.answers is None else self.answers)

    def tensors(self) -> list[Tensor]:
        """All tensors."""
        return [self.inputs, self.targets, self.scored, self.phase]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Sequences":
        """The sequences with a function applied to every tensor."""
        inputs, targets, scored, phase = map(function, self.tensors())
        return replace(self, inputs=inputs, targets=targets, scored=scored, phase=phase)

    def shapes(self) -> list[object]:
        """Shape and type of every tensor, and the window: what sequences must share to be taken by the same step."""
        return [*((tuple(values.shape), values.dtype) for values in self.tensors()), self.window, self.answers]

    def take(self, chunk: slice) -> "Sequences":
        """The sequences of a range of samples (views, no copies)."""
        return self.map(lambda values: values[:, :, chunk])

    def trimmed(self) -> "Sequences":
        """The same without the steps at which all sequences are over (views, no copies).

        The window begins with the first step that is scored in any of them, and ends with the last one.
        """
        steps = int(self.lengths.max())
        first, last, _ = self.window.indices(steps)
        asked = (self.scored[:, first:last] > 0).any(2).any(0).nonzero()
        if len(asked):
            first, last = first + int(asked[0]), first + int(asked[-1]) + 1
        return replace(self.map(lambda values: values[:, :steps]), window=slice(first, last))

    def to(self, target: torch.device | str | torch.dtype) -> "Sequences":
        """Move everything to a device, or convert the floating-point values to a dtype."""
        if isinstance(target, torch.dtype):
            return self.map(lambda values: values.to(target) if values.is_floating_point() else values)
        return self.map(lambda values: values.to(target))
