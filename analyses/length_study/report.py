"""What the file says, as text: a table of the conditions, and the verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from length_study.conditions import TASK
from length_study.ladder import ladder_table
from wmcl.statistics import compare, effects, mean_interval, verdict

WEIGHTS = {"connection": "hh", "statistic": "mean", "per": "scored bit"}
"""importance that table and verdict are about"""
CHECKED = ("pattern_length", "lead_input", "input_power", "visible_bits")
"""settings whose effect is checked against the conditions of the law"""


def report(results: xr.Dataset) -> str:
    """A table and a verdict for each combination of training settings."""
    parts = []
    for name, part in variants(results):
        parts += [f"{name}:", table(part), "", conclusion(part), ""]
        if comparisons(part):
            parts += [*comparisons(part), ""]
    if "ladder_slope" in results:
        parts += [ladder_table(results), ""]
    return "\n".join(parts)


def variants(results: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    """The conditions of each combination of initialisation and loss, with a name for it."""
    pairs = dict.fromkeys(zip(results.initialisation.values.tolist(), results.reduction.values.tolist(), strict=True))
    for initialisation, reduction in pairs:
        chosen = (results.initialisation == initialisation) & (results.reduction == reduction)
        yield f"{initialisation} initialisation, loss per {reduction}", results.isel(condition=chosen.values)


def last_matched(results: xr.Dataset) -> str:
    """The lowest loss at which all networks are compared."""
    return str(results.stage.values[-2])


def plain(results: xr.Dataset) -> xr.Dataset:
    """The conditions that the law is about."""
    return results.isel(condition=results.in_law.values.astype(bool))


def conclusion(results: xr.Dataset, kind: str = "sampled") -> str:
    """The verdict on load, retention and lead at the lowest matched loss."""
    part = plain(results)
    stage = last_matched(part)
    if kind not in part.kind or part.sizes["condition"] < 2:
        return "No verdict: it needs the sampled Fisher of several conditions."
    values = part.importance.sel(kind=kind, stage=stage, **WEIGHTS)
    found = effects(values, reached=part.reached.sel(stage=stage))
    return verdict(found, f"{kind} Fisher of W_hh per scored bit", f"{stage} nats a scored bit")


def comparisons(results: xr.Dataset) -> list[str]:
    """Whether it matters how load and lead are made: ratios of importances within seeds, corrected for their number."""
    if not results.in_law.any() or results.in_law.all():
        return []
    example = plain(results)
    plain_names = {
        name: example[name].values[0].item() for name in CHECKED if len(set(example[name].values.tolist())) == 1
    }
    pairs, labels = [], []
    for k in range(results.sizes["condition"]):
        here = {name: results[name].values[k] for name in TASK}
        changed = [name for name, usual in plain_names.items() if here[name] != usual]
        if changed:
            wanted = here | {name: plain_names[name] for name in changed}
            match = np.all([results[name].values == value for name, value in wanted.items()], axis=0).nonzero()[0]
            if match.size:
                pairs.append((k, int(match[0])))
                labels.append(", ".join(f"{name.replace('_', ' ')} {here[name]}" for name in changed) + _brief(here))
    if not pairs:
        return []
    stage = last_matched(results)
    values = results.importance.sel(kind="sampled", stage=stage, **WEIGHTS)
    found = compare(values.assign_coords(condition=np.arange(results.sizes["condition"])), pairs)
    lines = ["Ratio of the sampled Fisher to that of the plain condition, within seeds; simultaneous 95 % intervals:"]
    for k, label in enumerate(labels):
        one = found.isel(comparison=k)
        low, high = float(one.ratio_simultaneous_low), float(one.ratio_simultaneous_high)
        lines.append(f"- {label}: {float(one.ratio):.2f} [{low:.2f}, {high:.2f}], Holm p = {float(one.p_holm):.1g}")
    return lines


def _brief(condition: Mapping[str, Any]) -> str:
    names = ("pattern_length", "input_length", "lead", "independent_bits")
    return " (p {}, i {}, lead {}, bits {})".format(*(condition[name] for name in names))


def table(results: xr.Dataset) -> str:
    """Importance, dimensionality and bits held of every condition, with 95 % t intervals over networks."""
    stage = last_matched(results)
    at = results.sel(stage=stage)
    kinds = [kind for kind in ("sampled", "empirical") if kind in at.kind]
    lines = [
        f"At a validation loss of {stage} nats a scored bit (geometric mean and 95 % t interval over networks):",
        f"{'p':>3} {'i':>3} {'lead':>4} {'bits':>4} {'load':>4} {'T':>3} {'n':>5} {'steps':>6}  "
        + "".join(f"{kind + ' F of W_hh per bit':<30}  " for kind in kinds)
        + "components (output phase)  bits held at the stop flag",
    ]
    return "\n".join([*lines, *(_row(at.isel(condition=k), kinds) for k in range(at.sizes["condition"]))])


def _row(at: xr.Dataset, kinds: list[str]) -> str:
    n, missing = int(at.reached.sum()), int((at.reached == 0).sum())
    count = f"{n}/{n + missing}" if missing else f"{n}"
    numbers = (at.pattern_length, at.input_length, at.lead, at.independent_bits, at["memory_load"], at.steps)
    widths = (3, 3, 4, 4, 4, 3)
    start = " ".join(f"{int(value):>{width}}" for value, width in zip(numbers, widths, strict=True)) + f" {count:>5}"
    more = [
        text
        for text, usual in ((str(at.lead_input.values), "blank"), (str(at.input_power.values), "step"))
        if text != usual
    ]
    if int(at.visible_bits):
        more.append(f"{int(at.visible_bits)} visible")
    end = f"  ({', '.join(more)})" if more else ""
    if n == 0:
        return f"{start} no network reached this loss{end}"
    stop = int(at.lead + at.input_length)
    held = _interval(mean_interval(at.bits_held.sel(step=stop)), ".1f") if "bits_held" in at else "not measured"
    importances = [mean_interval(at.importance.sel(kind=kind, **WEIGHTS), log=True) for kind in kinds]
    return (
        f"{start} {float(at.iteration.sel(side='after').mean()):>6.0f}  "
        + "".join(f"{_interval(one, '.2e'):<30}  " for one in importances)
        + f"{_interval(mean_interval(at.components.sel(phase='output', centre='pooled')), '.1f'):<27}"
        + held
        + end
    )


def _interval(summary: xr.Dataset, form: str) -> str:
    low, high = float(summary.low), float(summary.high)
    return f"{float(summary['average']):{form}} [{low:{form}}, {high:{form}}]"
