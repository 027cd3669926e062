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

from wmcl.plotting import COLOURS, MARKERS, FileOptions, figure_command
from wmcl.plotting.data import one_of, require
from wmcl.plotting.text import count_text
from wmcl.statistics import mean_interval
from wmcl.statistics.fronts import attained

LEVELS = np.linspace(0, 1, 201)
LEFT = {"information": "information retained of task 1", "accuracy": "accuracy retained on task 1, above chance"}
RIGHT = {
    "information": "information learned of task 2",
    "accuracy": "accuracy on task 2, above chance",
    "speed": "speed of learning task 2",
}
WHAT = {"information": "fraction of a bit", "accuracy": "0 chance, 1 all right", "speed": "1: as fast as task 1"}
HYPERNETWORKS = ("HNET", "HNET (large)")
REFERENCES = ("from scratch", "multitask")
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


def suffix_of(options: Options) -> str:
    """Fronts in information have the name of the dataset alone."""
    return "" if options.front == "information" else f"_{options.front}"


SUFFIX = suffix_of


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Fronts at the lowest and the highest load; hypervolumes; the hypernetwork's advantage; predictors."""
    require(results, "points", "hypervolume", "memory_load")
    at = results.sel(front=one_of(results, "front", options.front), data=one_of(results, "data", options.data))
    has_predictors = "level" in results and bool(results.level.notnull().any())
    figure = Figure(figsize=(8.6, 9.6 if has_predictors else 7.0), layout="constrained")
    heights = [3.4, 3.0, 2.6] if has_predictors else [3.4, 3.0]
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    extremes = _extremes(at)
    for axes, (name, k) in zip(np.atleast_1d(parts[0].subplots(1, len(extremes), sharey=True)), extremes, strict=True):
        _front(axes, at.isel(setting=k), name, options.front)
    handles, labels = parts[0].axes[0].get_legend_handles_labels()
    parts[0].legend(handles, labels, fontsize=7, ncols=4, loc="outside lower center")
    left, right = parts[1].subplots(1, 2, width_ratios=[1.7, 1])
    _hypervolumes(left, at)
    _advantage(right, at)
    if has_predictors:
        for axes, predictor in zip(parts[2].subplots(1, 3, sharey=True), PREDICTORS, strict=True):
            _predictor(axes, at, predictor)
        parts[2].axes[0].set_ylabel("hypervolume", fontsize=8)
    figure.suptitle(_title(results, options.data), fontsize="small")
    return figure


def _title(results: xr.Dataset, data: str) -> str:
    hidden = json.loads(results.attrs["configuration"])["training"]["hidden"]
    return (
        f"Two Permuted Copy Tasks, Elman networks of {hidden} units, {data} data;"
        f" mean and 95 % t interval, {count_text(results.hypervolume.count('seed').max())} networks"
    )


def _look(method: str) -> dict[str, Any]:
    place = [*IMPORTANCES, *HYPERNETWORKS, "masking + SI", *REFERENCES].index(method)
    other = {
        "HNET": "black",
        "HNET (large)": "0.45",
        "masking + SI": COLOURS[5],
        "from scratch": COLOURS[6],
        "multitask": COLOURS[9],
    }
    return {"color": other.get(method, COLOURS[place]), "marker": (*MARKERS, "X", "*", "1", "2")[place]}


def _extremes(at: xr.Dataset) -> list[tuple[str, int]]:
    """Of settings without xor at the shortest retention and lead, those with the lowest and the highest load."""
    plain = np.flatnonzero(at.xor.values == 0).tolist()
    order = sorted(plain, key=lambda k: (at.retention.values[k], at.lead.values[k], at["memory_load"].values[k]))
    first = at.isel(setting=order[0])
    alike = [k for k in order if all(at[n].values[k] == first[n].item() for n in ("retention", "lead"))]
    ends = [("low load", alike[0]), ("high load", alike[-1])]
    return ends if len(alike) > 1 else ends[:1]


def _front(axes: Axes, at: xr.Dataset, name: str, front: str) -> None:
    """What is attained by each method: mean over networks with its interval, and the mean point of each strength."""
    for method in at.approach.values.tolist():
        points = at.points.sel(approach=method).transpose("seed", "strength", "axis")
        if method in REFERENCES:
            mean = points.sel(strength=0.0).mean("seed").values
            axes.plot(*mean, linestyle="none", markersize=7, label=method, zorder=5, **_look(method))
            continue
        curves = xr.DataArray(attained(points.values, LEVELS), dims=("seed", "level"))
        found, look = mean_interval(curves), _look(method)
        axes.fill_between(LEVELS, found.low, found.high, color=look["color"], alpha=0.15, linewidth=0)
        axes.plot(LEVELS, found["average"], color=look["color"], linewidth=1.3, label=method)
        mean = points.mean("seed").values
        axes.plot(*mean.T, look["marker"], color=look["color"], markersize=3, markerfacecolor="none")
    held, kept = float(at["memory_load"]), float(at["retention"])
    axes.set_title(f"{name}: {held:g} bits held for {kept:g} steps", fontsize=8)
    axes.set_xlabel(
        f"{LEFT.get(front, LEFT['information'])}\n({WHAT.get(front if front in LEFT else 'information')})", fontsize=8
    )
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        axes.set_ylabel(f"{RIGHT[front]}\n({WHAT[front]})", fontsize=8)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))
    axes.tick_params(labelsize=7)


