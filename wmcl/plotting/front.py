"""Draw what methods retain and learn over all their strengths."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from wmcl.plotting.data import alone, one_of, pick, require
from wmcl.plotting.draw import Label, axes_of, label_beside
from wmcl.plotting.style import COLOURS, MARKERS
from wmcl.plotting.text import count_text
from wmcl.statistics import mean_interval
from wmcl.statistics.fronts import attained

LEVELS = np.linspace(0, 1, 201)
MOST = 4
"""methods that one can tell apart"""
LEFT = {
    "information": "information retained of task 1 (fraction)",
    "accuracy": "accuracy kept on task 1 (0: chance, 1: all right)",
}
RIGHT = {
    "information": "information learned of task 2 (fraction)",
    "accuracy": "accuracy on task 2 (0: chance, 1: all right)",
    "speed": "speed of learning task 2 (1: as fast as task 1)",
}


def plot_front(
    results: xr.Dataset,
    methods: Sequence[str] | None = None,
    *,
    front: str = "information",
    ax: Axes | None = None,
    **chosen: Any,
) -> Axes:
    """Draw how much of a second task each method learns while it retains at least so much of the first.

    Lines are means over networks of the staircase through what all strengths of a method reach, bands their 95 % t
    intervals, and marks the mean of each strength. A method without strengths is one mark.

    Args:
        results: a Dataset with ``points`` and the dimensions ``approach``, ``strength``, ``front``, ``axis`` and
            ``seed``, as of ``analyses/stability_plasticity.py``.
        methods: at most four of its methods; ``None`` takes all, if there are no more.
        front: what retained and learned are measured in.
        ax: axes to draw on; a new figure by default.
        **chosen: values that choose one setting, e.g. ``memory_load=5``, and ``data``, the test set by default.

    Returns:
        The axes.

    Raises:
        ValueError: if the Dataset has no such points, if more than four methods are to be drawn, or if the values do
            not choose one setting.

    Examples:
        >>> import xarray as xr
        >>> retained_and_learned = [[[[0.0, 0.9], [0.8, 0.4]], [[0.0, 1.0], [0.6, 0.4]]]]
        >>> points = (("approach", "seed", "strength", "axis"), retained_and_learned)
        >>> results = xr.Dataset({"points": points}, {"approach": ["SI"]})
        >>> ax = plot_front(results, front="accuracy")
        >>> ax.lines[0].get_ydata()[[0, -1]].round(2)
        array([0.95, 0.  ])
    """
    require(results, "points", "approach")
    every = results.approach.values.tolist()
    names = every if methods is None else list(methods)
    if not 0 < len(names) <= MOST:
        raise ValueError(f"methods has {len(names)} entries: name one to {MOST} of {', '.join(every)}")
    given = {"data": "test"} if "data" in results.points.dims else {}
    given |= {"front": front} if "front" in results.points.dims else {}
    if front not in RIGHT:
        raise ValueError(f"front is {front!r}: it must be one of {', '.join(RIGHT)}")
    values = pick(results.points, ("approach", "strength", "axis"), **given | chosen)
    axes, labels = axes_of(ax), list[Label]()
    for style, name in enumerate(names):
        points = alone(values.sel(approach=one_of(results, "approach", name)), "seed", "strength", "axis")
        points = points.dropna("strength", how="all")
        labels.append((name, _one(axes, points, style), COLOURS[style]))
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.05), xlabel=LEFT.get(front, LEFT["information"]), ylabel=RIGHT[front])
    networks = values.notnull().any([dim for dim in values.dims if dim != "seed"]).sum()
    axes.set_title(f"{count_text(networks)} networks", loc="left", fontsize=7)
    label_beside(axes, labels, at_edge=True)
    return axes


def _one(axes: Axes, points: xr.DataArray, style: int) -> tuple[float, float]:
    """Draw a method, and return where its label goes: the mean height of its line, or its mark."""
    colour, mean = COLOURS[style], points.mean("seed").values
    marks = {"marker": MARKERS[style], "color": colour, "linestyle": "none"}
    if len(mean) == 1:
        axes.plot(*mean.T, markersize=7, zorder=5, **marks)
        return float(mean[0, 0]), float(mean[0, 1])
    found = mean_interval(xr.DataArray(attained(points.values, LEVELS), dims=("seed", "level")))
    axes.plot(LEVELS, found["average"], color=colour, linewidth=1.4)
    axes.fill_between(LEVELS, found.low, found.high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(*mean.T, markersize=3, markerfacecolor="none", **marks)
    return 1.0, float(found["average"].mean())
