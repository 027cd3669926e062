"""Linear networks with known memory: closed form and measured Fisher, how it grows, and what is protected.

Reads a Dataset of analyses/linear_rnn.py and trains nothing.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from wmcl.plotting import COLOURS, MARKERS, FileOptions, figure_command, line_with_interval
from wmcl.plotting.data import one_of, require
from wmcl.plotting.draw import band_with_interval, estimate
from wmcl.plotting.text import count_text
from wmcl.statistics import effects, law, mean_interval
from wmcl.statistics.verdict import words

SUFFIX = ""
MEASURED = {"exact": 0, "sampled": 1, "empirical": 3}
"""kinds of the scatter, with their styles"""
CLOSED = {"trained": "trained", "polar factor of W_hh": "polar factor", "at the start": "at the start"}
"""networks of the closed form without biases, and what they are called here"""
DERIVED = {"memory_load": 1.0, "retention": 1.0, "lead": 0.0}
"""exponents of a network that holds numbers and nothing else"""
STARTS = {"zero": "biases start at zero", "drawn": "biases start as drawn"}
SIDES = ("read", "written", "memory", "teacher", "read, steps alone")
UNIT = "nats² per scored output"


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    error: float | None = None
    """matched mean squared error, as in the dataset; None takes the lowest"""
    dimensions_counted: str = "participation ratio"
    """how dimensions are counted, as in the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Importance above: closed form, growth, exponents; below: contribution by step, dimensions of students."""
    require(results, "contribution", "fisher_without_bias", "dimension", "overlap")
    error = float(results.error.min()) if options.error is None else options.error
    if error not in results.error.values.tolist():
        allowed = ", ".join(f"{value:g}" for value in results.error.values)
        raise ValueError(f"error is {error:g}: it must be one of {allowed}")
    at = results.sel(error=error)
    figure = Figure(figsize=(12.5, 7), layout="constrained")
    panels = figure.subplots(2, 3)
    _scatter(panels[0, 0], at)
    _growth(panels[0, 1], at)
    _exponents(panels[0, 2], at)
    _steps(panels[1, 0], at)
    count = one_of(results, "dimensions_counted", options.dimensions_counted)
    for axes, cell in zip(panels[1, 1:], ("linear", "elman"), strict=True):
        _dimensions(axes, at, cell, count)
    for letter, axes in zip("abcdef", panels.flat, strict=True):
        axes.set_title(letter, loc="left", fontweight="bold")
        axes.tick_params(labelsize=7)
    units = json.loads(results.attrs["configuration"])["training"]["hidden"]
    figure.suptitle(
        f"Networks of {units} units at a mean squared error of {error:g} (targets of unit variance);"
        f" {count_text(at.fisher.isel(kind=0, connection=0).count('seed'))} networks a condition, 95 % t intervals",
        fontsize="small",
    )
    return figure


def _logarithmic(axes: Axes) -> None:
    """Both axes, with labels at powers of ten, and between them where an axis is shorter than a decade."""
    axes.set(xscale="log", yscale="log")
    axes.tick_params(which="minor", labelsize=6)
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        if high / low >= 10:
            axis.set_minor_formatter(NullFormatter())


def _starts(at: xr.Dataset) -> dict[str, xr.Dataset]:
    """The conditions of each start of the biases."""
    names = dict.fromkeys(at.biases.values.tolist())
    return {name: at.isel(condition=(at.biases == name).values) for name in names}


def _scatter(axes: Axes, at: xr.Dataset) -> None:
    """A point a network: measured on a sample against the closed form for white inputs."""
    hh = at.fisher.sel(connection="hh")
    closed = hh.sel(kind="closed form").values.ravel()
    for kind, style in MEASURED.items():
        values = hh.sel(kind=kind).values.ravel()
        axes.plot(closed, values, MARKERS[style], color=COLOURS[style], markersize=3, alpha=0.5, label=kind, mew=0)
    residual = (hh.sel(kind="closed form") * at.mean_squared_error).values.ravel()
    order = np.argsort(closed)
    line = np.array([np.nanmin(closed), np.nanmax(closed)])
    axes.plot(line, line, color="black", linewidth=0.8, label="equal", zorder=0)
    slope = np.nanmean(residual[order] / closed[order])
    axes.plot(line, slope * line, "--", color="black", linewidth=0.8, label="times residual variance", zorder=0)
    _logarithmic(axes)
    axes.set_xlabel(f"closed form, mean Fisher of W$_{{hh}}$\n({UNIT})", fontsize=8)
    axes.set_ylabel(f"measured\n({UNIT})", fontsize=8)
    _legend(axes, loc="upper left")


def _growth(axes: Axes, at: xr.Dataset) -> None:
    """Against load x retention / n², the value of the ideal network."""
    for style, (name, part) in enumerate(_starts(at).items()):
        found = mean_interval(part.fisher.sel(kind="exact", connection="hh"), log=True)
        mean = found["average"].values
        half = np.stack([mean - found.low.values, found.high.values - mean])
        x = part.ideal.values * (1 + 0.05 * style)
        look = {"color": COLOURS[style], "markersize": 4, "linestyle": "none", "elinewidth": 0.8, "capsize": 1.5}
        axes.errorbar(x, mean, half, marker=MARKERS[style], label=STARTS[name], **look)
    line = np.array([at.ideal.min(), at.ideal.max()])
    axes.plot(line, line, color="black", linewidth=0.8, label="ideal network", zorder=0)
    _logarithmic(axes)
    axes.set_xlabel("load × retention / n²", fontsize=8)
    axes.set_ylabel(f"mean exact Fisher of W$_{{hh}}$\n({UNIT})", fontsize=8)
    _legend(axes, loc="upper left")


def _exponents(axes: Axes, at: xr.Dataset) -> None:
    """Of measured Fishers, and of closed forms without biases over their gain, beside those that were derived."""
    names = [name for name in DERIVED if len(set(at[name].values.tolist())) > 1]
    rows = {f"{kind}, {start}": values for start, part in _starts(at).items() for kind, values in _rows(part).items()}
    if not names:
        axes.text(0.5, 0.5, "nothing varies", ha="center", transform=axes.transAxes)
        return
    for row, values in enumerate(rows.values()):
        found = effects(values.transpose("condition", "seed"), law(*names), interactions=())
        for style, name in enumerate(names):
            one = found.sel(analysis="reached", term=name)
            estimate(axes, one.slope.values, one, row + 0.22 * (style - 1), style)
    for style, name in enumerate(names):
        label = f"{words(name)} ({DERIVED[name]:g})"
        axes.plot([], [], MARKERS[style], color=COLOURS[style], markersize=5, label=label)
        axes.axvline(DERIVED[name], color="grey", linewidth=0.7, zorder=0)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=6)
    axes.set_ylim(len(rows) - 0.5, -2.5)  # with room for the legend
    axes.set_ylabel("Fisher, start of the biases", fontsize=8)
    axes.set_xlabel("exponent", fontsize=8)
    _legend(axes, loc="upper center", ncols=3, title="exponent over (derived value)", title_fontsize=6, columnspacing=1)


def _rows(part: xr.Dataset) -> dict[str, xr.DataArray]:
    """Fishers of which exponents are drawn."""
    hh, over_gain = part.fisher.sel(connection="hh"), part.fisher_without_bias / part.gain
    measured = {kind: hh.sel(kind=kind) for kind in MEASURED}
    return measured | {f"closed / gain, {name}": over_gain.sel(network=network) for network, name in CLOSED.items()}


def _steps(axes: Axes, at: xr.Dataset) -> None:
    """What each step contributes, in the longest sequences."""
    longest = [int(at[name].max()) for name in ("pattern_length", "retention", "lead")]
    p, retention, lead = longest
    for style, (name, part) in enumerate(_starts(at).items()):
        is_it = (part.pattern_length == p) & (part.retention == retention) & (part.lead == lead)
        values = part.contribution.isel(condition=int(is_it.values.argmax()))
        band_with_interval(axes, values, "step", STARTS[name], style)
    ends = {"lead": (0, lead), "shown": (lead, lead + p), "asked for": (lead + retention, lead + retention + p)}
    for shade, (name, (low, high)) in zip(("#d9d9d9", "#cfe3f5", "#d3ecd3"), ends.items(), strict=True):
        if high > low:
            axes.axvspan(low - 0.5, high - 0.5, color=shade, alpha=0.6, linewidth=0, zorder=0, label=name)
    axes.set_xlabel(f"step (p = {p}, retention {retention}, lead {lead})", fontsize=8)
    axes.set_ylabel(f"contribution to the mean Fisher of W$_{{hh}}$\n({UNIT})", fontsize=8)
    _legend_above(axes)


def _dimensions(axes: Axes, at: xr.Dataset, cell: str, count: str) -> None:
    """Dimensions of the sides against the memory of the teacher."""
    part = at.isel(student=(at.cell == cell).values).sel(dimensions_counted=count)
    if not part.sizes["student"]:
        axes.text(0.5, 0.5, f"no {cell} students", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    values = part.dimension.swap_dims(student="memory")
    labels = {
        "read": "protected, read",
        "written": "protected, written",
        "memory": "held and read",
        "teacher": "the same, teacher",
        "read, steps alone": "read, steps alone",
    }
    for style, side in enumerate(SIDES):
        line_with_interval(axes, values.sel(side=side), "memory", labels[side], style)
    memories = part.memory.values
    axes.plot(memories, memories, ":", color="black", linewidth=0.8, label="equal", zorder=0)
    axes.set_xticks(memories)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("dimension of the teacher's memory", fontsize=8)
    axes.set_ylabel(f"{count}\n({'linear' if cell == 'linear' else 'tanh'} students)", fontsize=8)
    _legend_above(axes)


def _legend_above(axes: Axes) -> None:
    """In room that is made for it above the data."""
    axes.set_ylim(top=1.45 * axes.get_ylim()[1])
    _legend(axes, loc="upper left", ncols=2, columnspacing=1)


def _legend(axes: Axes, **where: Any) -> None:
    """Left out of the layout, which would give its width to the margins if it were wider than the panel."""
    legend = axes.legend(fontsize=6, frameon=True, edgecolor="none", facecolor="white", framealpha=0.8, **where)
    legend.set_in_layout(False)


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
