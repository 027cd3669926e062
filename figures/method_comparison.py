"""Continual-learning methods side by side: their accuracies, what is left of each task, and what they store.

Reads a Dataset of analyses/method_comparison.py and trains nothing.
"""

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from wmcl.plotting import plot_accuracy_matrix
from wmcl.plotting.data import one_of, require
from wmcl.plotting.draw import accuracy_bar, ask
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, WIDTH
from wmcl.plotting.text import cell_text, count_text
from wmcl.statistics import mean_interval

ACROSS = 5
"""accuracy matrices in a row, at the most"""
REFERENCES = ("multitask", "from scratch", "fine-tuning")
"""what the other methods are compared with; they stand above these"""
MEASURES = {"during": (COLOURS[1], "right after each task", "D"), "final": (COLOURS[0], "after all tasks", "o")}
"""colour, words and mark of each accuracy"""


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    data: Literal["test", "validation"] = "test"
    """set of sequences that accuracies are of"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Accuracy of each method right after each task and after all of them, the best one on top."""
    at = _at(results, options, "during", "final", "published_final")
    at = _sorted(at, -at.final.mean("seed"))
    rows, chance = np.arange(at.sizes["condition"]), _chance(at)
    figure = Figure(figsize=(WIDTH, 1.4 + 0.2 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for name, (colour, words, mark) in MEASURES.items():
        mean, error = _means(100 * at[name])
        look: dict[str, Any] = {"color": colour, "linestyle": "none", "elinewidth": 1, "capsize": 1.5}
        axes.errorbar(mean, rows, xerr=error, fmt=mark, markersize=4.5, label=words, **look)
    if _is_comparable(at):
        _published(axes, at, rows)
    axes.axvline(chance, color="0.5", linewidth=0.8, linestyle="--", zorder=0)
    name = str(at.attrs["chance_name"])
    axes.text(chance, -0.9, f" {name}", color="0.4", fontsize=7, va="center", ha="left")
    _name_rows(axes, at)
    axes.set_xlim(right=101.5)
    axes.set_xlabel(f"accuracy (% of {at.attrs['answers']})")
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.2, 1.0), "borderaxespad": 0}
    axes.legend(ncols=3, columnspacing=1.2, handletextpad=0.3, reverse=True, **where)
    ask(figure, "Which methods know all tasks in the end?", _details(results, options, at.final))
    return figure


