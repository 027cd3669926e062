"""Choose what a figure draws of a dataset, and refuse with a sentence what is missing or not allowed."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from wmcl.sweeps import choose

if TYPE_CHECKING:
    from wmcl.plotting.options import StageOptions


class MissingError(ValueError):
    """Tell that a dataset lacks what a figure draws."""


def require(results: xr.Dataset, *names: str) -> None:
    """Refuse a dataset without these variables."""
    missing = [name for name in names if name not in results.variables]
    if missing:
        raise MissingError(f"this dataset has no {' and no '.join(missing)}, which the figure draws")


def one_of(results: xr.Dataset | xr.DataArray, name: str, value: Any) -> Any:
    """Return a value if it is a label of the dimension, and refuse it otherwise."""
    allowed = results[name].values.tolist()
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(map(str, allowed))}")
    return value


def pick(values: xr.DataArray, kept: tuple[str, ...] = (), /, **chosen: Any) -> xr.DataArray:
    """Select by labels of dimensions, and by coordinates along a dimension.

    A dimension that is left with one entry is dropped, unless it is among those that are kept, or the seeds.

    Raises:
        ValueError: if a name is neither, or if nothing has its value.
    """
    for name, value in chosen.items():
        if name in values.dims:
            values = values.sel({name: one_of(values, name, value)})
        elif name in values.coords and values[name].ndim == 1:
            (dim,) = values[name].dims
            values = values.isel({dim: np.flatnonzero(values[name].values == one_of(values, name, value))})
        else:
            known = ", ".join(str(known) for known in values.coords if values[known].ndim == 1)
            raise ValueError(f"{name} tells nothing apart in {values.name}: it must be one of {known or 'none'}")
    return values.squeeze([dim for dim in values.dims if values.sizes[dim] == 1 and dim not in ("seed", *kept)])


def alone(values: xr.DataArray, *dims: str) -> xr.DataArray:
    """Return values of these dimensions alone, and ask for a choice among what is left over otherwise."""
    left = [str(dim) for dim in values.dims if dim not in dims]
    if left:
        raise ValueError(
            f"{values.name} has {values.sizes[left[0]]} entries along {left[0]}: {choice(values, left[0])}"
        )
    absent = [dim for dim in dims if dim not in values.dims]
    if absent:
        raise MissingError(f"{values.name} has no dimension {' and no '.join(absent)}, which the figure draws")
    return values.transpose(*dims)


def choice(values: xr.DataArray, dim: str) -> str:
    """Say by what one entry along a dimension can be chosen."""
    own = [str(name) for name in values.coords if values[name].dims == (dim,)]
    names = [name for name in own if np.unique(values[name].values).size > 1]
    if not names:
        return "nothing tells them apart"
    return f"choose one by {', '.join(names)}, as in {names[0]}={values[names[0]].values[0].item()!r}"


def stage_of(results: xr.Dataset | xr.DataArray, stage: str | None) -> str:
    """Name the stage that the options name, or the lowest matched loss."""
    if stage is not None:
        return str(one_of(results, "stage", stage))
    return str(results.stage.values[-2 if results.sizes["stage"] > 1 else -1])


def importance(results: xr.Dataset, options: "StageOptions", kind: str) -> xr.DataArray:
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
