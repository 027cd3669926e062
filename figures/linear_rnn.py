"""Linear networks with known memory: closed form and measured Fisher, how it grows, and what is protected.

Reads a Dataset of analyses/linear_rnn.py and trains nothing.
"""

import json
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from wmcl.plotting.data import MissingError, one_of, require
from wmcl.plotting.draw import PHASES, Label, ask, band_with_interval, estimate, label_beside, line_with_interval, shade
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, MARKERS, WIDTH
from wmcl.plotting.text import count_text
from wmcl.statistics import effects, law, mean_interval
from wmcl.statistics.verdict import words

MEASURED = {"exact": 0, "sampled": 1, "empirical": 3}
"""kinds of the scatter, with their styles"""
CLOSED = {"trained": "trained", "polar factor of W_hh": "made orthogonal", "at the start": "at the start"}
"""networks of the closed form without biases, and what they are called here"""
DERIVED = {"memory_load": 1.0, "retention": 1.0, "lead": 0.0}
"""exponents of a network that holds numbers and nothing else"""
STUDENTS = {"linear": "linear students", "elman": "tanh students"}
STARTS = {"zero": "biases start at zero", "drawn": "biases start as drawn"}
SIDES = {
    "read": "protected, read",
    "written": "protected, written",
    "memory": "held and read",
    "teacher": "held by the teacher",
    "read, steps alone": "read, step by step",
}
"""what is counted, in words"""
UNIT = "nats² per scored output"


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    error: float | None = None
    """matched mean squared error, as in the dataset; None takes the lowest"""
    dimensions_counted: str = "participation ratio"
    """how dimensions are counted, as in the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """The closed form against measured Fishers, and how Fishers grow with load and retention."""
    at, details = _at(results, options)
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _scatter(left, at)
    _growth(right, at)
    ask(figure, "Does the closed form give the Fisher, and does it grow with load × retention?", details)
    return figure


def draw_exponents(results: xr.Dataset, options: Options) -> Figure:
    """Exponents of load, retention and lead, a row a kind of Fisher."""
    at, details = _at(results, options)
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    _exponents(figure.subplots(), at)
    ask(
        figure,
        "Are the exponents those that were derived?",
        f"Grey: derived, 1 for load and retention, and 0 for lead. Closed forms are without biases, over their gain."
        f" {details} Each network faint.",
    )
    return figure


def draw_steps(results: xr.Dataset, options: Options) -> Figure:
    """What each step contributes to the Fisher, in the longest sequences."""
    at, details = _at(results, options)
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    _steps(figure.subplots(), at)
    ask(figure, "Which steps contribute to the importance?", details)
    return figure


def draw_dimensions(results: xr.Dataset, options: Options) -> Figure:
    """Dimensions that are protected, held and read, against those of the memory."""
    at, details = _at(results, options)
    count = one_of(results, "dimensions_counted", options.dimensions_counted)
    cells = [cell for cell in STUDENTS if (at.cell == cell).any()]
    if not cells:
        raise MissingError("this dataset has no students of a teacher")
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    for axes, cell in zip(figure.subplots(1, len(cells), sharey=True, squeeze=False)[0], cells, strict=True):
        _dimensions(axes, at, cell, count)
    ask(figure, "Do the protected dimensions match those of the memory?", f"Dotted: equal. {details}")
    return figure


def _at(results: xr.Dataset, options: Options) -> tuple[xr.Dataset, str]:
    """Choose the matched error, and say of which networks numbers are."""
    require(results, "contribution", "fisher_without_bias", "dimension", "overlap")
    error = float(results.error.min()) if options.error is None else options.error
    if error not in results.error.values.tolist():
        allowed = ", ".join(f"{value:g}" for value in results.error.values)
        raise ValueError(f"error is {error:g}: it must be one of {allowed}")
    at = results.sel(error=error)
    units = json.loads(results.attrs["configuration"])["training"]["hidden"]
    count = count_text(at.fisher.isel(kind=0, connection=0).count("seed"))
    return at, (
        f"Networks of {units} units at a mean squared error of {error:g} (targets of unit variance); mean and 95 % t"
        f" interval over {count} networks a condition."
    )


def _logarithmic(axes: Axes) -> None:
    """Both axes, with labels at powers of ten, and between them where an axis is shorter than a decade."""
    axes.set(xscale="log", yscale="log")
    axes.tick_params(which="minor", labelsize=7)
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
    axes.plot(line, slope * line, "--", color="black", linewidth=0.8, label="× residual variance", zorder=0)
    _logarithmic(axes)
    axes.set_ylim(top=6 * line[1])  # with room for the legend
    axes.set_xlabel(f"closed form, mean Fisher of W$_{{hh}}$\n({UNIT})")
    axes.set_ylabel(f"measured\n({UNIT})")
    axes.legend(loc="upper left", handletextpad=0.4, borderaxespad=0, labelspacing=0.2)


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
    axes.set_xlabel("load × retention / n²")
    axes.set_ylabel(f"mean exact Fisher of W$_{{hh}}$\n({UNIT})")
    axes.legend(loc="upper left", handletextpad=0.4, borderaxespad=0, labelspacing=0.2)


def _exponents(axes: Axes, at: xr.Dataset) -> None:
    """Of measured Fishers, and of closed forms without biases over their gain, beside those that were derived."""
    names = [name for name in DERIVED if len(set(at[name].values.tolist())) > 1]
    rows = {
        f"{kind}; {STARTS[start]}": values
        for start, part in _starts(at).items()
        for kind, values in _rows(part).items()
    }
    if not names:
        axes.text(0.5, 0.5, "nothing varies", ha="center", transform=axes.transAxes)
        return
    for row, values in enumerate(rows.values()):
        found = effects(values.transpose("condition", "seed"), law(*names), interactions=())
        for style, name in enumerate(names):
            one = found.sel(analysis="reached", term=name)
            estimate(axes, one.slope.values, one, row + 0.22 * (style - 1), style)
    for style, name in enumerate(names):
        axes.plot([], [], MARKERS[style], color=COLOURS[style], markersize=5, label=words(name))
        axes.axvline(DERIVED[name], color="grey", linewidth=0.7, zorder=0)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("exponent")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, columnspacing=1, handletextpad=0.2)


def _rows(part: xr.Dataset) -> dict[str, xr.DataArray]:
    """Fishers of which exponents are drawn."""
    hh, over_gain = part.fisher.sel(connection="hh"), part.fisher_without_bias / part.gain
    measured = {kind: hh.sel(kind=kind) for kind in MEASURED}
    return measured | {f"closed form, {name}": over_gain.sel(network=network) for network, name in CLOSED.items()}


def _steps(axes: Axes, at: xr.Dataset) -> None:
    """What each step contributes, in the longest sequences."""
    longest = [int(at[name].max()) for name in ("pattern_length", "retention", "lead")]
    p, retention, lead = longest
    shade(axes, dict(zip(PHASES, (lead, p, retention - p, 0, p), strict=True)))
    labels = list[Label]()
    for style, (name, part) in enumerate(_starts(at).items()):
        is_it = (part.pattern_length == p) & (part.retention == retention) & (part.lead == lead)
        values = part.contribution.isel(condition=int(is_it.values.argmax())).dropna("step")
        band_with_interval(axes, values, "step", style)
        held = float(values.sel(step=lead + retention // 2).mean())
        labels.append((STARTS[name], (lead + retention // 2, held), COLOURS[style]))
    for text, point, colour in labels:
        axes.annotate(text, point, (0, 6), textcoords="offset points", color=colour, ha="center")  # type: ignore[arg-type]
    axes.set_xlabel(f"step (p = {p}, retention {retention}, lead {lead})")
    axes.set_ylabel(f"contribution to the mean Fisher of W$_{{hh}}$\n({UNIT})")


def _dimensions(axes: Axes, at: xr.Dataset, cell: str, count: str) -> None:
    """Dimensions of the sides against the memory of the teacher."""
    part = at.isel(student=(at.cell == cell).values).sel(dimensions_counted=count)
    values, labels = part.dimension.swap_dims(student="memory"), list[Label]()
    for style, (side, text) in enumerate(SIDES.items()):
        labels.append((text, line_with_interval(axes, values.sel(side=side), "memory", style), COLOURS[style]))
    memories = part.memory.values
    axes.plot(memories, memories, ":", color="black", linewidth=0.8, zorder=0)
    axes.set_xticks(memories)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("dimension of the teacher's memory")
    axes.set_ylabel(count if axes.get_subplotspec().is_first_col() else "")  # type: ignore[union-attr]
    axes.set_title(STUDENTS[cell])
    label_beside(axes, labels)


FIGURES = {"": draw, "_exponents": draw_exponents, "_steps": draw_steps, "_dimensions": draw_dimensions}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
