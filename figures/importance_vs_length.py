"""Importance and intrinsic dimensionality against input length, a line for each pattern length.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wmcl.plotting import plot_importance
from wmcl.plotting.data import MissingError, of_sweeps, one_of, require, stage_of, training_of
from wmcl.plotting.draw import ask
from wmcl.plotting.importance import draw_lines
from wmcl.plotting.options import ImportanceOptions, figure_command
from wmcl.plotting.style import WIDTH
from wmcl.plotting.text import censored_text, stage_text, training_text, variance_share
from wmcl.statistics import mean_interval


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
    p, i = part.pattern_length.values, part.input_length.values
    if (p == i).sum() < 2 and len(set(p.tolist())) == p.size:
        raise MissingError("this dataset has no sweep of lengths: neither several p = i nor several i at one p")
    stage = stage_of(part, options.stage)
    chosen = {"stage": stage, "kind": options.kind, "connection": options.connection, "per": options.per}
    components = part.components.sel(stage=stage, phase=one_of(part, "phase", options.phase), centre="pooled")
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    lengths = {"x": "input_length", "hue": "pattern_length"}
    plot_importance(part, **lengths, ax=left, **chosen)
    draw_lines(right, components, **lengths, log=False)
    right.set_ylabel(f"components for {variance_share(results):.0%} of the\nvariance of h$_t$ ({options.phase} phase)")
    right.set_ylim(bottom=0)
    for axes, values in ((left, part.importance.sel(**chosen, statistic="mean")), (right, components)):
        _diagonal(axes, values, log=axes is left)
    missed = censored_text(part.reached.sel(stage=stage))
    ask(
        figure,
        "How do importance and dimensionality grow with the length of the input?",
        f"Copy Task at {stage_text(stage)}; mean and 95 % t interval over networks{missed}.\n"
        f"{training_text(part)}. Dashed: p = i.",
    )
    return figure


def _diagonal(axes: Axes, values: xr.DataArray, log: bool) -> None:
    """Connect the conditions in which the input is the pattern alone."""
    basic = values.isel(condition=np.flatnonzero((values.pattern_length == values.input_length).values))
    basic = basic.sortby("input_length")
    mean = mean_interval(basic, log=log)["average"]
    axes.plot(basic.input_length.values, mean.values, "--", color="0.6", linewidth=0.9, zorder=0)


FIGURES = {"": draw}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