def _label(at: xr.Dataset, k: int) -> str:
    xor = int(at.xor.values[k])
    parts = [f"{at[name].values[k]:.3g}" for name in ("memory_load", "retention", "lead")]
    return "\n".join([*parts, str(xor) if xor else "–"])


def _hypervolumes(axes: Axes, at: xr.Dataset) -> None:
    """Each method in each setting."""
    settings, methods = at.sizes["setting"], at.approach.values.tolist()
    for place, method in enumerate(methods):
        found = mean_interval(at.hypervolume.sel(approach=method))
        x = np.arange(settings) + (place - (len(methods) - 1) / 2) * 0.1
        half = np.stack([found["average"] - found.low, found.high - found["average"]])
        look = _look(method) | {"markersize": 3, "linestyle": "none", "elinewidth": 0.8, "markerfacecolor": "white"}
        axes.errorbar(x, found["average"].values, yerr=half, **look)
    for k in range(0, settings, 2):
        axes.axvspan(k - 0.5, k + 0.5, color="0.95", linewidth=0, zorder=0)
    axes.set_xticks(range(settings), [_label(at, k) for k in range(settings)], fontsize=6.5)
    axes.set_xlim(-0.5, settings - 0.5)
    axes.set_xlabel("load (bits), retention (steps), lead (steps), permutations of the exclusive or", fontsize=7.5)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -0.03), min(high, 1.05))  # intervals of few networks may leave what is possible
    axes.set_ylabel("hypervolume", fontsize=8)
    axes.tick_params(axis="y", labelsize=7)


def _advantage(axes: Axes, at: xr.Dataset) -> None:
    """Hypervolume of each hypernetwork minus that of each importance method, mean over settings without xor."""
    others = [name for name in IMPORTANCES if name in at.approach.values]
    rows = [name for name in HYPERNETWORKS if name in at.approach.values]
    volume = _crossed(at).hypervolume
    if not rows or not others or not volume.sizes["setting"]:
        axes.set_axis_off()
        return
    for row, line in zip(rows, ("-", ":"), strict=False):
        for place, name in enumerate(others):
            gap = volume.sel(approach=row, drop=True) - volume.sel(approach=name, drop=True)
            by_load = gap.groupby("memory_load").mean("setting", skipna=False)
            found = mean_interval(by_load)
            x = by_load["memory_load"].values * 1.03 ** (place - (len(others) - 1) / 2)
            half = np.stack([found["average"] - found.low, found.high - found["average"]])
            look = {"markersize": 3.5, "linewidth": 1, "elinewidth": 0.8, "linestyle": line, **_look(name)}
            axes.errorbar(x, found["average"].values, yerr=half, label=f"{row} - {name}", **look)
    axes.axhline(0, color="grey", linewidth=0.7, zorder=0)
    axes.set_xscale("log")
    loads = np.unique(volume["memory_load"].values)
    axes.set_xticks(loads, [f"{load:g}" for load in loads])
    axes.minorticks_off()
    axes.set_xlabel("load (bits), mean over conditions without exclusive or", fontsize=7.5)
    dotted = f"\n(dotted: of {rows[1]})" if len(rows) > 1 else ""
    axes.set_ylabel(f"hypervolume of {rows[0]}\nminus that of the method{dotted}", fontsize=7.5)
    axes.tick_params(labelsize=7)


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


def _predictor(axes: Axes, at: xr.Dataset, predictor: str) -> None:
    """Hypervolume of importance methods against a predictor, a point a setting: means over networks."""
    for name in [name for name in IMPORTANCES if name in at.approach.values]:
        own = at.sel(approach=name)
        x, y = own[predictor].mean("seed").values, own.hypervolume.mean("seed").values
        axes.plot(x, y, linestyle="none", markersize=3.5, markerfacecolor="none", **_look(name))
    if predictor == "level":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(PREDICTORS[predictor], fontsize=8)
    axes.tick_params(labelsize=7)


if __name__ == "__main__":
    figure_command(draw, Options, __doc__, SUFFIX)
