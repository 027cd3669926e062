"""What a benchmark brings along: presets, and how each method is trained on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from common.running import Run

from method_study.config import HERE, Config, Search
from method_study.hyperparameters import Hyperparameters, Value
from wmcl.published.poster import PosterMean

C = TypeVar("C", bound=Config)

Grid = Mapping[str, tuple[Value, ...]]

RATES = (1e-3, 3e-3)
"""learning rates that a search crosses for a row without a grid"""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of the comparison. All of it is data."""

    presets: Mapping[str, Config]
    """by name"""
    starting_values: Mapping[str, Hyperparameters]
    """of the rows that need other hyperparameters than all have in common; rows that are no method of the catalogue
    but a variant of one stand here, too"""
    smaller: Mapping[str, Mapping[str, Value]]
    """what the preset smoke takes instead, by row"""
    grids: Mapping[str, Grid]
    """what a search crosses, by row"""
    common: Mapping[str, Value]
    """hyperparameters of the rows that have no starting values"""
    differences: str
    """what no setting changes in comparison with the published runs"""
    training_sequences: int
    """of a task, in the published runs"""
    poster: tuple[PosterMean, ...] = ()
    """means that were published beside the runs"""


def preset_of(base: C, preset: str, **changes: Any) -> C:
    """A preset of a benchmark: what all of its presets have in common, with changes, and files of its own.

    Of chosen hyperparameters, quick reads the file of the package, and smoke one that it makes itself; the others take
    the published ones.
    """
    name = f"method_comparison_{base.benchmark}{'' if preset == 'quick' else f'_{preset}'}"
    chosen = {"quick": HERE / f"chosen_{base.benchmark}.json", "smoke": Path(f"results/{name}_chosen.json")}
    files: dict[str, Any] = {
        "selection": Search(chosen=chosen.get(preset)),
        "run": Run(output=Path(f"results/{name}.nc")),
    }
    return replace(base, **{"preset": preset, **files, **changes})
