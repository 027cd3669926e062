import sys

import numpy as np
import pytest
import xarray as xr

from wmcl.statistics import coverage, mean_interval
from wmcl.statistics.coverage import ACCEPTED, SCENARIOS, USED, Scenario, _t_interval


@pytest.fixture(scope="module")
def found():
    return coverage(simulations=2000)


def test_the_interval_in_use_keeps_its_coverage(found):
    names = ["equal", "unequal", "interaction", "censored", "censored, unequal"]
    used = found.sel(interval=USED, scenario=names)
    assert float(used.given.min()) > 0.9
    assert float(used.coverage.min()) >= ACCEPTED[0]
    assert float(used.coverage.max()) <= ACCEPTED[1]


def test_skewed_seeds_are_the_limit_of_the_interval_in_use(found):
    """On the border of the accepted range, as the documentation says; it is not asserted to be inside."""
    lowest = float(found.coverage.sel(interval=USED, scenario="skewed").min())
    assert 0.915 < lowest < 0.945


def test_intervals_on_conditions_that_the_outcome_chose_do_not(found):
    lowest = found.coverage.min(("term", "seeds"))
    assert lowest.sel(interval="reached", scenario="censored, unequal") < 0.85
    strong = Scenario(selection=3.0, growth=4.0, border=1.1, steepness=12.0)
    assert coverage({"strong": strong}, (5,), 2000).coverage.sel(interval="complete").min() < ACCEPTED[0]


def test_neither_do_the_bootstrap_and_hc3(found):
    normal = found.coverage.sel(scenario="equal", term="memory_load")
    assert abs(normal.sel(interval="bootstrap", seeds=3) - 0.74) < 0.03
    assert abs(normal.sel(interval="bootstrap", seeds=10) - 0.89) < 0.03
    assert (normal.sel(interval="hc3") < 0.85).all()


def test_a_shifted_truth_is_not_covered(monkeypatch):
    module = sys.modules["wmcl.statistics.coverage"]
    monkeypatch.setattr(module, "draw", lambda *arguments, original=module.draw: original(*arguments) * 1.5)
    shifted = coverage({"equal": SCENARIOS["equal"]}, (10,), 200)
    assert float(shifted.coverage.sel(interval="planned", term="memory_load").squeeze()) < 0.1


def test_the_same_seed_gives_the_same_numbers():
    one, two = (coverage({"equal": SCENARIOS["equal"]}, (3,), 50, seed=4) for _ in range(2))
    assert one.equals(two)


def test_the_interval_is_that_of_mean_interval():
    slopes = np.random.default_rng(0).normal(size=(5, 4, 2))
    slopes[0, 1] = np.nan
    low, high = _t_interval(slopes)
    expected = mean_interval(xr.DataArray(slopes, dims=("simulation", "seed", "term")))
    np.testing.assert_allclose(low, expected.low)
    np.testing.assert_allclose(high, expected.high)
