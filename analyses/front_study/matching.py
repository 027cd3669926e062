"""How long each condition is trained: so many times as long as new networks of the same kind need for a task."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from front_study.config import VARIED, Condition, Config, network_of, tasks_of
from front_study.methods import Kind
from wmcl.methods import train_sequence
from wmcl.provenance import describe_device
from wmcl.training import Reason, Stop

Steps = Mapping[tuple[tuple[int, ...], Kind], int]
"""training steps a task, by the values of a condition and the kind of network; censored conditions have none"""


def search(config: Config, device: str, condition: Mapping[str, Any], seeds: Sequence[int]) -> xr.Dataset:
    """Steps that new networks need to the criterion, on each task; NaN for those that never reach it."""
    tasks = tasks_of(config, condition)
    stop = Stop(config.study.search_iterations, accuracy=config.study.criterion)
    options = replace(config.options, validate_every=config.study.search_validate_every)
    run = train_sequence(
        config.rows.new_networks(condition["kind"]),
        network_of(config, tasks[0]),
        tasks,
        seeds,
        stop,
        options,
        device=device,
        progress=False,
    )
    steps = [
        np.where([reason == Reason.accuracy for reason in learned.reason], learned.iterations, np.nan)
        for learned in run
    ]
    found = xr.Dataset(
        {"steps": (("seed", "task"), np.stack(steps, 1))}, {"seed": list(seeds), "task": range(len(tasks))}
    )
    return found.assign_attrs(device=describe_device(device))


def steps_of(searched: xr.Dataset, config: Config) -> Steps:
    """The factor times the mean over networks of a kind and both tasks, rounded up to a validation.

    A condition in which a network of any kind never reaches the criterion has none.
    """
    every, chosen = config.training.validate_every, dict[tuple[tuple[int, ...], Kind], int]()
    for values, part in _by_condition(searched).items():
        if bool(part.steps.notnull().all()):
            for kind, needed in zip(part.kind.values.tolist(), part.steps.mean(["seed", "task"]).values, strict=True):
                at_least = config.study.factor * float(needed)
                chosen[values, kind] = max(every, int(np.ceil(at_least / every - 1e-9)) * every)
    return chosen


def censored(searched: xr.Dataset) -> dict[tuple[int, ...], int]:
    """Conditions in which new networks missed the criterion, and how many of them."""
    counts = {values: int(part.steps.isnull().sum()) for values, part in _by_condition(searched).items()}
    return {values: count for values, count in counts.items() if count}


def condition_text(values: Sequence[int]) -> str:
    """Return a short text for a condition."""
    return "b={} i={} lead={} r={}".format(*values)


def values_of(condition: Mapping[str, Any]) -> tuple[int, ...]:
    """What tells conditions apart, in the order of their names."""
    return tuple(int(condition[name]) for name in VARIED)


def _by_condition(searched: xr.Dataset) -> dict[tuple[int, ...], xr.Dataset]:
    keys = list(zip(*(searched[name].values.tolist() for name in VARIED), strict=True))
    return {key: searched.isel(condition=[k for k, other in enumerate(keys) if other == key]) for key in keys}


def searched_conditions(conditions: Sequence[Condition], kinds: Sequence[Kind]) -> list[dict[str, Any]]:
    """Every condition with every kind of network."""
    return [{**condition, "kind": kind} for condition in conditions for kind in kinds]
