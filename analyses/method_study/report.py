"""The comparison as a Markdown table: means with 95 % t intervals over seeds, and published numbers beside them."""

import math
from collections.abc import Iterable, Sequence

import xarray as xr

from method_study.poster import poster_lines
from wmcl.studies.network import networks_text
from wmcl.studies.tables import interval_of, number, table_head, table_row
from wmcl.training import Reason

F1 = {"during_f1": "during, weighted F1, %", "final_f1": "final, weighted F1, %"}
"""where classes are chosen"""
LATE = 1.0
"""percentage points of validation accuracy; with more in the last third of training, a network had not learned to the
end"""
COLUMNS = {
    "during": "during, %",
    "final": "final, %",
    "forgetting": "forgetting, points",
    "backward_transfer": "backward, points",
    "forward_transfer": "forward, points",
    "intransigence": "intransigence, points",
}


def report(results: xr.Dataset) -> str:
    """The table, what it shows, and what sets it apart from the published runs."""
    at = results.sel(data="test")
    published = _published_head(at)
    columns = COLUMNS | {name: title for name, title in F1.items() if name in at}
    head = ["method", "n", *columns.values(), "stored values", "ms an iteration"]
    lines = table_head([*head, *published])
    lines += [table_row(_row(at.isel(condition=k), columns, published)) for k in range(at.sizes["condition"])]
    return "\n".join([_title(results), "", *lines, "", *poster_lines(at), *(f"- {note}" for note in _notes(at))])


def _published_head(at: xr.Dataset) -> list[str]:
    """Columns of published numbers, if there are any, and of differences from them, if any row has their settings."""
    if not bool((at.published_during.notnull() | at.published_final.notnull()).any()):
        return []
    gap = ["difference"] if bool(at.has_published_hyperparameters.any()) else []
    return ["published during, %", *gap, "published final, %", *gap]


def _title(results: xr.Dataset) -> str:
    tasks, seeds = results.sizes["trained_task"], results.sizes["seed"]
    return (
        f"{results.attrs['benchmark']}: test accuracy of {seeds} networks a method ({networks_text(results)}), over"
        f" {tasks} tasks, mean and 95 % t interval over networks, in per cent of the {results.attrs['answers']};"
        f" {results.attrs['chance_name']} is {100 * results.attrs['chance']:.0f}."
    )


def _row(at: xr.Dataset, columns: Iterable[str], published: Sequence[str]) -> list[str]:
    n = int(at.final.count())
    mark = " *" if at.is_told_the_task and not at.attrs["is_task_told"] else ""
    cells = [f"{at.approach.item()}{mark}", str(n)]
    cells += [interval_of(at[name], ".2f", scale=100) for name in columns]
    stored, seconds = at.stored.isel(trained_task=-1).mean(), at.seconds_per_iteration.mean()
    cells += [number(float(stored), ",.0f"), number(1e3 * float(seconds), ".1f")]
    for own in ("during", "final") if published else ():
        theirs = float(at[f"published_{own}"])
        cells.append(number(100 * theirs, ".2f"))
        if "difference" in published:
            gap = float(at[own].mean()) - theirs if int(at.has_published_hyperparameters) else math.nan
            cells.append(number(100 * gap, "+.2f"))
    return cells


