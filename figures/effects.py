"""Effects of load, retention and lead on every kind of importance, with intervals over networks.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. Hollow marks have no interval: where networks
missed the matched loss, they are estimates from the conditions that all networks reached.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from wmcl.plotting.data import MissingError, importance, plain, require, stage_of, training_of
from wmcl.plotting.draw import ask, estimate
from wmcl.plotting.options import StageOptions, figure_command
from wmcl.plotting.style import COLOURS, MARKERS, WIDTH
from wmcl.plotting.text import kind_text, network_text, stage_text
from wmcl.statistics import effects, law

LABELS = {
    "memory_load": "exponent of\nload",
    "retention": "exponent of\nretention",
    "lead": "exponent of\n1 + lead",
    "memory_load x retention": "interaction of\nload and retention",
}


@dataclass(frozen=True)
class Options(StageOptions):
    """What to draw."""

    reduction: str | None = None
    """of the training loss; None takes the first of the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """A panel for each effect, a row for each kind of importance."""
    require(results, "importance", "kind")
    kinds = results.kind.values.tolist()
    found = effects_of(results, options)
    names = list(dict.fromkeys(name for name, _ in found))
    terms = next(iter(found.values())).term.values.tolist()
    figure = Figure(figsize=(WIDTH, 1.7 + 0.36 * len(kinds)), layout="constrained")
    panels = figure.subplots(1, len(terms), sharey=True, squeeze=False)[0]
    for axes, term in zip(panels, terms, strict=True):
        for (name, kind), fit in found.items():
            style = names.index(name)
            y = kinds.index(kind) + 0.32 * (style - (len(names) - 1) / 2)
            one = fit.sel(term=term)
            estimate(axes, one.slope.values, one, y, style)
        _dress(axes, LABELS[term], len(kinds))
    panels[0].set_yticks(range(len(kinds)), [kind_text(kind) for kind in kinds])
    panels[0].invert_yaxis()
    first = {name: fit for (name, _), fit in reversed(found.items())}
    handles = [_handle(style, name, first[name]) for style, name in enumerate(names)]
    left = {"loc": "lower left", "bbox_to_anchor": (-0.8, 1.02), "borderaxespad": 0}
    panels[0].legend(handles=handles, handletextpad=0.2, **left).set_in_layout(False)
    panels[0].set_title("\n" * len(handles), fontsize=7)  # room for the legend
    ask(
        figure,
        "Which exponents do load, retention and lead have, by kind of importance?",
        f"Importance of W$_{{{options.connection}}}$ per {options.per}, {stage_text(stage_of(results, options.stage))}."
        f" {network_text(results)}; mean and 95 % t interval over networks, each network faint.",
    )
    return figure


def effects_of(results: xr.Dataset, options: Options) -> dict[tuple[str, str], xr.Dataset]:
    """Slopes for each initialisation and kind: of the planned conditions, or of the complete ones if some are censored.

    Raises:
        MissingError: if no slope is determined.
    """
    fits = {}
    for name in dict.fromkeys(results.initialisation.values.tolist()):
        part = plain(training_of(results, name, options.reduction))
        for kind in results.kind.values.tolist() if part.sizes["condition"] > 1 else []:
            values = importance(part, options, kind)
            found = effects(values, law("memory_load", "retention", "lead"))
            censored = int(found.censored.sum())
            fit = found.sel(analysis="complete" if censored else "planned")
            if bool(fit["average"].notnull().all()):
                fits[name, kind] = fit.assign_attrs(censored=censored, networks=values.size)
    if not fits:
        raise MissingError("this dataset has no conditions that tell load, retention and lead apart")
    return fits


def _dress(axes: Axes, label: str, rows: int) -> None:
    axes.axvline(0, color="black", linewidth=0.8, zorder=0)
    for row in np.arange(1, rows) - 0.5:
        axes.axhline(row, color="0.9", linewidth=0.6, zorder=0)
    axes.set_xlabel(label)
    axes.set_ylim(-0.5, rows - 0.5)


def _handle(style: int, name: str, fit: xr.Dataset) -> Line2D:
    censored = fit.attrs["censored"]
    text = f"{name} initialisation  ({int(fit.used.sum())} conditions, n = {fit.sizes['seed']} networks each"
    if censored:
        text += f"; {censored} of {fit.attrs['networks']} networks censored: no interval"
    face = "white" if censored else COLOURS[style]
    look: dict[str, Any] = {"marker": MARKERS[style], "markerfacecolor": face, "linestyle": "none"}
    return Line2D([], [], color=COLOURS[style], label=f"{text})", **look)


FIGURES = {"_effects": draw}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
