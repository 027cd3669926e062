"""The poster of the paper: its numbers beside own results, and whether these order methods as it does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import xarray as xr

from wmcl.statistics import mean_interval
from wmcl.studies.tables import ABSENT, interval, interval_of, number, table_head, table_row

Measure = Literal["during", "final"]
Outcome = Literal["confirmed", "contradicted", "open"]

MEASURES: tuple[Measure, ...] = ("during", "final")


@dataclass(frozen=True)
class Ordered:
    """Two methods that the poster orders, and by how much the better one is ahead here."""

    measure: Measure
    better: str
    """by the poster"""
    worse: str
    ahead: float
    """mean over seeds of the difference of their accuracies"""
    low: float
    high: float
    """simultaneous t interval"""
    seeds: int

    @property
    def outcome(self) -> Outcome:
        """Open if the interval has 0 in it, or if there is none, for want of seeds."""
        if self.low > 0:
            return "confirmed"
        return "contradicted" if self.high < 0 else "open"


def orders(results: xr.Dataset, measure: Measure, confidence: float = 0.95) -> list[Ordered]:
    """Every pair of methods that the poster orders, the highest ones first.

    The poster orders two methods where mean ± of the one does not reach into mean ± of the other. Own accuracies are
    compared within each seed that has both. For m pairs, intervals have a confidence of 1 - (1 - confidence) / m
    (Bonferroni), so that all that is confirmed or contradicted is right at once with the confidence that is asked for.

    Args:
        results: with the dimensions ``condition`` and ``seed``, of one set of data; the poster's numbers beside it.
        measure: which accuracy.
        confidence: of all intervals of this measure together.
    """
    printed = results[f"poster_{measure}"].values
    spread = results[f"poster_{measure}_plus_minus"].values
    known = sorted(np.flatnonzero(np.isfinite(printed)).tolist(), key=lambda row: -printed[row])
    pairs = [(a, b) for a, b in combinations(known, 2) if printed[a] - spread[a] > printed[b] + spread[b]]
    if not pairs:
        return []
    own = results[measure]
    ahead = xr.concat([own.isel(condition=a, drop=True) - own.isel(condition=b, drop=True) for a, b in pairs], "pair")
    found = mean_interval(ahead, confidence=1 - (1 - confidence) / len(pairs))
    methods = results.approach.values.tolist()
    means, lows, highs = (found[name].values.tolist() for name in ("average", "low", "high"))
    return [
        Ordered(measure, methods[a], methods[b], means[k], lows[k], highs[k], int(found.n[k]))
        for k, (a, b) in enumerate(pairs)
    ]


def poster_lines(at: xr.Dataset) -> list[str]:
    """A table of both, and which of the poster's orders are found here; nothing without numbers of a poster.

    Args:
        at: results of one set of data.
    """
    if "poster_final" not in at or not bool(at.poster_final.notnull().any()):
        return []
    rows = np.flatnonzero(at.poster_final.notnull())
    lines = table_head(
        ["method", "n", "during, %", "poster, mean ± as printed", "final, %", "poster, mean ± as printed"]
    )
    lines += [table_row(_row(at.isel(condition=row))) for row in rows]
    return [*lines, "", *(f"- {_sentence(orders(at, measure))}" for measure in MEASURES)]


def _row(at: xr.Dataset) -> list[str]:
    cells = [str(at.approach.item()), str(int(at.final.count()))]
    for measure in MEASURES:
        cells.append(interval_of(at[measure], ".2f", scale=100))
        mean, spread = (100 * float(at[f"poster_{measure}{end}"]) for end in ("", "_plus_minus"))
        cells.append(ABSENT if np.isnan(mean) else f"{mean:.2f} ± {number(spread, '.2f')}")
    return cells


def _sentence(found: Sequence[Ordered]) -> str:
    """How many orders are found, and all of which that cannot be said, with their intervals."""
    if not found:
        return "No two of these methods have an order on the poster."
    parts = [f"confirmed {sum(each.outcome == 'confirmed' for each in found)}"]
    for outcome, words in (("contradicted", "contradicted"), ("open", "left open")):
        those = [each for each in found if each.outcome == outcome]
        parts.append(f"{words} {len(those)}" + (f" ({_names(those)})" if those else ""))
    pairs = "pair" if len(found) == 1 else "pairs"
    return (
        f"The poster orders {len(found)} {pairs} of methods by {found[0].measure} accuracy, those whose ± do not"
        f" overlap: {'; '.join(parts)}. Numbers in brackets say by how many points the first one is ahead here: mean"
        " over networks of the difference and 95 % t interval, simultaneous for these pairs. All this holds for these"
        " tasks, networks and hyperparameters, and no further."
    )


def _names(found: Iterable[Ordered]) -> str:
    return ", ".join(
        f"{each.better} > {each.worse}:"
        f" {interval('+.2f', *(100 * value for value in (each.ahead, each.low, each.high)))}"
        for each in found
    )
