"""Tell how numbers of the same network go together over its conditions, and whether networks agree on an order.

What is said of conditions is said within each network first; networks are then summarised like any other number of
theirs.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from wmcl.labels import label
from wmcl.statistics.least_squares import fit, fitted

FEWEST = 5
"""conditions below which a rank correlation says nothing: that of two is always 1 or -1"""


def rank_correlations(values: xr.DataArray, predictors: xr.DataArray, dim: Hashable) -> xr.DataArray:
    """Compute Spearman's rank correlation of two numbers over the conditions of each network.

    It is the correlation of the ranks, where equal numbers have their mean rank (Spearman, American Journal of
    Psychology 15, 1904).

    Args:
        values: with the dimension ``dim`` and any others, such as ``seed``.
        predictors: with the dimension ``dim`` and any others; dimensions that are not those of the values, such as
            ``predictor``, give one correlation an entry.
        dim: of the conditions.

    Returns:
        NaN where one of both does not vary, where a number is missing, and with fewer than ``FEWEST`` conditions.
    """
    found: xr.DataArray = xr.apply_ufunc(
        _spearman, values, predictors, input_core_dims=[[dim], [dim]], vectorize=True, keep_attrs=True
    )
    return label(found).assign_attrs(long_name="Spearman's rank correlation, within a network", units="1")


def partial_slopes(
    values: xr.DataArray, predictors: xr.DataArray, dim: Hashable, predictor: Hashable = "predictor"
) -> xr.DataArray:
    """Fit least squares of values on all predictors at once within each network, all in standard deviations.

    Values and predictors are centred and divided by their standard deviation over the conditions of a network, so
    that a slope says by how many of its standard deviations the value changes with one of the predictor's, while the
    other predictors stay (a standardised regression coefficient).

    Args:
        values: with the dimension ``dim`` and any others, such as ``seed``.
        predictors: the same, and the dimension ``predictor``.
        dim: of the conditions.
        predictor: dimension of the predictors.

    Returns:
        With the dimension ``predictor`` in place of ``dim``. NaN where a number is missing or a column does not vary,
        where the predictors cannot be told apart (:func:`wmcl.statistics.least_squares.confounded`), and if there are
        not more conditions than coefficients.
    """
    found: xr.DataArray = xr.apply_ufunc(
        _partial,
        values,
        predictors,
        input_core_dims=[[dim], [dim, predictor]],
        output_core_dims=[[predictor]],
        vectorize=True,
        keep_attrs=True,
    )
    found = label(found.assign_coords({predictor: predictors[predictor]}))
    return found.assign_attrs(long_name="standardised slope with all predictors, within a network", units="1")


def without_means(values: xr.DataArray, by: Sequence[str], dim: Hashable) -> xr.DataArray:
    """Compute the residuals of each network around a mean of each label of several coordinates.

    For pairs of a first task s and a second task t, y_st = α_s + β_t + e_st is fitted by least squares, and what is
    left, e_st, says how a pair differs from what its two tasks do with others.

    Args:
        values: with the dimension ``dim`` and any others, such as ``seed``.
        by: coordinates along ``dim`` whose labels have means.
        dim: of what has labels, such as ``pair``.

    Returns:
        With the dimensions of the values, ``dim`` last.
    """
    labels = [np.asarray(values[name].values) for name in by]
    columns = np.column_stack([each[:, None] == np.unique(each)[1:] for each in labels]).astype(float)
    rows = values.transpose(..., dim)
    return rows.copy(data=rows.values - fitted(fit(rows.values, columns), columns))


def agreement(values: Float[np.ndarray, "row column"]) -> tuple[float, float]:
    """Compute Kendall's W of the order of the columns, and the p of Friedman's test that rows do not agree on one.

    W = χ² / (n (k - 1)) of n rows and k columns, with Friedman's χ² corrected for ties (Kendall and Babington Smith,
    "The problem of m rankings", Annals of Mathematical Statistics 10, 1939). It is 1 if all rows have the same order.
    The p is that of the χ² distribution, too large for few rows.

    Returns:
        W and p; both are NaN with fewer than two rows or three columns, and where the values of every row are equal.
    """
    n, k = values.shape
    if n < 2 or k < 3 or (values == values[:, :1]).all():
        return float("nan"), float("nan")
    from scipy import stats

    found = stats.friedmanchisquare(*values.T)
    return float(found.statistic) / (n * (k - 1)), float(found.pvalue)


def _spearman(values: np.ndarray, column: np.ndarray) -> float:
    if len(values) < FEWEST or not (np.isfinite(values).all() and np.isfinite(column).all()):
        return np.nan
    if np.ptp(values) == 0 or np.ptp(column) == 0:
        return np.nan
    from scipy import stats

    return float(stats.spearmanr(values, column).statistic)


def _partial(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    nothing = np.full(columns.shape[1], np.nan)
    everything = np.column_stack([values, columns])
    if not np.isfinite(everything).all() or len(values) <= columns.shape[1] + 1:
        return nothing
    spread = everything.std(0)
    if not (spread > 0).all():
        return nothing
    scaled = (everything - everything.mean(0)) / spread
    return np.asarray(fit(scaled[:, 0], scaled[:, 1:])[1:])
