"""Draw marks with intervals over networks, their labels, and the phases of a sequence."""

from collections.abc import Sequence
from itertools import pairwise
from textwrap import wrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FixedFormatter, FixedLocator

from wmcl.plotting.style import COLOURS, MARKERS, house_style
from wmcl.statistics import mean_interval


def axes_of(ax: Axes | None) -> Axes:
    """Return the axes that are given, or those of a new figure."""
    if ax is not None:
        return ax
    with house_style():
        return plt.subplots(figsize=(4, 3), layout="constrained")[1]


def ask(figure: Figure | SubFigure, question: str, details: str) -> None:
    """Write the question that a figure answers above it, and what its numbers are below it."""
    width = figure.bbox.width / figure.dpi
    together = details.replace("95 % t interval", "95\u00a0%\u00a0t\u00a0interval").replace("n = ", "n\u00a0=\u00a0")
    lines = [line for part in together.split("\n") for line in wrap(part, int(16.5 * width))]
    figure.suptitle("\n".join(wrap(question, int(12 * width))), fontweight="bold")
    figure.supxlabel("\n".join(lines), color="0.25")


def line_with_interval(
    axes: Axes, values: xr.DataArray, x: str, style: int, log: bool = False, **look: Any
) -> tuple[float, float] | None:
    """Draw the mean over ``seed`` against a coordinate, with a 95 % t interval; ``style`` picks colour and marker.

    Returns:
        The last point, to put a label beside it; ``None`` where no network has a value.
    """
    summary = mean_interval(values, log=log)
    summary = summary.isel({summary.n.dims[0]: (summary.n > 0).values})
    if not summary.n.size:
        return None
    mean, low, high = (summary[name].values for name in ("average", "low", "high"))
    given: dict[str, Any] = {"color": COLOURS[style % len(COLOURS)], "marker": MARKERS[style % len(MARKERS)]}
    given |= {"markersize": 4, "linewidth": 1.2, "capsize": 2.5, "elinewidth": 0.9}
    axes.errorbar(summary[x].values, mean, yerr=np.stack([mean - low, high - mean]), **given | look)
    return float(summary[x].values[-1]), float(mean[-1])


def band_with_interval(axes: Axes, values: xr.DataArray, x: str, style: int) -> tuple[float, float]:
    """Draw the mean over ``seed`` at each step, with a 95 % t interval as a band, and return its highest point."""
    summary = mean_interval(values).dropna(x, subset=["average"])
    at, mean = summary[x].values, summary["average"].values
    axes.plot(at, mean, color=COLOURS[style], linewidth=1.2)
    axes.fill_between(at, summary.low, summary.high, color=COLOURS[style], alpha=0.25, linewidth=0)
    return float(at[mean.argmax()]), float(mean.max())


def estimate(axes: Axes, per_seed: np.ndarray, summary: xr.Dataset, y: float, style: int) -> None:
    """Draw an effect with its interval as a dot on a row, over faint dots of seeds; hollow without an interval."""
    colour, mean = COLOURS[style], float(summary["average"])
    axes.plot(per_seed, np.full(len(per_seed), y), "o", color=colour, alpha=0.25, markersize=2.5, markeredgewidth=0)
    known = bool(np.isfinite(summary.low))
    if known:
        axes.plot([float(summary.low), float(summary.high)], [y, y], color=colour, linewidth=1.4)
    face = colour if known else "white"
    axes.plot([mean], [y], MARKERS[style], color=colour, markerfacecolor=face, markersize=5, zorder=3)


Label = tuple[str, tuple[float, float] | None, Any]
"""a text, the point that it belongs to, and its colour"""


def label_beside(axes: Axes, labels: Sequence[Label], at_edge: bool = False) -> None:
    """Write labels to the right of their points, or of the axes, and move those apart that would overlap.

    Call it when the limits of the axes are final.
    """
    known = [(text, point, colour) for text, point, colour in labels if point is not None]
    if not known:
        return
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    to_axes = axes.transScale + axes.transLimits
    places = to_axes.transform(np.array([point for _, point, _ in known], float))
    figure = axes.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches() * axes.get_position().size
    longest = 0.06 * max(len(text) for text, _, _ in known)
    places[:, 1] = _spread(places, np.inf if at_edge else longest / width, 9.5 / 72 / height)
    places = to_axes.inverted().transform(places)
    for (text, _, colour), (x, y) in zip(known, places, strict=True):
        where = {"xycoords": ("axes fraction" if at_edge else "data", "data"), "textcoords": "offset points"}
        look: dict[str, Any] = where | {"va": "center", "annotation_clip": False, "color": colour, "fontsize": 7}
        axes.annotate(text, (1.0 if at_edge else x, y), xytext=(5, 0), **look)


def _spread(places: np.ndarray, width: float, gap: float) -> np.ndarray:
    """Move heights apart, from the lowest to the highest, where labels of this width and height would overlap."""
    heights = places[:, 1].copy()
    order = np.argsort(heights, kind="stable")
    for _ in range(50):
        for lower, upper in pairwise(order):
            is_near = abs(places[lower, 0] - places[upper, 0]) < width
            overlap = gap - (heights[upper] - heights[lower])
            if is_near and overlap > 1e-9:
                heights[[lower, upper]] += -overlap / 2, overlap / 2
    return heights


def accuracy_bar(image: ScalarMappable, axes: Axes | list[Axes], chance: float | None, answers: str) -> Colorbar:
    """Add the colour bar of accuracies in per cent, on which chance is marked."""
    figure = (axes if isinstance(axes, Axes) else axes[0]).get_figure()
    assert figure is not None
    bar = figure.colorbar(image, ax=axes, shrink=0.8 if isinstance(axes, Axes) else 0.5, pad=0.02)
    low = 0.0 if chance is None else 100 * chance
    ticks = [low, *(tick for tick in (20.0, 40.0, 60.0, 80.0, 100.0) if tick > low + 8)]
    texts = [f"{tick:.0f}" for tick in ticks]
    texts[0] += "" if chance is None else " chance"
    bar.ax.yaxis.set(major_locator=FixedLocator(ticks), major_formatter=FixedFormatter(texts))
    bar.ax.minorticks_off()
    bar.set_label(f"accuracy (% of {answers})")
    return bar


PHASES = {"lead": "#d9d9d9", "pattern": "#cfe3f5", "hold": "#f3efd0", "stop": "#f2b8a0", "output": "#d3ecd3"}
"""shade of each phase; input is the pattern and, while it must be held, what follows"""


def shade_phases(axes: Axes, condition: xr.Dataset, origin: float = 0) -> None:
    """Shade the phases of a condition behind the data and name them above it, with steps counted from an origin."""
    p, i, lead = (int(condition[name]) for name in ("pattern_length", "input_length", "lead"))
    shade(axes, dict(zip(PHASES, (lead, p, i - p, 1, p), strict=True)), origin)


def shade(axes: Axes, lengths: dict[str, int], origin: float = 0) -> None:
    """Shade phases of these lengths, one after the other, and name each above the axes."""
    ends = np.cumsum([0, *lengths.values()]) - 0.5 - origin
    for name, low, high in zip(lengths, ends[:-1], ends[1:], strict=True):
        if high > low:
            axes.axvspan(low, high, color=PHASES[name], alpha=0.6, linewidth=0, zorder=0)
            where: dict[str, Any] = {
                "transform": axes.get_xaxis_transform(),
                "ha": "center",
                "va": "bottom",
                "fontsize": 7,
            }
            axes.text((low + high) / 2, 1.01, name, **where)
    axes.set_xlim(ends[0], ends[-1])
