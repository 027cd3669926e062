"""Compare conditions in pairs over networks, corrected for the number of pairs."""

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from wmcl.labels import label
from wmcl.statistics.intervals import HIGH, LOW


def level_means(values: xr.DataArray, by: str, dim: str = "condition") -> xr.DataArray:
    """Take the geometric mean of each seed over the conditions of a level, e.g. over all of the same load.

    A seed that lacks one of the conditions of a level has no mean there: means over different conditions would not
    be comparable.

    Returns:
        With dimension ``by`` in place of ``dim``.
    """
    _check_positive(values)
    found = xr.ufuncs.exp(xr.ufuncs.log(values).groupby(by).mean(dim, skipna=False))
    what, units = values.attrs.get("long_name", "values"), values.attrs.get("units", "1")
    return label(found).assign_attrs(long_name=f"{what}: geometric mean of each {by}", units=units)


def compare(
    values: xr.DataArray,
    pairs: Sequence[tuple[Hashable, Hashable]],
    dim: str = "condition",
    confidence: float = 0.95,
) -> xr.Dataset:
    """Estimate ratios of the values of two conditions, within each seed.

    d_s = log F_as - log F_bs for a pair (a, b); mean ± t · s / √n over seeds, and the two-sided p value of the t test
    that the mean is 0. For m pairs, ``p_holm`` is Holm's correction ("A simple sequentially rejective multiple test
    procedure", 1979) and ``simultaneous_low`` and ``_high`` are Bonferroni's: t intervals of confidence
    1 - (1 - confidence) / m. Where a simultaneous interval excludes 0, Holm rejects too; not always the reverse.

    Where a seed lacks one of the two values, the pair has an estimate from the others but neither interval nor p
    value: which seeds are missing depends on the outcome. Such a pair still counts in m.

    Args:
        values: positive, with dimensions ``dim`` and ``seed``; NaN where a network is censored.
        pairs: labels along ``dim``; the ratio is that of the first to the second.
        dim: what is compared.
        confidence: of the single intervals, and of all simultaneous ones together.

    Returns:
        With dimension ``comparison``: ``difference``, ``low``, ``high``, ``simultaneous_low``, ``simultaneous_high``,
        the same as ratios (``ratio`` and ``ratio_...``), ``p``, ``p_holm``, ``n`` and ``censored`` seeds.

    Raises:
        ValueError: if dimensions, signs, the confidence or the pairs do not fit.
    """
    if set(values.dims) != {dim, "seed"}:
        raise ValueError(f"values has dimensions {values.dims}: they must be {dim} and seed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: it must be between 0 and 1")
    _check_positive(values)
    labels = values[dim].values.tolist()
    for pair in pairs:
        if pair[0] == pair[1] or any(labels.count(label) != 1 for label in pair):
            raise ValueError(f"the pair {pair} must name two different labels of {dim}, each of which occurs once")
    if not pairs:
        raise ValueError("pairs is empty: give at least one")
    logs = np.log(values.transpose(dim, "seed").values)
    first, second = (logs[[labels.index(pair[k]) for pair in pairs]] for k in (0, 1))
    difference = first - second
    n = (~np.isnan(difference)).sum(1)
    total = difference.shape[1]
    mean = np.array([row[~np.isnan(row)].mean() if k else np.nan for row, k in zip(difference, n, strict=True)])
    usable = (n == total) & (total >= 2)
    error = np.full(len(pairs), np.nan)
    error[usable] = difference[usable].std(1, ddof=1) / np.sqrt(total) if total >= 2 else np.nan
    p = _p_values(mean, error, total - 1)
    from scipy import stats
    from statsmodels.stats.multitest import multipletests

    corrected = multipletests(np.where(usable, p, 1.0), method="holm")[1]
    result = {"difference": mean}
    for name, alpha in (("", 1 - confidence), ("simultaneous_", (1 - confidence) / len(pairs))):
        half = error * stats.t.ppf(1 - alpha / 2, max(total - 1, 1))
        result |= {f"{name}low": mean - half, f"{name}high": mean + half}
    result |= {
        name.replace("difference", "ratio") if name == "difference" else f"ratio_{name}": np.exp(row)
        for name, row in result.items()
    }
    result |= {"p": p, "p_holm": np.where(usable, corrected, np.nan), "n": n, "censored": total - n}
    coords = {"comparison": [f"{a} / {b}" for a, b in pairs]}
    dataset = xr.Dataset({name: ("comparison", row) for name, row in result.items()}, coords)
    labelled = label(
        dataset,
        difference=("difference of the logarithms, mean over networks", "1"),
        low=(LOW, "1"),
        high=(HIGH, "1"),
        simultaneous_low=("lower end of the simultaneous confidence interval", "1"),
        simultaneous_high=("upper end of the simultaneous confidence interval", "1"),
        ratio=("ratio, geometric mean over networks", "1"),
        ratio_low=("lower end of the confidence interval of the ratio", "1"),
        ratio_high=("upper end of the confidence interval of the ratio", "1"),
        ratio_simultaneous_low=("lower end of the simultaneous confidence interval of the ratio", "1"),
        ratio_simultaneous_high=("upper end of the simultaneous confidence interval of the ratio", "1"),
        p=("two-sided p value of the t test that the mean difference is 0", "1"),
        p_holm=("p value with Holm's correction", "1"),
        comparison=("pair of conditions", "1"),
    )
    return labelled.assign_attrs(confidence=confidence, comparisons=len(pairs), scale="natural logarithm")


def _p_values(mean: np.ndarray, error: np.ndarray, degrees: int) -> np.ndarray:
    """Compute two-sided p values; seeds that agree exactly give 0, or 1 for a difference of 0."""
    varies = error > 0
    t = np.divide(np.abs(mean), error, out=np.full_like(mean, np.nan), where=varies)
    t[error == 0] = np.where(mean[error == 0] == 0, 0.0, np.inf)
    from scipy import stats

    return np.asarray(2 * stats.t.sf(t, max(degrees, 1)))


def _check_positive(values: xr.DataArray) -> None:
    if bool((values <= 0).any()) or bool(np.isinf(values).any()):
        raise ValueError("values holds a number that is not positive or not finite: it has no logarithm")
