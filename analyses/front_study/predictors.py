"""What goes with the hypervolume of a method over settings: level, concentration or overlap of its importance."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import stats

from wmcl.statistics.least_squares import fit

PREDICTORS = ("level", "effective_fraction", "overlap")


def predictors_of(results: xr.Dataset) -> xr.DataArray:
    """Of every setting, method and seed; the level as its logarithm."""
    logs = np.log(results.level.where(results.level > 0))
    columns = {"level": logs, "effective_fraction": results.effective_fraction, "overlap": results.overlap}
    parts = [columns[name].reset_coords(drop=True) for name in PREDICTORS]
    return xr.concat(parts, "predictor").assign_coords(predictor=list(PREDICTORS))


FEWEST = 5
"""settings below which a rank correlation says nothing: of two it is always 1 or -1"""


def rank_correlations(values: xr.DataArray, predictors: xr.DataArray) -> xr.DataArray:
    """Spearman's over settings, of each seed and predictor.

    NaN where one of both does not vary, where a value is missing, and if there are fewer than five settings.

    Args:
        values: with dimensions setting and seed.
        predictors: the same, and predictor.
    """
    return _of_each_seed(values, predictors, _spearman)


def partial_slopes(values: xr.DataArray, predictors: xr.DataArray) -> xr.DataArray:
    """Least squares on all predictors at once, everything over its standard deviation over the settings of a seed.

    NaN where the predictors cannot be told apart (:func:`wmcl.statistics.least_squares.confounded`), or if there are
    not more settings than coefficients.
    """
    return _of_each_seed(values, predictors, _partial)


def _of_each_seed(
    values: xr.DataArray, predictors: xr.DataArray, function: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> xr.DataArray:
    return xr.apply_ufunc(
        function,
        values,
        predictors,
        input_core_dims=[["setting"], ["setting", "predictor"]],
        output_core_dims=[["predictor"]],
        vectorize=True,
    ).assign_coords(predictor=predictors.predictor)


def _spearman(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    result = np.full(columns.shape[1], np.nan)
    if len(values) < FEWEST:
        return result
    for place, column in enumerate(columns.T):
        if np.isfinite(values).all() and np.isfinite(column).all() and np.ptp(values) > 0 and np.ptp(column) > 0:
            result[place] = stats.spearmanr(values, column).statistic
    return result


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
