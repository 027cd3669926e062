r"""Estimate the intrinsic dimension: that of the manifold on which the states lie, however it is curved.

- ``two_nn``: with μ the ratio of the distances to the second and to the nearest neighbour, ln μ is exponential with
  rate d; d is the slope of -ln(1 - F(μ)) over ln μ, without the largest tenth of the ratios (Facco et al., Scientific
  Reports 7, 12140, 2017).
- ``mle``: 1/d is the mean over rows and over their neighbours j < k of ln(r_k / r_j), where r_j is the distance to the
  j-th nearest (Levina and Bickel, NIPS 2004; the mean of inverses is MacKay and Ghahramani's correction, 2005).

Both are scale-free and take the states for a smooth density near each row, so rows that occur twice would ruin them;
states of binary patterns at a few steps are clouds of points rather than a manifold. On a lattice, or where states are
all patterns of some bits, neighbours are equally distant: ``two_nn`` would be 0 then, and ``mle`` too large. A warning
says so, and what no dimension can be is NaN. The estimators are those of scikit-dimension, an optional extra; the
distances are computed here, exactly.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from wmcl.check_arguments import checked
from wmcl.check_data import check_floats
from wmcl.randomness import generator

IntrinsicMethod = Literal["two_nn", "mle"]
_TIE = 1e-9  # relative difference of two distances that are the same but for rounding
_MOST_TIES = 0.25


@dataclass(frozen=True)
class IntrinsicDimension:
    """Hold results per member."""

    dimension: Float64[np.ndarray, "member"]
    """intrinsic dimension; 0 if all states coincide; NaN if too few differ, or if neighbours are equally distant in so
    many rows that there is no estimate (which is warned of)"""
    duplicates: Int64[np.ndarray, "member"]
    """number of rows dropped as they coincide with another: identical ones among all, near ones among those drawn"""
    rows: Int64[np.ndarray, "member"]
    """number of rows that the estimate rests on"""


@checked
def intrinsic_dimension(
    states: Float[Tensor, "member row unit"],
    method: IntrinsicMethod = "two_nn",
    rows: int = 2000,
    seed: int = 0,
    neighbours: int = 20,
    tolerance: float = 1e-6,
) -> IntrinsicDimension:
    """Estimate the intrinsic dimension of each member's states, in float64.

    Identical rows are dropped, then at most ``rows`` are drawn without replacement, then those within rounding
    errors of an earlier one are dropped too.

    Args:
        states: in any units.
        method: ``two_nn`` or ``mle``.
        rows: at most so many rows are used; the time grows with their square.
        seed: address of the draw.
        neighbours: k of ``mle``; either method needs more rows than that.
        tolerance: rows are the same if their distance is at most this fraction of the root mean square length of
            the rows drawn.

    Warns:
        UserWarning: if the nearest two neighbours are equally distant in more than a quarter of the rows, or if the
            estimate is more than twice the number of units.

    Raises:
        ImportError: if scikit-dimension is not installed.
        ValueError: if the states are no finite tensor of these axes, if the method is unknown, or if
            a number is out of range.
    """
    check_floats(states, "states", "member row unit")
    if method not in get_args(IntrinsicMethod):
        raise ValueError(f"method is {method!r}: it must be one of {', '.join(get_args(IntrinsicMethod))}")
    if neighbours < 2:
        raise ValueError(f"neighbours is {neighbours}: it must be at least 2")
    if rows <= neighbours:
        raise ValueError(f"rows is {rows}: it must be more than the {neighbours} neighbours")
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}: it must be at least 0 and below 1")
    estimators = _estimators()
    found = [_of_member(member, estimators, method, rows, seed, neighbours, tolerance) for member in states]
    dimension, duplicates, used = (np.array(column) for column in zip(*found, strict=True))
    return IntrinsicDimension(dimension.astype(np.float64), duplicates, used)


def _of_member(
    states: Tensor, estimators: Any, method: IntrinsicMethod, rows: int, seed: int, neighbours: int, tolerance: float
) -> tuple[float, int, int]:
    values = states.detach().double().cpu().numpy()
    first = np.sort(np.unique(values, axis=0, return_index=True)[1])
    duplicates = len(values) - len(first)
    if len(first) > rows:
        first = generator(seed, "intrinsic rows").choice(first, rows, replace=False)
    drawn = torch.from_numpy(values[first])
    distances = torch.cdist(drawn, drawn, compute_mode="donot_use_mm_for_euclid_dist")
    same = distances <= tolerance * drawn.square().sum(1).mean().sqrt()
    kept = ~same.tril(-1).any(1)
    duplicates += int((~kept).sum())
    used = int(kept.sum())
    if used <= neighbours:
        return (0.0 if used == 1 else float("nan")), duplicates, used
    nearest = distances[kept][:, kept].topk(neighbours + 1, largest=False).values[:, 1:].numpy()
    with np.errstate(divide="ignore"):  # equally distant neighbours
        if method == "two_nn":
            found = float(estimators.TwoNN(dist=True).fit(nearest[:, :2]).dimension_)
        else:
            fitted = estimators.MLE().fit(nearest, precomputed_knn_arrays=(nearest, None), n_neighbors=neighbours)
            found = float(fitted.dimension_)
    return _sensible(found, nearest, states.shape[1], method), duplicates, used


def _sensible(
    found: float, nearest: Float64[np.ndarray, "row neighbour"], units: int, method: IntrinsicMethod
) -> float:
    """Return an estimate, or NaN if its states cannot have one, and warn of what speaks against it."""
    ties = float((nearest[:, 1] <= nearest[:, 0] * (1 + _TIE)).mean())
    is_none = not found <= 2 * units or (method == "two_nn" and ties > _MOST_TIES)
    if is_none or ties > _MOST_TIES:
        what = "is no dimension, and NaN is returned" if is_none else "is too large"
        warnings.warn(
            f"the estimate of {method}, {found:.3g} in {units} units, {what}: in {ties:.0%} of the rows of states, the"
            " nearest two neighbours are equally distant, as on a lattice or among all patterns of bits",
            UserWarning,
            stacklevel=6,
        )
    return float("nan") if is_none else found


def _estimators() -> Any:
    try:
        import skdim.id
    except ImportError as error:
        raise ImportError("intrinsic_dimension needs scikit-dimension: pip install wmcl[intrinsic]") from error
    return skdim.id
