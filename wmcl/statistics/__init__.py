"""Effects with intervals. The network (seed) is the unit of observation."""

from wmcl.statistics.comparisons import compare, level_means
from wmcl.statistics.coverage import ACCEPTED, SCENARIOS, Scenario, coverage
from wmcl.statistics.effects import LogOf, confounded_terms, effects, law
from wmcl.statistics.fronts import attained, hypervolume, pareto_front
from wmcl.statistics.intervals import mean_interval
from wmcl.statistics.verdict import verdict

__all__ = [
    "ACCEPTED",
    "SCENARIOS",
    "LogOf",
    "Scenario",
    "attained",
    "compare",
    "confounded_terms",
    "coverage",
    "effects",
    "hypervolume",
    "law",
    "level_means",
    "mean_interval",
    "pareto_front",
    "verdict",
]
