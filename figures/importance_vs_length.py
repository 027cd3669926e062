"""Importance and intrinsic dimensionality against input length: varying p = i, and varying i at fixed p.

Reads a Dataset of analyses/importance_vs_length.py and trains nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wmcl.plotting import house_style, line_with_interval, save_figure


@dataclass(frozen=True)
class Options:
    """What to draw."""

    dataset: Annotated[Path, tyro.conf.Positional]
    """netCDF file of the analysis"""
    output: Path = Path("results")
    """folder of the PDF and the PNG, which are called like the dataset"""
    stage: str | None = None
    """matched loss, as in the dataset; None takes the lowest one"""
    kind: Literal["empirical", "sampled"] = "sampled"
    """of the Fisher"""
    connection: Literal["ih", "hh", "ho", "out"] = "hh"
    """whose weights are averaged"""
    per: Literal["sequence", "scored bit"] = "scored bit"
    """what the Fisher is divided by"""
    phase: Literal["input", "stop", "output", "all"] = "output"
    """of the hidden states"""


def draw(results: xr.Dataset, options: Options) -> Figure:
    """Both panels."""
    stage = options.stage or str(results.stage.values[-2])
    if stage not in results.stage:
        raise ValueError(f"stage is {stage!r}: it must be one of {', '.join(results.stage.values)}")
    at = results.sel(stage=stage)
    importance = at.importance.sel(kind=options.kind, connection=options.connection, statistic="mean", per=options.per)
    dimensions = at.components.sel(phase=options.phase, centre="pooled")
    share = json.loads(results.attrs["configuration"])["measures"]["variance"]
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _lines(left, importance, log=True)
    left.set_yscale("log")
    left.set_ylabel(f"mean {options.kind} Fisher of W$_{{{options.connection}}}$\n(nats² per {options.per})")
    _lines(right, dimensions, log=False)
    right.set_ylim(bottom=0)
    right.set_ylabel(f"components for {share:.0%} of the\nvariance of h$_t$ ({options.phase} phase)")
    for axes in (left, right):
        axes.set_xlabel("input length i (steps)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axes.legend(fontsize="x-small", loc="lower right")
    figure.suptitle(_title(results, stage), fontsize="small")
    return figure


def _lines(axes: Axes, values: xr.DataArray, log: bool) -> None:
    """One line for p = i, and one for each p that was measured at several i."""
    lengths = [int(p) for p in values.pattern_length if int(p) in values.input_length]
    basic = xr.concat([values.sel(pattern_length=p, input_length=p, drop=True) for p in lengths], "input_length")
    line_with_interval(axes, basic.assign_coords(input_length=lengths), "input_length", "basic: p = i", 0, log)
    style = 1
    for p in values.pattern_length.values:
        padded = values.sel(pattern_length=p).dropna("input_length", how="all")
        if padded.input_length.size > 1:
            line_with_interval(axes, padded, "input_length", f"padded: p = {p} fixed", style, log)
            style += 1


def _title(results: xr.Dataset, stage: str) -> str:
    label = "end of training" if stage == "final" else f"validation loss {stage} nats a scored bit"
    censored = int((results.reached.sel(stage=stage) == 0).sum())
    missed = f"; {censored} networks missed it and are left out" if censored else ""
    return f"Elman networks on the Copy Task at {label}; 95 % t intervals over networks{missed}"


def main() -> None:
    """Command line."""
    options = tyro.cli(Options, description=__doc__)
    try:
        with xr.open_dataset(options.dataset) as results, house_style():
            paths = save_figure(draw(results.load(), options), options.output, options.dataset.stem)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    print("\n".join(f"Wrote {path}" for path in paths))


if __name__ == "__main__":
    main()
