"""From the paper's measure to ours, one choice changed at a time: how importance grows with length.

Reads a Dataset of analyses/importance_vs_length.py with the preset ladder and trains nothing.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wmcl.plotting.data import require
from wmcl.plotting.draw import ask, estimate
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, WIDTH
from wmcl.plotting.text import network_text
from wmcl.statistics import mean_interval

CLAIM = "if the paper's\nconclusion holds"
REGIONS = ((0, np.inf), (-0.1, 0.1))
"""exponents of the basic and of the padded sweep if working memory matters and sequence length does not"""


def draw(results: xr.Dataset, options: FileOptions) -> Figure:
    """A panel for each sweep, a row for each measure."""
    require(results, "ladder_slope")
    slopes = results.ladder_slope.transpose("sweep", "rung", "seed")
    rungs = results.rung.values.tolist()
    figure = Figure(figsize=(WIDTH, 1.8 + 0.24 * len(rungs)), layout="constrained")
    panels = figure.subplots(1, slopes.sizes["sweep"], sharey=True, squeeze=False)[0]
    for k, axes in enumerate(panels):
        _panel(axes, slopes.isel(sweep=k), k)
    _claims(panels)
    panels[0].set_yticks(range(len(rungs)), rungs)
    panels[0].set_ylim(len(rungs) - 0.5, -0.5)
    ask(
        figure,
        "Which choice of the measure decides how importance grows with length?",
        f"Each row between the first and the last changes one choice of the first. {network_text(results)}: mean and"
        f" 95 % t interval over n = {slopes.sizes['seed']} networks, each network faint. Dashed: no growth.",
    )
    return figure


def _panel(axes: Axes, slopes: xr.DataArray, style: int) -> None:
    """The exponents of a sweep; in words where a measure has none."""
    summary = mean_interval(slopes)
    for row in range(slopes.sizes["rung"]):
        one = summary.isel(rung=row)
        if int(one.n) == slopes.sizes["seed"]:
            estimate(axes, slopes.isel(rung=row).values, one, float(row), style)
        else:
            missing = slopes.sizes["seed"] - int(one.n)
            text = f"undetermined for {missing} of {slopes.sizes['seed']} networks"
            where = axes.get_yaxis_transform()
            axes.text(0.5, row, text, transform=where, ha="center", va="center", fontsize=7, color=COLOURS[style])
    axes.set_xlabel(f"exponent of importance on length\n{slopes.sweep.item()}")
    axes.axvline(0, color="black", linewidth=0.8, linestyle="--", zorder=0)


def _claims(panels: np.ndarray) -> None:
    """Shade exponents above 0 for the basic sweep, and those near 0 for the padded one."""
    low = min(axes.get_xlim()[0] for axes in panels)
    high = max(axes.get_xlim()[1] for axes in panels)
    low, high = min(low, -0.3), max(high, 0.3)
    for axes, (start, end) in zip(panels, REGIONS, strict=False):
        end = min(end, high)
        axes.set_xlim(low, high)
        axes.axvspan(start, end, color="0.92", zorder=-1, linewidth=0)
        middle = (start + end) / 2
        axes.text(middle, 1.01, CLAIM, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)


FIGURES = {"_ladder": draw}

if __name__ == "__main__":
    figure_command(FIGURES, FileOptions, __doc__)
