"""From the measure of the paper to ours, one choice at a time: which one changes the answer?

The answer here is a pair of exponents: how a measure grows with the length of the basic Copy Task (p = i, so load,
retention, length and scored bits grow together), and how it grows with the input length i at fixed p (retention and
length). The code of the paper takes the empirical Fisher of whole sequences, averaged over W_hh and b_hh, of networks
that trained equally long on the loss per sequence, from PyTorch's default initialisation; and the components of hidden
states around their common mean.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from wmcl.statistics import effects, law
from wmcl.studies.tables import interval_of, table_head, table_row

Choices = Mapping[str, str]
SWEEPS = ("basic: p = i", "padded: i at fixed p")
PAPER, OURS = "the paper's measure", "all of ours"
TRAINING = {
    "initialisation": ("fan_in", "orthogonal", "orthogonal initialisation"),
    "reduction": ("sequence", "scored bit", "loss per scored bit"),
}
IMPORTANCE = {
    "kind": ("empirical", "sampled", "sampled Fisher"),
    "stage": ("final", "matched", "matched loss"),
    "per": ("sequence", "scored bit", "per scored bit"),
    "statistic": ("mean with bias", "mean", "W_hh alone"),
    **TRAINING,
}
DIMENSIONS = {
    "centre": ("pooled", "step", "centred at each step"),
    "stage": ("final", "matched", "matched loss"),
    **TRAINING,
}
"""what is chosen: the paper's choice, ours, and the name of ours"""


def is_ladder(results: xr.Dataset) -> bool:
    """Whether the file has the settings of the paper beside ours."""
    wanted = {(i, r) for i in TRAINING["initialisation"][:2] for r in TRAINING["reduction"][:2]}
    has = set(zip(results.initialisation.values.tolist(), results.reduction.values.tolist(), strict=True))
    return wanted <= has and {"empirical", "sampled"} <= set(results.kind.values.tolist())


def choice_sets(choices: Mapping[str, tuple[str, str, str]]) -> dict[str, Choices]:
    """The paper's settings, each of our choices alone, and all of them."""
    paper = {name: choice[0] for name, choice in choices.items()}
    singles = {label: paper | {name: ours} for name, (_, ours, label) in choices.items()}
    return {PAPER: paper, **singles, OURS: {name: choice[1] for name, choice in choices.items()}}


def add_ladder(results: xr.Dataset) -> xr.Dataset:
    """Add the exponents with every set of choices, and the networks that they rest on.

    Where a network of a sweep missed the matched loss, there is no exponent.

    Returns:
        A set of choices is a label of the dimension ``rung``. With ``ladder_slope`` (rung, sweep, seed) and
        ``ladder_reached`` (rung, sweep) for the importance, and ``ladder_dimension_slope`` and
        ``ladder_dimension_reached`` with ``dimension_rung`` for the components.
    """
    for prefix, rung_name, choices, measure in (
        ("ladder", "rung", IMPORTANCE, _importance),
        ("ladder_dimension", "dimension_rung", DIMENSIONS, _components),
    ):
        steps = choice_sets(choices)
        parts = [[_part(results, chosen, sweep) for sweep in SWEEPS] for chosen in steps.values()]
        slopes = [
            [_slopes(measure(part, chosen), sweep) for part, sweep in zip(row, SWEEPS, strict=True)]
            for row, chosen in zip(parts, steps.values(), strict=True)
        ]
        results = results.assign_coords({rung_name: list(steps), "sweep": list(SWEEPS)}).assign(
            {
                f"{prefix}_slope": ((rung_name, "sweep", "seed"), np.array(slopes)),
                f"{prefix}_reached": ((rung_name, "sweep"), [[float(p.reached.mean()) for p in row] for row in parts]),
            }
        )
    return results


def ladder_table(results: xr.Dataset) -> str:
    """Both exponents with every set of choices, with 95 % t intervals over seeds."""
    lines = ["Exponents with the choices of the paper, with one choice of ours at a time, and with all of ours:"]
    for prefix, rung_name, measure in (
        ("ladder", "rung", "importance"),
        ("ladder_dimension", "dimension_rung", "components, output phase"),
    ):
        lines += ["", *table_head([f"exponent of {measure}", *SWEEPS])]
        for chosen in results[rung_name].values.tolist():
            here = results.sel({rung_name: chosen})
            cells = [
                _cell(here[f"{prefix}_slope"].sel(sweep=s), here[f"{prefix}_reached"].sel(sweep=s)) for s in SWEEPS
            ]
            lines.append(table_row([chosen, *cells]))
    return "\n".join(lines)


def _cell(slopes: xr.DataArray, reached: xr.DataArray) -> str:
    missing = 1 - float(reached)
    return f"none: {missing:.0%} of networks missed the loss" if missing > 0 else interval_of(slopes, ".2f")


def _part(results: xr.Dataset, chosen: Choices, sweep: str) -> xr.Dataset:
    p, i = results.pattern_length, results.input_length
    padded_pattern = int(p.where(p < i, drop=True)[0])
    in_sweep = p == i if sweep == SWEEPS[0] else p == padded_pattern
    training = (results.initialisation == chosen["initialisation"]) & (results.reduction == chosen["reduction"])
    stage = str(results.stage.values[-2]) if chosen["stage"] == "matched" else chosen["stage"]
    return results.isel(condition=(in_sweep & training).values).sel(stage=stage)


def _importance(part: xr.Dataset, chosen: Choices) -> xr.DataArray:
    return part.importance.sel(connection="hh", **{name: chosen[name] for name in ("kind", "statistic", "per")})


def _components(part: xr.Dataset, chosen: Choices) -> xr.DataArray:
    return part.components.sel(phase="output", centre=chosen["centre"])


def _slopes(values: xr.DataArray, sweep: str) -> np.ndarray:
    name = "pattern_length" if sweep == SWEEPS[0] else "input_length"
    return effects(values, law(name), interactions=()).slope.sel(analysis="planned", term=name).values
