"""At which steps the recurrent weights become important.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. Without options it takes the longest condition.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from wmcl.plotting.data import MissingError, choose_known, require, stage_of, training_of
from wmcl.plotting.draw import ask, band_with_interval, shade_phases
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import WIDTH
from wmcl.plotting.text import stage_text, task_text, training_text
from wmcl.statistics import mean_interval


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
    """Share of each step in the trace of the Fisher."""
    require(results, "reuse_share", "reuse_own")
    names = ("pattern_length", "input_length", "lead", "independent_bits")
    part = training_of(results, options.initialisation, options.reduction)
    part = choose_known(part, **{name: getattr(options, name) for name in names})
    one = part.isel(condition=int(np.lexsort((part["memory_load"].values, part.steps.values))[-1]))
    steps = int(one.steps)
    if not bool(one.reuse_share.notnull().any()):
        raise MissingError(f"no network of the condition {task_text(one)} has a reuse profile")
    one = one.isel(step=slice(0, steps))
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    shade_phases(axes, one)
    band_with_interval(axes, one.reuse_share, "step", 0)
    axes.axhline(1 / steps, color="0.4", linewidth=0.8, linestyle="--")
    axes.annotate("all steps alike", (0, 1 / steps), (2, 2), textcoords="offset points", color="0.4", fontsize=7)
    axes.set_xlabel("step")
    axes.set_ylabel("share of the step in the trace\nof the sampled Fisher of W$_{hh}$")
    own = mean_interval(one.reuse_own)
    span = f"{float(own['average']):.2f} [{float(own.low):.2f}, {float(own.high):.2f}]"
    ask(
        figure,
        "At which steps do the recurrent weights become important?",
        f"{task_text(one)}; {training_text(one)}, {stage_text(stage_of(results, None))}. Mean and 95 % t interval over"
        f" n = {int(own.n)} networks. Steps by themselves make up {span} of the trace, pairs of steps the rest"
        " (less than nothing where they cancel).",
    )
    return figure


FIGURES = {"_reuse": draw}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
