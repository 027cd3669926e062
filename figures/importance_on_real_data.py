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

from wmcl.plotting.data import MissingError, one_of, require
from wmcl.plotting.draw import Label, ask, estimate, label_beside, line_with_interval
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, MARKERS, WIDTH
from wmcl.plotting.text import count_text, importance_text, variance_share
from wmcl.statistics import mean_interval

PHASES = {"output": "last step", "input": "input phase", "all": "all steps"}
OVERLAPS = {
    "overlap_states_last_step": "overlap of states,\nlast step",
    "overlap_states_all_steps": "overlap of states,\nall steps",
    "overlap_fisher": "overlap of\nimportances",
}
PREDICTORS = OVERLAPS | {"second_accuracy": "accuracy on\nthe second task", "moved": "distance moved"}
FORGOTTEN = {"forgetting_loss": "rise of the loss (nats)", "forgetting_accuracy": "accuracy lost (fraction)"}
REMOVED = {
    "nothing": "of all values",
    "means of tasks": "without differences between tasks",
    "means of pairs": "without differences between pairs",
}


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

    @property
    def choice(self) -> str:
        """The sampled Fisher of W_hh has the name of the dataset alone."""
        kind = "" if self.kind == "sampled" else f"_{self.kind.replace(' ', '_')}"
        return kind if self.connection == "hh" else f"{kind}_{self.connection}"


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Importance and dimension, a line a task or a row a condition."""
    require(results, "task", "task_size", "importance", "components", "effective_rank", "training_iterations")
    stage = one_of(results, "stage", options.stage or results.attrs["main_stage"])
    one_of(results, "kind", options.kind)
    one_of(results, "connection", options.connection)
    at, per = results.sel(stage=stage), _per(results)
    phase = options.phase or ("output" if bool(at.components.sel(phase="output").notnull().any()) else "all")
    size = results.attrs["task_size"]
    figure = Figure(figsize=(WIDTH, 3.3 if size else 1.4 + 0.19 * results.sizes["condition"]), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=not size)
    importance = at.importance.sel(kind=options.kind, connection=options.connection, statistic="mean", per=per)
    label = importance_text(options.kind, options.connection, "bit of the answer" if per == "bit" else "answer")
    counted = f"components for {variance_share(results):.0%} of\nthe variance of h$_t$ ({PHASES[phase]})"
    draw_all = _lines if size else _rows
    draw_all(left, importance, label, True)
    draw_all(right, at.components.sel(phase=phase), counted, False)
    if size:
        for axes in (left, right):
            axes.set_xlabel(size)
    question = (
        f"How do importance and dimensionality grow with the {size}?"
        if size
        else "Which tasks need more important weights, and more dimensions?"
    )
    missed = int((at.reached == 0).sum())
    censored = f" {missed} of {at.reached.size} networks missed the loss and are left out." if missed else ""
    loss = f"{stage} nats {'a bit' if per == 'bit' else 'an answer'}"
    ask(
        figure,
        question,
        f"{_networks(results)} at {loss}; mean and 95 % t interval over n = {results.sizes['seed']} networks"
        f" (importance: geometric mean).{censored}",
    )
    return figure


def draw_forgetting(results: xr.Dataset, options: Options) -> Figure:
    """Forgetting against the overlap of two tasks, and what else goes with forgetting."""
    require(results, "correlation", "first", options.overlap, options.forgetting)
    if not results.sizes["pair"]:
        raise MissingError("this dataset has no pairs of tasks")
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _scatter(left, results, options)
    _correlations(right, results, options)
    ask(
        figure,
        "Do tasks that overlap more make networks forget more?",
        f"{_networks(results)}. Left: each pair of tasks, and each of its networks faint. Right: rank correlation over"
        f" {results.sizes['pair']} pairs, mean and 95 % t interval over networks, each network faint.",
    )
    return figure


def _per(results: xr.Dataset) -> str:
    """What losses are matched for: files from before there was a choice do not say."""
    return str(results.attrs.get("per", "bit"))


def _networks(results: xr.Dataset) -> str:
    """Say on which data which networks were trained."""
    network = json.loads(results.attrs["configuration"])["network"]
    direction = network.get("direction", "forward")
    units = f"{network['hidden']} units{' a direction' if direction == 'bidirectional' else ''}"
    return f"{results.attrs['data']}; {'LSTMs' if direction == 'forward' else f'{direction} LSTMs'} of {units}"


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
    labels = list[Label]()
    for style, name in enumerate(names):
        places = np.flatnonzero((tasks == name) | (sizes == sizes.min()))
        line = values.isel(condition=places[np.argsort(sizes[places])]).swap_dims(condition="task_size")
        labels.append((str(name), line_with_interval(axes, line, "task_size", style, log), COLOURS[style]))
    axes.set_ylabel(label)
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xscale("log")
    axes.set_xticks(np.unique(sizes), [f"{m:g}" for m in np.unique(sizes)])
    axes.xaxis.set_minor_locator(NullLocator())
    label_beside(axes, labels)


def _scatter(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Every network as a faint dot, and the mean of each pair."""
    x, y = results[options.overlap], results[options.forgetting]
    axes.plot(x.values.ravel(), y.values.ravel(), "o", color=COLOURS[0], markersize=2.5, alpha=0.3, markeredgewidth=0)
    axes.plot(x.mean("seed"), y.mean("seed"), "o", color=COLOURS[0], markersize=5)
    axes.axhline(0, color="0.5", linewidth=0.7, zorder=0)
    axes.set_xlabel(f"{' '.join(OVERLAPS[options.overlap].split())}, before the second task")
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
        axes.plot([], [], MARKERS[style], color=COLOURS[style], markersize=5, linestyle="none", label=text)
    axes.axvline(0, color="grey", linewidth=0.7, zorder=0)
    axes.axhline(-overlaps + 0.5, color="grey", linewidth=0.5, linestyle=":")
    axes.set_yticks(-np.arange(len(drawn)), list(drawn.values()))
    axes.set_xlim(-1.05, 1.05)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), handletextpad=0.2, borderaxespad=0)
    count = count_text(found.sel(removed="nothing", predictor=list(drawn)).count("seed"))
    axes.set_xlabel(f"rank correlation with forgetting\n({count} networks a pair)")


FIGURES = {"": draw, "_forgetting": draw_forgetting}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