def _notes(at: xr.Dataset) -> list[str]:
    """What the columns are, and how the settings compare with the published ones."""
    notes = [
        "`wmcl/methods/transfer.py` defines forgetting, transfer and intransigence. Stored values are the numbers that"
        " a method keeps for the next task, beyond those of one network. Times are of one network, on the machine that"
        " computed it.",
    ]
    rows = at.approach.values.tolist()
    if note := at.attrs.get("note", ""):
        notes.append(note)
    own_steps = _a_task(at)
    groups = _grouped(rows, own_steps)
    if len(groups) > 1:
        notes.append(f"Training steps a task: {'; '.join(groups)}.")
    if "late_gain" in at:
        notes += _lateness(at)
    told = [row for row, value in zip(rows, at.is_told_the_task.values, strict=True) if value]
    if told and not at.attrs["is_task_told"]:
        notes.append(
            "\\* No head tells the task here, but these rows answer with weights or inputs of the task, and cannot be"
            f" compared with the others: {', '.join(told)}."
        )
    ratios = [f"{row} {ratio:.2f}" for row, ratio in zip(rows, at.compression.values, strict=True) if ratio == ratio]
    if ratios:
        notes.append(f"Number of values that generate weights, divided by that of these weights: {', '.join(ratios)}.")
    searched = [row for row, value in zip(rows, at.is_searched.values, strict=True) if value]
    if searched:
        notes.append(
            f"A search on validation data chose the hyperparameters of {', '.join(searched)}. Those of other rows were"
            " given."
        )
    for text in dict.fromkeys(at.searched_otherwise.values.tolist()):
        if text:
            own = ", ".join(row for row, each in zip(rows, at.searched_otherwise.values, strict=True) if each == text)
            notes.append(f"The search had other options ({text}) for {own}.")
    if broken := _broken(at):
        notes.append(
            f"These met a loss that is not finite, and all numbers are of their last finite weights: {broken}."
        )
    known = [bool(source) for source in at.published_source.values.tolist()]
    if not any(known):
        return notes
    notes.append("Each published number is of one run (seed 42), as the README of the paper's code lists it.")
    is_theirs = [bool(value) for value in at.has_published_hyperparameters.values]
    if not any(is_theirs):
        notes.append("Tasks, networks and hyperparameters are not all the published ones, so no difference is taken.")
        return notes
    published = at.published_iterations.values
    reduced = [
        f"{row} ({own:,.0f} of {theirs:,.0f})"
        for row, own, theirs, same in zip(rows, own_steps, published, is_theirs, strict=True)
        if same and own != theirs
    ]
    if reduced:
        notes.append(f"Steps a task that are not the published ones: {', '.join(reduced)}.")
    return [
        *notes,
        "Rows with a difference have the published tasks, networks and other hyperparameters."
        f" {at.attrs['differences']}",
    ]


def _lateness(at: xr.Dataset) -> list[str]:
    """Whether networks were still learning when training ended."""
    rows, gain = at.approach.values.tolist(), at.late_gain.mean("trained_task")
    means = 100 * gain.mean("seed").values
    notes = []
    if "from scratch" in rows:
        text = interval_of(gain.isel(condition=rows.index("from scratch")), "+.2f", scale=100)
        notes.append(
            f"In the last third of training, the validation accuracy of networks from scratch changed by {text} points."
        )
    late = [f"{row} ({mean:+.1f})" for row, mean in zip(rows, means, strict=True) if mean >= LATE]
    if late:
        notes.append(
            f"In the last third, these rows gained {LATE:.0f} point or more, mean over tasks: {', '.join(late)}."
        )
    return notes


def _broken(at: xr.Dataset) -> str:
    """Rows with networks that had a non-finite loss in some task, and how many."""
    counts = (at.reason == Reason.nonfinite).any("trained_task").sum("seed")
    pairs = zip(at.approach.values.tolist(), counts.values.tolist(), strict=True)
    return ", ".join(f"{row} ({count} of {at.sizes['seed']} networks)" for row, count in pairs if count)


def _grouped(rows: list[str], steps: list[float]) -> list[str]:
    """The rows of each number of steps, the smallest first."""
    known = sorted({step for step in steps if step == step})
    groups = {step: [row for row, own in zip(rows, steps, strict=True) if own == step] for step in known}
    return [f"{step:,.0f} ({', '.join(group)})" for step, group in groups.items()]


def _a_task(at: xr.Dataset) -> list[float]:
    """Steps a task; a method that learns all tasks at once has a single phase for all of them."""
    steps = at.iterations.max(["seed", "trained_task"]).values
    phases = at.iterations.notnull().any("seed").sum("trained_task").values
    return [step * n / at.sizes["trained_task"] if n else math.nan for step, n in zip(steps, phases, strict=True)]
