"""Draw marks with intervals over networks, and the phases of a sequence."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from wmcl.plotting.style import COLOURS, MARKERS
from wmcl.plotting.text import count_text
from wmcl.statistics import mean_interval


def line_with_interval(axes: Axes, values: xr.DataArray, x: str, label: str, style: int, log: bool = False) -> None:
    """Draw the mean over ``seed`` against a coordinate, with a 95 % t interval; ``style`` picks colour and marker."""
    summary = mean_interval(values, log=log)
    n = summary.n.where(summary.n > 0).dropna(x)
    if n.size == 0:
        return
    colour = COLOURS[style]
    face = "none" if style else colour  # hollow, so that a shared point shows both lines
    half = np.stack([summary["average"] - summary.low, summary.high - summary["average"]])
    name = f"{label}  ({count_text(n)})"
    look: dict[str, Any] = {
        "marker": MARKERS[style],
        "markersize": 4 + 1.5 * style,
        "markerfacecolor": face,
        "linewidth": 1.2,
        "capsize": 3,
        "elinewidth": 1,
    }
    axes.errorbar(summary[x].values, summary["average"].values, yerr=half, color=colour, label=name, **look)


def band_with_interval(axes: Axes, values: xr.DataArray, x: str, label: str, style: int) -> None:
    """Draw the mean over ``seed`` at each step, with a 95 % t interval as a band."""
    summary = mean_interval(values).dropna(x, subset=["average"])
    colour = COLOURS[style]
    axes.plot(
        summary[x].values,
        summary["average"].values,
        color=colour,
        linewidth=1.2,
        label=f"{label}  ({count_text(summary.n)})",
    )
    axes.fill_between(summary[x], summary.low, summary.high, color=colour, alpha=0.25, linewidth=0)


def estimate(axes: Axes, per_seed: np.ndarray, summary: xr.Dataset, y: float, style: int) -> None:
    """Draw an effect with its interval as a dot on a row, over faint dots of seeds; hollow without an interval."""
    colour, mean = COLOURS[style], float(summary["average"])
    axes.plot(per_seed, np.full(len(per_seed), y), "o", color=colour, alpha=0.25, markersize=2.5, markeredgewidth=0)
    known = bool(np.isfinite(summary.low))
    if known:
        axes.plot([float(summary.low), float(summary.high)], [y, y], color=colour, linewidth=1.4)
    face = colour if known else "white"
    axes.plot([mean], [y], MARKERS[style], color=colour, markerfacecolor=face, markersize=5, zorder=3)


PHASES = {"lead": "#d9d9d9", "pattern": "#cfe3f5", "hold": "#f3efd0", "stop flag": "#f2b8a0", "output": "#d3ecd3"}
"""shade of each phase; input is the pattern and, while it must be held, what follows"""


def shade_phases(axes: Axes, condition: xr.Dataset, origin: float = 0) -> list[Patch]:
    """Shade the phases of a condition behind the data, with steps counted from an origin; for a legend."""
    p, i, lead = (int(condition[name]) for name in ("pattern_length", "input_length", "lead"))
    ends = np.cumsum([0, lead, p, i - p, 1, p]) - 0.5 - origin
    patches = []
    for (name, colour), low, high in zip(PHASES.items(), ends[:-1], ends[1:], strict=True):
        if high > low:
            axes.axvspan(low, high, color=colour, alpha=0.6, linewidth=0, zorder=0)
            patches.append(Patch(facecolor=colour, alpha=0.6, label=name))
    axes.set_xlim(ends[0], ends[-1])
    return patches
