"""Estimate how an importance grows with load, retention and lead: a power law a network, averaged over networks."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from wmcl.labels import SHARED, label
from wmcl.statistics.intervals import mean_interval
from wmcl.statistics.least_squares import confounded, fit, fitted, with_intercept

Regressor = Callable[[xr.DataArray], xr.DataArray] | xr.DataArray
"""gives a number for each condition"""
ANALYSES = ("planned", "reached", "complete")


@dataclass(frozen=True)
class LogOf:
    """Take the logarithm of a coordinate of the conditions, plus an offset for one that may be 0."""

    name: str
    offset: float = 0.0

    @property
    def doubled(self) -> str:
        """Name what is twice as large where the regressor is ln 2 larger."""
        return f"{self.offset:g} + {self.name}" if self.offset else self.name

    def __call__(self, values: xr.DataArray) -> xr.DataArray:
        """Take the logarithm for every condition of the values.

        Raises:
            ValueError: if the values lack the coordinate, or if it has no logarithm.
        """
        if self.name not in values.coords:
            raise ValueError(f"values has no coordinate {self.name}: give every condition one")
        shifted = values[self.name] + self.offset
        if not bool((shifted > 0).all()):
            raise ValueError(f"{self.doubled} is not positive in every condition: it has no logarithm")
        return xr.ufuncs.log(shifted)


def law(*names: str) -> dict[str, LogOf]:
    """Make the regressors of a power law: log(1 + lead), and the logarithm of any other coordinate."""
    return {name: LogOf(name, 1.0 if name == "lead" else 0.0) for name in names}


def effects(
    values: xr.DataArray,
    terms: Mapping[str, Regressor] | None = None,
    interactions: Sequence[tuple[str, str]] = (("memory_load", "retention"),),
    reached: xr.DataArray | None = None,
    planned: xr.DataArray | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Estimate the slopes of log F on the regressors, for each network and on average.

    For seed s and condition c, log F_cs = β_0s + Σ_k β_ks (x_kc - x̄_k) + Σ_(k,l) β_kls (x_kc - x̄_k)(x_lc - x̄_l) + e_cs,
    with x̄ the mean over all conditions. So with an interaction, the main effects are those at the condition whose
    regressors are average: at the geometric mean of load and retention.

    *Primary*: least squares within each seed, then mean and t interval of the slopes over seeds (two stages, as in
    Feldman, "Families of lines", J. Appl. Physiol. 1988; for a complete design the mean equals the pooled estimate).
    *Secondary*: pooled least squares with HC3 standard errors, which takes networks of one seed as independent.

    Networks that miss the matched loss have no F. Three analyses stand side by side: ``planned``, the conditions that
    were chosen before these seeds were seen, which gives nothing if a network missed one of them; ``reached``, for
    each seed the conditions it reached; ``complete``, the conditions that all seeds reached. Which conditions enter
    the last two depends on the outcome, and their intervals fail (see ``wmcl.statistics.coverage``): where any network
    is censored they have estimates and no interval.

    Args:
        values: positive, with dimensions ``condition`` and ``seed``; NaN where a network is censored.
        terms: regressors by name; default ``law("memory_load", "retention", "lead")``.
        interactions: pairs of names whose product is a term; pairs with a name that is no term are refused.
        reached: 1 where the network reached the matched loss, else 0; by default where values are not NaN.
        planned: on ``condition``, true for conditions chosen before the seeds were seen; by default all.
        confidence: of all intervals.

    Returns:
        With dimensions ``analysis``, ``term``, ``seed`` and ``condition``: ``slope`` of each seed; ``average``,
        ``low``, ``high`` and ``n`` of the primary analysis; ``hc3``, ``hc3_low``, ``hc3_high``; ``r_squared`` within
        each seed; ``residual``; ``lost``, the number of seeds whose conditions leave the slopes undetermined;
        ``used``, whether a condition enters; ``censored``, the networks of each condition that missed the loss; the
        ``regressor`` columns.

    Raises:
        ValueError: if dimensions, signs, flags or names do not fit.
    """
    values = _checked(values, reached)
    terms = law("memory_load", "retention", "lead") if terms is None else terms
    regressor = _regressors(values, terms, interactions)
    missing = values.isnull()
    censored = missing.sum("seed")
    everything = xr.ones_like(censored, dtype=bool)
    plan = everything if planned is None else _plan(planned, everything)
    plan_failed = bool((censored.where(plan, 0) > 0).any())
    used = xr.concat([plan & (not plan_failed), censored < values.sizes["seed"], censored == 0], "analysis")
    used = used.assign_coords(analysis=list(ANALYSES))
    logs = xr.ufuncs.log(values)
    parts = [
        _analysis(logs.where(used.sel(analysis=name)), regressor, confidence, name == "planned" or not missing.any())
        for name in ANALYSES
    ]
    result = xr.concat(parts, "analysis").assign_coords(analysis=list(ANALYSES))
    result = result.assign(used=used, planned=plan, censored=censored, regressor=regressor)
    result = label(
        result,
        slope=("slope of the logarithm, within a network", "1"),
        hc3=("slope of the logarithm, all networks pooled", "1"),
        hc3_low=("lower end of the HC3 interval", "1"),
        hc3_high=("upper end of the HC3 interval", "1"),
        r_squared=("share of the variance of the logarithm that the regressors explain, within a network", "1"),
        residual=("residual of the logarithm", "1"),
        lost=("networks whose conditions leave the slopes undetermined", "1"),
        used=("whether the condition enters the analysis", "1"),
        censored=SHARED["censored"],
        planned=("whether the condition was chosen before the networks were seen", "1"),
        regressor=("regressor, minus its mean over conditions", "1"),
        analysis=("which conditions enter: planned, reached by a network, or reached by all", "1"),
        doubled=("quantity that is twice as large where the regressor is ln 2 larger", "1"),
    )
    return result.assign_attrs(confidence=confidence, scale="natural logarithm")


