"""One entry of the comparison: a method with some seeds, run over all tasks and measured after each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import xarray as xr

from method_study.config import Config, plain
from method_study.hyperparameters import Hyperparameters
from method_study.rows import network_of, tasks_of_row
from wmcl.methods import Measures, TrainedSession, measure_run, named, train_sequence
from wmcl.provenance import describe_device
from wmcl.training import Stop

Table = Mapping[tuple[str, ...], Hyperparameters]
"""hyperparameters by the values of a condition"""


def measure(
    config: Config, measures: Measures, table: Table, device: str, condition: Mapping[str, Any], seeds: Sequence[int]
) -> xr.Dataset:
    """Learn all tasks with the hyperparameters of a condition, and measure after each."""
    run = learn_row(config, table[tuple(condition.values())], device, seeds)
    return measure_run(run, measures).assign_attrs(device=describe_device(device))


def learn_row(
    config: Config, hyperparameters: Hyperparameters, device: str, seeds: Sequence[int]
) -> Iterator[TrainedSession]:
    """Learn all tasks with the hyperparameters of a row."""
    tasks = tasks_of_row(config, hyperparameters)
    return train_sequence(
        named(hyperparameters.method, **hyperparameters.of_method),
        network_of(config, hyperparameters, tasks[0]),
        tasks,
        seeds,
        Stop(hyperparameters.iterations),
        hyperparameters.options,
        device=device,
        progress=False,
    )


def configuration_of_entries(
    config: Config, measures: Measures, table: Table, device: str
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What the numbers of an entry depend on, beside its condition and seed."""
    common = {
        "task": plain(config.task),
        "tasks": config.comparison.tasks,
        "network": asdict(config.network),
        "measures": asdict(measures),
        "device": device,
    }
    return lambda condition: common | {"hyperparameters": asdict(table[tuple(condition.values())])}


def cost(table: Table) -> Callable[[Mapping[str, Any]], float]:
    """Relative time of a condition; rehearsal and generated weights take about twice as long."""

    def of(condition: Mapping[str, Any]) -> float:
        hyperparameters = table[tuple(condition.values())]
        method = named(hyperparameters.method, **hyperparameters.of_method)
        parts = (method.rehearsal is not None) + (not method.parametrisation.is_shared)
        return hyperparameters.iterations * hyperparameters.batch * (1.0 + parts)

    return of
