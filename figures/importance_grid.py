"""Importance and dimensionality of every measured pair of pattern length p and input length i, as heat maps.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. Blank cells were not measured.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from wmcl.plotting import figure_command
from wmcl.plotting.data import MissingError, importance, of_sweeps, one_of, require, stage_of, training_of, values_of
from wmcl.plotting.options import ImportanceOptions
from wmcl.plotting.text import importance_text, stage_text, training_text, variance_share
from wmcl.statistics import mean_interval

SUFFIX = "_grid"


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
    if part.sizes["condition"] < 2:
        raise MissingError("this dataset has fewer than two pairs of p and i, which the figure compares")
    stage = stage_of(part, options.stage)
    values = importance(part, options, options.kind)
    components = part.components.sel(stage=stage, phase=one_of(part, "phase", options.phase), centre="pooled")
    lengths, inputs = values_of(part, "pattern_length"), values_of(part, "input_length")
    figure = Figure(figsize=(2.4 + 1.35 * len(inputs), 1.9 + 0.42 * len(lengths)), layout="constrained")
    for axes, quantity, log in zip(figure.subplots(1, 2), (values, components), (True, False), strict=True):
        label = f"components for {variance_share(results):.0%} of the\nvariance of h$_t$ ({options.phase} phase)"
        if log:
            label = importance_text(options.kind, options.connection, options.per)
        _heat_map(axes, part, mean_interval(quantity, log=log), lengths, inputs, log, label)
    figure.suptitle(
        f"Geometric mean (left) and mean (right) over n networks "
        f"at {stage_text(stage)};\n{training_text(part)}; blank: not measured",
        fontsize="small",
    )
    return figure


def _heat_map(
    axes: Axes, part: xr.Dataset, summary: xr.Dataset, lengths: list[int], inputs: list[int], log: bool, label: str
) -> None:
    """One cell for each p (row) and i (column), with its value and n."""
    table, count = (np.full((len(lengths), len(inputs)), np.nan) for _ in range(2))
    rows = [lengths.index(p) for p in part.pattern_length.values]
    columns = [inputs.index(i) for i in part.input_length.values]
    table[rows, columns], count[rows, columns] = summary["average"], summary.n
    low, high = np.nanmin(table), np.nanmax(table)
    norm = LogNorm(low, high) if log else Normalize(0, high)
    image = axes.imshow(table, cmap="cividis", norm=norm, origin="lower", aspect="auto")
    for row, column in zip(rows, columns, strict=True):
        value, n = table[row, column], int(count[row, column])
        dark = n > 0 and norm(value) < 0.55
        text = f"{value:.1e}" if log else f"{value:.0f}"
        text = f"{text}\nn = {n}" if n else "censored"
        axes.text(column, row, text, ha="center", va="center", fontsize=6, color="white" if dark else "black")
    axes.set_xticks(range(len(inputs)), [str(i) for i in inputs])
    axes.set_yticks(range(len(lengths)), [str(p) for p in lengths])
    axes.set_xlabel("input length i (steps)")
    axes.set_ylabel("pattern length p (steps)")
    axes.figure.colorbar(image, ax=axes, label=label)


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
