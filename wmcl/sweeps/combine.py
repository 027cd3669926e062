"""Put the entries of a sweep together, and take conditions out again."""

from collections.abc import Collection, Hashable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from wmcl.labels import label
from wmcl.sweeps.grid import Entry

Place = tuple[int, int, Mapping[Hashable, np.ndarray]]
"""where an entry goes: its condition, its seed, and the positions of its labels along every other dimension"""


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
    inner = _inner(results.values())
    combined = xr.Dataset(coords=labels | {"seed": seeds} | inner, attrs=next(iter(results.values())).attrs)
    rows = {condition: row for row, condition in enumerate(conditions)}
    columns = _columns(results, {dim: combined.indexes[dim] for dim in inner})
    places = {
        entry: (rows[entry.condition], int(np.searchsorted(seeds, entry.seed)), columns[entry]) for entry in results
    }
    names_of_data = {name: None for result in results.values() for name in result.data_vars}
    return label(combined.assign({name: _fill(name, results, places, combined.sizes) for name in names_of_data}))


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


def _labels(result: xr.Dataset, dim: Hashable) -> xr.Variable:
    """Return the labels of a dimension, which are numbers from 0 if it has none.

    It reads the variable: to make a DataArray of it takes a hundred times as long.
    """
    return result.variables.get(dim, xr.Variable(dim, np.arange(result.sizes[dim])))


def _inner(results: Collection[xr.Dataset]) -> dict[Hashable, xr.Variable]:
    """List all labels of every dimension except ``seed``, with the attributes of the first that has it."""
    found: dict[Hashable, list[xr.Variable]] = {}
    for result in results:
        for dim in result.dims:
            if dim != "seed":
                found.setdefault(dim, []).append(_labels(result, dim))
    return {
        dim: xr.Variable(dim, _union([labels.values for labels in every]), every[0].attrs)
        for dim, every in found.items()
    }


def _union(values: list[np.ndarray]) -> np.ndarray:
    """List all labels of a dimension; in order of value if they are numbers, of appearance if not."""
    every = np.concatenate(values)
    unique, first = np.unique(every, return_index=True)
    return unique if every.dtype.kind in "iuf" else every[np.sort(first)]


def _columns(
    results: Mapping[Entry, xr.Dataset], indexes: Mapping[Hashable, Any]
) -> dict[Entry, dict[Hashable, np.ndarray]]:
    """Find the positions of the labels of each entry along every dimension; the same labels are looked up once."""
    known: dict[tuple[Any, ...], np.ndarray] = {}

    def find(dim: Hashable, labels: np.ndarray) -> np.ndarray:
        looked_up = (dim, *labels.tolist())
        if looked_up not in known:
            known[looked_up] = indexes[dim].get_indexer(labels)
        return known[looked_up]

    return {
        entry: {dim: find(dim, _labels(result, dim).values) for dim in result.dims if dim != "seed"}
        for entry, result in results.items()
    }


def _fill(
    name: Hashable, results: Mapping[Entry, xr.Dataset], places: Mapping[Entry, Place], sizes: Mapping[Hashable, int]
) -> xr.Variable:
    """Put the values that entries have of a variable into one array."""
    variables = {entry: result.variables[name] for entry, result in results.items() if name in result.data_vars}
    example = next(iter(variables.values()))
    dims = [dim for dim in example.dims if dim != "seed"]
    every = ["condition", "seed", *dims]
    values = np.full([sizes[dim] for dim in every], np.nan, np.result_type(example.dtype, np.float32))
    for entry, variable in variables.items():
        row, seed, columns = places[entry]
        axes = [variable.dims.index(dim) for dim in ("seed", *dims)]
        place: tuple[Any, ...] = (row, seed, *np.ix_(*(columns[dim] for dim in dims)))
        values[place] = variable.values.transpose(axes)[0]
    return xr.Variable(every, values, example.attrs)
