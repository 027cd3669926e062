import numpy as np
import pytest
import xarray as xr
from scipy import stats

from wmcl.statistics import mean_interval


def array(values):
    return xr.DataArray(np.asarray(values, dtype=float), dims=("length", "seed"))


def test_interval_is_the_t_interval_of_scipy():
    values = np.random.default_rng(0).normal(3, 2, (4, 6))
    found = mean_interval(array(values), confidence=0.9)
    for k, row in enumerate(values):
        low, high = stats.t.interval(0.9, 5, loc=row.mean(), scale=stats.sem(row))
        np.testing.assert_allclose([found["average"][k], found.low[k], found.high[k]], [row.mean(), low, high])


def test_missing_networks_are_left_out_and_counted():
    found = mean_interval(array([[1, 2, 3, np.nan], [5, np.nan, np.nan, np.nan], [np.nan] * 4]))
    assert found.n.values.tolist() == [3, 1, 0]
    np.testing.assert_allclose(found["average"], [2, 5, np.nan])
    np.testing.assert_allclose(found.high[0], stats.t.interval(0.95, 2, loc=2, scale=1 / np.sqrt(3))[1])
    assert found.low[1:].isnull().all()


def test_the_logarithm_gives_a_geometric_mean():
    found = mean_interval(array([[1.0, 10.0, 100.0]]), log=True)
    np.testing.assert_allclose(found["average"], [10.0])
    np.testing.assert_allclose(found.low * found.high, [100.0])


def test_coverage_of_normal_data_is_nominal():
    values = np.random.default_rng(1).normal(size=(20_000, 5))
    found = mean_interval(array(values))
    coverage = float(((found.low <= 0) & (found.high >= 0)).mean())
    assert abs(coverage - 0.95) < 5 * np.sqrt(0.95 * 0.05 / 20_000)


def test_senseless_arguments_are_refused():
    with pytest.raises(ValueError, match="confidence is 95"):
        mean_interval(array([[1, 2]]), confidence=95.0)
    with pytest.raises(ValueError, match="not positive"):
        mean_interval(array([[1, 0]]), log=True)
