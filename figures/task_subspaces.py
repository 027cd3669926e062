"""Importances, hidden states and heads as networks learn one task after the other, in six panels.

Reads a Dataset of analyses/task_subspaces.py and trains nothing.
"""

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from wmcl.plotting import COLOURS, FileOptions, figure_command
from wmcl.plotting.data import one_of, require
from wmcl.plotting.text import count_text
from wmcl.statistics import mean_interval

SUFFIX = ""
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
CELLS = {"elman": "Elman networks", "lstm": "LSTMs", "gru": "GRUs"}


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    kind: Literal["sampled", "empirical"] = "sampled"
    """of the Fisher"""
    connection: Literal["hh", "ho"] = "hh"
    """whose weights are averaged"""
    phase: Literal["output", "all"] = "output"
    """steps whose hidden states are counted"""
    directions: Literal["first", "now"] = "first"
    """of task 1: of the network right after it was learned, or of the present one"""
    moment: Literal["during", "final"] = "during"
    """of the loss by distance: right after each task was learned, or in the end, when forgetting hides distance"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """A panel a measure; colours and marks tell methods apart in all of them."""
    require(results, "accumulated_importance", "joint_components", "variance_inside", "head_overlap", "distance")
    require(results, "supervised_dimension", "loss_by_step", "same_states")
    figure = Figure(figsize=(8.4, 9.2), layout="constrained")
    panels = figure.subplots(3, 2).ravel()
    _importance(panels[0], results, options)
    _dimensions(panels[1], results, options)
    _inside(panels[2], results, options)
    _heads(panels[3], results)
    _supervised(panels[4], results)
    _distance(panels[5], results, options)
    for letter, axes in zip("abcdef", panels, strict=True):
        axes.set_title(letter, loc="left", fontweight="bold", fontsize=9)
        axes.tick_params(labelsize=7)
    handles = [
        Line2D([], [], color=COLOURS[row], marker=MARKS[row], markersize=4, linewidth=1, label=name)
        for row, name in enumerate(_names(results))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    note = "\n* states have the same distribution in all tasks by construction" if results.same_states.any() else ""
    figure.suptitle(_who(results) + note, fontsize="small")
    return figure


def _names(results: xr.Dataset) -> list[str]:
    """Of the methods, with a star where the states of all tasks are the same by construction."""
    stars = np.where(results.same_states, " *", "")
    return [name + star for name, star in zip(results.approach.values.tolist(), stars.tolist(), strict=True)]


def _who(results: xr.Dataset) -> str:
    configuration = json.loads(results.attrs["configuration"])
    task, network = configuration["task"], configuration["network"]
    p, n = task["pattern_length"], results.accuracy.isel(trained_task=-1, evaluated_task=0).count("seed")
    identity = " inputs tell the task;" if configuration["study"]["task_identity"] else ""
    return (
        f"{CELLS[network['cell']]} of {network['hidden']} units, Permuted Copy Tasks (p = {p}, i ="
        f" {task['input_length'] or p});{identity}\nmean and 95 % t interval over networks, {count_text(n)} a method"
    )


def _line(
    axes: Axes, values: xr.DataArray, x: str, row: int, rows: int, log: bool = False, dashed: bool = False
) -> None:
    """Mean over networks with intervals, where there are networks; rows beside each other, around whole numbers."""
    found = mean_interval(values, log=log)
    found = found.where(found.n > 0, drop=True)
    if not found.sizes[x]:
        return
    half = np.nan_to_num(np.stack([found["average"] - found.low, found.high - found["average"]]))
    look = {
        "color": COLOURS[row],
        "marker": MARKS[row],
        "markersize": 4,
        "linewidth": 1,
        "capsize": 2,
        "elinewidth": 0.8,
    }
    look |= {"linestyle": ":", "markerfacecolor": "white"} if dashed else {}
    shift = 0.04 * (row - (rows - 1) / 2) * (1 if found[x].dtype.kind in "iu" else 0)
    axes.errorbar(found[x].values + shift, found["average"].values, yerr=half, **look)


def _by_method(results: xr.Dataset, name: str) -> list[xr.DataArray]:
    return [results[name].isel(condition=row, drop=True) for row in range(results.sizes["condition"])]


def _over_tasks(axes: Axes, results: xr.Dataset) -> None:
    axes.set_xlabel("number of tasks learned", fontsize=8)
    axes.set_xticks(range(1, results.sizes["trained_task"] + 1))


def _with_number(values: xr.DataArray) -> xr.DataArray:
    return values.assign_coords(trained_task=values.trained_task + 1)


def _importance(axes: Axes, results: xr.Dataset, options: Options) -> None:
    kind = one_of(results, "kind", options.kind)
    at = results.sel(kind=kind, connection=options.connection, statistic="mean")
    for row, values in enumerate(_by_method(at, "accumulated_importance")):
        _line(axes, _with_number(values), "trained_task", row, results.sizes["condition"], log=True)
    axes.set_yscale("log")
    axes.set_ylabel(
        f"{kind} Fisher of W$_{{{options.connection}}}$, added up\n(nats² per sequence, mean over weights)", fontsize=8
    )
    _over_tasks(axes, results)


def _dimensions(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """All tasks together (solid), and the sum of single tasks (dotted), where states may differ between tasks."""
    at = results.sel(phase=one_of(results, "phase", options.phase))
    for name, dashed in (("joint_components", False), ("sum_of_components", True)):
        for row, values in enumerate(_by_method(at, name)):
            if not (dashed and results.same_states[row]):
                _line(axes, _with_number(values), "trained_task", row, results.sizes["condition"], dashed=dashed)
    share = json.loads(results.attrs["configuration"])["measures"]["variance"]
    steps = "output phase" if options.phase == "output" else "all steps"
    axes.set_ylabel(f"components for {100 * share:g} % of the variance\nof h$_t$, {steps}", fontsize=8)
    axes.set_ylim(0)
    _over_tasks(axes, results)
    total = "sum over tasks (not of *)" if results.same_states.any() else "sum over tasks"
    kinds = [
        Line2D([], [], color="grey", linewidth=1, linestyle="-", label="all tasks together"),
        Line2D([], [], color="grey", linewidth=1, linestyle=":", label=total),
    ]
    axes.legend(handles=kinds, fontsize=7)


def _inside(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Later tasks in directions of task 1, in the end; in black what chance gives and what task 1 itself has."""
    end = results.isel(trained_task=-1)
    later = end.variance_inside.sel(directions=one_of(results, "directions", options.directions))
    later = later.isel(evaluated_task=slice(1, None)).mean("evaluated_task")
    k, units = results.component.values, results.sizes["component"]
    for row in range(results.sizes["condition"]):
        found = 100 * mean_interval(later.isel(condition=row, drop=True))[["average", "low", "high"]]
        style = "--" if results.same_states[row] else "-"
        axes.plot(k, found["average"], color=COLOURS[row], linewidth=1.2, linestyle=style)
        axes.fill_between(k, found.low, found.high, color=COLOURS[row], alpha=0.2, linewidth=0)
    own = 100 * end.own_variance.isel(evaluated_task=0).mean(["condition", "seed"])
    axes.plot(k, own, color="black", linewidth=1, linestyle="-.", label="task 1 itself, mean of all methods")
    axes.plot(k, 100 * k / units, color="black", linewidth=1, linestyle=":", label="chance")
    if results.same_states.any():
        text = "drift of the network" if options.directions == "first" else "that of task 1 by construction"
        axes.plot([], [], color="grey", linewidth=1.2, linestyle="--", label=f"*: {text}")
    axes.set_xlim(0, units)
    axes.set_ylim(0, 102)
    text = "right after it was learned" if options.directions == "first" else "in the present network"
    axes.set_xlabel(f"principal directions of task 1, {text}", fontsize=8)
    axes.set_ylabel("variance of later tasks inside (%)\nmean over tasks, in the end", fontsize=8)
    axes.legend(fontsize=7, loc="lower right")


