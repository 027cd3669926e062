"""Importance and intrinsic dimensionality against input length: varying p = i, and varying i at fixed p.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wmcl.plotting import figure_command, line_with_interval
from wmcl.plotting.data import MissingError, importance, of_sweeps, one_of, require, stage_of, training_of, values_of
from wmcl.plotting.options import ImportanceOptions
from wmcl.plotting.text import censored_text, importance_text, stage_text, training_text, variance_share

SUFFIX = ""


@dataclass(frozen=True)
class Options(ImportanceOptions):
    """What to draw."""

    phase: Literal["input", "stop", "output", "all"] = "output"
    """of the hidden states"""
    initialisation: str | None = None
    """of the networks; None takes the first of the dataset"""
    reduction: str | None = None
    """of their training loss; None takes the first of the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Draw both panels."""
    require(results, "importance", "components")
    part = of_sweeps(training_of(results, options.initialisation, options.reduction))
    sweeps = _sweeps(part)
    stage = stage_of(part, options.stage)
    values = importance(part, options, options.kind)
    components = part.components.sel(stage=stage, phase=one_of(part, "phase", options.phase), centre="pooled")
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, quantity, log in ((left, values, True), (right, components, False)):
        _lines(axes, quantity, sweeps, log)
    left.set_yscale("log")
    left.set_ylabel(importance_text(options.kind, options.connection, options.per))
    right.set_ylim(bottom=0)
    right.set_ylabel(f"components for {variance_share(results):.0%} of the\nvariance of h$_t$ ({options.phase} phase)")
    missed = censored_text(part.reached.sel(stage=stage))
    figure.suptitle(
        f"Copy Task at {stage_text(stage)}; 95 % t intervals over networks{missed};\n{training_text(part)}",
        fontsize="small",
    )
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize="x-small")
    return figure


def _sweeps(part: xr.Dataset) -> dict[str, np.ndarray]:
    """Places of the conditions of each line: p = i, and each p that was measured at several i."""
    p, i = part.pattern_length.values, part.input_length.values
    lines = {"basic: p = i": np.flatnonzero(p == i)}
    lines |= {
        f"padded: p = {length} fixed": np.flatnonzero(p == length) for length in values_of(part, "pattern_length")
    }
    lines = {name: places[np.argsort(i[places])] for name, places in lines.items() if places.size > 1}
    if not lines:
        raise MissingError("this dataset has no sweep of lengths: neither several p = i nor several i at one p")
    return lines


def _lines(axes: Axes, values: xr.DataArray, sweeps: dict[str, np.ndarray], log: bool) -> None:
    for style, (name, places) in enumerate(sweeps.items()):
        line = values.isel(condition=places).swap_dims(condition="input_length")
        line_with_interval(axes, line, "input_length", name, style, log)
    axes.set_xlabel("input length i (steps)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
