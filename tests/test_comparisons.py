import numpy as np
import pytest
import xarray as xr
from scipy import stats

from wmcl.statistics import compare, level_means


def values(shifts=(0.0, 0.1, 0.9, 3.0), seeds=6, noise=0.3):
    random = np.random.default_rng(0)
    logs = np.array(shifts)[:, None] + random.normal(size=seeds) * 5 + noise * random.normal(size=(len(shifts), seeds))
    return xr.DataArray(np.exp(logs), dims=("condition", "seed"), coords={"condition": list("abcd")[: len(shifts)]})


PAIRS = [("b", "a"), ("c", "a"), ("d", "a")]


def test_tests_and_intervals_are_the_paired_ones_of_scipy():
    data = values()
    found = compare(data, PAIRS)
    for k, (first, second) in enumerate(PAIRS):
        test = stats.ttest_rel(np.log(data.sel(condition=first)), np.log(data.sel(condition=second)))
        np.testing.assert_allclose(found.p[k], test.pvalue)
        np.testing.assert_allclose([found.low[k], found.high[k]], test.confidence_interval(0.95))
        simultaneous = test.confidence_interval(1 - 0.05 / 3)
        np.testing.assert_allclose([found.simultaneous_low[k], found.simultaneous_high[k]], simultaneous)
    np.testing.assert_allclose(found.ratio, np.exp(found.difference))
    np.testing.assert_allclose(found.ratio_low, np.exp(found.low))
    np.testing.assert_allclose(found.ratio_simultaneous_high, np.exp(found.simultaneous_high))


def test_holm_by_hand_and_in_agreement_with_bonferroni():
    found = compare(values(), PAIRS)
    order = np.argsort(found.p.values)
    expected = np.empty(3)
    running = 0.0
    for rank, k in enumerate(order):
        running = max(running, min(1.0, (3 - rank) * float(found.p[k])))
        expected[k] = running
    np.testing.assert_allclose(found.p_holm, expected)
    excluded = (found.simultaneous_low > 0) | (found.simultaneous_high < 0)
    assert excluded.any()
    assert not excluded.all()
    assert (found.p_holm.where(excluded, 0) < 0.05).all()


def test_censored_pairs_have_no_interval_but_count():
    data = values()
    data[1, 0] = np.nan
    found = compare(data, PAIRS)
    whole = compare(values(), PAIRS)
    assert found.censored.values.tolist() == [1, 0, 0]
    assert found.n.values.tolist() == [5, 6, 6]
    assert found[["low", "high", "p", "p_holm", "simultaneous_low"]].isel(comparison=0).to_dataarray().isnull().all()
    logs = np.log(data.values)
    np.testing.assert_allclose(found.difference[0], (logs[1] - logs[0])[1:].mean())
    np.testing.assert_allclose(found.simultaneous_low[1:], whole.simultaneous_low[1:])


def test_seeds_that_agree_exactly():
    found = compare(values(shifts=(0.0, 0.0), noise=0.0) * 0 + [[1.0], [2.0]], [("b", "a")])
    np.testing.assert_allclose([found.ratio[0], found.p[0]], [2, 0])


def test_level_means_are_geometric_and_need_every_condition():
    data = xr.DataArray(
        [[1.0, 2.0], [4.0, np.nan], [5.0, 5.0]],
        dims=("condition", "seed"),
        coords={"memory_load": ("condition", [7, 7, 14])},
    )
    found = level_means(data, "memory_load").transpose("memory_load", "seed")
    np.testing.assert_allclose(found, [[2, np.nan], [5, 5]])
    assert found["memory_load"].values.tolist() == [7, 14]


def test_senseless_pairs_are_refused():
    with pytest.raises(ValueError, match="two different labels"):
        compare(values(), [("a", "a")])
    with pytest.raises(ValueError, match="two different labels"):
        compare(values(), [("a", "z")])
    with pytest.raises(ValueError, match="pairs is empty"):
        compare(values(), [])
