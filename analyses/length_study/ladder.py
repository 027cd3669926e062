"""From the paper's way of measuring to ours, one choice at a time: which one changes the answer?

The answer here is a pair of exponents: how the importance grows with the length of the basic Copy Task (p = i, so load,
retention, length and scored bits grow together), and how it grows with the input length i at fixed p (retention and
length). The code of the paper takes the empirical Fisher of whole sequences, averaged over W_hh and b_hh, of networks
that trained equally long on the loss per sequence, from PyTorch's default initialisation.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import xarray as xr

from wmcl.statistics import effects, law, mean_interval


@dataclass(frozen=True)
class Rung:
    """The choices of one way of measuring."""

    kind: str
    stage: str
    statistic: str
    per: str
    initialisation: str
    reduction: str


SWEEPS = ("basic: p = i", "padded: i at fixed p")
CHANGES = {
    "kind": "sampled Fisher",
    "stage": "matched loss",
    "per": "per scored bit",
    "statistic": "W_hh alone",
    "initialisation": "orthogonal initialisation",
    "reduction": "loss per scored bit",
}


def is_ladder(results: xr.Dataset) -> bool:
    """Whether the file has the settings of the paper beside ours."""
    wanted = {
        ("fan_in", "reference"),
        ("fan_in", "scored bit"),
        ("orthogonal", "reference"),
        ("orthogonal", "scored bit"),
    }
    has = set(zip(results.initialisation.values.tolist(), results.reduction.values.tolist(), strict=True))
    return wanted <= has and {"empirical", "sampled"} <= set(results.kind.values.tolist())


def rungs(results: xr.Dataset) -> dict[str, Rung]:
    """The paper's settings, each of our choices alone, and all of them."""
    matched = str(results.stage.values[-2])
    paper = Rung("empirical", "final", "mean with bias", "sequence", "fan_in", "reference")
    ours = Rung("sampled", matched, "mean", "scored bit", "orthogonal", "scored bit")
    singles = {label: replace(paper, **{name: getattr(ours, name)}) for name, label in CHANGES.items()}
    assert {field.name for field in fields(Rung)} == set(CHANGES)
    return {"the paper's settings": paper, **singles, "all of ours": ours}


def add_ladder(results: xr.Dataset) -> xr.Dataset:
    """Add ``ladder_slope`` (rung, sweep, seed), exponents, and ``ladder_reached`` (rung, sweep), networks with one.

    Where a network of a sweep missed the matched loss, there is no exponent.
    """
    steps = rungs(results)
    slopes = np.stack(
        [np.stack([_slopes(_chosen(results, rung, sweep), sweep) for sweep in SWEEPS]) for rung in steps.values()]
    )
    reached = np.array([[_reached(results, rung, sweep) for sweep in SWEEPS] for rung in steps.values()])
    coordinates = {"rung": list(steps), "sweep": list(SWEEPS)}
    return results.assign_coords(coordinates).assign(
        ladder_slope=(("rung", "sweep", "seed"), slopes),
        ladder_reached=(("rung", "sweep"), reached),
    )


def ladder_table(results: xr.Dataset) -> str:
    """Both exponents on every rung, with 95 % t intervals over seeds."""
    lines = [f"{'exponent of importance on':<28}" + "".join(f"{sweep:<30}" for sweep in SWEEPS)]
    for rung in results.rung.values:
        cells = []
        for sweep in SWEEPS:
            one = results.ladder_slope.sel(rung=rung, sweep=sweep)
            share = float(results.ladder_reached.sel(rung=rung, sweep=sweep))
            cells.append(_cell(mean_interval(one), share))
        lines.append(f"{rung:<28}" + "".join(f"{cell:<30}" for cell in cells))
    return "\n".join(lines)


def _cell(summary: xr.Dataset, share: float) -> str:
    if share < 1:
        return f"none: {1 - share:.0%} of networks censored"
    mean, low, high = float(summary["mean"]), float(summary.low), float(summary.high)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def _part(results: xr.Dataset, rung: Rung, sweep: str) -> xr.Dataset:
    p, i = results.pattern_length, results.input_length
    padded_pattern = p.where(p < i, drop=True)
    in_sweep = p == i if sweep == SWEEPS[0] else p == int(padded_pattern[0])
    training = (results.initialisation == rung.initialisation) & (results.reduction == rung.reduction)
    return results.isel(condition=(in_sweep & training).values).sel(stage=rung.stage)


def _chosen(results: xr.Dataset, rung: Rung, sweep: str) -> xr.DataArray:
    part = _part(results, rung, sweep)
    return part.importance.sel(kind=rung.kind, connection="hh", statistic=rung.statistic, per=rung.per)


def _reached(results: xr.Dataset, rung: Rung, sweep: str) -> float:
    return float(_part(results, rung, sweep).reached.mean())


def _slopes(values: xr.DataArray, sweep: str) -> np.ndarray:
    name = "pattern_length" if sweep == SWEEPS[0] else "input_length"
    return effects(values, law(name), interactions=()).slope.sel(analysis="planned", term=name).values