def draw_matrices(results: xr.Dataset, options: Options) -> Figure:
    """The accuracy on each task from when it was learned on, a matrix a method."""
    at = _at(results, options, "accuracy")
    at = _sorted(at, -at.final.mean("seed"))
    learned = at.evaluated_task <= at.trained_task
    names = [name + " *" * told for name, told in zip(at.approach.values.tolist(), _told(at), strict=True)]
    at = at[["accuracy"]].where(learned)
    methods = at.sizes["condition"]
    lines = -(-methods // ACROSS)
    figure = Figure(figsize=(WIDTH, 1.0 + 1.3 * lines), layout="constrained")
    panels = figure.subplots(lines, ACROSS, squeeze=False).ravel().tolist()
    for row, axes in enumerate(panels):
        if row >= methods:
            axes.set_axis_off()
            continue
        plot_accuracy_matrix(at.isel(condition=row), ax=axes, bar=False)
        axes.set_title("\n".join(wrap(names[row], 18)), fontsize=7, pad=3)
        if row:
            axes.set(xlabel="", ylabel="")
    chance = float(at.attrs["chance"])
    accuracy_bar(panels[0].images[0], panels, chance, str(at.attrs["answers"]))
    ask(
        figure,
        "What is left of each task while further ones are learned?",
        f"{_details(results, options, results.final, 'mean')}\nGrey: not learned yet, or no network of that time.",
    )
    return figure


def draw_memory(results: xr.Dataset, options: Options) -> Figure:
    """Forgetting of each method beside what it stores, the one that forgets least on top."""
    at = _at(results, options, "forgetting", "stored")
    at = at.isel(condition=np.flatnonzero(at.forgetting.notnull().any("seed").values))
    at = _sorted(at, at.forgetting.mean("seed"))
    rows = np.arange(at.sizes["condition"])
    figure = Figure(figsize=(WIDTH, 1.3 + 0.2 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.2, 1])
    mean, error = _means(100 * at.forgetting)
    left.errorbar(mean, rows, xerr=error, fmt="o", color=COLOURS[0], markersize=4.5, elinewidth=1, capsize=1.5)
    left.axvline(0, color="0.5", linewidth=0.8, zorder=0)
    left.set_xlabel("forgetting (percentage points)")
    stored = at.stored.isel(trained_task=-1).mean("seed").values
    right.plot(stored, rows, "s", color=COLOURS[1], markersize=4.5, clip_on=False)
    right.set_xlabel("numbers stored beyond one network")
    _log_axis_with_zero(right, stored[np.isfinite(stored)])
    _name_rows(left, at)
    right.grid(axis="y", color="0.92", linewidth=0.6)
    right.tick_params(axis="y", length=0)
    out = results.sizes["condition"] - len(rows)
    left_out = f" {out} method{'s' if out > 1 else ''} without forgetting left out." if out else ""
    details = _details(results, options, at.forgetting) + left_out
    ask(figure, "How much does each method forget, and what does it store for that?", details)
    return figure


def _at(results: xr.Dataset, options: Options, *names: str) -> xr.Dataset:
    require(results, *names, "approach", "final", "stored")
    return results.sel(data=one_of(results, "data", options.data))


def _sorted(at: xr.Dataset, key: xr.DataArray) -> xr.Dataset:
    """References first, in their order, then the methods by the key."""
    names = at.approach.values.tolist()
    values = np.nan_to_num(key.values, nan=np.inf)
    place = {name: (REFERENCES.index(name) if name in REFERENCES else len(REFERENCES)) for name in names}
    order = sorted(range(len(names)), key=lambda row: (place[names[row]], values[row] if place[names[row]] > 2 else 0))
    return at.isel(condition=order)


def _means(values: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over networks, and how far its interval reaches to both sides; 0 without one."""
    found = mean_interval(values)
    mean, low, high = (found[part].values for part in ("average", "low", "high"))
    return mean, np.nan_to_num(np.stack([mean - low, high - mean]))


def _details(
    results: xr.Dataset, options: Options, values: xr.DataArray, over: str = "mean and 95 % t interval"
) -> str:
    """Networks, tasks, data and number of networks."""
    network = json.loads(results.attrs["configuration"])["network"]
    direction = network.get("direction", "forward")
    cells = cell_text(network["cell"])
    what = cells if direction == "forward" else f"{direction.capitalize()} {cells}"
    own = values.sel(data=options.data) if "data" in values.dims else values
    count = count_text(own.count("seed").where(own.notnull().any("seed")).dropna("condition"))
    networks = f"{what} of {network['hidden']} units, {results.sizes['trained_task']} tasks, {options.data} data"
    spread = "one network a method" if count == "n = 1" else f"{over} over {count} networks"
    told = " * told the task, and not comparable." if any(_told(results)) else ""
    return f"{results.attrs['benchmark']}.\n{networks}; {spread}.{told}"


def _chance(at: xr.Dataset) -> float:
    """Return the accuracy of guessing in per cent."""
    return 100 * float(at.attrs["chance"])


def _name_rows(axes: Axes, at: xr.Dataset) -> None:
    """Write the methods beside their rows, with a line below the references."""
    names = at.approach.values.tolist()
    axes.set_yticks(range(len(names)), [name + " *" * told for name, told in zip(names, _told(at), strict=True)])
    axes.set_ylim(len(names) - 0.4, -1.4)
    axes.grid(axis="y", color="0.92", linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    references = sum(name in REFERENCES for name in names)
    if 0 < references < len(names):
        for panel in axes.figure.axes:
            panel.axhline(references - 0.5, color="0.6", linewidth=0.6, linestyle=":")


def _told(at: xr.Dataset) -> list[bool]:
    """Which rows are told the task where the others are not."""
    if "is_told_the_task" not in at or at.attrs.get("is_task_told", 1):
        return [False] * at.sizes["condition"]
    return [bool(told) for told in at.is_told_the_task.values]


def _is_comparable(at: xr.Dataset) -> bool:
    """Whether published runs are on these tasks; their label tells the size of their networks.

    Of the Permuted Copy Task the published lengths and size are asked for, as many lengths can be chosen.
    """
    configuration = json.loads(at.attrs["configuration"])
    network = configuration["network"]["cell"], configuration["network"]["hidden"]
    if configuration["benchmark"] != "copy":
        return bool(at.published_final.notnull().any() or at.published_during.notnull().any())
    lengths = (
        configuration["task"]["pattern_length"],
        configuration["task"]["input_length"] or configuration["task"]["pattern_length"],
    )
    return lengths == (5, 5) and network == ("elman", 256)


def _published(axes: Axes, at: xr.Dataset, rows: np.ndarray) -> None:
    """Published numbers as hollow marks, and in their label how they were trained."""
    low, high = at.published_iterations.min().item(), at.published_iterations.max().item()
    steps = f"{high:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
    label = f"hollow: published ({at.attrs['published_design']}, {steps} steps)"
    for name, (colour, _, mark) in MEASURES.items():
        look: dict[str, Any] = {"color": colour, "markerfacecolor": "none", "linestyle": "none", "clip_on": False}
        shown = label if name == "final" else None
        axes.plot(
            100 * at[f"published_{name}"].values, rows - 0.28, mark, markersize=4.5, label=shown, zorder=4, **look
        )


def _log_axis_with_zero(axes: Axes, values: np.ndarray) -> None:
    """Linear around 0, logarithmic beyond; a hypernetwork that is smaller than its network stores less than nothing."""
    sizes = np.abs(values[values != 0])
    start = 10.0 ** np.floor(np.log10(sizes.min())) if sizes.size else 1.0
    axes.set_xscale("symlog", linthresh=start, linscale=0.6)
    powers = [_powers(start, side) for side in (-values[values < 0], values[values > 0])]
    left = -1.5 * powers[0][-1] if powers[0] else -0.35 * start
    axes.set_xlim(left, 1.5 * powers[1][-1] if powers[1] else 10 * start)
    step = 1 + sum(map(len, powers)) // 9
    axes.set_xticks([*(-power for power in reversed(powers[0][::step])), 0.0, *powers[1][::step]])
    axes.xaxis.set_major_formatter(FuncFormatter(_power_text))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvline(0, color="0.5", linewidth=0.8, zorder=0)


def _powers(start: float, sizes: np.ndarray) -> list[float]:
    """Powers of ten from the start to the first beyond all sizes."""
    if not sizes.size:
        return []
    end = np.ceil(np.log10(sizes.max() * 1.01))
    return [10.0**power for power in np.arange(np.log10(start), end + 0.5)]


def _power_text(value: float, _: object) -> str:
    sign = "-" if value < 0 else ""
    return "0" if value == 0 else f"${sign}10^{{{np.log10(abs(value)):.0f}}}$"


FIGURES = {"": draw, "_matrices": draw_matrices, "_memory": draw_memory}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
