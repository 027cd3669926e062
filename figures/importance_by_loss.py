"""Importance along training: what becomes of every kind of importance as the loss falls.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing. Each network is compared with itself at the
highest matched loss; so kinds with different units can stand side by side.
"""

from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from wmcl.plotting.data import MissingError, require
from wmcl.plotting.draw import ask
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, MARKERS, WIDTH
from wmcl.plotting.text import kind_text, network_text
from wmcl.statistics import mean_interval

MOST = 6
"""groups that one can tell apart"""
TICKS = (0.5, 0.2, 0.05, 0.01, 0.001)
Group = Literal["initialisation", "reduction", "memory_load", "retention", "lead", "pattern_length", "independent_bits"]


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    connection: Literal["ih", "hh", "ho", "out"] = "hh"
    """whose weights are averaged"""
    by: Group = "initialisation"
    """what the conditions of a line have in common; at most six values"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """A panel for each kind."""
    require(results, "importance", "validation_loss")
    change, loss = changes(results, options.connection), losses(results)
    complete = (results.reached.min(["stage", "seed"]) == 1).values
    if not complete.any():
        raise MissingError("this dataset has no condition whose networks all reached every matched loss")
    groups = dict.fromkeys(results[options.by].values[complete].tolist())
    if len(groups) > MOST:
        raise ValueError(f"by is {options.by!r}: it has {len(groups)} values, and at most {MOST} can be drawn")
    kinds = results.kind.values.tolist()
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    panels = figure.subplots(1, len(kinds), sharey=True, sharex=True, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        for style, group in enumerate(sorted(groups)):
            chosen = complete & (results[options.by].values == group)
            _line(axes, change.sel(kind=kind)[chosen], loss[chosen], style, f"{options.by.replace('_', ' ')}: {group}")
        axes.set_title("\n".join(wrap(kind_text(kind), 12)))
        _dress(axes)
    panels[0].set_ylabel(
        f"importance of W$_{{{options.connection}}}$\nrelative to that at {results.stage.values[0]} nats"
    )
    panels[len(kinds) // 2].set_xlabel("validation loss (nats per scored bit), falling along training")
    if len(groups) > 1:
        panels[0].legend(loc="lower left", handletextpad=0.4, borderaxespad=0)
    out = int((~complete).sum())
    left_out = f" {out} conditions with censored networks are left out." if out else ""
    ask(
        figure,
        "What happens to importance as the loss falls?",
        f"{network_text(results)}; geometric mean over {int(complete.sum())} conditions, 95 % t interval over"
        f" n = {results.sizes['seed']} networks; thin: each condition.{left_out}",
    )
    return figure


def changes(results: xr.Dataset, connection: str) -> xr.DataArray:
    """Importance over that of the same network at the highest matched loss."""
    values = results.importance.sel(connection=connection, statistic="mean", per="scored bit")
    return (values / values.isel(stage=0)).transpose("condition", "seed", "kind", "stage")


def losses(results: xr.Dataset) -> xr.DataArray:
    """Matched losses, and the validation loss that each network ended with."""
    ended = results.validation_loss.sel(side="after")
    matched = [float(stage) for stage in results.stage.values[:-1]]
    columns = [ended.isel(stage=k) * 0 + loss for k, loss in enumerate(matched)] + [ended.isel(stage=-1)]
    return xr.concat(columns, results.stage).transpose("condition", "seed", "stage")


def _line(axes: Axes, change: xr.DataArray, loss: xr.DataArray, style: int, label: str) -> None:
    """The group in colour over each of its conditions."""
    for condition in range(change.sizes["condition"]):
        each, at = (xr.ufuncs.exp(xr.ufuncs.log(values[condition]).mean("seed")) for values in (change, loss))
        axes.plot(at, each, color=COLOURS[style], linewidth=0.4, alpha=0.35, zorder=1)
    x = xr.ufuncs.exp(xr.ufuncs.log(loss).mean(["condition", "seed"]))
    over_conditions = xr.ufuncs.exp(xr.ufuncs.log(change).mean("condition"))
    summary = mean_interval(over_conditions, log=True)
    half = np.stack([summary["average"] - summary.low, summary.high - summary["average"]])
    look: dict[str, Any] = {"marker": MARKERS[style], "markersize": 4, "capsize": 2, "linewidth": 1.4, "elinewidth": 1}
    axes.errorbar(x.values, summary["average"].values, yerr=half, color=COLOURS[style], label=label, zorder=2, **look)


def _dress(axes: Axes) -> None:
    """Logarithmic axes with plain numbers; training goes to the right."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.dataLim.intervalx
    axes.set_xlim(high * 1.25, low / 1.25)
    axes.set_xticks([tick for tick in TICKS if low / 1.25 <= tick <= high * 1.25])
    axes.tick_params(axis="x", which="minor", length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.axhline(1, color="grey", linewidth=0.8, zorder=0)


FIGURES = {"_by_loss": draw}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
