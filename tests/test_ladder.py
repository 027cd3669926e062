"""The ladder on a law that is known for each way of measuring."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from length_study.ladder import (
    DIMENSIONS,
    IMPORTANCE,
    OURS,
    PAPER,
    SWEEPS,
    add_ladder,
    choice_sets,
    is_ladder,
    ladder_table,
)

LENGTHS = [(3, 3), (5, 5), (8, 8), (5, 8), (5, 12)]
EXPONENTS = {
    "kind": 0.1,
    "stage": 0.2,
    "per": 0.4,
    "statistic": 0.8,
    "initialisation": 1.6,
    "reduction": 3.2,
    "centre": 6.4,
}


def value(choices, changed, p, i):
    """Each of our choices adds an exponent of its own for p, and ten times that for i."""
    exponent = 1 + sum(EXPONENTS[name] for name, ours in changed.items() if choices[name] == ours)
    return p**exponent * i ** (10 * exponent)


@pytest.fixture
def results():
    conditions = [
        (*lengths, start, loss)
        for lengths, start, loss in product(LENGTHS, ("fan_in", "orthogonal"), ("sequence", "scored bit"))
    ]
    coordinates = {
        "pattern_length": ("condition", [c[0] for c in conditions]),
        "input_length": ("condition", [c[1] for c in conditions]),
        "initialisation": ("condition", [c[2] for c in conditions]),
        "reduction": ("condition", [c[3] for c in conditions]),
        "seed": [0, 1],
        "stage": ["0.05", "final"],
        "kind": ["empirical", "sampled"],
        "connection": ["hh"],
        "statistic": ["mean with bias", "mean"],
        "per": ["sequence", "scored bit"],
        "phase": ["output"],
        "centre": ["pooled", "step"],
    }

    def table(*names):
        array = np.empty([len(conditions), *(len(coordinates[name]) for name in names)])
        ours = {name: "0.05" if name == "stage" else choice[1] for name, choice in (IMPORTANCE | DIMENSIONS).items()}
        used = {name: ours[name] for name in ("initialisation", "reduction", *names) if name in ours}
        for place in np.ndindex(array.shape):
            p, i, start, loss = conditions[place[0]]
            choices = {"initialisation": start, "reduction": loss}
            choices |= {name: coordinates[name][k] for name, k in zip(names, place[1:], strict=True)}
            array[place] = value(choices, used, p, i)
        return ("condition", *names), array

    return xr.Dataset(
        {
            "importance": table("seed", "stage", "kind", "connection", "statistic", "per"),
            "components": table("seed", "stage", "phase", "centre"),
            "reached": (("condition", "seed", "stage"), np.ones((len(conditions), 2, 2))),
        },
        coords=coordinates,
    )


def test_every_rung_changes_one_choice():
    found = choice_sets(IMPORTANCE)
    names = list(found)
    assert (names[0], names[-1]) == (PAPER, OURS)
    for label, rung in list(found.items())[1:-1]:
        assert sum(rung[name] != found[PAPER][name] for name in rung) == 1, label
        assert sum(rung[name] != found[OURS][name] for name in rung) == len(rung) - 1


def test_exponents_of_every_rung(results):
    assert is_ladder(results)
    found = add_ladder(results)
    for choices, variable, rung_name in (
        (IMPORTANCE, "ladder_slope", "rung"),
        (DIMENSIONS, "ladder_dimension_slope", "dimension_rung"),
    ):
        for name, (_, _, label) in choices.items():
            slopes = found[variable].sel({rung_name: label})
            np.testing.assert_allclose(slopes.sel(sweep=SWEEPS[0]), 11 * (1 + EXPONENTS[name]))
            np.testing.assert_allclose(slopes.sel(sweep=SWEEPS[1]), 10 * (1 + EXPONENTS[name]))
        every = 1 + sum(EXPONENTS[name] for name in choices)
        np.testing.assert_allclose(found[variable].sel({rung_name: OURS, "sweep": SWEEPS[0]}), 11 * every)
        np.testing.assert_allclose(found[variable].sel({rung_name: PAPER, "sweep": SWEEPS[1]}), 10)
    assert "| sampled Fisher | 12.10 [12.10, 12.10] |" in ladder_table(found)


def test_a_censored_network_leaves_its_rung_without_an_exponent(results):
    missed = (results.initialisation == "fan_in") & (results.reduction == "sequence") & (results.input_length == 12)
    gone = missed & (results.stage == "0.05") & (results.seed == 1)
    results = results.assign(reached=results.reached.where(~gone, 0), importance=results.importance.where(~gone))
    found = add_ladder(results.assign(components=results.components.where(~gone)))
    one = found.sel(rung="matched loss", sweep=SWEEPS[1])
    assert one.ladder_slope.isnull().all()
    assert one.ladder_reached == pytest.approx(5 / 6)
    assert found.ladder_slope.sel(rung="matched loss", sweep=SWEEPS[0]).notnull().all()
    assert found.ladder_slope.sel(rung=PAPER).notnull().all()
    assert "none: 17% of networks missed the loss" in ladder_table(found)


def test_a_file_without_the_papers_settings_is_no_ladder(results):
    assert not is_ladder(results.isel(condition=(results.reduction == "scored bit").values))
    assert not is_ladder(results.sel(kind=["sampled"]))
