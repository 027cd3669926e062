"""Importance against load x retention, and what a power law of load, retention and lead leaves over.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. The law is fitted to each network and averaged
(wmcl.statistics.effects); columns are initialisations.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from wmcl.plotting.data import MissingError, importance, plain, require, stage_of, training_of, values_of
from wmcl.plotting.draw import ask
from wmcl.plotting.options import ImportanceOptions, figure_command
from wmcl.plotting.style import COLOURS, MARKERS, WIDTH
from wmcl.plotting.text import count_text, importance_text, network_text, stage_text
from wmcl.statistics import effects, law, mean_interval

COMPARISON = "proportional to load × retention"
TERMS = {"memory_load": "load", "retention": "retention", "lead": "1 + lead", "memory_load x retention": "interaction"}


@dataclass(frozen=True)
class Options(ImportanceOptions):
    """What to draw."""

    reduction: str | None = None
    """of the training loss; None takes the first of the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Importance above, residuals below; a column for each initialisation."""
    require(results, "importance", "initialisation")
    names = list(dict.fromkeys(results.initialisation.values.tolist()))
    parts = {name: plain(training_of(results, name, options.reduction)) for name in names}
    parts = {name: part for name, part in parts.items() if part.sizes["condition"] > 1}
    if not parts:
        raise MissingError("this dataset has fewer than two conditions without distractors or visible bits")
    leads = sorted({lead for part in parts.values() for lead in values_of(part, "lead")})
    figure = Figure(figsize=(WIDTH, 5), layout="constrained")
    rows = figure.subplots(2, len(parts), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 2))
    for (name, part), upper, lower in zip(parts.items(), *rows, strict=True):
        _column(upper, lower, part, leads, options)
        upper.set_title(f"{name} initialisation, {upper.get_title()}")
    rows[0, 0].set_ylabel(importance_text(options.kind, options.connection, options.per))
    rows[1, 0].set_ylabel("importance over the law")
    known = dict(zip(*reversed(rows[0, 0].get_legend_handles_labels()), strict=True))
    labels = [*(name for name in known if name.startswith("lead")), "law", COMPARISON]
    rows[0, 0].legend(
        [known[name] for name in labels], labels, loc="upper left", handletextpad=0.4, borderaxespad=0, labelspacing=0.2
    )
    ask(
        figure,
        "How does importance grow with load, retention and lead?",
        f"{network_text(results)} on the Copy Task at {stage_text(stage_of(results, options.stage))}; geometric mean"
        " and 95 % t interval over networks. The law is a product of powers, fitted to each network and averaged.",
    )
    return figure


def _column(upper: Axes, lower: Axes, part: xr.Dataset, leads: list[int], options: Options) -> None:
    values = importance(part, options, options.kind)
    found = effects(values, law("memory_load", "retention", "lead"))
    fit = found.sel(analysis="complete" if bool((found.censored > 0).any()) else "planned")
    product = part["memory_load"].values * part.retention.values
    for style, lead in enumerate(leads):
        places = np.flatnonzero(part.lead.values == lead)
        x = product[places] * 1.06 ** (style - (len(leads) - 1) / 2)  # side by side where products are equal
        shown: dict[str, Any] = {"style": style, "label": f"lead {lead}"}
        _points(upper, x, mean_interval(values.isel(condition=places), log=True), **shown)
        by_law = xr.ufuncs.exp((xr.ufuncs.log(values) - fit.residual).mean("seed")).values[places]
        upper.plot(x, by_law, "_", color="black", markersize=6, markeredgewidth=0.8, label="law" if not style else None)
        _points(lower, x, mean_interval(xr.ufuncs.exp(fit.residual.isel(condition=places)), log=True), **shown)
    _proportional(upper, product, values)
    lower.axhline(1, color="grey", linewidth=0.8, zorder=0)
    lower.set_xlabel("load × retention (bit-steps)")
    for axes in (upper, lower):
        axes.set_xscale("log")
        axes.set_yscale("log")
    _plain_ticks(lower.yaxis, lower.get_ylim(), (0.125, 0.25, 0.5, 0.71, 1, 1.41, 2, 4, 8))
    _plain_ticks(lower.xaxis, lower.get_xlim(), (10, 30, 100, 300, 1000, 3000))
    upper.set_title(f"{count_text(values.count('seed'))} a condition")
    where: dict[str, Any] = {"transform": upper.transAxes, "ha": "right", "va": "bottom"}
    upper.text(1, 0.02, exponents(found, fit), fontsize=7, **where)


def _points(axes: Axes, x: np.ndarray, summary: xr.Dataset, style: int, label: str) -> None:
    """Means with intervals; nothing where no network has a value."""
    kept = np.isfinite(summary["average"].values)
    mean, low, high = (summary[name].values[kept] for name in ("average", "low", "high"))
    look: dict[str, Any] = {
        "color": COLOURS[style],
        "marker": MARKERS[style],
        "markersize": 4,
        "linestyle": "none",
        "elinewidth": 0.9,
    }
    axes.errorbar(x[kept], mean, yerr=np.stack([mean - low, high - mean]), label=label, **look)


def _proportional(axes: Axes, product: np.ndarray, values: xr.DataArray) -> None:
    """The line of exponent 1 through the middle of the points."""
    logs = xr.ufuncs.log(values).mean("seed").values
    kept = np.isfinite(logs)
    ends = np.array([product.min(), product.max()])
    height = np.exp(logs[kept].mean() - np.log(product[kept]).mean()) * ends
    axes.plot(ends, height, color="grey", linewidth=0.8, linestyle="--", zorder=0, label=COMPARISON)


def _plain_ticks(axis: Axis, limits: tuple[float, float], wanted: tuple[float, ...]) -> None:
    """Numbers rather than powers of ten, where at least two of them are in sight."""
    ticks = [tick for tick in wanted if limits[0] <= tick <= limits[1]]
    if len(ticks) > 1:
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)


def exponents(found: xr.Dataset, fit: xr.Dataset) -> str:
    """The exponents with intervals, or why there are none."""
    if bool(fit["average"].isnull().any()):
        return "these conditions do not determine a law"
    censored = int(found.censored.sum())
    lines = ["exponents"]
    if censored:
        lines = [f"{censored} networks censored: conditions", "that all reached, no intervals", *lines]
    for name in fit.term.values:
        one = fit.sel(term=name)
        span = "" if censored else f" [{float(one.low):.2f}, {float(one.high):.2f}]"
        lines.append(f"{TERMS[str(name)]} {float(one['average']):.2f}{span}")
    return "\n".join(lines)


FIGURES = {"_law": draw}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
