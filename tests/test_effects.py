import numpy as np
import pytest
import statsmodels.api as sm
import xarray as xr

from wmcl.statistics import effects, law, mean_interval
from wmcl.statistics.effects import confounded_terms
from wmcl.statistics.least_squares import fit, pooled_hc3


def experiment(exponents=(1.0, 0.8, 0.1), interaction=0.0, noise=0.0, seeds=4, spread=0.0):
    grid = np.stack(np.meshgrid([10, 35, 140], [6, 11, 21], [0, 10], indexing="ij"), -1).reshape(-1, 3).astype(float)
    logs = np.log(grid + np.array([0, 0, 1]))
    x = logs - logs.mean(0)
    random = np.random.default_rng(0)
    slopes = np.array(exponents) + spread * random.normal(size=(seeds, 3))
    y = x @ slopes.T + interaction * (x[:, 0] * x[:, 1])[:, None] + np.arange(seeds)
    y = y + noise * random.normal(size=y.shape)
    coords = {name: ("condition", grid[:, k]) for k, name in enumerate(("memory_load", "retention", "lead"))}
    return xr.DataArray(np.exp(y), dims=("condition", "seed"), coords=coords | {"seed": np.arange(seeds)})


def design(values):
    logs = np.log(np.stack([values["memory_load"].values, values.retention.values, 1 + values.lead.values], 1))
    x = logs - logs.mean(0)
    return np.column_stack([x, x[:, 0] * x[:, 1]])


def test_a_known_law_is_recovered_exactly():
    found = effects(experiment(interaction=0.3))
    for name in ("planned", "reached", "complete"):
        np.testing.assert_allclose(found["average"].sel(analysis=name), [1, 0.8, 0.1, 0.3], atol=1e-10)
    np.testing.assert_allclose(found.r_squared, 1)
    np.testing.assert_allclose(found.residual, 0, atol=1e-10)
    assert found.term.values.tolist() == ["memory_load", "retention", "lead", "memory_load x retention"]


def test_slopes_are_those_of_numpy_and_intervals_over_seeds():
    values = experiment(noise=0.3, spread=0.2)
    found = effects(values).sel(analysis="planned")
    matrix = np.column_stack([np.ones(18), design(values)])
    expected, squares, *_ = np.linalg.lstsq(matrix, np.log(values.values), rcond=None)
    np.testing.assert_allclose(found.slope, expected[1:])
    logs = np.log(values.values)
    np.testing.assert_allclose(found.r_squared, 1 - squares / ((logs - logs.mean(0)) ** 2).sum(0))
    np.testing.assert_allclose(found.low, mean_interval(xr.DataArray(expected[1:], dims=("term", "seed"))).low)
    assert found.n.values.tolist() == [4] * 4


def test_hc3_is_its_formula():
    values = experiment(noise=0.3, spread=0.2)
    x = np.repeat(np.column_stack([np.ones(18), design(values)]), 4, axis=0)
    y = np.log(values.values).reshape(-1)
    inverse = np.linalg.inv(x.T @ x)
    residual = y - x @ inverse @ x.T @ y
    leverage = np.diag(x @ inverse @ x.T)
    variance = inverse @ x.T @ np.diag((residual / (1 - leverage)) ** 2) @ x @ inverse
    estimate, error, degrees = pooled_hc3(np.log(values.values)[None], design(values))
    np.testing.assert_allclose(error[0], np.sqrt(np.diag(variance)))
    assert degrees[0] == 72 - 5
    expected = sm.OLS(y, x).fit(cov_type="HC3", use_t=True).conf_int()[1:, 0]
    found = effects(values).sel(analysis="planned")
    np.testing.assert_allclose(found.hc3, estimate[0, 1:])
    np.testing.assert_allclose(found.hc3_low, expected)


def test_other_regressors_and_no_interaction():
    found = effects(experiment(), law("memory_load", "retention") | {"lag": lambda v: v.lead / 10}, interactions=())
    np.testing.assert_allclose(found["average"].sel(analysis="planned"), [1, 0.8, 0.1 * np.log(11)])
    assert found.doubled.values.tolist() == ["memory_load", "retention", ""]


def test_missing_conditions_are_counted_and_leave_no_interval():
    values = experiment(noise=0.2)
    values[-1, 0] = np.nan
    found = effects(values, reached=values.notnull().astype(int))
    assert found.censored.values.tolist() == [0] * 17 + [1]
    assert found.used.sum("condition").values.tolist() == [0, 18, 17]
    assert found["average"].sel(analysis="planned").isnull().all()
    assert found[["low", "high"]].isnull().to_dataarray().all()
    assert found["average"].sel(analysis=["reached", "complete"]).notnull().all()
    x = np.column_stack([np.ones(17), design(values)[:-1]])
    expected = np.linalg.lstsq(x, np.log(values.values[:-1]), rcond=None)[0][1:]
    np.testing.assert_allclose(found.slope.sel(analysis="complete"), expected)
    np.testing.assert_allclose(found.slope.sel(analysis="reached", seed=0), expected[:, 0])


def test_a_plan_without_missing_networks_keeps_its_interval():
    values = experiment(noise=0.2)
    values[-1, 0] = np.nan
    found = effects(values, planned=values["memory_load"] < 140)
    assert found.low.sel(analysis="planned").notnull().all()
    assert found.low.sel(analysis="complete").isnull().all()


def test_a_seed_whose_conditions_do_not_determine_the_slopes_is_lost():
    values = experiment()
    values[3:, 1] = np.nan
    found = effects(values).sel(analysis="reached")
    assert found.lost == 1
    assert found.n.values.tolist() == [3] * 4
    assert found.slope.sel(seed=1).isnull().all()


def test_confounded_terms_are_named():
    values = experiment()
    basic = values.assign_coords(retention=values["memory_load"] / 7 + 0.01)
    assert confounded_terms(effects(basic, interactions=())) == [("memory_load", "retention")]
    constant = values.assign_coords(lead=values.lead * 0)
    assert confounded_terms(effects(constant)) == [("lead",)]
    assert confounded_terms(effects(values)) == []


def test_the_fit_keeps_networks_apart():
    x = design(experiment())
    y = np.random.default_rng(0).normal(size=(2, 3, 18))
    y[0, 1, [2, 5]] = np.nan
    keep = ~np.isnan(y[0, 1])
    expected = np.linalg.lstsq(np.column_stack([np.ones(16), x[keep]]), y[0, 1, keep], rcond=None)[0]
    np.testing.assert_allclose(fit(y, x)[0, 1], expected)


def test_senseless_arguments_are_refused():
    values = experiment()
    with pytest.raises(ValueError, match="not positive"):
        effects(values * 0)
    with pytest.raises(ValueError, match="needs both terms"):
        effects(values, law("memory_load"))
    with pytest.raises(ValueError, match="exactly where reached is 0"):
        effects(values, reached=values.notnull().astype(int) * 0)
    with pytest.raises(ValueError, match="no coordinate length"):
        effects(values, law("length"), interactions=())


def test_flags_of_other_seeds_are_refused():
    values = xr.DataArray(np.ones((3, 2)), dims=("condition", "seed"), coords={"seed": [0, 1]})
    values = values.assign_coords(memory_load=("condition", [1, 2, 3]))
    swapped = xr.ones_like(values).assign_coords(seed=[1, 0])
    with pytest.raises(ValueError, match="in another order"):
        effects(values, law("memory_load"), interactions=(), reached=swapped)
