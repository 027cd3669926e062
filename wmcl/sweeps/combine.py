"""Put the cells of a sweep together."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from wmcl.sweeps.grid import Cell


def combine(results: Mapping[Cell, xr.Dataset]) -> xr.Dataset:
    """One Dataset whose first dimensions are the coordinates of the conditions, then ``seed``.

    Variables are numbers; where the grid has no cell, or a cell has no entry along a dimension, they are NaN.
    """
    names = [name for name, _ in next(iter(results)).condition]
    axes: dict[str, np.ndarray] = {name: np.unique([dict(cell.condition)[name] for cell in results]) for name in names}
    axes["seed"] = np.unique([cell.seed for cell in results])
    template = next(iter(results.values()))
    inner = {
        dim: _union([result[dim].values for result in results.values() if dim in result.dims])
        for dim in _inner_dims(results)
    }
    combined = xr.Dataset(coords=axes | inner, attrs=template.attrs)
    for dim in inner:
        combined[dim].attrs = next(result[dim].attrs for result in results.values() if dim in result.dims)
    for name in {name: None for result in results.values() for name in result.data_vars}:
        combined[name] = _fill(str(name), results, axes, combined)
    return combined


def _inner_dims(results: Mapping[Cell, xr.Dataset]) -> list[str]:
    return list({str(dim): None for result in results.values() for dim in result.dims if dim != "seed"})


def _union(values: list[np.ndarray]) -> np.ndarray:
    """All labels of a dimension; in order of value if they are numbers, of appearance if not."""
    every = np.concatenate(values)
    unique, first = np.unique(every, return_index=True)
    return unique if every.dtype.kind in "iuf" else every[np.sort(first)]


def _fill(
    name: str, results: Mapping[Cell, xr.Dataset], axes: Mapping[str, np.ndarray], combined: xr.Dataset
) -> xr.DataArray:
    example = next(result[name] for result in results.values() if name in result)
    dims = [str(dim) for dim in example.dims if dim != "seed"]
    outer = list(axes)
    filled = xr.DataArray(
        np.full(
            [combined.sizes[dim] for dim in (*outer, *dims)],
            np.nan,
            np.result_type(example.dtype, np.float32),
        ),
        coords={dim: combined[dim] for dim in (*outer, *dims)},
        dims=(*outer, *dims),
        attrs=example.attrs,
    )
    for cell, result in results.items():
        if name in result:
            value = result[name].isel(seed=0).transpose(*dims)
            place = dict(cell.condition) | {"seed": cell.seed} | {dim: result[dim].values for dim in dims}
            filled.loc[place] = value.values
    return filled
