r"""Estimate, within each network, how a number changes with something that differs between its conditions.

With values y and a regressor x over the same conditions of one network, least squares gives

.. math::
    b = \frac{\sum_c (x_c - \bar x)(y_c - \bar y)}{\sum_c (x_c - \bar x)^2},

and with several regressors the b_k that minimise Σ_c (y_c - b_0 - Σ_k b_k x_ck)². The slope of log y on log x is the
exponent of a power law. Slopes of single networks are the first of two stages (Feldman, "Families of lines", J. Appl.
Physiol. 1988): their mean and t interval over networks (:func:`wmcl.statistics.mean_interval`) is the second.
"""

from collections.abc import Hashable, Iterable, Mapping

import numpy as np
import xarray as xr

from wmcl.labels import label
from wmcl.statistics.least_squares import fit


def slope(
    values: xr.DataArray, against: xr.DataArray, dims: Hashable | Iterable[Hashable], skipna: bool = False
) -> xr.DataArray:
    """Estimate the slope of values on one regressor by least squares within each network.

    Args:
        values: with the dimensions ``dims`` and any others, such as ``seed``, each of whose entries has its own slope.
        against: the regressor, with some or all of the dimensions of the values.
        dims: dimensions over which the regressor varies.
        skipna: whether a slope rests on the entries that exist; else it is NaN where a value is missing.

    Returns:
        Without ``dims``; NaN where the regressor does not vary.

    Raises:
        ValueError: if the values lack one of the dimensions, or the regressor has none of them.
    """
    over = [dims] if isinstance(dims, str) or not isinstance(dims, Iterable) else list(dims)
    for dim in over:
        if dim not in values.dims:
            raise ValueError(f"dims is {over}: values has the dimensions {values.dims}, without {dim}")
    if not {*over} & {*against.dims}:
        raise ValueError(f"dims is {over}: against has the dimensions {against.dims}, and at least one must be shared")
    known = values.notnull() & against.notnull()
    x, y = (each.astype(float).where(known) for each in (against, values))
    centred = x - x.mean(over)
    spread = (centred**2).sum(over)
    products = (centred * (y - y.mean(over))).sum(over)
    found = products / spread.where(x.max(over) > x.min(over))
    (what, units), (regressor, by) = _named(values, "values"), _named(against, "regressor")
    return label(found if skipna else found.where(known.all(over))).assign_attrs(
        long_name=f"{what}: slope on {regressor}, within a network", units=units if by == "1" else f"{units} per {by}"
    )


def slopes(values: xr.DataArray, against: Mapping[str, xr.DataArray], dim: Hashable) -> xr.DataArray:
    """Estimate the slopes of values on several regressors at once, by least squares within each network.

    A network that lacks values is fitted to those that it has.

    Args:
        values: with the dimension ``dim`` and any others, each of whose entries is fitted on its own.
        against: regressors by name, each with the one dimension ``dim``.
        dim: of the conditions.

    Returns:
        With the dimension ``term``, the names, in place of ``dim``; NaN for a regressor that does not vary, and where
        the conditions of a network cannot tell the others apart (:func:`wmcl.statistics.least_squares.confounded`).

    Raises:
        ValueError: if there is no regressor, or a regressor has other dimensions or another length.
    """
    if not against:
        raise ValueError("against is empty: give at least one regressor")
    for name, column in against.items():
        if column.dims != (dim,) or column.size != values.sizes.get(dim):
            raise ValueError(f"the regressor {name} has the dimensions {dict(column.sizes)}: it must have {dim} alone")
    varying = [name for name, column in against.items() if np.ptp(column.values) > 0]
    rows = values.transpose(..., dim)
    found = np.full((*rows.shape[:-1], len(against)), np.nan)
    if varying:
        design = np.column_stack([against[name].values for name in varying])
        found[..., [name in varying for name in against]] = fit(rows.values, design)[..., 1:]
    kept = {name: each for name, each in rows.coords.items() if dim not in each.dims}
    array = xr.DataArray(found, kept | {"term": list(against)}, (*rows.dims[:-1], "term")).transpose("term", ...)
    what, units = _named(values, "values")
    units = "1" if units == "1" else f"{units} per unit of the term"
    return label(array).assign_attrs(long_name=f"{what}: slopes within a network", units=units)


def _named(values: xr.DataArray, otherwise: str) -> tuple[str, str]:
    """Return what an array says that it is, and its unit."""
    return str(values.attrs.get("long_name", values.name or otherwise)), str(values.attrs.get("units", "1"))
