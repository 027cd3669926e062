"""What a benchmark brings along: presets, and how each method is trained on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common.running import Run

from method_study.config import HERE, Config, Search
from method_study.settings import Settings, Value
from wmcl.published import PosterMean

Grid = Mapping[str, tuple[Value, ...]]

RATES = (1e-3, 3e-3)
"""learning rates that a search crosses for a row without a grid"""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the comparison. All of it is data."""

    presets: Mapping[str, Config]
    """by name"""
    starting_values: Mapping[str, Settings]
    """of the rows that need other settings than all have in common; rows that are no method of the catalogue but a
    variant of one stand here, too"""
    smaller: Mapping[str, Mapping[str, Value]]
    """what the preset smoke takes instead, by row"""
    grids: Mapping[str, Grid]
    """what a search crosses, by row"""
    common: Mapping[str, Value]
    """settings of the rows that have no starting values"""
    differences: str
    """what no setting changes in comparison with the published runs"""
    training_sequences: int
    """of a task, in the published runs"""
    poster: tuple[PosterMean, ...] = ()
    """means that were published beside the runs"""


def output_of(benchmark: str, preset: str) -> Run:
    """Where a preset writes."""
    return Run(output=Path(f"results/method_comparison_{benchmark}{'' if preset == 'quick' else f'_{preset}'}.nc"))


def choice_of(benchmark: str, preset: str) -> Search:
    """Which file of chosen hyperparameters a preset reads: quick that of the package, smoke one that it makes itself.

    The others take the published ones.
    """
    if preset == "smoke":
        return Search(chosen=Path(f"results/method_comparison_{benchmark}_smoke_chosen.json"))
    return Search(chosen=HERE / f"chosen_{benchmark}.json" if preset == "quick" else None)
