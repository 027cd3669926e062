"""How long each condition is trained: a multiple of the steps that new networks of the same kind need for a task."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from front_study.design import VARIED, Tasks, Training
from front_study.methods import Kind
from wmcl.methods import Method, train_sequence
from wmcl.provenance import describe_device
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint
from wmcl.training import Reason, Stop

Values = tuple[int, ...]
"""of a condition, in the order of VARIED"""
Steps = Mapping[tuple[Values, Kind], int]
"""training steps a task, by the values of a condition and the kind of network; censored conditions have none"""


def search(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    method: Method,
    tasks: Tasks,
    training: Training,
    stop: Stop,
    validate_every: int,
    device: str,
) -> xr.Dataset:
    """Count the steps that new networks need to the criterion on each task; NaN for those that never reach it."""
    both = tasks.of(condition)
    options = replace(training.options, validate_every=validate_every)
    run = train_sequence(
        method,
        training.network(both[0]),
        both,
        seeds,
        stop,
        options,
        device=device,
        progress=False,
        checkpoint=checkpoint(),
        checkpoint_every=CHECKPOINT_EVERY,
    )
    steps = [
        np.where([reason == Reason.accuracy for reason in learned.reason], learned.iterations, np.nan)
        for learned in run
    ]
    found = xr.Dataset(
        {"steps": (("seed", "task"), np.stack(steps, 1))}, {"seed": list(seeds), "task": range(len(both))}
    )
    return found.assign_attrs(device=describe_device(device))


def steps_of(searched: xr.Dataset, factor: float, every: int) -> Steps:
    """Choose the factor times the mean over networks of a kind and both tasks, rounded up to a validation.

    A condition in which a network of any kind never reaches the criterion has none.
    """
    chosen = dict[tuple[Values, Kind], int]()
    for values, part in _by_condition(searched).items():
        if bool(part.steps.notnull().all()):
            for kind, needed in zip(part.kind.values.tolist(), part.steps.mean(["seed", "task"]).values, strict=True):
                chosen[values, kind] = max(every, int(np.ceil(factor * float(needed) / every - 1e-9)) * every)
    return chosen


def censored(searched: xr.Dataset) -> dict[Values, int]:
    """Find the conditions in which new networks missed the criterion, and how many of them did."""
    counts = {values: int(part.steps.isnull().sum()) for values, part in _by_condition(searched).items()}
    return {values: count for values, count in counts.items() if count}


def values_of(condition: Mapping[str, Any]) -> Values:
    """Return what tells conditions apart, in the order of VARIED."""
    return tuple(int(condition[name]) for name in VARIED)


def values_along(results: xr.Dataset | xr.DataArray) -> list[Values]:
    """Return the values of every condition of results, or of every setting."""
    return list(zip(*(results[name].values.tolist() for name in VARIED), strict=True))


def _by_condition(searched: xr.Dataset) -> dict[Values, xr.Dataset]:
    keys = values_along(searched)
    return {key: searched.isel(condition=[k for k, other in enumerate(keys) if other == key]) for key in keys}
