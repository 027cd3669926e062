"""Transfer and forgetting of accuracies that are worked out by hand."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from wmcl.methods import (
    backward_transfer,
    during,
    final,
    forgetting,
    forward_transfer,
    intransigence,
)

BY_HAND = [[0.9, 0.5, 0.4], [0.7, 0.8, 0.6], [0.6, 0.85, 1.0]]
NAN = float("nan")


def accuracies(values, seeds=None):
    values = np.asarray(values, float)
    dims = ("trained_task", "evaluated_task")
    coords = {name: np.arange(values.shape[-1]) for name in dims}
    if seeds is None:
        return xr.DataArray(values, coords, dims)
    return xr.DataArray(values, {"seed": seeds} | coords, ("seed", *dims))


def baseline(*values):
    return xr.DataArray(list(values), {"evaluated_task": range(len(values))}, "evaluated_task")


def test_by_hand():
    found = accuracies(BY_HAND)
    assert float(during(found)) == pytest.approx((0.9 + 0.8 + 1.0) / 3)
    assert float(final(found)) == pytest.approx((0.6 + 0.85 + 1.0) / 3)
    assert float(forgetting(found)) == pytest.approx(((0.9 - 0.6) + (0.8 - 0.85)) / 2)
    assert float(backward_transfer(found)) == pytest.approx(((0.6 - 0.9) + (0.85 - 0.8)) / 2)
    assert float(forward_transfer(found, baseline(0.5, 0.45, 0.55))) == pytest.approx((0.05 + 0.05) / 2)
    alone = accuracies([[1.0, NAN, NAN], [1.0, 0.9, NAN], [1.0, 0.9, 0.95]])
    assert float(intransigence(found, alone)) == pytest.approx((0.1 + 0.1 - 0.05) / 3)


def test_a_task_is_forgotten_from_its_best_moment_after_it_was_learned():
    rises_and_falls = accuracies([[0.7, 1.0, 0.5], [0.9, 0.8, 0.5], [0.6, 0.7, 0.5]])
    assert float(forgetting(rises_and_falls)) == pytest.approx(((0.9 - 0.6) + (0.8 - 0.7)) / 2)
    assert float(backward_transfer(rises_and_falls)) == pytest.approx(((0.6 - 0.7) + (0.7 - 0.8)) / 2)


def test_all_tasks_at_once_have_a_final_accuracy_alone():
    found = accuracies([[NAN] * 3, [NAN] * 3, [0.9, 0.8, 0.7]])
    assert float(final(found)) == pytest.approx(0.8)
    undefined = (during, forgetting, backward_transfer)
    assert all(np.isnan(float(measure(found))) for measure in undefined)
    assert np.isnan(float(forward_transfer(found, baseline(0.5, 0.5, 0.5))))
    assert np.isnan(float(intransigence(found, accuracies(BY_HAND))))


def test_from_scratch_nothing_is_forgotten_and_nothing_known_before():
    found = accuracies([[0.9, NAN, NAN], [0.9, 0.8, NAN], [0.9, 0.8, 0.7]])
    assert float(during(found)) == float(final(found)) == pytest.approx(0.8)
    assert float(forgetting(found)) == float(backward_transfer(found)) == float(intransigence(found, found)) == 0
    assert np.isnan(float(forward_transfer(found, baseline(0.5, 0.5, 0.5))))


def test_a_missing_entry_makes_nan_where_it_is_needed_and_nowhere_else():
    missing = accuracies([[0.9, 0.5, 0.4], [NAN, 0.8, 0.6], [0.6, 0.85, 1.0]])
    assert np.isnan(float(forgetting(missing)))
    assert float(backward_transfer(missing)) == pytest.approx(-0.125)
    assert float(final(missing)) == pytest.approx((0.6 + 0.85 + 1.0) / 3)


def test_a_single_task_has_nothing_to_forget_or_transfer():
    found = accuracies([[0.9]])
    assert float(during(found)) == float(final(found)) == 0.9
    assert np.isnan(float(forgetting(found)))
    assert np.isnan(float(backward_transfer(found)))
    assert np.isnan(float(forward_transfer(found, baseline(0.5))))


def test_networks_of_the_same_seed_are_compared():
    found = accuracies([BY_HAND, np.array(BY_HAND) - 0.1], seeds=[3, 5])
    alone = accuracies([np.ones((3, 3)), np.full((3, 3), 0.95)], seeds=[5, 4])
    result = intransigence(found, alone)
    assert result.seed.values.tolist() == [3, 5]
    assert np.isnan(result.sel(seed=3))
    assert float(result.sel(seed=5)) == pytest.approx(1 - 0.8)


def naive_forgetting(a):
    tasks = len(a)
    return np.mean([max(a[step][j] for step in range(j, tasks - 1)) - a[-1][j] for j in range(tasks - 1)])


@given(st.integers(2, 5), st.integers(0, 2**31))
def test_against_loops(tasks, seed):
    random = np.random.default_rng(seed)
    values = random.uniform(size=(4, tasks, tasks))
    untrained = random.uniform(size=tasks)
    found = accuracies(values, seeds=range(4)).transpose("evaluated_task", "seed", "trained_task")
    np.testing.assert_allclose(forgetting(found), [naive_forgetting(a) for a in values])
    back = [np.mean([a[-1, j] - a[j, j] for j in range(tasks - 1)]) for a in values]
    np.testing.assert_allclose(backward_transfer(found), back, atol=1e-12)
    forward = [np.mean([a[j - 1, j] - untrained[j] for j in range(1, tasks)]) for a in values]
    np.testing.assert_allclose(forward_transfer(found, baseline(*untrained)), forward, atol=1e-12)
    assert (forgetting(found) >= -backward_transfer(found) - 1e-12).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (xr.DataArray(np.ones((2, 3)), dims=("trained_task", "evaluated_task")), "2 x 3 tasks"),
        (xr.DataArray(np.ones((2, 2)), dims=("a", "evaluated_task")), "it needs trained_task"),
    ],
)
def test_what_is_no_matrix_of_tasks_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        during(values)
