"""What the accuracies of a comparison come to, beside the published numbers, and what everything is called."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from common.results import describe

from method_study.chosen import read_chosen, searched_design
from method_study.config import Config
from method_study.hyperparameters import Hyperparameters
from method_study.published import beside
from method_study.rows import benchmark_of, network_of, tasks_of, tasks_of_row, uses_published_configuration
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


def add_outcome(results: xr.Dataset, config: Config, table: Mapping[str, Hyperparameters]) -> xr.Dataset:
    """Add transfer and forgetting, published numbers and hyperparameters of every row, and say what everything is."""
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
    results = results.assign_coords(_of_rows(results.approach.values.tolist(), config, table))
    tasks = tasks_of(config)
    chance = config.task.chance(tasks)
    of_tasks = {
        "benchmark": config.task.title,
        "note": config.task.note(tasks),
        "answers": config.task.answers,
        "chance": chance.accuracy,
        "chance_name": chance.name,
        "differences": benchmark_of(config).differences,
        "published_design": published_design(config),
        "is_task_told": int(not config.task.one_head),
    }
    return describe(results, descriptions(config.task.answers)).assign_attrs(of_tasks)


def _intransigence(accuracy: xr.DataArray) -> xr.DataArray:
    """Against training from scratch, if it is a row."""
    is_reference = accuracy.approach.values == "from scratch"
    if not is_reference.any():
        return during(accuracy) * np.nan
    reference = accuracy.isel(condition=int(is_reference.argmax()), drop=True)
    return intransigence(accuracy, reference.drop_vars("approach", errors="ignore"))


def _of_rows(
    methods: list[str], config: Config, table: Mapping[str, Hyperparameters]
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
            int(uses_published_configuration(config) and run is not None) for run in runs
        ],
        **_of_poster(methods, config),
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
    own = _flat({"task": asdict(config.task), "network": asdict(config.network), "tasks": config.comparison.tasks})
    designs, found = searched_design(config.selection.chosen), list[object]()
    for row in methods:
        theirs = _flat(designs.get(row, {}))
        differs = sorted(name for name in own.keys() & theirs.keys() if theirs[name] != own[name])
        found.append("; ".join(f"{name} {theirs[name]}, here {own[name]}" for name in differs))
    return found


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


def _of_poster(methods: list[str], config: Config) -> dict[str, list[object]]:
    """What the poster prints, beside runs on the same tasks and as many of them."""
    benchmark = benchmark_of(config)
    poster = {each.method: each for each in benchmark.poster}
    is_as_long = config.comparison.tasks == benchmark.presets["paper"].comparison.tasks
    if not poster or not is_as_long or not config.task.published():
        return {}
    columns = {}
    for name in ("during", "during_plus_minus", "final", "final_plus_minus"):
        values = [getattr(poster[row], name) if row in poster else None for row in methods]
        columns[f"poster_{name}"] = [np.nan if value is None else value for value in values]
    return columns


def published_design(config: Config) -> str:
    """Number of tasks and of units of the published runs."""
    paper = benchmark_of(config).presets["paper"]
    return f"{paper.comparison.tasks} tasks, {paper.network.hidden} units"


def _compression(config: Config, hyperparameters: Hyperparameters) -> float:
    """Of a hypernetwork that generates the weights; NaN without one."""
    parametrisation = named(hyperparameters.method, **hyperparameters.of_method).parametrisation
    if not isinstance(parametrisation, Hypernetwork):
        return np.nan
    network = network_of(config, hyperparameters, tasks_of_row(config, hyperparameters)[0])
    return parametrisation.compression(network, config.comparison.tasks)


def descriptions(answers: str) -> dict[str, tuple[str, str]]:
    """Long names and units of everything, where accuracy is a fraction of the answers."""
    fraction = f"fraction of {answers}"
    return {
        "approach": ("row of the comparison", "1"),
        "hyperparameters": ("how the row was trained, as JSON", "1"),
        "searched_otherwise": ("what hyperparameters were searched with and is another here", "1"),
        "is_told_the_task": ("whether it answers with weights or inputs of the task, whatever its head", "1"),
        "candidate": ("values that a search tries", "1"),
        "is_searched": ("whether hyperparameters were chosen by a search", "1"),
        "seed": ("seed of the network: initialisation and batches", "1"),
        "trained_task": ("the task that was learned last, from 0", "1"),
        "evaluated_task": ("the task that is looked at, from 0", "1"),
        "data": ("set of sequences", "1"),
        "directions": ("whose principal directions of task 0: of the same network, or of that right after task 0", "1"),
        "accuracy": ("accuracy on a task after another was learned", fraction),
        "loss": ("loss on a task after another was learned", "nats per scored answer"),
        "untrained_accuracy": ("accuracy on a task before the first one is learned", fraction),
        "weighted_f1": (
            "F1 of each class, weighted by how often it occurs, on a task after another was learned",
            "1",
        ),
        "during_f1": ("mean weighted F1 on tasks right after each was learned", "1"),
        "final_f1": ("mean weighted F1 on all tasks after the last one", "1"),
        "during": ("mean accuracy on tasks right after each was learned", fraction),
        "final": ("mean accuracy on all tasks after the last one", fraction),
        "forgetting": ("accuracy lost since the best moment, mean over earlier tasks", fraction),
        "backward_transfer": (
            "accuracy gained since a task was learned, mean over earlier tasks",
            fraction,
        ),
        "forward_transfer": (
            "accuracy before a task is learned above that of the untrained network, mean over later tasks",
            fraction,
        ),
        "intransigence": ("accuracy during training below that of training from scratch", fraction),
        "late_gain": ("validation accuracy gained in the last third of a phase", fraction),
        "stored": ("numbers kept for the next task beyond those of one network", "1"),
        "iterations": ("training steps in a phase", "steps"),
        "reason": ("why a phase ended", "1"),
        "seconds_per_iteration": ("wall time of a training step of one network", "s"),
        "importance": (
            "sampled Fisher of the task just learned over the weights of a connection",
            "nats^2 by weight^2",
        ),
        "effective_fraction": ("(sum F)^2 / (n sum F^2) over the n weights of a connection", "1"),
        "share": ("share of a connection in the sampled Fisher of all weight matrices", "1"),
        "distribution": ("quantiles of the sampled Fisher over the weights of a connection", "nats^2 by weight^2"),
        "probability": ("fraction of the weights of a connection", "1"),
        "components": (
            "principal components that hold the configured share of the variance of h_t in the output phase",
            "1",
        ),
        "shared_variance": ("share of that variance in the configured number of principal directions of task 0", "1"),
        "compression": ("values that generate the weights of the network over the weights that they generate", "1"),
        "published_during": ("during accuracy of the published run", fraction),
        "published_final": ("final accuracy of the published run", fraction),
        "published_iterations": ("training steps a task of the published run", "steps"),
        "published_source": ("where the published run is listed, in the paper's code", "1"),
        "poster_during": ("during accuracy on the poster", fraction),
        "poster_during_plus_minus": ("what stands after ± there", fraction),
        "poster_final": ("final accuracy on the poster", fraction),
        "poster_final_plus_minus": ("what stands after ± there", fraction),
        "has_published_hyperparameters": (
            "whether the hyperparameters, but for the length of training, are those of the published run",
            "1",
        ),
    }
