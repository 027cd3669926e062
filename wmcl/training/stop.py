"""When a member stops training."""

from dataclasses import dataclass
from enum import IntEnum


class Reason(IntEnum):
    """Why a member stopped."""

    iterations = 0
    loss = 1
    accuracy = 2
    patience = 3
    nonfinite = 4
    """its loss or gradient became infinite or not a number; it keeps its last finite parameters"""


@dataclass(frozen=True)
class Stop:
    """Stop at whichever rule is met first; ``None`` switches a rule off.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    iterations: int
    """at most so many training steps"""
    loss: float | None = None
    """validation loss at or below this, in nats a scored bit"""
    accuracy: float | None = None
    """validation accuracy at or above this, as a fraction"""
    patience: int | None = None
    """so many iterations without a lower validation loss"""

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise ValueError(f"iterations is {self.iterations}: it must be at least 0")
        if self.loss is not None and not 0 < self.loss < float("inf"):
            raise ValueError(f"loss is {self.loss}: it must be positive and finite, or None")
        if self.accuracy is not None and not 0 < self.accuracy <= 1:
            raise ValueError(f"accuracy is {self.accuracy}: it must be a fraction above 0 and at most 1, or None")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience is {self.patience}: it must be at least 1, or None")

    def reason(self, loss: float, accuracy: float, iterations_without_progress: int) -> Reason | None:
        """The first validation rule that is met, if any."""
        if self.loss is not None and loss <= self.loss:
            return Reason.loss
        if self.accuracy is not None and accuracy >= self.accuracy:
            return Reason.accuracy
        if self.patience is not None and iterations_without_progress >= self.patience:
            return Reason.patience
        return None
