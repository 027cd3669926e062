"""Importance and dimensionality on real data, and forgetting against the overlap of two tasks.

Reads a Dataset of analyses/importance_on_real_data.py and trains nothing.
"""

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from wmcl.plotting import COLOURS, MARKERS, FileOptions, figure_command, line_with_interval
from wmcl.plotting.data import one_of, require
from wmcl.plotting.draw import estimate
from wmcl.plotting.text import count_text, importance_text, variance_share
from wmcl.statistics import mean_interval

PHASES = {"output": "last step", "input": "input phase", "all": "all steps"}
OVERLAPS = {
    "overlap_states_last_step": "states, last step",
    "overlap_states_all_steps": "states, all steps",
    "overlap_fisher": "Fishers",
}
PREDICTORS = OVERLAPS | {"second_accuracy": "accuracy on task 2", "moved": "distance moved"}
FORGOTTEN = {"forgetting_loss": "rise of the loss (nats)", "forgetting_accuracy": "accuracy lost (fraction)"}
REMOVED = {"nothing": "all", "means of tasks": "task means off", "means of pairs": "pair means off"}


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    kind: str = "sampled"
    """of importance, as in the dataset"""
    connection: Literal["ih", "ih_reverse", "hh", "hh_reverse", "out"] = "hh"
    """whose weights are averaged; reverse: of the half that reads backwards, if networks read in both directions"""
    stage: str | None = None
    """matched loss as in the dataset; None takes that of the report"""
    phase: Literal["output", "input", "all"] | None = None
    """steps whose hidden states are counted; output: the last one; None takes that, or all where every step is
    answered"""
    overlap: Literal["overlap_states_last_step", "overlap_states_all_steps", "overlap_fisher"] = (
        "overlap_states_all_steps"
    )
    """what forgetting is drawn against"""
    forgetting: Literal["forgetting_loss", "forgetting_accuracy"] = "forgetting_loss"
    """how forgetting is measured"""


def suffix_of(options: Options) -> str:
    """The sampled Fisher of W_hh has the name of the dataset alone."""
    kind = "" if options.kind == "sampled" else f"_{options.kind.replace(' ', '_')}"
    return kind if options.connection == "hh" else f"{kind}_{options.connection}"


