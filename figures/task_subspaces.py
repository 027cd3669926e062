"""Importances, hidden states and heads as networks learn one task after the other.

Reads a Dataset of analyses/task_subspaces.py and trains nothing.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wmcl.plotting.data import one_of, require
from wmcl.plotting.draw import Label, ask, estimate, label_beside, line_with_interval
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, WIDTH
from wmcl.plotting.text import cell_text, count_text
from wmcl.statistics import mean_interval


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
    """How many dimensions all tasks fill together, and how much of later tasks lies in directions of the first."""
    require(results, "joint_components", "sum_of_components", "variance_inside", "same_states")
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    _dimensions(left, results, options)
    _inside(right, results, options)
    star = " *: same states in all tasks by construction." if results.same_states.any() else ""
    ask(figure, "Do tasks share directions of the hidden state?", _details(results) + star)
    return figure


def draw_importance(results: xr.Dataset, options: Options) -> Figure:
    """The importances of the tasks so far, added up."""
    require(results, "accumulated_importance")
    kind = one_of(results, "kind", options.kind)
    at = results.sel(kind=kind, connection=options.connection, statistic="mean")
    figure, axes = _panel()
    label = f"{kind} Fisher of W$_{{{options.connection}}}$, added up\n(nats² per sequence, mean over weights)"
    _over_tasks(axes, at.accumulated_importance, results, label, log=True)
    ask(figure, "Does importance pile up as tasks are learned?", _details(results))
    return figure


def draw_heads(results: xr.Dataset, options: Options) -> Figure:
    """How much heads of different tasks overlap: mean over pairs of tasks, a dot a network."""
    require(results, "head_overlap", "head_chance")
    end = results.isel(trained_task=-1)
    overlap, names = end.head_overlap.mean(["evaluated_task", "other_task"]), results.approach.values.tolist()
    figure = Figure(figsize=(WIDTH, 1.4 + 0.22 * len(names)), layout="constrained")
    axes = figure.subplots()
    for row in range(len(names)):
        values = overlap.isel(condition=row, drop=True)
        estimate(axes, values.values, mean_interval(values), row, 0)
    chance = float(end.head_chance.max())
    axes.axvline(chance, color="0.4", linestyle="--", linewidth=0.8)
    axes.text(chance, 1.01, f"chance, {chance:.3f}", transform=axes.get_xaxis_transform(), va="bottom", fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0)
    axes.set_xlabel("overlap of heads (0 to 1), mean over pairs of tasks")
    ask(figure, "Do heads of different tasks read the same directions?", _details(results))
    return figure


def draw_supervised(results: xr.Dataset, options: Options) -> Figure:
    """The dimensions that solve all tasks so far, of networks that solve them with the same weights."""
    require(results, "supervised_dimension")
    figure, axes = _panel()
    criterion = json.loads(results.attrs["configuration"])["measures"]["supervised_criterion"]
    label = f"dimensions of h$_t$ that solve\nall tasks so far (mean accuracy {100 * criterion:g} %)"
    _over_tasks(axes, results.supervised_dimension, results, label, log=False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    details = f"{_details(results)} Networks that do not solve the tasks have no mark."
    ask(figure, "How many dimensions are needed to solve all tasks so far?", details)
    return figure


def draw_distance(results: xr.Dataset, options: Options) -> Figure:
    """The loss of output steps by how far their error has to travel back."""
    require(results, "loss_by_step", "distance")
    figure, axes = _panel()
    _distance(axes, results, options)
    ask(figure, "Is what lies further back answered worse?", _details(results))
    return figure


def _panel() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(0.75 * WIDTH, 3.6), layout="constrained")
    return figure, figure.subplots()


def _names(results: xr.Dataset) -> list[str]:
    """Of the methods, with a star where the states of all tasks are the same by construction."""
    stars = np.where(results.same_states, " *", "")
    return [name + star for name, star in zip(results.approach.values.tolist(), stars.tolist(), strict=True)]


def _details(results: xr.Dataset) -> str:
    configuration = json.loads(results.attrs["configuration"])
    task, network = configuration["task"], configuration["network"]
    p, n = task["pattern_length"], results.accuracy.isel(trained_task=-1, evaluated_task=0).count("seed")
    identity = " inputs tell the task;" if configuration["study"]["task_identity"] else ""
    return (
        f"{cell_text(network['cell'])} of {network['hidden']} units, Permuted Copy Tasks (p = {p}, i ="
        f" {task['input_length'] or p});{identity} mean and 95 % t interval over {count_text(n)} networks a method."
    )


def _lines(
    axes: Axes, values: xr.DataArray, x: str, results: xr.Dataset, log: bool = False, **look: Any
) -> list[Label]:
    """A line a method, beside each other around whole numbers, and its label."""
    labels, rows = list[Label](), values.sizes["condition"]
    for row, name in enumerate(results.approach.values.tolist()):
        one = values.isel(condition=row, drop=True)
        shift = 0.04 * (row - (rows - 1) / 2)
        end = line_with_interval(axes, one.assign_coords({x: one[x] + shift}), x, row, log, **look)
        labels.append((name, end, COLOURS[row % len(COLOURS)]))
    return labels


def _over_tasks(axes: Axes, values: xr.DataArray, results: xr.Dataset, label: str, log: bool) -> list[Label]:
    """A line a method against the number of tasks that were learned."""
    numbered = values.assign_coords(trained_task=values.trained_task + 1)
    labels = _lines(axes, numbered, "trained_task", results, log)
    axes.set_xlabel("number of tasks learned")
    axes.set_xticks(range(1, results.sizes["trained_task"] + 1))
    axes.set_xlim(0.7, results.sizes["trained_task"] + 0.3)
    axes.set_ylabel(label)
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(0)
    label_beside(axes, labels)
    return labels


def _dimensions(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """All tasks together (solid), and the sum of single tasks (dotted), where states may differ between tasks."""
    at = results.sel(phase=one_of(results, "phase", options.phase))
    share = json.loads(results.attrs["configuration"])["measures"]["variance"]
    steps = "output phase" if options.phase == "output" else "all steps"
    total = at.sum_of_components.where(~results.same_states)
    numbered = total.assign_coords(trained_task=total.trained_task + 1)
    _lines(axes, numbered, "trained_task", results, linestyle=":", markerfacecolor="white")
    label = f"components for {100 * share:g} % of the variance\nof h$_t$, {steps}"
    _over_tasks(axes, at.joint_components, results.assign(approach=("condition", _names(results))), label, log=False)
    axes.set_title("all tasks together; dotted: sum over tasks", loc="left")


def _inside(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Later tasks in directions of task 1, in the end; in black what chance gives and what task 1 itself has."""
    end = results.isel(trained_task=-1)
    later = end.variance_inside.sel(directions=one_of(results, "directions", options.directions))
    later = later.isel(evaluated_task=slice(1, None)).mean("evaluated_task")
    k, units, labels = results.component.values, results.sizes["component"], list[Label]()
    for row, name in enumerate(_names(results)):
        found = 100 * mean_interval(later.isel(condition=row, drop=True))[["average", "low", "high"]]
        colour = COLOURS[row % len(COLOURS)]
        axes.plot(k, found["average"], color=colour, linewidth=1.2)
        axes.fill_between(k, found.low, found.high, color=colour, alpha=0.2, linewidth=0)
        if bool(found["average"].notnull().any()):
            labels.append((name, (units, float(found["average"].mean())), colour))
    own = 100 * end.own_variance.isel(evaluated_task=0).mean(["condition", "seed"])
    axes.plot(k, own, color="black", linewidth=1, linestyle="-.")
    axes.plot(k, 100 * k / units, color="black", linewidth=1, linestyle=":")
    labels += [("task 1 itself", (units, float(own.mean())), "black"), ("chance", (units, 50.0), "black")]
    axes.set_xlim(0, units)
    axes.set_ylim(0, 102)
    text = "right after it was learned" if options.directions == "first" else "in the present network"
    axes.set_xlabel(f"principal directions of task 1,\n{text}")
    axes.set_ylabel("variance of later tasks inside (%)")
    axes.set_title("in the end, mean over tasks", loc="left")
    label_beside(axes, labels, at_edge=True)


def _distance(axes: Axes, results: xr.Dataset, options: Options) -> None:
    """Mean over the output steps of all tasks that are equally far; tasks learned at once have one moment, the end."""
    every = results.loss_by_step
    values = every.isel(trained_task=-1, drop=True)
    if options.moment == "during":
        then = every.where(every.trained_task == every.evaluated_task).sum("trained_task", min_count=1)
        values = then.where(then.notnull().all("evaluated_task"), values)
    by_distance = values.stack(answer=["evaluated_task", "output_step"])
    by_distance = by_distance.groupby(by_distance.distance.rename("steps")).mean()
    labels = _lines(axes, by_distance, "steps", results, log=True)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("steps of back-propagation to the source")
    text = "right after learning" if options.moment == "during" else "in the end"
    axes.set_ylabel(f"loss, {text}\n(nats per scored bit)")
    label_beside(axes, labels)


FIGURES = {
    "": draw,
    "_importance": draw_importance,
    "_heads": draw_heads,
    "_supervised": draw_supervised,
    "_distance": draw_distance,
}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
