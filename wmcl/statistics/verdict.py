"""Say what the data say, in plain English, and no more."""

import math
from itertools import combinations

import numpy as np
import xarray as xr

from wmcl.statistics.coverage import USED
from wmcl.statistics.effects import confounded_terms
from wmcl.statistics.intervals import mean_interval

MARGIN = 0.1
"""exponents within ± this count as small: at most 7 % for a doubling"""
ENOUGH_SEEDS = 10
"""with fewer, a verdict is exploratory"""


def verdict(found: xr.Dataset, kind: str, stage: str, margin: float = MARGIN) -> str:
    """State the effects and their order, one statement a line.

    Only the interval that keeps its coverage is used (``wmcl.statistics.coverage.USED``). There is no verdict where
    the conditions cannot tell the terms apart, where a network of the plan missed the matched loss, or for one seed.

    Args:
        found: what ``wmcl.statistics.effects`` returns.
        kind: of importance, e.g. ``"sampled Fisher of W_hh"``.
        stage: at which networks were compared, e.g. ``"0.05 nats a bit"``.
        margin: exponents within ± this are called small.

    Raises:
        ValueError: if the margin is not positive.
    """
    if not margin > 0:
        raise ValueError(f"margin is {margin}: it must be positive")
    seeds = found.sizes["seed"]
    lines = [f"{kind} at {stage}, {seeds} seeds." + _exploratory(seeds), *_censoring(found)]
    groups = confounded_terms(found)
    if groups:
        return "\n".join([*lines, *(_confounded(group) for group in groups), "No verdict."])
    if bool((found.censored.where(found.planned, 0) > 0).any()):
        return "\n".join([*lines, *_estimates(found), "No verdict."])
    if seeds < 2:
        return "\n".join([*lines, "An interval needs at least two seeds. No verdict."])
    used = found.sel(analysis=USED)
    percent = f"{100 * found.attrs['confidence']:g} %"
    lines.append(
        f"Intervals are {percent} t intervals over seeds, each by itself, on {int(used.used.sum())} of "
        f"{used.sizes['condition']} conditions; 'small' means within ±{margin:g}."
    )
    if any(_is_interaction(str(name)) for name in used.term.values):
        lines.append("With an interaction, the exponents are those at the geometric mean of the conditions.")
    lines += [_effect(used.sel(term=name), margin) for name in used.term.values]
    exponents = [str(name) for name, doubled in zip(used.term.values, used.doubled.values, strict=True) if doubled]
    lines += [_order(used, first, second, found.attrs["confidence"], margin) for first, second in _pairs(exponents)]
    return "\n".join(lines)


def words(term: object) -> str:
    """Spell the name of a term in words: ``memory_load`` is memory load."""
    return str(term).replace("_", " ")


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    return list(combinations(names, 2))


def _is_interaction(name: str) -> bool:
    return " x " in name


def _exploratory(seeds: int) -> str:
    return f" Exploratory: fewer than {ENOUGH_SEEDS} seeds." if seeds < ENOUGH_SEEDS else ""


def _censoring(found: xr.Dataset) -> list[str]:
    count, total = int(found.censored.sum()), found.sizes["condition"] * found.sizes["seed"]
    if count == 0:
        return [f"All {total} networks reached the loss."]
    conditions = int((found.censored > 0).sum())
    outside = int(found.censored.where(~found.planned, 0).sum())
    text = f"{count} of {total} networks, in {conditions} of {found.sizes['condition']} conditions, missed the loss"
    return [f"{text} (censored); {outside} of them in conditions outside the plan."]


def _confounded(group: tuple[str, ...]) -> str:
    if len(group) == 1:
        return f"{words(group[0])} does not vary enough over the conditions to have an effect of its own."
    return f"The conditions cannot tell {', '.join(map(words, group[:-1]))} and {words(group[-1])} apart."


def _estimates(found: xr.Dataset) -> list[str]:
    lines = [
        "Networks of planned conditions are censored. Which ones depends on the outcome, and no interval keeps its "
        "coverage then; estimates without intervals:"
    ]
    for analysis, text in (("complete", "conditions that all seeds reached"), ("reached", "each seed's conditions")):
        one = found.sel(analysis=analysis)
        sizes = [f"{words(name)} {float(one['average'].sel(term=name)):.2f}" for name in one.term.values]
        if bool(one["average"].isnull().any()):
            groups = [" and ".join(map(words, group)) for group in confounded_terms(found, analysis)]
            reason = f"they do not determine {'; '.join(groups)}" if groups else "no seed determines the slopes"
            lines.append(f"- {text} ({int(one.used.sum())} conditions): none, {reason}.")
        else:
            lost = f", {int(one.lost)} seeds left out" if one.lost else ""
            lines.append(f"- {text} ({int(one.used.sum())} conditions{lost}): {', '.join(sizes)}.")
    lines.append("For a verdict, name conditions that all networks reach before training new seeds (planned).")
    return lines


def _effect(one: xr.Dataset, margin: float) -> str:
    name, mean, low, high = str(one.term.values), float(one["average"]), float(one.low), float(one.high)
    doubled, shown = words(one.doubled.values), words(name)
    if doubled:
        size = f"exponent {mean:.2f} {_span(low, high)}, {_folds(2.0, mean, low, high)} per doubling of {doubled}"
    elif _is_interaction(name):
        first, second = shown.split(" x ")
        step = np.log(2)
        size = (
            f"slope {mean:.2f} {_span(low, high)}: the slope of {first} changes by {step * mean:+.2f} "
            f"{_span(step * low, step * high)} where the logarithm of {second} is ln 2 higher"
        )
    else:
        size = f"slope {mean:.2f} {_span(low, high)}, {_folds(math.e, mean, low, high)} per unit"
    return f"- {shown}: {size}, n = {int(one.n)}; {_judgement(low, high, margin)}."


def _judgement(low: float, high: float, margin: float) -> str:
    if -margin <= low and high <= margin:
        small = f"at most a small effect, within ±{margin:g}"
        return f"{small}, and not distinguishable from none" if low <= 0 <= high else f"{small}, though not none"
    if low <= 0 <= high:
        return f"not distinguishable from none; effects outside of {_span(low, high)} are excluded"
    return f"the interval excludes 0: {_direction(low)}"


def _direction(low: float) -> str:
    return "importance grows" if low > 0 else "importance shrinks"


def _order(used: xr.Dataset, first: str, second: str, confidence: float, margin: float) -> str:
    paired = mean_interval(used.slope.sel(term=first) - used.slope.sel(term=second), confidence=confidence)
    mean, low, high, n = (float(paired[name]) for name in ("average", "low", "high", "n"))
    first, second = words(first), words(second)
    size = f"difference within seeds {mean:+.2f} {_span(low, high)}, n = {n:.0f}"
    if low > 0 or high < 0:
        larger, smaller = (first, second) if low > 0 else (second, first)
        return f"- The exponent of {larger} is larger than that of {smaller}: {first} - {second}, {size}."
    if -margin <= low and high <= margin:
        return f"- The exponents of {first} and {second} are alike within ±{margin:g}: {first} - {second}, {size}."
    return f"- Which exponent is larger, {first} or {second}, is not decided: {first} - {second}, {size}."


def _span(low: float, high: float) -> str:
    return f"[{low:.2f}, {high:.2f}]"


def _folds(base: float, mean: float, low: float, high: float) -> str:
    return f"{base**mean:.2f}-fold {_span(base**low, base**high)}"
