import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import xarray as xr

from wmcl.statistics import agreement, partial_slopes, rank_correlations
from wmcl.statistics.association import without_means


def table(conditions=8, seeds=3, predictors=2, seed=0):
    random = np.random.default_rng(seed)
    values = xr.DataArray(random.normal(size=(seeds, conditions)), dims=("seed", "condition"))
    others = xr.DataArray(random.normal(size=(predictors, seeds, conditions)), dims=("predictor", "seed", "condition"))
    return values, others.assign_coords(predictor=[f"p{k}" for k in range(predictors)])


def ranks(values):
    """Mean rank of each number: how many are below, and half of those that are equal."""
    return [sum(other < value for other in values) + sum(other == value for other in values) / 2 for value in values]


def test_rank_correlations_are_correlations_of_mean_ranks():
    values, predictors = table()
    values[0, 1] = values[0, 2]
    found = rank_correlations(values, predictors, "condition")
    assert found.dims == ("seed", "predictor")
    assert found.predictor.values.tolist() == ["p0", "p1"]
    for seed, k in itertools.product(range(3), range(2)):
        pair = ranks(values[seed].values.tolist()), ranks(predictors[k, seed].values.tolist())
        np.testing.assert_allclose(found[seed, k], np.corrcoef(*pair)[0, 1], rtol=1e-12)


def test_one_predictor_needs_no_dimension_of_predictors():
    values, predictors = table()
    found = rank_correlations(values, predictors[1], "condition")
    np.testing.assert_array_equal(found, rank_correlations(values, predictors, "condition")[:, 1])


def test_there_is_no_rank_correlation_of_what_is_missing_constant_or_of_four_conditions():
    values, predictors = table()
    values[0, 0], predictors[0, 1] = np.nan, 3.0
    found = rank_correlations(values, predictors, "condition").isnull().values
    assert found.tolist() == [[True, True], [True, False], [False, False]]
    few, other = (each.isel(condition=slice(4)) for each in table())
    assert rank_correlations(few, other, "condition").isnull().all()


def test_partial_slopes_are_the_standardised_coefficients_of_statsmodels():
    values, predictors = table()
    found = partial_slopes(values, predictors, "condition")
    assert found.dims == ("seed", "predictor")
    assert found.predictor.values.tolist() == ["p0", "p1"]
    for seed in range(3):
        data = {"y": values[seed].values, **{f"p{k}": predictors[k, seed].values for k in range(2)}}
        fit = smf.ols("y ~ p0 + p1", pd.DataFrame(data)).fit()
        expected = [fit.params[f"p{k}"] * data[f"p{k}"].std() / data["y"].std() for k in range(2)]
        np.testing.assert_allclose(found[seed], expected, rtol=1e-10)


def test_there_is_no_partial_slope_of_what_is_missing_constant_collinear_or_too_little():
    values, predictors = table(seeds=4)
    values[0, 0], predictors[0, 1] = np.nan, 3.0
    predictors[1, 2] = 2 * predictors[0, 2]
    found = partial_slopes(values, predictors, "condition").isnull().values
    assert found.tolist() == [[True, True], [True, True], [True, True], [False, False]]
    few, other = (each.isel(condition=slice(3)) for each in table())
    assert partial_slopes(few, other, "condition").isnull().all()


def pairs(values):
    first, second = zip(*((s, t) for s in range(4) for t in range(4) if s != t), strict=True)
    return values.assign_coords(first=("pair", list(first)), second=("pair", list(second)))


def test_statsmodels_agrees_on_residuals_without_the_means_of_tasks():
    values = pairs(xr.DataArray(np.random.default_rng(0).normal(size=(12, 2)), dims=("pair", "seed")))
    found = without_means(values, ("first", "second"), "pair")
    assert found.dims == ("seed", "pair")
    for seed in range(2):
        data = {"y": values[:, seed].values, "s": values.first.values, "t": values.second.values}
        np.testing.assert_allclose(found[seed], smf.ols("y ~ C(s) + C(t)", pd.DataFrame(data)).fit().resid, atol=1e-12)


def test_a_sum_of_means_of_tasks_leaves_nothing():
    effects = np.array([1.0, -2.0, 5.0, 0.5])
    values = pairs(xr.DataArray(np.zeros((1, 12)), dims=("seed", "pair")))
    values = values + effects[values.first] + 10 * effects[values.second]
    np.testing.assert_allclose(without_means(values, ("first", "second"), "pair"), 0, atol=1e-12)


def test_rows_of_the_same_order_agree():
    w, p = agreement(np.array([[1.0, 2.0, 3.0, 4.0]] * 10))
    assert w == pytest.approx(1)
    assert p < 1e-5


def test_agreement_is_the_variance_of_the_sums_of_ranks_over_the_largest():
    values = np.random.default_rng(0).normal(size=(5, 4))
    sums = np.array([ranks(row) for row in values.tolist()]).sum(0)
    n, k = values.shape
    assert agreement(values)[0] == pytest.approx(12 * ((sums - sums.mean()) ** 2).sum() / (n**2 * (k**3 - k)))


@pytest.mark.parametrize("values", [np.ones((1, 4)), np.arange(10.0).reshape(5, 2), np.ones((4, 4))])
def test_there_is_no_agreement_of_one_row_two_columns_or_equal_values(values):
    assert np.isnan(agreement(values)).all()
