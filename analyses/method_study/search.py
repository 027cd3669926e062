"""Choose hyperparameters on the validation set; the test set is never drawn."""

import itertools
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr

from wmcl.methods import Measures, during, final
from wmcl.studies.benchmark import RATES, Benchmark, Hyperparameters, Value
from wmcl.studies.rows import check_hyperparameters, grids_of

Values = Mapping[str, Value]

SEARCH_SEEDS_FROM = 1000
"""seeds of a search begin here, so that no network is both searched with and reported"""

MEASURES = Measures(data=("validation",), importance_samples=0, state_samples=0)
RULE = (
    "highest mean final validation accuracy over seeds; of equal ones (to 1e-9) the lowest mean final validation loss;"
    " of equal ones the first of the grid"
)


def candidates(benchmark: Benchmark, table: Mapping[str, Hyperparameters]) -> dict[tuple[str, str], Values]:
    """The values to try, by row and what they are called.

    Raises:
        ValueError: if a row does not take what its grid holds.
    """
    found, grids = {}, grids_of(benchmark)
    for row, hyperparameters in table.items():
        for values in crossed(grids.get(row, {"learning_rate": RATES})):
            check_hyperparameters(row, hyperparameters.changed(values))
            found[row, text_of(values)] = values
    return found


def crossed(grid: Mapping[str, tuple[Value, ...]]) -> list[Values]:
    """Every combination, the last name varying fastest."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def text_of(values: Values) -> str:
    """Return hyperparameters as a label."""
    return ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )


def scores(results: xr.Dataset) -> xr.Dataset:
    """Means over seeds of every candidate, on validation data alone."""
    seen = results.sel(data="validation")
    accuracy = seen.accuracy
    return xr.Dataset(
        {
            "final_accuracy": final(accuracy).mean("seed", skipna=False),
            "final_loss": final(seen.loss).mean("seed", skipna=False),
            "during_accuracy": during(accuracy).mean("seed", skipna=False),
        }
    )


def best(found: xr.Dataset) -> int:
    """Position of the candidate that :data:`RULE` chooses.

    Raises:
        ValueError: if no candidate has an accuracy.
    """
    accuracy, loss = (np.asarray(found[name].values, float) for name in ("final_accuracy", "final_loss"))
    if not np.isfinite(accuracy).any():
        raise ValueError(
            f"no candidate of {found.approach.values[0].item()!r} has a final accuracy: there is nothing to choose from"
        )
    equal = np.flatnonzero(accuracy >= np.nanmax(accuracy) - 1e-9)
    return int(equal[np.nan_to_num(loss[equal], nan=np.inf).argmin()])


def choices(
    results: xr.Dataset,
    known: Mapping[tuple[str, str], Values],
    table: Mapping[str, Hyperparameters],
    design: Mapping[str, Any],
    origin: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """For every row what was chosen, why, and where that comes from.

    Args:
        results: of all candidates.
        known: their values.
        table: hyperparameters of every row before the search.
        design: tasks and network.
        origin: of the numbers.
    """
    found, made = scores(results), {}
    for row in dict.fromkeys(results.approach.values.tolist()):
        part = found.isel(condition=(found.approach == row).values)
        tried = [known[row, text] for text in part.candidate.values.tolist()]
        made[row] = {
            "chosen": dict(tried[best(part)]),
            "rule": RULE,
            "validation": [
                {"values": dict(values)} | {name: _number(part[name].values[k]) for name in part.data_vars}
                for k, values in enumerate(tried)
            ],
            "seeds": results.seed.values.tolist(),
            "design": design,
            "hyperparameters": asdict(table[row]),
            **origin,
        }
    return made


def _number(value: float) -> float | None:
    """Return a number for JSON, which has no NaN."""
    return float(value) if np.isfinite(value) else None


def _mark(values: Values, choice: Mapping[str, Any]) -> str:
    """Chosen, and whether numbers beyond the grid might be better still."""
    ends = []
    for name, value in values.items():
        tried = [one["values"][name] for one in choice["validation"]]
        if isinstance(value, (int, float)) and len(set(tried)) > 2 and value in (min(tried), max(tried)):
            ends.append(name)
    return f"chosen; at the end of its grid: {', '.join(ends)}" if ends else "chosen"


def summary(made: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table of all candidates; the chosen ones are marked."""
    lines = [
        f"Chosen on validation data: {RULE}.",
        "",
        "| method | values | final accuracy, % | final loss, nats an answer | during accuracy, % | |",
        "|---|---|---:|---:|---:|---|",
    ]
    for row, choice in made.items():
        for one in choice["validation"]:
            numbers = (
                "–" if one[name] is None else f"{one[name] * factor:.{digits}f}"
                for name, factor, digits in (
                    ("final_accuracy", 100, 2),
                    ("final_loss", 1, 4),
                    ("during_accuracy", 100, 2),
                )
            )
            mark = _mark(one["values"], choice) if one["values"] == choice["chosen"] else ""
            lines.append(f"| {row} | {text_of(one['values'])} | {' | '.join(numbers)} | {mark} |")
    return "\n".join(lines)
