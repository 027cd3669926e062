"""This module holds the options of training and the rules that stop a member."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, get_args

import numpy as np
import torch
import xarray as xr

from wmcl.check_arguments import check_kinds
from wmcl.tasks.task import check_counts
from wmcl.training.loss import Reduction
from wmcl.training.optimisers import Adam, Optimiser

Precision = Literal["float32", "tf32", "float64"]


@dataclass(frozen=True)
class Options:
    """Options say how an ensemble is trained.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    batch: int = 128
    """number of sequences a step"""
    optimiser: Optimiser = field(default_factory=Adam)
    """optimiser with its learning rates (one for all members, or one for each), its schedule and its weight decay"""
    clip: float | None = 1.0
    """largest L2 norm of a member's gradient; None switches clipping off"""
    orthogonality: float = 0.0
    """strength of the penalty ‖W Wᵀ - I‖², summed over the gates, layers and directions of W_hh"""
    reduction: Reduction = "scored bit"
    """what the loss is divided by: the number of scored bits, or (sequence) the number of sequences"""
    validate_every: int = 25
    """iterations between validations"""
    watch_every: int = 5
    """iterations between validations of a member that is near its next threshold"""
    watch_within: float = 3.0
    """factor that says what is near: a loss on the last batch below so many times the threshold"""
    precision: Precision = "float32"
    """precision of all numbers; tf32, on a GPU alone, is float32 with inputs of matrix products rounded to 10 bits of
    mantissa"""

    def __post_init__(self) -> None:
        check_kinds(self)
        check_counts(batch=self.batch, validate_every=self.validate_every, watch_every=self.watch_every)
        if not isinstance(self.optimiser, Optimiser):
            raise ValueError(f"optimiser is {self.optimiser!r}: it must be an Optimiser, such as Adam(1e-3)")
        if self.clip is not None and not 0 < self.clip < np.inf:
            raise ValueError(f"clip is {self.clip}: it must be positive and finite, or None")
        if not 0 <= self.orthogonality < np.inf:
            raise ValueError(f"orthogonality is {self.orthogonality}: it must be at least 0 and finite")
        for name, allowed in (("reduction", get_args(Reduction)), ("precision", get_args(Precision))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must be one of {', '.join(allowed)}")
        if not 1 <= self.watch_within < np.inf:
            raise ValueError(f"watch_within is {self.watch_within}: it must be at least 1 and finite")


class Reason(IntEnum):
    """A Reason says why a member stopped."""

    iterations = 0
    loss = 1
    accuracy = 2
    patience = 3
    nonfinite = 4
    """the loss, gradient or update of the member became infinite or NaN; it keeps its last finite parameters"""


def reason_variable(reasons: Sequence[Reason]) -> xr.Variable:
    """Return why each member stopped, as numbers with the dimension ``seed`` whose attributes say what they mean."""
    attributes = {
        "long_name": "why training stopped",
        "units": "1",
        "flag_values": [int(each) for each in Reason],
        "flag_meanings": " ".join(each.name for each in Reason),
    }
    return xr.Variable("seed", np.array(reasons, dtype=float), attributes)


@dataclass(frozen=True)
class Stop:
    """A Stop holds the rules that stop a member: the first that is met counts, and ``None`` switches a rule off.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    iterations: int
    """largest number of training steps"""
    loss: float | None = None
    """validation loss at or below which a member stops, in nats a scored bit"""
    accuracy: float | None = None
    """validation accuracy at or above which a member stops, as a fraction"""
    patience: int | None = None
    """number of iterations without a lower validation loss after which a member stops"""

    def __post_init__(self) -> None:
        check_kinds(self)
        if self.iterations < 0:
            raise ValueError(f"iterations is {self.iterations}: it must be at least 0")
        if self.loss is not None and not 0 < self.loss < float("inf"):
            raise ValueError(f"loss is {self.loss}: it must be positive and finite, or None")
        if self.accuracy is not None and not 0 < self.accuracy <= 1:
            raise ValueError(f"accuracy is {self.accuracy}: it must be a fraction above 0 and at most 1, or None")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience is {self.patience}: it must be at least 1, or None")

    def reason(self, loss: float, accuracy: float, iterations_without_progress: int) -> Reason | None:
        """Return the first validation rule that is met, if any."""
        if self.loss is not None and loss <= self.loss:
            return Reason.loss
        if self.accuracy is not None and accuracy >= self.accuracy:
            return Reason.accuracy
        if self.patience is not None and iterations_without_progress >= self.patience:
            return Reason.patience
        return None


def check_device(device: str, precision: Precision = "float32") -> None:
    """Refuse a device that does not exist, and a precision that the device does not have.

    Raises:
        ValueError: naming it.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ValueError(f"device is {device!r}: it must be one that PyTorch knows, such as 'cpu' or 'cuda'") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r}: there is no GPU that PyTorch can use; take 'cpu'")
    if precision == "tf32" and kind != "cuda":
        raise ValueError(f"precision is 'tf32' on the device {device}: it must be 'float32' there; only a GPU has tf32")
    if precision == "tf32" and torch.cuda.get_device_capability(device) < (8, 0):
        raise ValueError(f"precision is 'tf32' on {torch.cuda.get_device_name(device)}: it must be 'float32' there")


@contextmanager
def matrix_products_in(precision: Precision) -> Iterator[None]:
    """Switch the matrix products of GPUs to a precision, and switch them back."""
    switch = torch.backends.cuda.matmul
    before = switch.fp32_precision
    switch.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        switch.fp32_precision = before
