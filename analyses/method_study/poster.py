"""Whether own results order methods as the poster of the paper does."""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import xarray as xr

from wmcl.statistics import mean_interval

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
