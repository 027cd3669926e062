"""Choose what a figure draws of a dataset, and refuse with a sentence what is missing or not allowed."""

import numpy as np
import xarray as xr

from wmcl.plotting.options import StageOptions
from wmcl.sweeps import choose


class MissingError(ValueError):
    """Tell that a dataset lacks what a figure draws."""


def require(results: xr.Dataset, *names: str) -> None:
    """Refuse a dataset without these variables."""
    missing = [name for name in names if name not in results.variables]
    if missing:
        raise MissingError(f"this dataset has no {' and no '.join(missing)}, which the figure draws")


def one_of(results: xr.Dataset, name: str, value: str) -> str:
    """Return a value if it is a label of the dimension, and refuse it otherwise."""
    allowed = results[name].values.tolist()
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(allowed)}")
    return value


def stage_of(results: xr.Dataset, stage: str | None) -> str:
    """Name the stage that the options name, or the lowest matched loss."""
    return str(results.stage.values[-2]) if stage is None else one_of(results, "stage", stage)


def importance(results: xr.Dataset, options: StageOptions, kind: str) -> xr.DataArray:
    """Select the mean importance of a kind, connection and stage, with dimensions condition and seed."""
    stage, kind = stage_of(results, options.stage), one_of(results, "kind", kind)
    where = {"stage": stage, "kind": kind, "connection": options.connection, "per": options.per}
    return results.importance.sel(where | {"statistic": "mean"})


def choose_known(results: xr.Dataset, **values: int | str | None) -> xr.Dataset:
    """Select the conditions that have the given coordinates; None leaves one open."""
    return choose(results, **{name: value for name, value in values.items() if value is not None})


def training_of(results: xr.Dataset, initialisation: str | None, reduction: str | None) -> xr.Dataset:
    """Select the conditions of one initialisation and one loss, by default the first ones of the dataset."""
    require(results, "initialisation", "reduction")
    first = {name: str(results[name].values[0]) for name in ("initialisation", "reduction")}
    asked = {"initialisation": initialisation, "reduction": reduction}
    return choose(results, **{name: value or first[name] for name, value in asked.items()})


def plain(results: xr.Dataset) -> xr.Dataset:
    """Select the conditions that the law of load, retention and lead is about."""
    require(results, "in_law")
    return results.isel(condition=results.in_law.values.astype(bool))


def of_sweeps(results: xr.Dataset) -> xr.Dataset:
    """Select the plain conditions that differ in p and i alone: no lead, and as many independent bits as possible."""
    every = plain(results)
    bits = every.independent_bits.max() if every.sizes["condition"] else 0
    return every.isel(condition=((every.lead == 0) & (every.independent_bits == bits)).values)


def values_of(results: xr.Dataset, name: str) -> list[int]:
    """List all values of a coordinate of the conditions, in order."""
    return np.unique(results[name].values).tolist()
