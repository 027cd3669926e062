"""At which steps the recurrent weights become important, and which pairs of steps share importance.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. Without options it takes the longest condition.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wmcl.plotting import FileOptions, figure_command
from wmcl.plotting.data import MissingError, choose_known, require, stage_of, training_of
from wmcl.plotting.draw import band_with_interval, shade_phases
from wmcl.plotting.text import stage_text, task_text, training_text
from wmcl.statistics import mean_interval

SUFFIX = "_reuse"


@dataclass(frozen=True)
class Options(FileOptions):
    """Which condition; the longest one of those that have what is given."""

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
    """Share of each step, and of each pair of steps where the dataset has them."""
    require(results, "reuse_share", "reuse_own")
    names = ("pattern_length", "input_length", "lead", "independent_bits")
    part = training_of(results, options.initialisation, options.reduction)
    part = choose_known(part, **{name: getattr(options, name) for name in names})
    one = part.isel(condition=int(np.lexsort((part["memory_load"].values, part.steps.values))[-1]))
    steps = int(one.steps)
    if not bool(one.reuse_share.notnull().any()):
        raise MissingError(f"no network of the condition {task_text(one)} has a reuse profile")
    pairs = "reuse" in one
    figure = Figure(figsize=(7.6 if pairs else 4.2, 3.6), layout="constrained")
    panels = figure.subplots(1, 2 if pairs else 1, squeeze=False)[0]
    handles = _shares(panels[0], one.isel(step=slice(0, steps)))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize="x-small")
    if pairs:
        _matrix(panels[1], one.reuse.mean("seed").values[:steps, :steps], int(one.lead + one.input_length))
    own = mean_interval(one.reuse_own)
    span = f"{float(own['average']):.2f} [{float(own.low):.2f}, {float(own.high):.2f}]"
    figure.suptitle(
        f"Sampled Fisher of W$_{{hh}}$ at {stage_text(stage_of(results, None))}: {task_text(one)};\n"
        f"{training_text(one)}\n"
        f"single steps without pairs (above 1 where pairs cancel): {span}, 95 % t interval, n = {int(own.n)}"
        + ("" if pairs else "\n(this dataset keeps no pairs of steps)"),
        fontsize="small",
    )
    return figure


def _shares(axes: Axes, one: xr.Dataset) -> list[Artist]:
    patches = shade_phases(axes, one)
    band_with_interval(axes, one.reuse_share, "step", "mean, 95 % t interval", 0)
    axes.axhline(1 / int(one.steps), color="grey", linewidth=0.8, linestyle="--", label="all steps alike")
    axes.set_xlabel("step t (steps)")
    axes.set_ylabel("share of the step in the trace\nof the sampled Fisher")
    return [*patches, *axes.get_legend_handles_labels()[0]]


def _matrix(axes: Axes, share: np.ndarray, stop: int) -> None:
    """Pairs of steps; lines mark the stop flag."""
    most = np.abs(share).max()
    image = axes.imshow(share, cmap="RdBu_r", vmin=-most, vmax=most, origin="lower", interpolation="nearest")
    for line in (axes.axvline, axes.axhline):
        line(stop, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlabel("step t (steps); dotted: stop flag")
    axes.set_ylabel("other step t' (steps)")
    axes.figure.colorbar(image, ax=axes, label="share of the pair of steps")


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
