"""The rows of a comparison with their hyperparameters, what each is trained on, and how."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr

from wmcl import networks
from wmcl.identity import Described
from wmcl.likelihoods import Gaussian
from wmcl.methods import CATALOGUE, TrainedSession, named, train_sequence
from wmcl.provenance import describe_device
from wmcl.studies.benchmark import Benchmark, Grid, Hyperparameters, TaskOptions
from wmcl.studies.chosen import read_chosen
from wmcl.studies.network import Network
from wmcl.studies.published import published_hyperparameters
from wmcl.studies.starting_values import COMMON, GRIDS, SMALLER, STARTING_VALUES
from wmcl.studies.study import Part
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint
from wmcl.tasks import Task, with_task_identity
from wmcl.training import Stop

PUBLISHED_PRESETS = ("published", "paper")
"""whose hyperparameters are those of the published runs"""


def rows(
    benchmark: Benchmark,
    preset: str,
    task: TaskOptions,
    methods: Collection[str] = (),
    iterations: int | None = None,
    chosen: Path | None = None,
) -> dict[str, Hyperparameters]:
    """The rows of a comparison, with their hyperparameters.

    Args:
        benchmark: with starting values.
        preset: of the comparison.
        task: options of the tasks.
        methods: names of rows; none named takes all that the preset has hyperparameters for.
        iterations: training steps a task, of every row; None takes those of its hyperparameters.
        chosen: file of hyperparameters that a search has chosen; None takes none into account.

    Raises:
        ValueError: if there is no such row, or if the file of chosen hyperparameters cannot be used.
    """
    possible = set(CATALOGUE) - set(task.refused_methods)
    found = {
        name: hyperparameters
        for name, hyperparameters in _every_row(benchmark, preset, task).items()
        if hyperparameters.method in possible
    }
    if chosen is not None:
        for name, values in read_chosen(chosen).items():
            if name in found:
                found[name] = found[name].changed(values)
    for name in methods:
        if name not in found:
            if name in task.refused_methods:
                why = "cannot learn these tasks"
            else:
                why = "has no published hyperparameters" if name in CATALOGUE else "is unknown"
            raise ValueError(f"methods has {name!r}, which {why}: it must be of {', '.join(found)}")
    if not found:
        raise ValueError(f"preset is {preset!r}: there are no published runs on {task.title}")
    if iterations is not None:
        found = {name: replace(each, iterations=iterations) for name, each in found.items()}
    return {name: found[name] for name in (methods or found)}


def _every_row(benchmark: Benchmark, preset: str, task: TaskOptions) -> dict[str, Hyperparameters]:
    if preset in PUBLISHED_PRESETS:
        return published_hyperparameters(task.published(), benchmark.training_sequences)
    starting, common = benchmark.starting_values, benchmark.common
    if not starting:
        starting = {name: each.changed(common) for name, each in STARTING_VALUES.items()}
        common = {**COMMON, **common}
    usual = {name: starting.get(name, Hyperparameters(name).changed(common)) for name in CATALOGUE}
    variants = {name: each for name, each in starting.items() if name not in usual}
    every = _beside(usual, variants)
    if preset != "smoke":
        return every
    smaller = benchmark.smaller or SMALLER
    return {name: each.changed(smaller.get(name, {})) for name, each in every.items()}


def _beside(
    usual: Mapping[str, Hyperparameters], variants: Mapping[str, Hyperparameters]
) -> dict[str, Hyperparameters]:
    """Variants of a method directly after it."""
    every = {}
    for name, each in usual.items():
        every[name] = each
        every |= {other: variant for other, variant in variants.items() if variant.method == name}
    return every


def grids_of(benchmark: Benchmark) -> Mapping[str, Grid]:
    """What a search crosses, by row."""
    return benchmark.grids or GRIDS


def checked_tasks(options: TaskOptions, number: int, option: str = "tasks") -> list[Task]:
    """Make the tasks; refuse those that a network cannot learn one after the other, or that have no accuracy.

    Args:
        options: of the tasks.
        number: how many are made.
        option: that says how many, for the error.

    Raises:
        ValueError: names the task, and what it must have.
    """
    tasks = options.tasks(number)
    for place, task in enumerate(tasks, 1):
        if not isinstance(task, Task):
            raise ValueError(f"task {place} of {number} is a {type(task).__name__}: it must be a wmcl.tasks.Task")
        for name in ("inputs", "outputs", "likelihood"):
            own, first = getattr(task, name), getattr(tasks[0], name)
            if own != first:
                raise ValueError(
                    f"{name} of the task {task.name!r} is {own}: it must be {first}, as of the first task"
                    f" {tasks[0].name!r}"
                )
        if isinstance(task.likelihood, Gaussian):
            raise ValueError(
                f"likelihood of the task {task.name!r} is {task.likelihood}: real numbers have no accuracy to compare;"
                " targets must be classes or bits"
            )
    if len(tasks) != number:
        raise ValueError(f"{option} is {number}: it must be {len(tasks)}, the number of tasks that the benchmark makes")
    return tasks


def tasks_of_row(options: TaskOptions, number: int, hyperparameters: Hyperparameters) -> list[Task]:
    """The tasks as a row sees them."""
    return as_seen(options.tasks(number), hyperparameters)


def as_seen(tasks: list[Task], hyperparameters: Hyperparameters) -> list[Task]:
    """Tasks with their identity among the inputs, if a row is trained with that."""
    return with_task_identity(tasks) if hyperparameters.task_identity else tasks


def network_of(
    network: Network, options: TaskOptions, number: int, hyperparameters: Hyperparameters, task: Task
) -> networks.Network:
    """The network of a row, with a head a task if its hyperparameters say so and the benchmark tells the task."""
    built = network.build(task.inputs, task.outputs, hyperparameters.initialisation)
    has_own = hyperparameters.multi_head and not options.one_head
    return replace(built, heads=number if has_own else 1)


def learn_row(
    options: TaskOptions,
    number: int,
    network: Network,
    hyperparameters: Hyperparameters,
    device: str,
    seeds: Sequence[int],
) -> Iterator[TrainedSession]:
    """Learn so many tasks with the hyperparameters of a row."""
    tasks = tasks_of_row(options, number, hyperparameters)
    return train_sequence(
        named(hyperparameters.method, **hyperparameters.of_method),
        network_of(network, options, number, hyperparameters, tasks[0]),
        tasks,
        seeds,
        Stop(hyperparameters.iterations),
        hyperparameters.options,
        device=device,
        progress=False,
        checkpoint=checkpoint(),
        checkpoint_every=CHECKPOINT_EVERY,
    )


def measure_row(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    task: TaskOptions,
    tasks: int,
    content: Described,
    network: Network,
    measure: Callable[[Iterator[TrainedSession]], xr.Dataset],
    hyperparameters: Hyperparameters,
    device: str,
) -> xr.Dataset:
    """Learn all tasks with the hyperparameters of a condition, and measure after each.

    Args:
        condition: what the hyperparameters belong to.
        seeds: of the networks.
        task: options of the tasks.
        tasks: their number.
        content: what their sequences are, so that other data make other entries.
        network: its options.
        measure: goes through the run.
        hyperparameters: of the row.
        device: of the tensors.
    """
    run = learn_row(task, tasks, network, hyperparameters, device, seeds)
    return measure(run).assign_attrs(device=describe_device(device))


def rows_part(
    name: str,
    task: TaskOptions,
    tasks: int,
    network: Network,
    measure: Callable[[Iterator[TrainedSession]], xr.Dataset],
    table: Mapping[tuple[str, ...], Hyperparameters],
    names: Sequence[str],
    seeds: Sequence[int],
    folder: str = "entries",
) -> Part:
    """The sweep over rows, which learn so many tasks.

    Args:
        name: of the sweep.
        task: options of the tasks.
        tasks: their number.
        network: its options.
        measure: goes through a run.
        table: hyperparameters by the values of a condition.
        names: of these values.
        seeds: of the networks.
        folder: what the name of the folder of entries ends in.
    """

    def hyperparameters(condition: Mapping[str, Any]) -> Hyperparameters:
        return table[tuple(condition[each] for each in names)]

    return Part(
        name,
        partial(measure_row, task=task, tasks=tasks, content=task.content(tasks), network=network, measure=measure),
        [dict(zip(names, values, strict=True)) for values in table],
        seeds,
        given=lambda condition: {"hyperparameters": hyperparameters(condition)},
        cost=lambda condition: cost(hyperparameters(condition)),
        folder=folder,
    )


def cost(hyperparameters: Hyperparameters) -> float:
    """Relative time of a row; rehearsal and generated weights take about twice as long."""
    method = named(hyperparameters.method, **hyperparameters.of_method)
    parts = (method.rehearsal is not None) + (not method.parametrisation.is_shared)
    return hyperparameters.iterations * hyperparameters.batch * (1.0 + parts)


def check_hyperparameters(name: str, hyperparameters: Hyperparameters) -> None:
    """Refuse hyperparameters that the method or the training does not take."""
    Stop(hyperparameters.iterations)
    _ = hyperparameters.options  # refuses what training does not take
    needed = inspect.signature(CATALOGUE[hyperparameters.method]).parameters.values()
    missing = [p.name for p in needed if p.default is p.empty and p.name not in hyperparameters.of_method]
    if missing:
        raise ValueError(f"hyperparameters of {name!r} lack {' and '.join(missing)}: the method has no default for it")
    try:
        named(hyperparameters.method, **hyperparameters.of_method)
    except ValueError as error:
        raise ValueError(f"hyperparameters of {name!r}: {error}") from None
