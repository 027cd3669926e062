"""The poster of the paper: its numbers, and which of its orders of methods are found in other results."""

import csv
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from method_study.poster import Ordered, orders, poster_lines
from scipy import stats

from wmcl.methods import CATALOGUE
from wmcl.published import poster_means

TABLE = Path(__file__).parents[2] / "shared" / "reference" / "published_audioset_poster.csv"


def results_of(final, printed, spread=0.001, during=None):
    """Results of some methods, named a, b, …, with the poster's numbers beside them."""
    final, printed = np.asarray(final, float), np.asarray(printed, float)
    values = {"final": final, "during": final if during is None else during}
    of_poster = {"final": printed, "during": np.full(len(printed), np.nan)}
    coords = {"approach": ("condition", list("abcdef"[: len(final)]))}
    for name, value in of_poster.items():
        coords[f"poster_{name}"] = ("condition", value)
        coords[f"poster_{name}_plus_minus"] = ("condition", np.broadcast_to(spread, len(final)))
    return xr.Dataset({name: (("condition", "seed"), value) for name, value in values.items()}, coords)


def test_the_table_by_hand():
    means = {each.method: each for each in poster_means()}
    assert list(means) == ["multitask", "from scratch", "fine-tuning", "HNET (chunked)", "online EWC", "SI"]
    assert means.keys() <= set(CATALOGUE)
    assert (means["online EWC"].during, means["online EWC"].during_plus_minus) == (0.6882, 0.002)
    assert (means["fine-tuning"].final, means["fine-tuning"].final_plus_minus) == (0.4902, 0.01)
    assert (means["multitask"].during, means["multitask"].during_plus_minus) == (None, None)


def test_the_table_it_comes_from():
    if not TABLE.exists():
        pytest.skip("the table of the poster is not on this machine")
    with TABLE.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    for row, own in zip(listed, poster_means(), strict=True):
        assert own.method.replace(" (chunked)", "").replace(" ", "-").lower() == row["method"].replace(" ", "-").lower()
        values = asdict(own)
        for name in ("during", "final"):
            for column, value in (
                (f"{name}_percent", values[name]),
                (f"{name}_plus_minus", values[f"{name}_plus_minus"]),
            ):
                assert value == (pytest.approx(float(row[column]) / 100) if row[column] else None)


def test_pairs_are_compared_within_seeds_by_a_t_interval():
    final = np.array([[0.70, 0.74, 0.71, 0.77], [0.60, 0.66, 0.60, 0.70], [0.61, 0.60, 0.66, 0.65]])
    found = orders(results_of(final, [0.9, 0.8, 0.7]), "final")
    assert [(each.better, each.worse) for each in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    for each, (first, second) in zip(found, combinations(range(3), 2), strict=True):
        differences = final[first] - final[second]
        half = stats.t.ppf(1 - 0.05 / 3 / 2, 3) * differences.std(ddof=1) / 2
        assert each.seeds == 4
        np.testing.assert_allclose(
            (each.ahead, each.low, each.high), differences.mean() + np.array([0, -half, half]), rtol=1e-12
        )


@pytest.mark.parametrize(
    ("differences", "outcome"),
    [
        ([0.10, 0.11, 0.09], "confirmed"),
        ([-0.10, -0.11, -0.09], "contradicted"),
        ([0.10, -0.05, 0.02], "open"),
        ([0.10], "open"),
        ([0.10, np.nan, np.nan], "open"),
    ],
)
def test_an_order_is_confirmed_contradicted_or_left_open(differences, outcome):
    worse = np.full(len(differences), 0.5)
    (found,) = orders(results_of([worse + differences, worse], [0.8, 0.7]), "final")
    assert found.outcome == outcome
    assert found.seeds == np.isfinite(differences).sum()


def test_the_poster_does_not_order_methods_whose_spreads_overlap():
    values = np.zeros((3, 2))
    assert not orders(results_of(values, [0.70, 0.71, np.nan], spread=0.006), "final")
    found = orders(results_of(values, [0.70, 0.71, 0.72], spread=0.006), "final")
    assert [(each.better, each.worse) for each in found] == [("c", "a")]


def test_all_pairs_of_the_poster_are_ordered_by_it():
    means = poster_means()
    printed, spread = [each.final for each in means], [each.final_plus_minus for each in means]
    found = orders(results_of(np.zeros((6, 2)), printed, spread), "final")
    names = dict(zip("abcdef", (each.method for each in means), strict=True))
    assert len(found) == 15
    ordered = [(names[each.better], names[each.worse]) for each in found]
    for pair in (("HNET (chunked)", "SI"), ("SI", "online EWC"), ("online EWC", "fine-tuning")):
        assert pair in ordered


def test_the_report_says_which_orders_are_found():
    final = np.array([[0.71, 0.72, 0.70], [0.60, 0.61, 0.62], [0.651, 0.659, 0.652]])
    lines = poster_lines(results_of(final, [0.9, 0.8, 0.7]))
    assert "| a | 3 |" in lines[2]
    assert lines[2].endswith("90.00 ± 0.10 |")
    assert lines[2].count("–") == 1  # no during accuracy on the poster
    (sentence,) = (
        line for line in lines if line.startswith("- The poster orders 3 pairs of methods by final accuracy")
    )
    assert "confirmed 2; contradicted 0; left open 1 (b > c: -4.40 [" in sentence
    assert any(line.startswith("- No two of these methods") for line in lines)


def test_nothing_is_said_without_a_poster():
    results = results_of(np.zeros((2, 2)), [np.nan, np.nan])
    assert poster_lines(results) == []
    assert poster_lines(results.drop_vars([name for name in results.coords if name.startswith("poster")])) == []


def test_an_outcome_of_no_interval_is_open():
    assert Ordered("final", "a", "b", 0.1, np.nan, np.nan, 1).outcome == "open"