def _heads(axes: Axes, results: xr.Dataset) -> None:
    """Mean over pairs of tasks, a dot a network."""
    end = results.isel(trained_task=-1)
    overlap = end.head_overlap.mean(["evaluated_task", "other_task"])
    names = results.approach.values.tolist()
    for row in range(len(names)):
        values = overlap.isel(condition=row, drop=True)
        axes.plot(values, np.full(values.sizes["seed"], row), "o", color=COLOURS[row], alpha=0.3, markersize=3)
        found = mean_interval(values)
        half = np.nan_to_num([[float(found["average"] - found.low)], [float(found.high - found["average"])]])
        axes.errorbar(
            [float(found["average"])], [row], xerr=half, color=COLOURS[row], marker=MARKS[row], markersize=4, capsize=2
        )
    chance = float(end.head_chance.max())
    axes.axvline(chance, color="black", linestyle=":", linewidth=1, label=f"chance, {chance:.3f}")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0)
    axes.set_xlabel("overlap of heads (0 to 1), mean over pairs of tasks", fontsize=8)
    axes.legend(fontsize=7)


def _supervised(axes: Axes, results: xr.Dataset) -> None:
    """Of networks that solve all tasks so far and whose weights are the same in all of them."""
    for row, values in enumerate(_by_method(results, "supervised_dimension")):
        _line(axes, _with_number(values), "trained_task", row, results.sizes["condition"])
    measures = json.loads(results.attrs["configuration"])["measures"]
    criterion = f"mean accuracy {100 * measures['supervised_criterion']:g} %"
    axes.set_ylabel(f"dimensions of h$_t$ that solve\nall tasks so far ({criterion})", fontsize=8)
    axes.set_ylim(0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _over_tasks(axes, results)
    axes.set_xlim(0.5, results.sizes["trained_task"] + 0.5)
    axes.set_xlabel("number of tasks learned\n(networks that do not solve the tasks have none)", fontsize=8)


def _distance(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Mean over the output steps of all tasks that are equally far; tasks learned at once have one moment, the end."""
    every = results.loss_by_step
    values = every.isel(trained_task=-1, drop=True)
    if options.moment == "during":
        then = every.where(every.trained_task == every.evaluated_task).sum("trained_task", min_count=1)
        values = then.where(then.notnull().all("evaluated_task"), values)
    by_distance = values.stack(answer=["evaluated_task", "output_step"])
    by_distance = by_distance.groupby(by_distance.distance.rename("steps")).mean()
    for row in range(results.sizes["condition"]):
        one = by_distance.isel(condition=row, drop=True)
        if bool(one.notnull().any()):
            _line(axes, one, "steps", row, results.sizes["condition"], log=True)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("steps of back-propagation to the source", fontsize=8)
    text = "right after learning" if options.moment == "during" else "in the end"
    axes.set_ylabel(f"loss, {text}\n(nats per scored bit)", fontsize=8)


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
