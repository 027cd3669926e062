"""The study as a Markdown report: what each question is answered with, and the numbers behind it."""

import json
import math
from itertools import groupby

import xarray as xr

from subspace_study.outcome import just_learned
from subspace_study.statements import Estimate, Statement, estimate, excludes_null, statements
from wmcl.studies.network import networks_text
from wmcl.studies.tables import ABSENT, interval, table_head, table_row
from wmcl.training import Reason


def report(results: xr.Dataset) -> str:
    """All tables, with 95 % t intervals over networks and the number of networks."""
    lines = [_title(results), "", *_by_construction(results), *_performance(results)]
    for question, group in groupby(statements(results), lambda each: each.question):
        lines += ["", f"**{question}**", "", *_answers(list(group))]
    lines += ["", *_supervised(results), *_notes(results)]
    return "\n".join(lines)


def _title(results: xr.Dataset) -> str:
    configuration = json.loads(results.attrs["configuration"])
    p, i = (configuration["task"][name] for name in ("pattern_length", "input_length"))
    identity = "tell" if configuration["study"]["task_identity"] else "do not tell"
    return (
        f"The study trains {results.sizes['seed']} networks with each method ({networks_text(results)}) on"
        f" {results.sizes['trained_task']} Permuted Copy Tasks (p = {p}, i = {i or p}). Inputs {identity} the task."
        " Numbers are means with 95 % t intervals over networks. The value without an effect stands in brackets after a"
        " quantity, and a number is bold if its interval leaves that value out."
    )


def _by_construction(results: xr.Dataset) -> list[str]:
    """Which rows say nothing about subspaces of tasks."""
    if "same_states" not in results or not bool(results.same_states.any()):
        return []
    names = results.approach.values[results.same_states.values].tolist()
    return [
        f"**By construction**: {', '.join(names)} have the same weights in all tasks, and inputs do not tell the task."
        " The tasks differ in their targets alone, so the hidden states of these networks have the same distribution in"
        " all tasks, whatever was learned: joint components are about those of a single task, and the subspace of task"
        " 1 in the present network holds as much of every task as its own directions do. Directions of task 1 from"
        " right after it was learned, and added components, tell how far the network has drifted since. Such numbers"
        " are marked and tested against nothing.",
        "",
    ]


def _performance(results: xr.Dataset) -> list[str]:
    """How well tasks were learned and kept: subspaces of tasks that were not learned say little."""
    during = just_learned(results.accuracy).mean("evaluated_task")
    final = results.accuracy.isel(trained_task=-1).mean("evaluated_task")
    head = ["method", "n", "accuracy right after learning, %", "in the end, %"]
    lines = table_head(head)
    for row, name in enumerate(results.approach.values.tolist()):
        found = [estimate(100 * each.isel(condition=row)) for each in (during, final)]
        lines.append(table_row([name, str(found[1].n), *(_interval(each) for each in found)]))
    return lines


def _answers(group: list[Statement]) -> list[str]:
    """A row a method, a column a quantity; what the interval tells from no effect is bold."""
    quantities: dict[str, Statement] = {}
    for each in sorted(group, key=lambda each: math.isnan(each.null)):  # of a tested row, if there is one
        quantities.setdefault(each.quantity, each)
    quantities = {each.quantity: quantities[each.quantity] for each in group}
    found = {(each.method, each.quantity): each for each in group}
    heads = [_head(each) for each in quantities.values()]
    lines = table_head(["method", "n", *heads])
    for method in dict.fromkeys(each.method for each in group):
        row = [found.get((method, quantity)) for quantity in quantities]
        counts = sorted({each.found.n for each in row if each is not None})
        lines.append(table_row([method, " to ".join(map(str, counts)), *(_answer(each) for each in row)]))
    return lines


def _head(each: Statement) -> str:
    unit = "" if each.unit == "1" else f", {each.unit}"
    return each.quantity + unit + ("" if math.isnan(each.null) else f" ({each.null:.3g})")


def _answer(each: Statement | None) -> str:
    if each is None:
        return ABSENT
    text = _interval(each.found)
    if each.by_construction:
        return f"{text} ({each.by_construction})"
    return f"**{text}**" if excludes_null(each) else text


def _supervised(results: xr.Dataset) -> list[str]:
    """Smallest subspaces that were found, by number of tasks; networks that need more columns are left out."""
    if "supervised_dimension" not in results:
        return []
    tasks = results.sizes["trained_task"]
    head = ["method", *(f"{k + 1} task{'s' if k else ''}" for k in range(tasks)), "the last task alone"]
    lines = ["**How many dimensions does it take to solve all tasks so far?**", "", *table_head(head)]
    for row, name in enumerate(results.approach.values.tolist()):
        one = results.isel(condition=row)
        found = [estimate(one.supervised_dimension.isel(trained_task=k)) for k in range(tasks)]
        found.append(estimate(one.own_supervised_dimension.isel(trained_task=-1)))
        lines.append(table_row([name, *(f"{_interval(e)} (n = {e.n})" if e.n else ABSENT for e in found)]))
    measures = json.loads(results.attrs["configuration"])["measures"]
    lines += [
        "",
        f"Columns until the mean accuracy over the tasks is {100 * measures['supervised_criterion']:g} %, of at most"
        f" {measures['supervised_largest']}. Networks that do not solve the tasks even without a projection have none,"
        " and are left out like those that need more columns. The search is greedy, so these are upper bounds. Weights"
        " that differ between tasks have no joint dimension.",
        "",
    ]
    return lines


def _notes(results: xr.Dataset) -> list[str]:
    notes = ["Fishers added up grow anyhow: the value without an effect is the slope if all tasks add the same."]
    if "share_by_chance" in results:
        configuration = json.loads(results.attrs["configuration"])
        notes.append(
            f"Shares of variance are those in {configuration['measures']['shared_components']} directions, in the"
            " output phase, around the mean of each task, after the last task; mean over the later tasks."
        )
    notes.append(
        "Intervals are not corrected for their number. From scratch and multitask are references: from scratch, every"
        " task has a network of its own from the same start."
    )
    broken = (results.reason == Reason.nonfinite).any("trained_task").sum("seed")
    names = [
        f"{name} ({count})"
        for name, count in zip(results.approach.values.tolist(), broken.values.tolist(), strict=True)
        if count
    ]
    if names:
        notes.append(
            f"Networks with a non-finite loss, at their last finite weights in all numbers: {', '.join(names)}."
        )
    return notes


def _interval(found: Estimate) -> str:
    if math.isnan(found.mean):
        return ABSENT
    scale = max(abs(found.mean), 0.0 if math.isnan(found.low) else found.high - found.low)
    places = 2 if scale == 0 else min(max(2 - math.floor(math.log10(scale)), 0), 6)
    return interval(f".{places}f", found.mean, found.low, found.high)
