"""Compute means with intervals; the network is the unit of observation."""

import warnings

import xarray as xr

from wmcl.check_arguments import checked
from wmcl.labels import SHARED, label

LOW, HIGH = "lower end of the confidence interval", "upper end of the confidence interval"


@checked
def mean_interval(values: xr.DataArray, dim: str = "seed", log: bool = False, confidence: float = 0.95) -> xr.Dataset:
    """Compute mean and t interval over a dimension; missing values are left out.

    mean ± t · s / √n with the t quantile of n - 1 degrees of freedom and the standard deviation s (division by
    n - 1). On the log scale, mean and interval are those of the logarithm, transformed back: a geometric mean.

    Args:
        values: positive, if ``log``.
        dim: dimension over which networks vary.
        log: whether to work on logarithms.
        confidence: coverage of the interval for normally distributed values.

    Returns:
        Variables ``average``, ``low``, ``high`` and ``n``; the interval is NaN where n < 2.

    Raises:
        ValueError: if the confidence is not between 0 and 1, or if values are not positive on the log scale.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: it must be between 0 and 1")
    if log and bool((values <= 0).any()):
        raise ValueError("values holds a number that is not positive: it has no logarithm")
    transformed = xr.ufuncs.log(values) if log else values
    n = transformed.count(dim)
    mean = transformed.mean(dim)
    degrees = (n - 1).clip(min=1)
    from scipy import stats

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Degrees of freedom")  # NaN says as much where there is one; some NumPy warns
        spread = transformed.std(dim, ddof=1)
    half = spread / n**0.5 * stats.t.ppf((1 + confidence) / 2, degrees)
    half = half.where(n >= 2)
    result = xr.Dataset({"average": mean, "low": mean - half, "high": mean + half})
    units = values.attrs.get("units", "1")
    return label(
        (xr.ufuncs.exp(result) if log else result).assign(n=n),
        average=("mean over networks, on the log scale the geometric one", units),
        low=(LOW, units),
        high=(HIGH, units),
        n=SHARED["n"],
    )
