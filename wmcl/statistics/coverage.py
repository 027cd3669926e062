"""Simulate how often the nominal 95 % intervals hold the truth, and so which of them may be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import xarray as xr

from wmcl.labels import label
from wmcl.randomness import generator
from wmcl.statistics.least_squares import fit, pooled_hc3

ACCEPTED = (0.93, 0.98)
"""an interval is used where its simulated coverage lies within these bounds"""
INTERVALS = ("planned", "reached", "complete", "hc3", "bootstrap")
USED = "planned"
"""The t interval over per-seed slopes, on conditions chosen before the seeds were seen, all of them reached by all
seeds. Every other interval leaves the accepted range in some scenario and is not used where a network is censored."""
TRUTH: Mapping[str, float] = MappingProxyType(
    {"memory_load": 1.0, "retention": 1.0, "lead": 0.1, "memory_load x retention": 0.0}
)
"""slopes of the simulated law, averaged over all seeds"""
TERMS = (*TRUTH, "memory_load - retention", "retention - lead")
_RESAMPLES = 999
_LOADS, _RETENTIONS, _LEADS = (10, 35, 140), (6, 11, 21), (0, 10, 40)


@dataclass(frozen=True)
class Scenario:
    """Tell how simulated importances vary."""

    growth: float = 1.0
    """standard deviation of the noise in the hardest condition, in units of that in the easiest"""
    interaction: float = 0.0
    """mean slope of load x retention; if not 0, it varies over seeds like the others"""
    skewed: bool = False
    """whether seeds and noise follow a gamma distribution of skewness 1 instead of the normal one"""
    selection: float | None = None
    """if given, hard conditions are missed, with log odds that rise by this for a standard deviation of the noise"""
    border: float = 0.9
    """difficulty at which the average network has even odds of missing the loss"""
    steepness: float = 40.0
    """rise of the log odds over the whole range of difficulty"""


SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "equal": Scenario(),
        "unequal": Scenario(growth=4.0),
        "interaction": Scenario(interaction=0.2),
        "skewed": Scenario(skewed=True),
        "censored": Scenario(selection=3.0),
        "censored, unequal": Scenario(selection=3.0, growth=4.0),
        "censored, gradual": Scenario(selection=3.0, growth=4.0, border=1.3, steepness=12.0),
    }
)


def coverage(
    scenarios: Mapping[str, Scenario] = SCENARIOS,
    seeds: Sequence[int] = (3, 5, 10),
    simulations: int = 2000,
    seed: int = 0,
) -> xr.Dataset:
    """Simulate the coverage of the 95 % intervals.

    27 conditions: load 10, 35, 140; retention 6, 11, 21; lead 0, 10, 40. log F = u_s + Σ_k β_ks x_kc + e_cs with
    seed intercepts u of sd 0.3, slopes of sd 0.1 around ``TRUTH``, and noise e of sd 0.15 in the easiest condition.
    Difficulty d runs from 0 to 1, linearly in log load plus log retention. Where networks are censored, the log odds
    of missing the loss are steepness · (d - border) + selection · z with z the noise in standard deviations plus five
    times the seed's deviation from the average law; the planned conditions are those with d < 0.55.

    The intervals: the t interval over seeds of the per-seed slopes on the conditions ``planned``, ``reached`` and
    ``complete`` (see ``wmcl.statistics.effects``); the pooled ``hc3`` interval and the percentile ``bootstrap`` over
    seeds, on the conditions reached.

    Returns:
        ``coverage`` and ``given``, the share of simulations that give an interval, over ``scenario``, ``seeds``,
        ``interval`` and ``term``. Coverage counts the simulations that give one.
    """
    result = np.full((2, len(scenarios), len(seeds), len(INTERVALS), len(TERMS)), np.nan)
    for i, (name, scenario) in enumerate(scenarios.items()):
        truth = _with_differences(np.array([*list(TRUTH.values())[:3], scenario.interaction]))
        for j, n in enumerate(seeds):
            values = draw(scenario, n, simulations, generator(seed, f"coverage, {name}", n))
            planned = _PLANNED if scenario.selection is not None else np.ones(len(_COLUMNS), dtype=bool)
            for k, (low, high) in enumerate(_intervals(values, planned, generator(seed, "bootstrap", n))):
                given = ~np.isnan(low)
                result[0, i, j, k] = ((low <= truth) & (truth <= high)).sum(0) / np.maximum(given.sum(0), 1)
                result[1, i, j, k] = given.mean(0)
    result[0][result[1] == 0] = np.nan
    dims = ("scenario", "seeds", "interval", "term")
    coords = {"scenario": list(scenarios), "seeds": list(seeds), "interval": list(INTERVALS), "term": list(TERMS)}
    return label(
        xr.Dataset({"coverage": (dims, result[0]), "given": (dims, result[1])}, coords),
        coverage=("share of the intervals that hold the true slope", "1"),
        given=("share of the simulations that give an interval", "1"),
        scenario=("how the simulated importances vary", "1"),
        seeds=("number of simulated networks", "1"),
        interval=("interval, by the conditions that enter and how it is made", "1"),
    )


def draw(scenario: Scenario, seeds: int, simulations: int, random: np.random.Generator) -> np.ndarray:
    """Simulate log F with axes simulation, condition and seed; NaN where a network missed the loss."""
    spread = np.array([0.1, 0.1, 0.1, 0.1 if scenario.interaction else 0.0])
    slopes = spread * _deviates(scenario, (simulations, seeds, 4), random)
    own = (slopes @ _COLUMNS.T).transpose(0, 2, 1)
    noise = _deviates(scenario, own.shape, random)
    average = _COLUMNS @ np.array([*list(TRUTH.values())[:3], scenario.interaction])
    level = 0.3 * _deviates(scenario, (simulations, 1, seeds), random)
    values = level + average[:, None] + own + 0.15 * scenario.growth ** _DIFFICULTY[:, None] * noise
    if scenario.selection is not None:
        odds = scenario.steepness * (_DIFFICULTY[:, None] - scenario.border) + scenario.selection * (noise + 5 * own)
        values = np.where(random.logistic(size=values.shape) < odds, np.nan, values)
    return values


def _deviates(scenario: Scenario, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    return (random.gamma(4.0, size=shape) - 4) / 2 if scenario.skewed else random.standard_normal(shape)


def _intervals(
    values: np.ndarray, planned: np.ndarray, random: np.random.Generator
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Compute low and high, with axes simulation and term, of every one of ``INTERVALS``."""
    missed = np.isnan(values).any(2, keepdims=True)
    failed = (missed & planned[:, None]).any(1, keepdims=True)
    on_plan = np.where(planned[:, None] & ~failed, values, np.nan)
    slopes = [_slopes(on_plan), _slopes(values), _slopes(np.where(missed, np.nan, values))]
    estimate, error, degrees = _pooled(values)
    from scipy import stats

    half = stats.t.ppf(0.975, degrees)[:, None] * error
    weights = random.multinomial(values.shape[2], np.full(values.shape[2], 1 / values.shape[2]), size=_RESAMPLES)
    means = np.einsum("bs,ist->bit", weights / values.shape[2], slopes[1], optimize=True)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return [*map(_t_interval, slopes), (estimate - half, estimate + half), (low, high)]


