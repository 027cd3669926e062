"""How an ensemble is trained."""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from wmcl.training.objective import Reduction
from wmcl.training.precision import Precision


@dataclass(frozen=True)
class Options:
    """How to train.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    batch: int = 128
    """sequences a step"""
    learning_rate: float | tuple[float, ...] = 1e-3
    """of Adam; one for all members, or one a member"""
    clip: float | None = 1.0
    """largest L2 norm of a member's gradient; None switches clipping off"""
    orthogonality: float = 0.0
    """strength of the penalty ‖W Wᵀ - I‖², summed over the gates, layers and directions of W_hh"""
    weight_decay: float = 0.0
    """times each parameter it is added to its gradient, after clipping, as ``torch.optim.Adam`` does"""
    reduction: Reduction = "scored bit"
    """what the loss is divided by: the number of scored bits, or of sequences"""
    validate_every: int = 25
    """iterations between validations"""
    watch_every: int = 5
    """iterations between validations of a member that is near its next threshold"""
    watch_within: float = 3.0
    """near: its loss on the last batch is below so many times the threshold"""
    precision: Precision = "float32"
    """of matrix products: float32, or (tf32, on a GPU alone) inputs rounded to 10 bits of mantissa"""

    def __post_init__(self) -> None:
        for name in ("batch", "validate_every", "watch_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1")
        rates = np.asarray(self.learning_rate)
        if not (rates.size and np.all(rates > 0) and np.all(np.isfinite(rates))):
            raise ValueError(f"learning_rate is {self.learning_rate}: it must be positive and finite")
        if self.clip is not None and not 0 < self.clip < np.inf:
            raise ValueError(f"clip is {self.clip}: it must be positive and finite, or None")
        for name in ("orthogonality", "weight_decay"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 0 and finite")
        for name, allowed in (("reduction", get_args(Reduction)), ("precision", get_args(Precision))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must be one of {', '.join(allowed)}")
        if not 1 <= self.watch_within < np.inf:
            raise ValueError(f"watch_within is {self.watch_within}: it must be at least 1 and finite")
