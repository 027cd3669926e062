"""What the file says, as Markdown: a table of the conditions, and the verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from length_study.conditions import TASK
from length_study.ladder import ladder_table
from wmcl.statistics import compare, effects, verdict
from wmcl.studies.tables import interval_of, number, table_head, table_row

WEIGHTS = {"connection": "hh", "statistic": "mean", "per": "scored bit"}
"""importance that table and verdict are about"""
CHECKED = ("pattern_length", "lead_input", "input_power", "visible_bits")
"""settings whose effect is checked against the conditions of the law"""


def report(results: xr.Dataset) -> str:
    """A table and a verdict for each combination of training settings."""
    parts = []
    for name, part in variants(results):
        parts += [f"**{name}.** {table(part)}", "", conclusion(part), ""]
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
    lines = [
        "Ratio of the sampled Fisher to that of the plain condition, within seeds; simultaneous 95 % intervals:",
        "",
    ]
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
    head = ["p", "i", "lead", "bits a step", "load", "T", "n", "steps of training"]
    head += [f"{kind} Fisher of W_hh per scored bit" for kind in kinds]
    head += ["components, output phase", "bits held at the stop flag"]
    rows = [_row(at.isel(condition=k), kinds) for k in range(at.sizes["condition"])]
    different = any(row[-1] for row in rows)
    lines = table_head([*head, "apart from that"] if different else head)
    lines += [table_row(row if different else row[:-1]) for row in rows]
    text = (
        f"At a validation loss of {stage} nats a scored bit: mean and 95 % t interval over networks, geometric mean for"
        " importances."
    )
    return "\n".join([text, "", *lines])


def _row(at: xr.Dataset, kinds: list[str]) -> list[str]:
    n, missing = int(at.reached.sum()), int((at.reached == 0).sum())
    count = f"{n} of {n + missing}" if missing else f"{n}"
    numbers = (at.pattern_length, at.input_length, at.lead, at.independent_bits, at["memory_load"], at.steps)
    stop = int(at.lead + at.input_length)
    held = interval_of(at.bits_held.sel(step=stop), ".1f") if "bits_held" in at else "not measured"
    return [
        *(str(int(value)) for value in numbers),
        count,
        number(float(at.iteration.sel(side="after").mean()), ".0f"),
        *(interval_of(at.importance.sel(kind=kind, **WEIGHTS), ".2e", log=True) for kind in kinds),
        interval_of(at.components.sel(phase="output", centre="pooled"), ".1f"),
        held,
        "; ".join(_differences(at)),
    ]


def _differences(at: xr.Dataset) -> list[str]:
    """What sets a condition apart, beside its lengths and its independent bits."""
    found = []
    if at.lead_input.item() != "blank":
        found.append(f"{at.lead_input.item()} lead")
    if at.input_power.item() != "step":
        found.append(f"input power by {at.input_power.item()}")
    if int(at.visible_bits):
        found.append(f"{int(at.visible_bits)} visible bits")
    return found
