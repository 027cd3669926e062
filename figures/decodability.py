"""What working memory holds, step by step, beside the dimensions that the hidden states fill.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. Without options it compares the input lengths of
the pattern length that has most of them. Dimensions are no memory: what is held is what decoders find.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wmcl.plotting import COLOURS, FileOptions, figure_command
from wmcl.plotting.data import MissingError, choose_known, of_sweeps, require, stage_of, training_of, values_of
from wmcl.plotting.draw import band_with_interval, shade_phases
from wmcl.plotting.text import stage_text, task_text, training_text, variance_share

SUFFIX = "_decodability"
LINES = 4
CONDITION = ("pattern_length", "input_length", "lead", "independent_bits")


@dataclass(frozen=True)
class Options(FileOptions):
    """Which conditions; at most four of those that have what is given, and always the longest."""

    pattern_length: int | None = None
    """p"""
    input_length: int | None = None
    """i"""
    lead: int | None = None
    """steps before the pattern"""
    independent_bits: int | None = None
    """of a pattern step"""
    initialisation: str | None = None
    """of the networks; None takes the first of the dataset"""
    reduction: str | None = None
    """of their training loss; None takes the first of the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Bits held and dimensions over steps, and which pattern step is held when in the longest condition."""
    require(results, "bits_held", "decodability", "components_by_step")
    part = chosen(results, options)
    last = part.isel(condition=-1)
    figure = Figure(figsize=(10.2, 3.5), layout="constrained")
    bits, dimensions, matrix = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    patches = []
    stage = stage_of(results, None)
    for axes, values in ((bits, part.bits_held), (dimensions, part.components_by_step.sel(stage=stage))):
        patches = shade_phases(axes, last, origin=float(last.lead + last.input_length))
        for k in range(part.sizes["condition"]):
            band_with_interval(axes, _from_stop(part, values, k), "step", task_text(part.isel(condition=k)), k)
        axes.set_ylim(bottom=0)
    for k, load in enumerate(part["memory_load"].values):
        bits.axhline(load, color=COLOURS[k], linewidth=0.8, linestyle="--")
    bits.set_ylabel("bits held (dashed: load)")
    dimensions.set_ylabel(f"components for {variance_share(results):.0%} of the\nvariance of h$_t$ at each step")
    _matrix(matrix, last)
    for axes in (bits, dimensions, matrix):
        axes.set_xlabel("step after the stop flag (steps)")
    handles = [*bits.get_legend_handles_labels()[0], *patches]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize="x-small")
    figure.suptitle(
        f"What linear decoders find in h$_t$ (lower bound), and the dimensions it fills, at {stage_text(stage)};\n"
        f"{training_text(part)}; bands: 95 % t intervals over networks; shades: phases of the longest condition",
        fontsize="small",
    )
    return figure


def chosen(results: xr.Dataset, options: Options) -> xr.Dataset:
    """The conditions to draw, the longest one last."""
    part = training_of(results, options.initialisation, options.reduction)
    asked = {name: getattr(options, name) for name in CONDITION}
    if all(value is None for value in asked.values()):
        part = of_sweeps(part) if of_sweeps(part).sizes["condition"] else part
        asked["pattern_length"] = max(values_of(part, "pattern_length"), key=lambda p: (part.pattern_length == p).sum())
    part = choose_known(part, **asked)
    part = part.isel(condition=part.bits_held.notnull().any(["seed", "step"]).values)
    size = part.sizes["condition"]
    if size == 0:
        raise MissingError("no network of these conditions has decoded bits")
    kept = np.unique(np.linspace(0, size - 1, min(size, LINES)).round().astype(int))
    return part.isel(condition=np.argsort(part.steps.values, kind="stable")[kept])


def _from_stop(part: xr.Dataset, values: xr.DataArray, k: int) -> xr.DataArray:
    one = part.isel(condition=k)
    own = values.isel(condition=k, step=slice(0, int(one.steps)))
    return own.assign_coords(step=own.step - int(one.lead + one.input_length))


def _matrix(axes: Axes, one: xr.Dataset) -> None:
    """Bits a channel, pattern step by step of the sequence."""
    steps, p, stop = int(one.steps), int(one.pattern_length), int(one.lead + one.input_length)
    held = one.decodability.mean("seed").transpose("pattern_step", "step").values[:p, :steps]
    extent = (-0.5 - stop, steps - 0.5 - stop, -0.5, p - 0.5)
    look: dict[str, Any] = {
        "cmap": "viridis",
        "vmin": 0,
        "vmax": 1,
        "origin": "lower",
        "aspect": "auto",
        "interpolation": "nearest",
    }
    image = axes.imshow(held, extent=extent, **look)
    n = int(one.bits_held.notnull().any("step").sum())
    axes.set_title(f"{task_text(one)}  (mean, n = {n})", fontsize="x-small")
    axes.set_ylabel("pattern step (steps)")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.figure.colorbar(image, ax=axes, label="decodable (bits a channel)")


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
