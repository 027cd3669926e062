r"""Measure whether two heads look at the same directions of the hidden state: the overlap of their row spaces.

With orthonormal bases V_1 (d_1 x n) and V_2 (d_2 x n) of the row spaces of two matrices, from their singular value
decompositions,

.. math::
    \frac{\lVert V_1 V_2^\top \rVert_F^2}{\min(d_1, d_2)} \in [0, 1]

is the mean squared cosine of the principal angles: 1 if one row space holds the other, 0 if they are orthogonal. For
row spaces in random directions (uniform, independent) the expectation of the squared norm is d_1 d_2 / n: each of the
d_1 unit vectors has the share d_2 / n of its squared length in a random subspace of d_2 dimensions. The paper's code
gives the norm itself, ‖V_1 V_2ᵀ‖_F, without what chance gives.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.dimensionality.check import check_pair


class RowSpaces(NamedTuple):
    """Hold how two row spaces lie to each other."""

    overlap: Float64[Tensor, "member"]
    """overlap ‖V_1 V_2ᵀ‖² / min(d_1, d_2), between 0 and 1; NaN if a matrix is zero"""
    norm: Float64[Tensor, "member"]
    """norm ‖V_1 V_2ᵀ‖, as in the paper's code"""
    chance: Float64[Tensor, "member"]
    """expectation of the overlap in random directions, max(d_1, d_2) / n"""


def compare_row_spaces(
    first: Float[Tensor, "member row_a unit"], second: Float[Tensor, "member row_b unit"]
) -> RowSpaces:
    """Compute the overlap of the row spaces of two matrices of each member, in float64.

    Args:
        first: d_1 x n, e.g. the weights of a head. Rows that depend on others do not count in d_1.
        second: d_2 x n.

    Raises:
        ValueError: if they are no finite tensors of these axes, or differ in members or units.
    """
    check_pair(first, second)
    a, b = row_basis(first), row_basis(second)
    squared = (a @ b.mT).square().sum((1, 2))
    dimensions = torch.stack([basis.square().sum((1, 2)).round() for basis in (a, b)])
    smaller, larger = dimensions.amin(0), dimensions.amax(0)
    return RowSpaces((squared / smaller).clamp(max=1.0), squared.sqrt(), larger / first.shape[2])


def row_basis(matrix: Float[Tensor, "member row unit"]) -> Float64[Tensor, "member direction unit"]:
    """Compute orthonormal rows that span the rows of a matrix; zero rows beyond its rank."""
    _, values, directions = torch.linalg.svd(matrix.double(), full_matrices=False)
    noise = torch.finfo(matrix.dtype).eps * max(matrix.shape[1:]) * values[:, :1]
    return directions * (values > noise)[..., None]
