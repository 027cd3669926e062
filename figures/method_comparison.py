"""Continual-learning methods side by side: what each learns, keeps and costs.

Reads a Dataset of analyses/method_comparison.py and trains nothing. Numbers tell methods apart in all panels.
"""

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator

from wmcl.plotting import COLOURS, FileOptions, figure_command
from wmcl.plotting.data import one_of, require
from wmcl.plotting.text import count_text
from wmcl.statistics import mean_interval

SUFFIX = ""
ACROSS = 6
"""accuracy matrices in a row, at the most"""
MEASURES = {"during": (COLOURS[0], 0.4, -0.2, "D"), "final": (COLOURS[1], 1.0, 0.2, "s")}
"""colour, opacity, place and mark of the published number of each bar"""
CELLS = {"elman": "Elman networks", "lstm": "LSTMs", "gru": "GRUs"}


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    data: Literal["test", "validation"] = "test"
    """set of sequences that accuracies are of"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Accuracy matrices above; accuracies, and forgetting against what is stored, below."""
    require(results, "accuracy", "during", "final", "forgetting", "stored", "published_final")
    at = results.sel(data=one_of(results, "data", options.data))
    methods = at.sizes["condition"]
    lines = -(-methods // ACROSS)
    heights = [0.4 + 1.4 * lines, max(3.2, 1.1 + 0.27 * methods)]
    figure = Figure(figsize=(8.4, 0.5 + sum(heights)), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    _matrices(above, at, lines)
    left, right = below.subplots(1, 2, width_ratios=[1.5, 1])
    _accuracies(left, at)
    _prices(right, at)
    networks = int(at.final.count("seed").max())
    spread = "one network a method" if networks == 1 else "mean and 95 % t interval over networks"
    figure.suptitle(f"{_who(results)}; {options.data} data,\n{spread}", fontsize="small")
    return figure


def _who(results: xr.Dataset) -> str:
    network = json.loads(results.attrs["configuration"])["network"]
    direction = network.get("direction", "forward")
    what = CELLS[network["cell"]] if direction == "forward" else f"{direction} {CELLS[network['cell']]}"
    who = f"{what} of {network['hidden']} units"
    return f"{who}, {results.sizes['trained_task']} tasks: {results.attrs['benchmark']}"


def _chance(at: xr.Dataset) -> float:
    """Return the accuracy of guessing in per cent."""
    return 100 * float(at.attrs["chance"])


def _name(at: xr.Dataset, row: int) -> str:
    return f"{row + 1}  {at.approach.values[row]}"


def _matrices(figure: SubFigure, at: xr.Dataset, lines: int) -> None:
    """The accuracy on each task (columns) after each task (rows), mean over networks."""
    panels = figure.subplots(lines, min(ACROSS, at.sizes["condition"]), squeeze=False).ravel()
    tasks = at.sizes["trained_task"]
    for row, axes in enumerate(panels):
        axes.set_axis_off()
        if row < at.sizes["condition"]:
            one = at.accuracy.isel(condition=row).mean("seed").transpose("trained_task", "evaluated_task")
            image = axes.imshow(np.ma.masked_invalid(100 * one.values), vmin=_chance(at), vmax=100, cmap="cividis")
            _numbers(axes, 100 * one.values, bright_from=60 + 0.4 * _chance(at))
            axes.set_title("\n".join(wrap(_name(at, row), 20)), fontsize=6.5, pad=2, verticalalignment="bottom")
    first = panels[0]
    first.set_axis_on()
    first.set_xticks(range(tasks), range(1, tasks + 1), fontsize=6)
    first.set_yticks(range(tasks), range(1, tasks + 1), fontsize=6)
    first.set_xlabel("on task", fontsize=6.5, labelpad=1)
    first.set_ylabel("after task", fontsize=6.5, labelpad=1)
    first.tick_params(length=0, pad=1)
    for spine in first.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(image, ax=panels.tolist(), fraction=0.02, pad=0.01)
    bar.set_label(f"accuracy (% of {at.attrs['answers']})", fontsize=7)
    bar.ax.tick_params(labelsize=6)


def _numbers(axes: Axes, values: np.ndarray, bright_from: float) -> None:
    """The value in each cell, where there is room for it; grey where there is none."""
    size = 6 if len(values) <= 4 else 4.5
    for (y, x), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="0.93", edgecolor="white", linewidth=0.5))
        elif len(values) <= 6:
            colour = "black" if value > bright_from else "white"
            axes.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=size, color=colour)


