"""How exact matrix products are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Precision = Literal["float32", "tf32"]


def check_precision(precision: Precision, device: str) -> None:
    """Refuse a precision that the device does not have, and a device that there is not.

    Raises:
        ValueError: naming it.
    """
    kind = kind_of(device)
    if precision == "tf32" and kind != "cuda":
        raise ValueError(f"precision is 'tf32' on the device {device}: it must be 'float32' there; only a GPU has tf32")
    if precision == "tf32" and torch.cuda.get_device_capability(device) < (8, 0):
        raise ValueError(f"precision is 'tf32' on {torch.cuda.get_device_name(device)}: it must be 'float32' there")


def kind_of(device: str) -> str:
    """The kind of a device, such as ``cpu`` or ``cuda``.

    Raises:
        ValueError: if PyTorch does not know it, or cannot use it here.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ValueError(f"device is {device!r}: it must be one that PyTorch knows, such as 'cpu' or 'cuda'") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r}: there is no GPU that PyTorch can use; take 'cpu'")
    return kind


@contextmanager
def matrix_products_in(precision: Precision) -> Iterator[None]:
    """Switch the matrix products of GPUs, and switch them back."""
    switch = torch.backends.cuda.matmul
    before = switch.fp32_precision
    switch.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    try:
        yield
    finally:
        switch.fp32_precision = before
