"""The report on results whose numbers are known."""

import numpy as np
import pytest
import xarray as xr
from length_study.report import comparisons, conclusion, plain, table

from wmcl.statistics import mean_interval

CONDITIONS = [  # p, i, lead, lead_input, bits, power, visible, in_law
    (3, 4, 0, "blank", 7, "step", 0, 1),
    (3, 4, 2, "blank", 7, "step", 0, 1),
    (3, 8, 0, "blank", 7, "step", 0, 1),
    (3, 8, 2, "blank", 2, "step", 0, 1),
    (3, 4, 0, "blank", 2, "step", 0, 1),
    (3, 4, 2, "random", 7, "step", 0, 0),
    (5, 8, 0, "blank", 7, "step", 0, 0),
]
NAMES = (
    "pattern_length",
    "input_length",
    "lead",
    "lead_input",
    "independent_bits",
    "input_power",
    "visible_bits",
    "in_law",
)


@pytest.fixture
def results():
    columns = dict(zip(NAMES, (np.array(c) for c in zip(*CONDITIONS, strict=True)), strict=True))
    columns["memory_load"] = columns["pattern_length"] * columns["independent_bits"]
    columns["retention"] = columns["input_length"] + 1
    columns["steps"] = columns["lead"] + columns["retention"] + columns["pattern_length"]
    draws, size = np.random.default_rng(0), len(CONDITIONS)
    shape = {"condition": size, "seed": 4, "stage": 2, "kind": 2, "connection": 1, "statistic": 1, "per": 2}
    steps = np.broadcast_to(np.arange(16.0), (size, 4, 16))
    data = {
        "importance": (tuple(shape), np.exp(draws.normal(size=tuple(shape.values())))),
        "components": (("condition", "seed", "stage", "phase", "centre"), draws.uniform(5, 9, (size, 4, 2, 2, 2))),
        "bits_held": (("condition", "seed", "step"), steps),
        "reached": (("condition", "seed", "stage"), np.ones((size, 4, 2))),
        "iteration": (("condition", "seed", "stage", "side"), np.full((size, 4, 2, 2), 30.0)),
    }
    labels = {"seed": range(4), "stage": ["0.1", "final"], "kind": ["empirical", "sampled"], "connection": ["hh"]}
    labels |= {"statistic": ["mean"], "per": ["sequence", "scored bit"], "phase": ["output", "all"]}
    labels |= {"centre": ["pooled", "step"], "step": range(16), "side": ["before", "after"]}
    coordinates = {name: ("condition", column) for name, column in columns.items()} | labels
    return xr.Dataset(data, coordinates)


def spelled(summary, form):
    return f"{float(summary['average']):{form}} [{float(summary.low):{form}}, {float(summary.high):{form}}]"


def test_the_table_holds_geometric_means_components_and_the_bits_at_the_stop_flag(results):
    rows = table(results).splitlines()[4:]
    assert len(rows) == len(CONDITIONS)
    for k, row in enumerate(rows):
        at = results.isel(condition=k).sel(stage="0.1")
        for kind in ("sampled", "empirical"):
            one = at.importance.sel(kind=kind, connection="hh", statistic="mean", per="scored bit")
            assert spelled(mean_interval(one, log=True), ".2e") in row
        assert spelled(mean_interval(at.components.sel(phase="output", centre="pooled")), ".1f") in row
        stop = CONDITIONS[k][2] + CONDITIONS[k][1]
        assert f"{stop}.0 [{stop}.0, {stop}.0]" in row


def test_ratios_are_of_the_check_to_its_plain_condition(results):
    lines = comparisons(results)
    values = results.importance.sel(stage="0.1", kind="sampled", connection="hh", statistic="mean", per="scored bit")
    for (check, usual), label in (
        ((5, 1), "lead input random (p 3, i 4, lead 2, bits 7)"),
        ((6, 2), "pattern length 5"),
    ):
        ratio = float(np.exp(np.log(values[check] / values[usual]).mean()))
        (line,) = (line for line in lines if label in line)
        assert f": {ratio:.2f} [" in line
    assert len(lines) == 4
    assert comparisons(plain(results)) == []


def test_the_law_leaves_the_checks_out(results):
    assert "on 5 of 5 conditions" in conclusion(results) or "No verdict" in conclusion(results)
    assert plain(results).sizes["condition"] == 5
    assert "No verdict: it needs" in conclusion(results.sel(kind=["empirical"]))