def confounded_terms(found: xr.Dataset, analysis: str = "planned") -> list[tuple[str, ...]]:
    """Find groups of terms that the conditions of an analysis cannot tell apart; a term alone does not vary.

    The plan is judged as it was made, whether or not its networks reached the loss.
    """
    chosen = found.planned if analysis == "planned" else found.used.sel(analysis=analysis)
    columns = found.regressor.transpose("condition", "term").values[chosen.values]
    names = [str(name) for name in found.term.values]
    return [tuple(names[term] for term in group) for group in confounded(columns)]


def _checked(values: xr.DataArray, reached: xr.DataArray | None) -> xr.DataArray:
    if set(values.dims) != {"condition", "seed"}:
        raise ValueError(f"values has dimensions {values.dims}: they must be condition and seed")
    values = values.transpose("condition", "seed").astype(float)
    if bool((values <= 0).any()) or bool(np.isinf(values).any()):
        raise ValueError("values holds a number that is not positive or not finite: it has no logarithm")
    if reached is not None:
        flags = reached.transpose("condition", "seed")
        shared = [dim for dim in flags.dims if dim in flags.indexes and dim in values.indexes]
        if not all(flags.indexes[dim].equals(values.indexes[dim]) for dim in shared):
            raise ValueError("reached has other conditions or seeds than values, or in another order")
        if flags.shape != values.shape or not bool(flags.isin([0, 1]).all()):
            raise ValueError("reached must be 0 or 1 for every condition and seed of values")
        if bool((flags.values.astype(bool) == values.isnull().values).any()):
            raise ValueError("values must be missing exactly where reached is 0: other gaps are not censored networks")
    return values


def _plan(planned: xr.DataArray, everything: xr.DataArray) -> xr.DataArray:
    if planned.dims != ("condition",) or planned.shape != everything.shape or planned.dtype != bool:
        raise ValueError("planned must be true or false for every condition of values")
    return everything.copy(data=planned.values)


def _regressors(
    values: xr.DataArray, terms: Mapping[str, Regressor], interactions: Sequence[tuple[str, str]]
) -> xr.DataArray:
    columns: dict[str, np.ndarray] = {}
    doubled = []
    for name, term in terms.items():
        column = term if isinstance(term, xr.DataArray) else term(values)
        if column.dims != ("condition",) or column.sizes["condition"] != values.sizes["condition"]:
            raise ValueError(f"the regressor {name} must give one number for each condition")
        columns[name] = column.values - column.values.mean()
        doubled.append(term.doubled if isinstance(term, LogOf) else "")
    for first, second in interactions:
        if first not in terms or second not in terms:
            raise ValueError(f"the interaction {first} x {second} needs both terms; the terms are {', '.join(terms)}")
        columns[f"{first} x {second}"] = columns[first] * columns[second]
        doubled.append("")
    if not columns:
        raise ValueError("terms is empty: give at least one regressor")
    return xr.DataArray(
        np.column_stack(list(columns.values())),
        dims=("condition", "term"),
        coords={"term": list(columns), "doubled": ("term", doubled)},
    )


def _analysis(logs: xr.DataArray, regressor: xr.DataArray, confidence: float, interval: bool) -> xr.Dataset:
    columns = regressor.values
    coefficients = fit(logs.values.T, columns)
    residual = logs.copy(data=logs.values - fitted(coefficients, columns).T)
    degrees = logs.count("condition") - columns.shape[1] - 1
    scatter = ((logs - logs.mean("condition")) ** 2).sum("condition")
    slope = xr.DataArray(coefficients[:, 1:].T, dims=("term", "seed"), coords=dict(regressor.term.coords))
    slope = slope.assign_coords(seed=logs.seed)
    result = mean_interval(slope, confidence=confidence)
    if not interval:
        result = result.assign(low=result.low * np.nan, high=result.high * np.nan)
    r_squared = 1 - (residual**2).sum("condition") / scatter.where(scatter > 0)
    pooled = _pooled(logs.values, columns, confidence)
    named: dict[Hashable, Any] = {
        name: ("term", row) for name, row in zip(("hc3", "hc3_low", "hc3_high"), pooled, strict=True)
    }
    return result.assign(named).assign(
        slope=slope,
        r_squared=r_squared.where((degrees > 0) & slope.notnull().all("term")),
        residual=residual,
        lost=slope.isnull().any("term").sum(),
    )


def _pooled(logs: np.ndarray, columns: np.ndarray, confidence: float) -> np.ndarray:
    """Compute HC3 estimate, low and high of each term; NaN where a network decides its own fit (leverage 1)."""
    condition, seed = np.nonzero(~np.isnan(logs))
    result = np.full((3, columns.shape[1]), np.nan)
    design = with_intercept(columns[condition])
    if confounded(columns[condition]) or len(design) <= design.shape[1]:
        return result
    leverage = (np.linalg.qr(design)[0] ** 2).sum(1)
    import statsmodels.api as sm

    model = sm.OLS(logs[condition, seed], design)
    result[0] = model.fit().params[1:]
    if leverage.max() < 1 - 1e-9:
        result[1:] = model.fit(cov_type="HC3", use_t=True).conf_int(1 - confidence)[1:].T
    return result
