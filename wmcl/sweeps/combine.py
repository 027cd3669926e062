"""Put the entries of a sweep together, and take conditions out again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from wmcl.labels import label
from wmcl.sweeps.grid import Entry

Places = Mapping[Entry, tuple[tuple[int, int], Mapping[str, np.ndarray]]]
"""where an entry goes: its condition and seed, and the position of its labels along every other dimension"""


def combine(results: Mapping[Entry, xr.Dataset]) -> xr.Dataset:
    """Combine results to one Dataset whose first dimensions are ``condition``, in order of appearance, and ``seed``.

    The names of the conditions are coordinates along ``condition``. Variables are numbers; where a condition lacks a
    seed, or an entry has no value along a dimension, they are NaN. Attributes of variables and of the coordinates of
    their dimensions are those of the first entry that has them.
    """
    conditions = list(dict.fromkeys(entry.condition for entry in results))
    names = [name for name, _ in conditions[0]]
    labels = {name: ("condition", np.array([dict(condition)[name] for condition in conditions])) for name in names}
    seeds = np.unique([entry.seed for entry in results])
    inner = {
        dim: _union([result[dim].values for result in results.values() if dim in result.dims])
        for dim in _inner_dims(results)
    }
    template = next(iter(results.values()))
    combined = xr.Dataset(coords=labels | {"seed": seeds} | inner, attrs=template.attrs)
    for dim in inner:
        combined[dim].attrs = next(result[dim].attrs for result in results.values() if dim in result.dims)
    rows = {condition: row for row, condition in enumerate(conditions)}
    indexes = {dim: combined.indexes[dim] for dim in inner}
    places = {
        entry: (
            (rows[entry.condition], int(np.searchsorted(seeds, entry.seed))),
            {dim: indexes[dim].get_indexer(result[dim].values) for dim in _inner_dims({entry: result})},
        )
        for entry, result in results.items()
    }
    for name in {name: None for result in results.values() for name in result.data_vars}:
        combined[name] = _fill(str(name), results, places, combined)
    return label(combined)


def choose(results: xr.Dataset, **values: int | float | str) -> xr.Dataset:
    """Select the conditions of a sweep that have the given coordinates, e.g. ``choose(results, pattern_length=5)``.

    Raises:
        ValueError: if a name is not a coordinate of the conditions, or if no condition has these values.
    """
    is_chosen = np.ones(results.sizes["condition"], bool)
    for name, value in values.items():
        if name not in results.coords or results[name].dims != ("condition",):
            known = ", ".join(str(n) for n, coordinate in results.coords.items() if coordinate.dims == ("condition",))
            raise ValueError(f"{name} does not tell conditions apart: it must be one of {known}")
        if np.ndim(value):
            raise ValueError(f"{name} is {value!r}: give one value")
        is_chosen &= results[name].values == value
        if not is_chosen.any():
            raise ValueError(f"no condition has {values}: {name} has the values {np.unique(results[name]).tolist()}")
    return results.isel(condition=is_chosen)


def _inner_dims(results: Mapping[Entry, xr.Dataset]) -> list[str]:
    return list({str(dim): None for result in results.values() for dim in result.dims if dim != "seed"})


def _union(values: list[np.ndarray]) -> np.ndarray:
    """List all labels of a dimension; in order of value if they are numbers, of appearance if not."""
    every = np.concatenate(values)
    unique, first = np.unique(every, return_index=True)
    return unique if every.dtype.kind in "iuf" else every[np.sort(first)]


def _fill(name: str, results: Mapping[Entry, xr.Dataset], places: Places, combined: xr.Dataset) -> xr.DataArray:
    example = next(result[name] for result in results.values() if name in result)
    dims = [str(dim) for dim in example.dims if dim != "seed"]
    every = ["condition", "seed", *dims]
    values = np.full([combined.sizes[dim] for dim in every], np.nan, np.result_type(example.dtype, np.float32))
    for entry, result in results.items():
        if name in result:
            where, columns = places[entry]
            value = result.variables[name].isel(seed=0).transpose(*dims)
            place: tuple[Any, ...] = (*where, *np.ix_(*(columns[dim] for dim in dims)))
            values[place] = value.values
    coordinates = {dim: combined[dim] for dim in ("seed", *dims)}
    return xr.DataArray(values, coords=coordinates, dims=every, attrs=example.attrs)
