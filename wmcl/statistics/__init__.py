"""Estimate effects with intervals; the network (seed) is the unit of observation."""

from wmcl.statistics.association import agreement, partial_slopes, rank_correlations
from wmcl.statistics.comparisons import compare, level_means
from wmcl.statistics.coverage import coverage
from wmcl.statistics.effects import effects, law
from wmcl.statistics.fronts import hypervolume
from wmcl.statistics.intervals import mean_interval
from wmcl.statistics.slopes import slope, slopes
from wmcl.statistics.verdict import verdict

__all__ = [
    "agreement",
    "compare",
    "coverage",
    "effects",
    "hypervolume",
    "law",
    "level_means",
    "mean_interval",
    "partial_slopes",
    "rank_correlations",
    "slope",
    "slopes",
    "verdict",
]