def _slopes(values: np.ndarray) -> np.ndarray:
    return _with_differences(fit(values.transpose(0, 2, 1), _COLUMNS)[..., 1:])


def _pooled(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute HC3 of slopes and their differences: a difference is the slope of a column in a transformed design."""
    estimate, error, degrees = pooled_hc3(values, _COLUMNS)
    parts = [(estimate[:, 1:], error[:, 1:])]
    for first, second in ((0, 1), (1, 2)):  # β_1 x_1 + β_2 x_2 = (β_1 - β_2) x_1 + β_2 (x_1 + x_2)
        columns = _COLUMNS.copy()
        columns[:, second] += columns[:, first]
        estimate, error, _ = pooled_hc3(values, columns)
        parts.append((estimate[:, 1 + first, None], error[:, 1 + first, None]))
    return np.hstack([part[0] for part in parts]), np.hstack([part[1] for part in parts]), degrees


def _t_interval(slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Do what ``mean_interval`` does, in arrays: over axis 1, without seeds that have no slope."""
    n = (~np.isnan(slopes)).sum(1)
    mean = np.nansum(slopes, 1) / np.where(n > 0, n, np.nan)
    variance = np.nansum((slopes - mean[:, None]) ** 2, 1) / np.where(n > 1, n - 1, np.nan)
    from scipy import stats

    half = stats.t.ppf(0.975, np.maximum(n - 1, 1)) * np.sqrt(variance / np.maximum(n, 1))
    return mean - half, mean + half


def _with_differences(slopes: np.ndarray) -> np.ndarray:
    """Append to the slopes of the terms the differences load - retention and retention - lead."""
    load, retention, lead = slopes[..., 0:1], slopes[..., 1:2], slopes[..., 2:3]
    return np.concatenate([slopes, load - retention, retention - lead], axis=-1)


def _design() -> tuple[np.ndarray, np.ndarray]:
    grid = np.stack(np.meshgrid(_LOADS, _RETENTIONS, _LEADS, indexing="ij"), -1).reshape(-1, 3).astype(float)
    logs = np.log(grid + np.array([0, 0, 1]))
    columns = logs - logs.mean(0)
    hardness = ((logs - logs.min(0)) / np.ptp(logs, axis=0))[:, :2].mean(1)
    return np.column_stack([columns, columns[:, 0] * columns[:, 1]]), hardness


_COLUMNS, _DIFFICULTY = _design()
_PLANNED = _DIFFICULTY < 0.55
