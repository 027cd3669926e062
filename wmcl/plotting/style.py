"""Set colours, markers and sizes, and save figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from wmcl.atomic_file import write_atomically

COLOURS = [sns.color_palette("colorblind")[place] for place in (0, 1, 2, 3, 4, 5, 7, 9, 6, 8)]
"""safe for the colour-blind, the pale ones last"""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">")
MAP = "viridis"
"""the one colour map of all matrices: perceptually uniform, and safe for the colour-blind"""
WIDTH = 7.0
"""of a page, in inches"""
SIZES: dict[Any, float] = {
    "font.size": 7.5,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "figure.titlesize": 9.5,
    "figure.labelsize": 7.5,
}
"""of text, in points; nothing is smaller than 7"""


@contextmanager
def house_style() -> Iterator[None]:
    """Set colour-blind safe colours, no boxes, and text that stays text in a PDF."""
    with mpl.rc_context(), sns.plotting_context("paper"), sns.axes_style("ticks"):
        mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
        mpl.rcParams.update({"pdf.fonttype": 42, "legend.frameon": False})
        mpl.rcParams.update(SIZES)
        yield


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PDF and PNG, each file whole or not at all.

    The files depend on the figure alone: no date is stored.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is made once, and the same in both files
    paths = []
    for form, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        content = BytesIO()
        figure.savefig(content, format=form, dpi=200, metadata=metadata)
        paths.append(folder / f"{name}.{form}")
        write_atomically(content.getvalue(), paths[-1])
    return paths
