"""What networks retain and learn at all strengths: fronts, hypervolumes, and where hypernetworks are ahead.

Reads a Dataset of analyses/stability_plasticity.py and trains nothing.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from wmcl.plotting import plot_front
from wmcl.plotting.data import MissingError, one_of, require
from wmcl.plotting.draw import Label, ask, label_beside
from wmcl.plotting.front import MOST
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, MARKERS, WIDTH
from wmcl.plotting.text import count_text
from wmcl.statistics import mean_interval

SHOWN = ("HNET (large)", "HNET", "masking + SI", "online EWC (sampled)", "SI", "MAS")
"""methods whose fronts are drawn, as many as one can tell apart; the others stand in the report"""
HYPERNETWORKS = ("HNET", "HNET (large)")
IMPORTANCES = ("online EWC (empirical)", "online EWC (sampled)", "online EWC (exact)", "SI", "MAS")
PREDICTORS = {
    "level": "importance of task 1,\nmean over W$_{hh}$ (own units)",
    "effective_fraction": "effective fraction\nof W$_{hh}$",
    "overlap": "overlap with\nthe curvature of task 2",
}


@dataclass(frozen=True)
class Options(FileOptions):
    """What to draw."""

    front: Literal["information", "accuracy", "speed"] = "information"
    """what retained and learned are measured in"""
    data: Literal["test", "validation"] = "test"
    """set of sequences"""

    @property
    def choice(self) -> str:
        """Fronts in information have the name of the dataset alone."""
        return "" if self.front == "information" else f"_{self.front}"


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Fronts at the lowest and the highest load."""
    at = _at(results, options)
    extremes = _extremes(at)
    every = at.approach.values.tolist()
    methods = ([name for name in SHOWN if name in every] or every)[:MOST]
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    for axes, k in zip(figure.subplots(1, len(extremes), sharey=True, squeeze=False)[0], extremes, strict=True):
        plot_front(results.isel(setting=k), methods, front=options.front, data=options.data, ax=axes)
        held, kept = float(at["memory_load"][k]), float(at["retention"][k])
        axes.set_title(f"{held:g} bits held for {kept:g} steps", loc="left")
        if not axes.get_subplotspec().is_first_col():
            axes.set_ylabel("")
    ask(
        figure,
        "How much can a network retain and still learn?",
        f"{_who(results, options)} A mark is one strength of a penalty, a line what all strengths attain together.",
    )
    return figure


def draw_hypervolumes(results: xr.Dataset, options: Options) -> Figure:
    """Hypervolume of each method at each load, and how far a hypernetwork is ahead of it."""
    at = _at(results, options)
    at = _crossed(at)
    if not at.sizes["setting"]:
        raise MissingError("this dataset has no conditions without exclusive or that are alike at every load")
    by_load = at.hypervolume.groupby("memory_load").mean("setting", skipna=False)
    order = np.argsort(-by_load.mean(["memory_load", "seed"]).values, kind="stable")
    by_load = by_load.isel(approach=order)
    names = by_load.approach.values.tolist()
    best = next((name for name in HYPERNETWORKS[::-1] if name in names), None)
    figure = Figure(figsize=(WIDTH, 1.7 + 0.24 * len(names)), layout="constrained")
    panels = figure.subplots(1, 2 if best else 1, sharey=True, squeeze=False)[0]
    _rows(panels[0], by_load)
    panels[0].set_xlabel("hypervolume (1: retains and learns all)")
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    panels[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handletextpad=0.2, borderaxespad=0.2)
    if best:
        others = by_load.sel(approach=[name for name in names if name != best])
        gap = (by_load.sel(approach=best, drop=True) - others).reindex(approach=names)
        _rows(panels[1], gap)
        panels[1].set_xlabel(f"hypervolume of {best}\nminus that of the method")
        panels[1].axvline(0, color="0.5", linewidth=0.8, zorder=0)
    ask(
        figure,
        "Does a higher load aggravate the dilemma, and for which methods?",
        f"{_who(results, options)} Mean over the {at.sizes['setting']} conditions without exclusive or that differ in"
        " load, retention and lead alone; right: networks of the same seed.",
    )
    return figure


