"""Exponents of the Fisher over load, retention and lead, and slopes of dimensions over the teacher's memory."""

import numpy as np
import xarray as xr

from wmcl.statistics import effects, law, mean_interval


def terms_of(results: xr.Dataset) -> dict:
    """Regressors of a power law: those of load, retention and lead that vary."""
    names = [name for name in ("memory_load", "retention", "lead") if len(set(results[name].values.tolist())) > 1]
    return law(*names)


def exponents(results: xr.Dataset, values: xr.DataArray) -> xr.Dataset | None:
    """Slopes of the logarithm of a Fisher, with 95 % t intervals over networks; with censored networks without.

    None if neither load nor retention nor lead varies.
    """
    terms = terms_of(results)
    if not terms:
        return None
    return effects(values.transpose("condition", "seed"), terms, interactions=()).sel(analysis="reached")


def add_slopes(results: xr.Dataset) -> xr.Dataset:
    """Add the slope of each dimension over the memory of the teacher: least squares within each seed and cell.

    NaN for a seed one of whose students missed the error, and if there is a single memory.
    """
    cells = list(dict.fromkeys(results.cell.values.tolist()))
    parts = []
    for cell in cells:
        part = results.dimension.isel(student=(results.cell == cell).values)
        x = part.memory - part.memory.mean()
        scatter = float((x**2).sum())
        parts.append((part * x).sum("student", skipna=False) / (scatter or np.nan))
    slopes = xr.concat([part.drop_vars(("cell", "memory"), errors="ignore") for part in parts], "student_cell")
    return results.assign(slope=slopes).assign_coords(student_cell=cells)


def slope_interval(results: xr.Dataset, **where: str | float) -> xr.Dataset:
    """Mean and 95 % t interval over seeds of a slope."""
    return mean_interval(results.slope.sel(**where))
