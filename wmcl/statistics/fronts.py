r"""Find what can be reached of two things at once: fronts, and how much lies below them.

A method with a strength reaches a point (x, y) at each value of it, such as what is retained of an old task and what is
learned of a new one. Point j *dominates* point i if it is at least as good in both and better in one; those that no
other dominates are the *Pareto front*. The *hypervolume* (Zitzler and Thiele, "Multiobjective evolutionary algorithms",
IEEE Transactions on Evolutionary Computation 1999) is the area of all that is dominated, above the reference (0, 0):

.. math::
    A(x) = \max \{ y_j : x_j \ge x \}, \qquad H = \int_0^1 A(x) \, dx,

with A(x) = 0 where nothing reaches x. As A is what can be reached of y where at least x must be reached, the mean of H
over networks is the area below the mean of A.

Points lie in the unit square. Those with a coordinate that is NaN are left out.
"""

import numpy as np
from jaxtyping import Bool, Float


def pareto_front(points: Float[np.ndarray, "*set point 2"]) -> Bool[np.ndarray, "*set point"]:
    """Find the points that no other point of their set dominates; of equal ones all.

    Raises:
        ValueError: if a coordinate lies outside of 0 to 1.
    """
    _check(points)
    mine, other = points[..., :, None, :], points[..., None, :, :]
    dominated = ((other >= mine).all(-1) & (other > mine).any(-1)).any(-1)
    return np.asarray(~dominated & ~np.isnan(points).any(-1))


def attained(
    points: Float[np.ndarray, "*set point 2"], levels: Float[np.ndarray, "level"]
) -> Float[np.ndarray, "*set level"]:
    """Compute A(x), the largest second coordinate among points whose first is at least x; NaN without a point.

    Raises:
        ValueError: if a coordinate lies outside of 0 to 1.
    """
    _check(points)
    known = ~np.isnan(points).any(-1)
    enough = known[..., None] & (points[..., :1] >= levels)
    best = np.where(enough, points[..., 1:], 0.0).max(-2, initial=0.0)
    return np.where(known.any(-1)[..., None], best, np.nan)


def hypervolume(points: Float[np.ndarray, "*set point 2"]) -> Float[np.ndarray, "*set"]:
    """Compute H, the area between (0, 0) and the front of each set, from 0 to 1; NaN without a point.

    Raises:
        ValueError: if a coordinate lies outside of 0 to 1.
    """
    _check(points)
    known = ~np.isnan(points).any(-1)
    x, y = (np.where(known, points[..., axis], 0.0) for axis in (0, 1))
    order = np.argsort(-x, axis=-1)
    x, y = np.take_along_axis(x, order, -1), np.take_along_axis(y, order, -1)
    height = np.maximum.accumulate(y, axis=-1)  # of what lies at least so far to the right
    width = x - np.concatenate([x[..., 1:], np.zeros_like(x[..., :1])], -1)
    return np.where(known.any(-1), (width * height).sum(-1), np.nan)


def _check(points: np.ndarray) -> None:
    outside = points[(points < 0) | (points > 1)]
    if outside.size:
        raise ValueError(f"points holds {outside[0]:g}: coordinates must lie between 0 and 1")
