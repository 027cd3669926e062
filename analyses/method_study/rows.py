"""The rows of a comparison with their hyperparameters, what each is trained on, and what is refused."""

import inspect
from collections.abc import Mapping
from dataclasses import replace

from common.running import check_run

from method_study.benchmarks import BENCHMARKS, Benchmark
from method_study.chosen import read_chosen
from method_study.config import Config
from method_study.hyperparameters import Hyperparameters
from method_study.published import published_hyperparameters
from wmcl import networks
from wmcl.methods import CATALOGUE, named
from wmcl.tasks import Task, with_task_identity
from wmcl.training import Stop


def benchmark_of(config: Config) -> Benchmark:
    """What the benchmark brings along."""
    return BENCHMARKS[config.benchmark]


def rows(config: Config) -> dict[str, Hyperparameters]:
    """The rows of the comparison, with their hyperparameters.

    Raises:
        ValueError: if there is no such row, or if the file of chosen hyperparameters cannot be used.
    """
    possible = set(CATALOGUE) - set(config.task.refused_methods)
    found = {
        name: hyperparameters
        for name, hyperparameters in _every_row(config).items()
        if hyperparameters.method in possible
    }
    if config.selection.chosen is not None and not config.selection.search:
        for name, values in read_chosen(config.selection.chosen).items():
            if name in found:
                found[name] = found[name].changed(values)
    for name in config.comparison.methods:
        if name not in found:
            if name in config.task.refused_methods:
                why = "cannot learn these tasks"
            else:
                why = "has no published hyperparameters" if name in CATALOGUE else "is unknown"
            raise ValueError(f"methods has {name!r}, which {why}: it must be of {', '.join(found)}")
    if config.comparison.iterations is not None:
        found = {name: replace(each, iterations=config.comparison.iterations) for name, each in found.items()}
    return {name: found[name] for name in (config.comparison.methods or found)}


def _every_row(config: Config) -> dict[str, Hyperparameters]:
    benchmark = benchmark_of(config)
    if config.preset in ("published", "paper"):
        return published_hyperparameters(config.task.published(), benchmark.training_sequences)
    usual = {name: benchmark.starting_values.get(name, _common(benchmark, name)) for name in CATALOGUE}
    variants = {name: each for name, each in benchmark.starting_values.items() if name not in usual}
    every = _beside(usual, variants)
    if config.preset != "smoke":
        return every
    return {name: each.changed(benchmark.smaller.get(name, {})) for name, each in every.items()}


def _common(benchmark: Benchmark, method: str) -> Hyperparameters:
    return Hyperparameters(method).changed(benchmark.common)


def _beside(
    usual: Mapping[str, Hyperparameters], variants: Mapping[str, Hyperparameters]
) -> dict[str, Hyperparameters]:
    """Variants of a method directly after it."""
    every = {}
    for name, each in usual.items():
        every[name] = each
        every |= {other: variant for other, variant in variants.items() if variant.method == name}
    return every


def uses_published_configuration(config: Config) -> bool:
    """Whether tasks, networks and all hyperparameters but the length of training are those of the published runs."""
    usual = benchmark_of(config).presets[config.preset]
    open_to_choice = {name: getattr(config.task, name) for name in usual.task.published_leaves_open}
    same = (config.task, config.network, config.comparison.tasks) == (
        replace(usual.task, **open_to_choice),
        usual.network,
        usual.comparison.tasks,
    )
    return config.preset in ("published", "paper") and same and config.selection.chosen is None


def tasks_of(config: Config) -> list[Task]:
    """The tasks in their order."""
    return config.task.tasks(config.comparison.tasks)


def tasks_of_row(config: Config, hyperparameters: Hyperparameters) -> list[Task]:
    """The tasks as a row sees them, with their identity among the inputs if it asks for that."""
    return with_task_identity(tasks_of(config)) if hyperparameters.task_identity else tasks_of(config)


def network_of(config: Config, hyperparameters: Hyperparameters, task: Task) -> networks.Network:
    """The network of a row, with a head a task if it asks for that and the benchmark tells the task."""
    network = config.network.build(task.inputs, task.outputs, hyperparameters.initialisation)
    has_own = hyperparameters.multi_head and not config.task.one_head
    return replace(network, heads=config.comparison.tasks if has_own else 1)


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    if config.benchmark not in BENCHMARKS:
        raise ValueError(f"benchmark is {config.benchmark!r}: it must be one of {', '.join(BENCHMARKS)}")
    presets = benchmark_of(config).presets
    if config.preset not in presets:
        raise ValueError(f"preset is {config.preset!r}: it must be one of {', '.join(presets)}")
    for name, value in (("seeds", config.comparison.seeds), ("search_seeds", config.selection.search_seeds)):
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")
    if len(set(config.comparison.methods)) < len(config.comparison.methods):
        raise ValueError(f"methods is {', '.join(config.comparison.methods)}: each may occur once")
    if config.selection.search and config.preset in ("published", "paper"):
        raise ValueError(
            f"search is on with the preset {config.preset!r}: its hyperparameters are given; it must be quick or smoke"
        )
    if config.selection.search and config.selection.chosen is None:
        raise ValueError("chosen is None: a search writes its choice there; name a file")
    found = rows(config)
    if not found:
        raise ValueError(f"preset is {config.preset!r}: there are no published runs on {config.task.title}")
    for name, hyperparameters in found.items():
        check_hyperparameters(name, hyperparameters)
        network_of(config, hyperparameters, tasks_of_row(config, hyperparameters)[0])
    check_run(config.run)


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
