"""The house style of every figure."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wmcl.statistics import mean_interval

COLOURS = sns.color_palette("colorblind")
MARKERS = ("o", "s", "^", "D", "v", "P")


@contextmanager
def house_style() -> Iterator[None]:
    """Colour-blind safe colours, no boxes, text that stays text in a PDF."""
    with mpl.rc_context(), sns.plotting_context("paper"), sns.axes_style("ticks"):
        mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
        mpl.rcParams.update({"pdf.fonttype": 42, "legend.frameon": False})
        yield


def line_with_interval(axes: Axes, values: xr.DataArray, x: str, label: str, style: int, log: bool = False) -> None:
    """Mean over ``seed`` against a coordinate, with a 95 % t interval; ``style`` picks colour and marker."""
    summary = mean_interval(values, log=log)
    n = summary.n.where(summary.n > 0).dropna(x)
    if n.size == 0:
        return
    count = f"{int(n.min())}" if n.min() == n.max() else f"{int(n.min())} to {int(n.max())}"
    colour = COLOURS[style]
    face = "none" if style else colour  # hollow, so that a shared point shows both lines
    half = np.stack([summary["mean"] - summary.low, summary.high - summary["mean"]])
    name = f"{label}  (n = {count})"
    look: dict[str, Any] = {
        "marker": MARKERS[style],
        "markersize": 4 + 1.5 * style,
        "markerfacecolor": face,
        "linewidth": 1.2,
        "capsize": 3,
        "elinewidth": 1,
    }
    axes.errorbar(summary[x], summary["mean"], yerr=half, color=colour, label=name, **look)


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PDF and PNG, each file whole or not at all.

    The files depend on the figure alone: no date is stored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, metadata in ((".pdf", {"CreationDate": None}), (".png", {"Software": None})):
        handle, part = tempfile.mkstemp(suffix=suffix, dir=folder)
        os.close(handle)
        try:
            figure.savefig(part, dpi=200, metadata=metadata, bbox_inches="tight")
            Path(part).chmod(0o644)
            paths.append(Path(part).replace(folder / f"{name}{suffix}"))
        finally:
            Path(part).unlink(missing_ok=True)
    return paths