def _accuracies(axes: Axes, at: xr.Dataset) -> None:
    """During and final accuracy of each method as bars from chance, and published numbers as marks."""
    rows = np.arange(at.sizes["condition"])
    names = [_name(at, row) for row in range(len(rows))]
    chance = lowest = _chance(at)
    for name, (colour, alpha, shift, _) in MEASURES.items():
        found = 100 * mean_interval(at[name])[["average", "low", "high"]]
        mean, low, high = (found[part].values for part in ("average", "low", "high"))
        axes.barh(rows + shift, mean - chance, 0.38, chance, color=colour, alpha=alpha, label=f"{name} accuracy")
        error = np.nan_to_num(np.stack([mean - low, high - mean]))
        known = np.isfinite(mean)
        look = {"color": "black", "linestyle": "none", "elinewidth": 0.8, "capsize": 1.5}
        axes.errorbar(mean[known], (rows + shift)[known], xerr=error[:, known], **look)  # type: ignore[arg-type]
        lowest = min(lowest, float(np.nanmin(mean)) if known.any() else chance)
    if _is_comparable(at):
        _published(axes, at, rows)
    n = at.final.count("seed")
    counts = [f"  (n = {count})" for count in n.values] if len(set(n.values)) > 1 else [""] * len(rows)
    axes.set_yticks(rows, [name + count for name, count in zip(names, counts, strict=True)], fontsize=7)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(lowest - 1, 101)
    start = at.attrs["chance_name"]
    axes.set_xlabel(
        f"accuracy (% of {at.attrs['answers']}; bars begin at {start})\n{count_text(n)} networks a method", fontsize=8
    )
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(fontsize=6, ncols=2, loc="lower left", bbox_to_anchor=(-0.35, 1.0), columnspacing=1, handletextpad=0.4)


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
    """Published numbers as marks, and in their label how they were trained."""
    low, high = at.published_iterations.min().item(), at.published_iterations.max().item()
    steps = f"{high:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
    design = at.attrs["published_design"]
    for name, (_, _, shift, mark) in MEASURES.items():
        marks = {"color": "black", "markerfacecolor": "white", "markersize": 3.5, "linestyle": "none", "clip_on": False}
        label = f"{name}, published ({design}, {steps} steps)"
        axes.plot(100 * at[f"published_{name}"].values, rows + shift, mark, label=label, zorder=4, **marks)  # type: ignore[arg-type]


def _prices(axes: Axes, at: xr.Dataset) -> None:
    """Forgetting against the numbers that a method keeps; 0 has a place of its own on the axis."""
    found = 100 * mean_interval(at.forgetting)[["average", "low", "high"]]
    stored = at.stored.isel(trained_task=-1).mean("seed").values
    known = np.isfinite(found["average"].values) & np.isfinite(stored)
    mean, low, high = (found[part].values[known] for part in ("average", "low", "high"))
    error = np.nan_to_num(np.stack([mean - low, high - mean]))
    axes.errorbar(
        stored[known], mean, yerr=error, fmt="o", color=COLOURS[0], markersize=4, elinewidth=0.7, capsize=1.5, alpha=0.8
    )
    _log_axis_with_zero(axes, stored[known])
    axes.axhline(0, color="grey", linewidth=0.7, zorder=0)
    axes.set_xlabel("numbers stored beyond one network", fontsize=8)
    axes.set_ylabel("forgetting (percentage points)", fontsize=8)
    axes.tick_params(labelsize=7)
    _label(axes, stored[known], mean, [str(row + 1) for row in np.flatnonzero(known)])
    missing = [str(row + 1) for row in np.flatnonzero(~known)]
    if missing:
        axes.set_title(f"without forgetting to show: {', '.join(missing)}", fontsize=6.5)


def _log_axis_with_zero(axes: Axes, values: np.ndarray) -> None:
    """Linear around 0, logarithmic beyond; a hypernetwork that is smaller than its network stores less than nothing."""
    sizes = np.abs(values[values != 0])
    start = 10.0 ** np.floor(np.log10(sizes.min())) if sizes.size else 1.0
    axes.set_xscale("symlog", linthresh=start, linscale=0.6)
    powers = [_powers(start, side) for side in (-values[values < 0], values[values > 0])]
    left = -1.5 * powers[0][-1] if powers[0] else -0.35 * start
    axes.set_xlim(left, 1.5 * powers[1][-1] if powers[1] else 10 * start)
    axes.set_xticks([*(-power for power in reversed(powers[0])), 0.0, *powers[1]])
    axes.xaxis.set_major_formatter(FuncFormatter(_power_text))
    axes.xaxis.set_minor_locator(NullLocator())


def _powers(start: float, sizes: np.ndarray) -> list[float]:
    """Powers of ten from the start to the first beyond all sizes."""
    if not sizes.size:
        return []
    end = np.ceil(np.log10(sizes.max() * 1.01))
    return [10.0**power for power in np.arange(np.log10(start), end + 0.5)]


def _power_text(value: float, _: object) -> str:
    sign = "-" if value < 0 else ""
    return "0" if value == 0 else f"${sign}10^{{{np.log10(abs(value)):.0f}}}$"


def _label(axes: Axes, x: np.ndarray, y: np.ndarray, texts: list[str]) -> None:
    """Numbers beside the points; those of points too close to tell apart stand together."""
    if not len(x):
        return
    axes.set_ylim(axes.get_ylim())
    places = axes.transAxes.inverted().transform(axes.transData.transform(np.column_stack([x, y])))
    groups: list[list[int]] = []
    for point in np.argsort(places[:, 0]):
        near = [g for g in groups if any((abs(places[point] - places[other]) < (0.06, 0.025)).all() for other in g)]
        merged = [int(point), *(other for group in near for other in group)]
        groups = [group for group in groups if group not in near] + [merged]
    for group in groups:
        last = max(group, key=lambda point: places[point, 0])
        numbers = ", ".join(texts[point] for point in sorted(group))
        to_left = places[last, 0] > 0.6 and len(group) > 2
        offset, side = ((-4, -11), "right") if to_left else ((4, 3), "left")
        axes.annotate(numbers, (x[last], y[last]), xytext=offset, textcoords="offset points", fontsize=7, ha=side)


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