SUFFIX = suffix_of


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Importance and dimension, a line a task or a row a condition; below, if there are pairs, forgetting."""
    require(results, "task", "task_size", "importance", "components", "effective_rank", "training_iterations")
    stage = one_of(results, "stage", options.stage or results.attrs["main_stage"])
    one_of(results, "kind", options.kind)
    one_of(results, "connection", options.connection)
    at, per = results.sel(stage=stage), _per(results)
    phase = options.phase or ("output" if bool(at.components.sel(phase="output").notnull().any()) else "all")
    has_pairs = "correlation" in results
    figure = Figure(figsize=(7.6, 6.4 if has_pairs else 3.5), layout="constrained")
    parts = figure.subfigures(2 if has_pairs else 1, 1, height_ratios=[1.1, 1] if has_pairs else [1], squeeze=False)[
        :, 0
    ]
    left, right = parts[0].subplots(1, 2)
    importance = at.importance.sel(kind=options.kind, connection=options.connection, statistic="mean", per=per)
    label = importance_text(options.kind, options.connection, "bit of the answer" if per == "bit" else "answer")
    counted = f"components for {variance_share(results):.0%} of\nthe variance of h$_t$ ({PHASES[phase]})"
    draw_all = _lines if results.attrs["task_size"] else _rows
    draw_all(left, importance, label, True)
    draw_all(right, at.components.sel(phase=phase), counted, False)
    if results.attrs["task_size"]:
        for axes in (left, right):
            axes.set_xlabel(results.attrs["task_size"])
        names = left.get_legend_handles_labels()
        parts[0].legend(*names, loc="outside lower center", ncols=min(3, max(len(names[1]), 1)), fontsize="x-small")
    if has_pairs:
        below = parts[1].subplots(1, 2)
        _scatter(below[0], results, options)
        _correlations(below[1], results, options)
    for letter, axes in zip("abcd", figure.axes, strict=False):
        axes.set_title(letter, loc="left", fontweight="bold", fontsize=9)
        axes.tick_params(which="both", labelsize=7)
        axes.xaxis.label.set_fontsize(8)
        axes.yaxis.label.set_fontsize(8)
    figure.suptitle(_title(results, at, stage), fontsize="small")
    return figure


def _per(results: xr.Dataset) -> str:
    """What losses are matched for: files from before there was a choice do not say."""
    return str(results.attrs.get("per", "bit"))


def _title(results: xr.Dataset, at: xr.Dataset, stage: str) -> str:
    network = json.loads(results.attrs["configuration"])["network"]
    missed = int((at.reached == 0).sum())
    censored = f"; {missed} of {at.reached.size} networks missed the loss and are left out" if missed else ""
    direction = network.get("direction", "forward")
    units = f"{network['hidden']} units{' a direction' if direction == 'bidirectional' else ''}"
    what = "LSTMs" if direction == "forward" else f"{direction} LSTMs"
    loss = f"{stage} nats {'a bit' if _per(results) == 'bit' else 'an answer'}"
    return (
        f"{results.attrs['data']}\n{what} of {units} at {loss}; mean and 95 % t interval over"
        f" {results.sizes['seed']} networks (importance: geometric mean){censored}"
    )


def _rows(axes: Axes, values: xr.DataArray, label: str, log: bool) -> None:
    """A row a condition, from top to bottom: its networks, their mean and interval; none where no network counts."""
    values = values.where(values > 0) if log else values
    for row in range(values.sizes["condition"]):
        one = values.isel(condition=row).reset_coords(drop=True)
        if bool(one.notnull().any()):
            estimate(axes, one.values, mean_interval(one, log=log), -float(row), 0)
    axes.set_yticks(-np.arange(values.sizes["condition"]), values.task.values.tolist())
    axes.set_ylim(0.6 - values.sizes["condition"], 0.6)
    axes.set_xlabel(label)
    if log:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)


def _lines(axes: Axes, values: xr.DataArray, label: str, log: bool) -> None:
    """A line a task, each from the smallest condition on, which belongs to all of them."""
    tasks = values.task.values
    sizes = values["task_size"].values
    smallest = tasks[sizes == sizes.min()]
    names = [name for name in dict.fromkeys(tasks.tolist()) if name not in smallest] or list(
        dict.fromkeys(tasks.tolist())
    )
    for style, name in enumerate(names):
        places = np.flatnonzero((tasks == name) | (sizes == sizes.min()))
        line = values.isel(condition=places[np.argsort(sizes[places])]).swap_dims(condition="task_size")
        line_with_interval(axes, line, "task_size", str(name), style, log)
    axes.set_ylabel(label)
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xscale("log")
    axes.set_xticks(np.unique(sizes), [f"{m:g}" for m in np.unique(sizes)])
    axes.xaxis.set_minor_locator(NullLocator())


def _scatter(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Every network as a faint dot, and the mean of each pair, in the colour of the task that is forgotten."""
    x, y = results[options.overlap], results[options.forgetting]
    for style, first in enumerate(np.unique(results["first"].values)):
        own = np.flatnonzero(results["first"].values == first)
        colour, marker = COLOURS[style % len(COLOURS)], MARKERS[style % len(MARKERS)]
        dots = {"color": colour, "linestyle": "none", "marker": marker}
        axes.plot(x.isel(pair=own).values.ravel(), y.isel(pair=own).values.ravel(), markersize=2, alpha=0.3, **dots)
        means = [values.isel(pair=own).mean("seed").values for values in (x, y)]
        axes.plot(*means, markersize=4.5, label=f"{int(first)}", **dots)
    axes.axhline(0, color="grey", linewidth=0.6, zorder=0)
    axes.legend(title="first task", fontsize="xx-small", title_fontsize="xx-small", ncols=2, handletextpad=0.2)
    axes.set_xlabel(f"overlap of {OVERLAPS[options.overlap]}, before task 2 is learned")
    axes.set_ylabel(f"forgetting of the first task:\n{FORGOTTEN[options.forgetting]}")


def _correlations(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Rank correlation with forgetting of each predictor: over networks, as dots with their mean and interval."""
    found = results.correlation.sel(forgetting=options.forgetting)
    drawn = {n: text for n, text in PREDICTORS.items() if bool(results[n].notnull().any())}
    overlaps = sum(name in OVERLAPS for name in drawn)
    for row, predictor in enumerate(drawn):
        for style, removed in enumerate(REMOVED):
            one = found.sel(predictor=predictor, removed=removed)
            if bool(one.notnull().any()):
                estimate(axes, one.values, mean_interval(one), -row - 0.22 * (style - 1), style)
    for style, text in enumerate(REMOVED.values()):
        axes.plot([], [], MARKERS[style], color=COLOURS[style], markersize=5, label=text)
    axes.axvline(0, color="grey", linewidth=0.7, zorder=0)
    axes.axhline(-overlaps + 0.5, color="grey", linewidth=0.5, linestyle=":")
    axes.set_yticks(-np.arange(len(drawn)), list(drawn.values()))
    axes.set_xlim(-1.05, 1.05)
    axes.legend(
        fontsize="xx-small", loc="lower left", bbox_to_anchor=(0.08, 1), ncols=3, handletextpad=0.2, borderpad=0
    )
    count = count_text(found.sel(removed="nothing", predictor=list(drawn)).count("seed"))
    axes.set_xlabel(f"rank correlation with forgetting over {results.sizes['pair']} pairs\n({count} networks a pair)")


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
