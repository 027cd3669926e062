"""Colours, markers and fonts, and how a figure is saved."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

COLOURS = sns.color_palette("colorblind")
MARKERS = ("o", "s", "^", "D", "v", "P")


@contextmanager
def house_style() -> Iterator[None]:
    """Colour-blind safe colours, no boxes, text that stays text in a PDF."""
    with mpl.rc_context(), sns.plotting_context("paper"), sns.axes_style("ticks"):
        mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
        mpl.rcParams.update({"pdf.fonttype": 42, "legend.frameon": False})
        yield


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
