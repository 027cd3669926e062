"""What the accuracies of a comparison come to, beside the published numbers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from method_study.design import Config, presets_of
from wmcl.methods import (
    FromScratch,
    Hypernetwork,
    backward_transfer,
    during,
    final,
    forgetting,
    forward_transfer,
    intransigence,
    named,
)
from wmcl.published.runs import Published
from wmcl.studies.benchmark import Benchmark, Hyperparameters
from wmcl.studies.chosen import read_chosen, searched_design
from wmcl.studies.published import beside
from wmcl.studies.rows import PUBLISHED_PRESETS, network_of, tasks_of_row


def add_outcome(
    results: xr.Dataset, benchmark: Benchmark, config: Config, table: Mapping[str, Hyperparameters]
) -> xr.Dataset:
    """Add transfer and forgetting, published numbers and hyperparameters of every row, and say what the tasks are."""
    accuracy = results.accuracy
    measures: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
        "during": during,
        "final": final,
        "forgetting": forgetting,
        "backward_transfer": backward_transfer,
    }
    found = {name: measure(accuracy) for name, measure in measures.items()}
    found["forward_transfer"] = forward_transfer(accuracy, results.untrained_accuracy)
    found["intransigence"] = _intransigence(accuracy)
    if "weighted_f1" in results:
        found |= {"during_f1": during(results.weighted_f1), "final_f1": final(results.weighted_f1)}
    results = results.assign(found)
    results = results.assign_coords(_of_rows(results.approach.values.tolist(), benchmark, config, table))
    tasks = config.task.tasks(config.comparison.tasks)
    chance = config.task.chance(tasks)
    of_tasks = {
        "benchmark": config.task.title,
        "note": config.task.note(tasks),
        "answers": config.task.answers,
        "chance": chance.accuracy,
        "chance_name": chance.name,
        "differences": benchmark.differences,
        "published_design": published_design(benchmark),
        "is_task_told": int(not config.task.one_head),
    }
    return results.assign_attrs(of_tasks)


def _intransigence(accuracy: xr.DataArray) -> xr.DataArray:
    """Against training from scratch, if it is a row."""
    is_reference = accuracy.approach.values == "from scratch"
    if not is_reference.any():
        return during(accuracy) * np.nan
    reference = accuracy.isel(condition=int(is_reference.argmax()), drop=True)
    return intransigence(accuracy, reference.drop_vars("approach", errors="ignore"))


def _of_rows(
    methods: list[str], benchmark: Benchmark, config: Config, table: Mapping[str, Hyperparameters]
) -> dict[str, tuple[str, list[object]]]:
    """Hyperparameters and published numbers of every row."""
    runs = [beside(config.task.published(), row, table[row]) for row in methods]
    chosen = read_chosen(config.selection.chosen) if config.selection.chosen is not None else {}
    columns: dict[str, list[object]] = {
        "hyperparameters": [json.dumps(asdict(table[row]), sort_keys=True) for row in methods],
        "is_searched": [int(row in chosen) for row in methods],
        "searched_otherwise": searched_otherwise(methods, config),
        "is_told_the_task": [int(is_told_the_task(table[row])) for row in methods],
        "published_during": [np.nan if run is None or run.during is None else run.during for run in runs],
        "published_final": [_published_final(run) for run in runs],
        "published_iterations": [np.nan if run is None else float(run.iterations) for run in runs],
        "published_source": ["" if run is None else run.source for run in runs],
        "compression": [_compression(config, table[row]) for row in methods],
        "has_published_hyperparameters": [
            int(uses_published_configuration(benchmark, config) and run is not None) for run in runs
        ],
        **_of_poster(methods, benchmark, config),
    }
    return {name: ("condition", column) for name, column in columns.items()}


def is_told_the_task(hyperparameters: Hyperparameters) -> bool:
    """Whether a row answers with weights or inputs that belong to the task, whatever its head."""
    method = named(hyperparameters.method, **hyperparameters.of_method)
    of_its_own = not method.parametrisation.is_shared or isinstance(method.schedule, FromScratch)
    return of_its_own or hyperparameters.task_identity


def searched_otherwise(methods: list[str], config: Config) -> list[object]:
    """For each row what its hyperparameters were searched with and is another here."""
    if config.selection.chosen is None:
        return [""] * len(methods)
    own = _flat(design_of(config))
    designs, found = searched_design(config.selection.chosen), list[object]()
    for row in methods:
        theirs = _flat(designs.get(row, {}))
        differs = sorted(name for name in own.keys() & theirs.keys() if theirs[name] != own[name])
        found.append("; ".join(f"{name} {theirs[name]}, here {own[name]}" for name in differs))
    return found


def design_of(config: Config) -> dict[str, Any]:
    """Tasks and network, as a search writes them down."""
    task = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(config.task).items()}
    return {"task": task, "network": asdict(config.network), "tasks": config.comparison.tasks}


def _flat(design: Mapping[str, Any]) -> dict[str, Any]:
    """Names of one level, with values as JSON has them."""
    flat = {}
    for part, value in json.loads(json.dumps(design, default=str)).items():
        for name, each in value.items() if isinstance(value, dict) else [("", value)]:
            flat[f"{part}.{name}" if name else part] = each
    return flat


def _published_final(run: Published | None) -> float:
    """Not of from scratch: the paper's code keeps the last of its networks alone, and asks that one about all tasks."""
    return np.nan if run is None or run.final is None or run.method == "from scratch" else run.final


def _of_poster(methods: list[str], benchmark: Benchmark, config: Config) -> dict[str, list[object]]:
    """What the poster prints, beside runs on the same tasks and as many of them."""
    if not benchmark.poster or not config.task.published():
        return {}
    if config.comparison.tasks != presets_of(benchmark, config.benchmark)["paper"].comparison.tasks:
        return {}
    poster = {each.method: each for each in benchmark.poster}
    columns = {}
    for name in ("during", "during_plus_minus", "final", "final_plus_minus"):
        values = [getattr(poster[row], name) if row in poster else None for row in methods]
        columns[f"poster_{name}"] = [np.nan if value is None else value for value in values]
    return columns


def uses_published_configuration(benchmark: Benchmark, config: Config) -> bool:
    """Whether tasks, networks and all hyperparameters but the length of training are those of the published runs."""
    if config.preset not in PUBLISHED_PRESETS:
        return False
    usual = presets_of(benchmark, config.benchmark)[config.preset]
    open_to_choice = {name: getattr(config.task, name) for name in usual.task.published_leaves_open}
    same = (config.task, config.network, config.comparison.tasks) == (
        replace(usual.task, **open_to_choice),
        usual.network,
        usual.comparison.tasks,
    )
    return same and config.selection.chosen is None


def published_design(benchmark: Benchmark) -> str:
    """Number of tasks and of units of the published runs; empty if there are none."""
    paper = presets_of(benchmark, benchmark.name).get("paper")
    if paper is None:
        return ""
    return f"{paper.comparison.tasks} tasks, {paper.network.hidden} units"


def _compression(config: Config, hyperparameters: Hyperparameters) -> float:
    """Of a hypernetwork that generates the weights; NaN without one."""
    parametrisation = named(hyperparameters.method, **hyperparameters.of_method).parametrisation
    if not isinstance(parametrisation, Hypernetwork):
        return np.nan
    number = config.comparison.tasks
    task = tasks_of_row(config.task, number, hyperparameters)[0]
    network = network_of(config.network, config.task, number, hyperparameters, task)
    return parametrisation.compression(network, number)