def draw_predictors(results: xr.Dataset, options: Options) -> Figure:
    """Hypervolume of importance methods against what may predict it."""
    require(results, *PREDICTORS)
    at = _at(results, options)
    names = [name for name in IMPORTANCES if name in at.approach.values]
    if not names or not bool(at.level.notnull().any()):
        raise MissingError("this dataset has no importances of the first task")
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, predictor in zip(panels, PREDICTORS, strict=True):
        labels = _predictor(axes, at, predictor)
    label_beside(panels[-1], labels, at_edge=True)
    panels[0].set_ylabel("hypervolume")
    ask(
        figure,
        "What goes with a small hypervolume?",
        f"{_who(results, options, 'mean')} A mark is one condition.",
    )
    return figure


def _at(results: xr.Dataset, options: Options) -> xr.Dataset:
    require(results, "points", "hypervolume", "memory_load")
    return results.sel(front=one_of(results, "front", options.front), data=one_of(results, "data", options.data))


def _who(results: xr.Dataset, options: Options, over: str = "mean and 95 % t interval") -> str:
    hidden = json.loads(results.attrs["configuration"])["training"]["hidden"]
    count = count_text(results.hypervolume.count("seed").max())
    return (
        f"Two Permuted Copy Tasks, Elman networks of {hidden} units, {options.data} data; {over} over {count} networks."
    )


def _extremes(at: xr.Dataset) -> list[int]:
    """Of settings without xor at the shortest retention and lead, those with the lowest and the highest load."""
    plain = np.flatnonzero(at.xor.values == 0).tolist()
    order = sorted(plain, key=lambda k: (at.retention.values[k], at.lead.values[k], at["memory_load"].values[k]))
    first = at.isel(setting=order[0])
    alike = [k for k in order if all(at[n].values[k] == first[n].item() for n in ("retention", "lead"))]
    return [alike[0], alike[-1]] if len(alike) > 1 else alike


def _rows(axes: Axes, values: xr.DataArray) -> None:
    """A row a method, a mark with its interval for each load."""
    loads = values["memory_load"].values.tolist()
    for style, load in enumerate(loads):
        found = mean_interval(values.sel(memory_load=load))
        mean, low, high = (found[name].values for name in ("average", "low", "high"))
        rows = np.arange(len(mean)) + 0.24 * (style - (len(loads) - 1) / 2)
        look: dict[str, Any] = {"color": COLOURS[style], "linestyle": "none", "elinewidth": 1, "capsize": 1.5}
        error = np.nan_to_num(np.stack([mean - low, high - mean]))
        axes.errorbar(mean, rows, xerr=error, fmt=MARKERS[style], markersize=4, label=f"load {load:g} bits", **look)
    axes.grid(axis="y", color="0.92", linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def _crossed(at: xr.Dataset) -> xr.Dataset:
    """The settings without xor whose retention and lead occur at every load, so that loads are compared alike."""
    plain = at.isel(setting=at.xor.values == 0)
    loads = set(plain["memory_load"].values.tolist())
    pairs = list(zip(plain.input_length.values.tolist(), plain.lead.values.tolist(), strict=True))
    own = {
        pair: {load for load, p in zip(plain["memory_load"].values.tolist(), pairs, strict=True) if p == pair}
        for pair in pairs
    }
    return plain.isel(setting=[k for k, pair in enumerate(pairs) if own[pair] == loads])


def _predictor(axes: Axes, at: xr.Dataset, predictor: str) -> list[Label]:
    """Hypervolume of importance methods against a predictor, a point a setting, and the label of each method."""
    labels = list[Label]()
    for style, name in enumerate(name for name in IMPORTANCES if name in at.approach.values):
        own = at.sel(approach=name)
        x, y = own[predictor].mean("seed").values, own.hypervolume.mean("seed").values
        look: dict[str, Any] = {"color": COLOURS[style], "marker": MARKERS[style], "linestyle": "none"}
        axes.plot(x, y, markersize=3.5, markerfacecolor="none", **look)
        if np.isfinite(y).any():
            labels.append((name, (1.0, float(np.nanmean(y))), COLOURS[style]))
    if predictor == "level":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1,)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(PREDICTORS[predictor])
    return labels


FIGURES = {"": draw, "_hypervolumes": draw_hypervolumes, "_predictors": draw_predictors}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
