"""One entry of the comparison: a method with some seeds, run over all tasks and measured after each."""

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from wmcl.methods import Measures, measure_run, named
from wmcl.provenance import describe_device
from wmcl.studies.benchmark import Hyperparameters, TaskOptions
from wmcl.studies.network import Network
from wmcl.studies.rows import learn_row
from wmcl.sweeps.identity import Described


def measure(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    task: TaskOptions,
    tasks: int,
    content: Described,
    network: Network,
    measures: Measures,
    hyperparameters: Hyperparameters,
    device: str,
) -> xr.Dataset:
    """Learn all tasks with the hyperparameters of a condition, and measure after each.

    Args:
        condition: the row, and the candidate of a search.
        seeds: of the networks.
        task: options of the tasks.
        tasks: their number.
        content: what their sequences are, so that other data make other entries.
        network: its options.
        measures: what is measured.
        hyperparameters: of the row.
        device: of the tensors.
    """
    run = learn_row(task, tasks, network, hyperparameters, device, seeds)
    return measure_run(run, measures).assign_attrs(device=describe_device(device))


def cost(hyperparameters: Hyperparameters) -> float:
    """Relative time of a row; rehearsal and generated weights take about twice as long."""
    method = named(hyperparameters.method, **hyperparameters.of_method)
    parts = (method.rehearsal is not None) + (not method.parametrisation.is_shared)
    return hyperparameters.iterations * hyperparameters.batch * (1.0 + parts)
