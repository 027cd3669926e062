import numpy as np
import pytest
import statsmodels.api as sm
import xarray as xr
from scipy import stats

from wmcl.statistics import slope, slopes


def table(seeds=4, conditions=6, seed=0):
    """Values of networks, with a regressor that all share."""
    random = np.random.default_rng(seed)
    values = xr.DataArray(random.normal(5, 2, (seeds, conditions)), dims=("seed", "condition"))
    values = values.assign_coords(seed=range(seeds))
    return values, xr.DataArray(random.normal(3, 1, conditions), dims="condition")


def test_scipy_agrees_on_the_slope_of_each_network():
    values, against = table()
    found = slope(values, against, "condition")
    assert found.dims == ("seed",)
    expected = [stats.linregress(against, row).slope for row in values]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_over_two_dimensions_with_a_regressor_of_its_own_for_each_network():
    random = np.random.default_rng(1)
    values, against = (xr.DataArray(random.normal(size=(3, 4, 5)), dims=("seed", "task", "step")) for _ in range(2))
    found = slope(values, against, ["task", "step"])
    expected = [np.polyfit(x.ravel(), y.ravel(), 1)[0] for x, y in zip(against.values, values.values, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_missing_value_leaves_no_slope_unless_it_is_to_be_skipped():
    values, against = table()
    values[1, 2] = np.nan
    assert slope(values, against, "condition").isnull().values.tolist() == [False, True, False, False]
    kept = [0, 1, 3, 4, 5]
    expected = stats.linregress(against[kept], values[1, kept]).slope
    np.testing.assert_allclose(slope(values, against, "condition", skipna=True)[1], expected, rtol=1e-12)


@pytest.mark.parametrize("skipna", [False, True])
def test_a_regressor_that_does_not_vary_gives_none(skipna):
    values, _ = table()
    constant = xr.DataArray(np.full(6, 0.1), dims="condition")
    assert slope(values, constant, "condition", skipna).isnull().all()


def test_single_precision_is_no_limit():
    values, against = table()
    narrow = values.astype("float32")
    xr.testing.assert_identical(slope(narrow, against, "condition"), slope(narrow.astype(float), against, "condition"))


def test_dimensions_that_do_not_fit_are_refused():
    values, against = table()
    with pytest.raises(ValueError, match=r"values has the dimensions .* without step"):
        slope(values, against, ["condition", "step"])
    with pytest.raises(ValueError, match="against has the dimensions"):
        slope(values, against.rename(condition="other"), "condition")


def test_statsmodels_agrees_on_several_slopes_where_values_are_missing():
    values, first = table()
    second = xr.DataArray(np.random.default_rng(5).normal(size=6), dims="condition")
    values[2, 3] = np.nan
    found = slopes(values, {"first": first, "second": second}, "condition")
    assert found.dims == ("term", "seed")
    assert found.term.values.tolist() == ["first", "second"]
    for seed, row in enumerate(values.values):
        known = ~np.isnan(row)
        design = sm.add_constant(np.column_stack([first, second])[known])
        np.testing.assert_allclose(found[:, seed], sm.OLS(row[known], design).fit().params[1:], rtol=1e-10)


def test_one_of_several_is_the_slope_on_one():
    values, against = table()
    np.testing.assert_allclose(
        slopes(values, {"x": against}, "condition")[0], slope(values, against, "condition"), rtol=1e-12
    )


def test_a_regressor_that_does_not_vary_leaves_the_others_their_slopes():
    values, against = table()
    found = slopes(values, {"none": against * 0, "x": against}, "condition")
    assert found.sel(term="none").isnull().all()
    np.testing.assert_allclose(found.sel(term="x"), slope(values, against, "condition"), rtol=1e-12)
    assert slopes(values, {"none": against * 0}, "condition").isnull().all()


def test_regressors_that_cannot_be_told_apart_have_no_slope():
    values, against = table()
    assert slopes(values, {"x": against, "twice": 2 * against}, "condition").isnull().all()


def test_regressors_that_do_not_fit_are_refused():
    values, against = table()
    with pytest.raises(ValueError, match="against is empty"):
        slopes(values, {}, "condition")
    with pytest.raises(ValueError, match="the regressor x has the dimensions"):
        slopes(values, {"x": against[:3]}, "condition")
    with pytest.raises(ValueError, match="the regressor x has the dimensions"):
        slopes(values, {"x": against.rename(condition="other")}, "condition")
