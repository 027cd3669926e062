r"""Measure whether two importances matter in the same weights.

The overlap of Kirkpatrick et al. (PNAS 2017, supporting information) of two importances A and B is

.. math::
    o = \sum_i \sqrt{\frac{A_i}{\sum_j A_j} \frac{B_i}{\sum_j B_j}} = 1 - d^2,

with d² the Fréchet distance of the two diagonal matrices after each is divided by its trace. It is 0 if no weight
matters in both, and 1 if they are proportional.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.networks import Parameters

HEADS = ("W_out", "b_out")
"""parameters of which every task may have rows of its own"""


def shared_values(values: Parameters) -> Float64[Tensor, "member value"]:
    """Return all values but those of the heads, which all tasks use, in the order of the names of the parameters."""
    return torch.cat([values[name].double().flatten(1) for name in sorted(values) if name not in HEADS], 1)


def overlap(first: Float[Tensor, "member value"], second: Float[Tensor, "member value"]) -> Float[Tensor, "member"]:
    """Compute Σ √(A B), each importance divided by its sum; NaN where one is zero everywhere or negative somewhere.

    Args:
        first: importance A of every value, such as :func:`~wmcl.importance.overlap.shared_values` of a Fisher diagonal.
        second: importance B of the same values.

    Raises:
        ValueError: if the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"second is of shape {tuple(second.shape)}: it must be that of first, {tuple(first.shape)}")
    one, other = (values / values.sum(1, keepdim=True) for values in (first, second))
    return (one * other).sqrt().sum(1)
