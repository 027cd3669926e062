"""Bits of the pattern that can be decoded from the hidden state at each step, and how many dimensions that takes.

Reads a Dataset of analyses/importance_vs_length.py, whose decoders are those of wmcl.dimensionality.decodability, and
trains nothing. Without options it compares conditions of one pattern length that differ in input length.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from wmcl.plotting.data import MissingError, choose_known, of_sweeps, require, stage_of, training_of, values_of
from wmcl.plotting.draw import Label, ask, band_with_interval, label_beside, shade_phases
from wmcl.plotting.options import FileOptions, figure_command
from wmcl.plotting.style import COLOURS, WIDTH
from wmcl.plotting.text import count_text, stage_text, training_text, value_text, variance_share

LINES = 4
CONDITION = ("pattern_length", "input_length", "lead", "independent_bits")


@dataclass(frozen=True)
class Options(FileOptions):
    """Which conditions; at most four of those that have what is given, and always the longest."""

    pattern_length: int | None = None
    """p"""
    input_length: int | None = None
    """i"""
    lead: int | None = None
    """steps before the pattern"""
    independent_bits: int | None = None
    """of a pattern step"""
    initialisation: str | None = None
    """of the networks; None takes the first of the dataset"""
    reduction: str | None = None
    """of their training loss; None takes the first of the dataset"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Bits held, and dimensions, over steps; a line a condition."""
    require(results, "bits_held", "components_by_step")
    part, stage = chosen(results, options), stage_of(results, None)
    last = part.isel(condition=-1)
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    bits, dimensions = figure.subplots(1, 2)
    for axes, values in ((bits, part.bits_held), (dimensions, part.components_by_step.sel(stage=stage))):
        shade_phases(axes, last, origin=float(last.lead + last.input_length))
        for k in range(part.sizes["condition"]):
            band_with_interval(axes, _from_stop(part, values, k), "step", k)
        axes.set_xlabel("step, from the stop flag on")
        axes.set_ylim(bottom=0)
    bits.set_ylabel("bits that a linear decoder finds in h$_t$")
    dimensions.set_ylabel(f"components for {variance_share(results):.0%} of the\nvariance of h$_t$ at each step")
    for load in sorted(set(part["memory_load"].values.tolist())):
        bits.axhline(load, color="0.4", linewidth=0.8, linestyle="--", zorder=1)
        bits.annotate(
            f"load: {load:g} bits", (bits.get_xlim()[0], load), (2, 3), textcoords="offset points", fontsize=7
        )
    bits.set_ylim(top=1.1 * bits.get_ylim()[1])
    labels = list[Label]()
    for k in range(part.sizes["condition"]):
        line = _from_stop(part, part.bits_held, k).mean("seed")
        start = (float(line.step[0]), float(line[0]))
        labels.append((_name(part, k), start, COLOURS[k]))
    label_beside(bits, labels)
    ask(
        figure,
        "How long are bits held, and in how many dimensions?",
        f"{training_text(part)}, {stage_text(stage)}. Mean and 95 % t interval over"
        f" {count_text(part.bits_held.notnull().any('step').sum('seed'))} networks. What linear decoders find is a"
        " lower bound. Shades: phases of the longest condition.",
    )
    return figure


def _name(part: xr.Dataset, k: int) -> str:
    """What tells a condition from the others drawn."""
    own = [name for name in CONDITION if len(set(part[name].values.tolist())) > 1] or ["pattern_length"]
    return ", ".join(value_text(name, part[name].values[k].item()) for name in own)


def chosen(results: xr.Dataset, options: Options) -> xr.Dataset:
    """The conditions to draw, the longest one last."""
    part = training_of(results, options.initialisation, options.reduction)
    asked = {name: getattr(options, name) for name in CONDITION}
    if all(value is None for value in asked.values()):
        part = of_sweeps(part) if of_sweeps(part).sizes["condition"] else part
        asked["pattern_length"] = max(values_of(part, "pattern_length"), key=lambda p: (part.pattern_length == p).sum())
    part = choose_known(part, **asked)
    part = part.isel(condition=part.bits_held.notnull().any(["seed", "step"]).values)
    size = part.sizes["condition"]
    if size == 0:
        raise MissingError("no network of these conditions has decoded bits")
    kept = np.unique(np.linspace(0, size - 1, min(size, LINES)).round().astype(int))
    return part.isel(condition=np.argsort(part.steps.values, kind="stable")[kept])


def _from_stop(part: xr.Dataset, values: xr.DataArray, k: int) -> xr.DataArray:
    one = part.isel(condition=k)
    own = values.isel(condition=k, step=slice(0, int(one.steps)))
    return own.assign_coords(step=own.step - int(one.lead + one.input_length))


FIGURES = {"_decodability": draw}

if __name__ == "__main__":
    figure_command(FIGURES, Options, __doc__)
