"""How exact matrix products are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Precision = Literal["float32", "tf32"]


def check_precision(precision: Precision, device: str) -> None:
    """Refuse a precision that the device does not have.

    Raises:
        ValueError: naming it.
    """
    if precision == "tf32" and torch.device(device).type != "cuda":
        raise ValueError(f"precision is 'tf32' on the device {device}: it must be 'float32' there; only a GPU has tf32")
    if precision == "tf32" and torch.cuda.get_device_capability(device) < (8, 0):
        raise ValueError(f"precision is 'tf32' on {torch.cuda.get_device_name(device)}: it must be 'float32' there")


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
