"""Set colours, markers and fonts, and save figures."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from wmcl.atomic_file import write_atomically

COLOURS = sns.color_palette("colorblind")
MARKERS = ("o", "s", "^", "D", "v", "P")


@contextmanager
def house_style() -> Iterator[None]:
    """Set colour-blind safe colours, no boxes, and text that stays text in a PDF."""
    with mpl.rc_context(), sns.plotting_context("paper"), sns.axes_style("ticks"):
        mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
        mpl.rcParams.update({"pdf.fonttype": 42, "legend.frameon": False})
        yield


def save_figure(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write a figure as PDF and PNG, each file whole or not at all.

    The files depend on the figure alone: no date is stored.
    """
    paths = []
    for form, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        content = BytesIO()
        figure.savefig(content, format=form, dpi=200, metadata=metadata, bbox_inches="tight")
        paths.append(folder / f"{name}.{form}")
        write_atomically(content.getvalue(), paths[-1])
    return paths
