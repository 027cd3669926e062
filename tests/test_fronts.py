"""Fronts against inclusion and exclusion, a fine grid, and what must hold of any."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmcl.statistics import hypervolume
from wmcl.statistics.fronts import attained, pareto_front

UNIT = st.floats(0, 1)
SETS = st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=6).map(np.array)


def by_inclusion_and_exclusion(points):
    """The area of a union of rectangles: an intersection of them has the smallest sides."""
    total = 0.0
    for size in range(1, len(points) + 1):
        for some in combinations(points, size):
            total += (-1) ** (size + 1) * np.prod(np.min(some, axis=0))
    return total


@given(SETS)
def test_hypervolume_is_the_area_of_the_union(points):
    assert hypervolume(points) == pytest.approx(by_inclusion_and_exclusion(points), abs=1e-12)


def test_hypervolume_by_hand_and_on_a_grid():
    points = np.array([[0.5, 1.0], [1.0, 0.25], [0.75, 0.5], [0.4, 0.9]])
    assert hypervolume(points) == 0.5 + 0.25 * 0.5 + 0.25 * 0.25
    centres = (np.arange(400) + 0.5) / 400
    x, y = np.meshgrid(centres, centres)
    inside = ((x[..., None] <= points[:, 0]) & (y[..., None] <= points[:, 1])).any(-1)
    assert hypervolume(points) == pytest.approx(inside.mean(), abs=0.005)


@given(SETS, st.tuples(UNIT, UNIT))
def test_more_points_never_make_less(points, another):
    before, after = hypervolume(points), hypervolume(np.vstack([points, another]))
    assert before - 1e-12 <= after <= 1
    assert hypervolume(points[:, ::-1]) == pytest.approx(before, abs=1e-12)


@given(SETS)
def test_the_front_alone_makes_the_hypervolume(points):
    front = pareto_front(points)
    assert hypervolume(points[front]) == pytest.approx(hypervolume(points), abs=1e-12)
    for place, point in enumerate(points):
        beaten = any(all(other >= point) and any(other > point) for other in points)
        assert front[place] == (not beaten)


@given(SETS)
def test_what_is_attained_has_the_hypervolume_as_its_area(points):
    edges = np.unique(np.concatenate([[0.0, 1.0], points[:, 0]]))
    middles = (edges[1:] + edges[:-1]) / 2
    assert (attained(points, middles) * np.diff(edges)).sum() == pytest.approx(hypervolume(points), abs=1e-12)


def test_sets_are_independent_and_missing_points_are_left_out():
    points = np.random.default_rng(0).random((3, 4, 7, 2))
    points[1, 2, 3, 0] = np.nan
    points[2, 1] = np.nan
    found, curve, front = hypervolume(points), attained(points, np.array([0.0, 0.5])), pareto_front(points)
    for place in np.ndindex(3, 4):
        one = points[place]
        one = one[~np.isnan(one).any(-1)]
        if place == (2, 1):
            assert np.isnan(found[place])
            assert np.isnan(curve[place]).all()
            assert not front[place].any()
        else:
            assert found[place] == pytest.approx(by_inclusion_and_exclusion(one))
            assert curve[place].tolist() == attained(one, np.array([0.0, 0.5])).tolist()
            assert front[place][~np.isnan(points[place]).any(-1)].tolist() == pareto_front(one).tolist()


@pytest.mark.parametrize("function", [hypervolume, pareto_front, lambda points: attained(points, np.array([0.5]))])
@pytest.mark.parametrize("value", [-0.1, 1.1, np.inf])
def test_points_outside_of_the_unit_square_are_refused(function, value):
    with pytest.raises(ValueError, match=f"points holds {value:g}: coordinates must lie between 0 and 1"):
        function(np.array([[0.5, value]]))
