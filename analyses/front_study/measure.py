"""One cell: a condition and a method with some seeds, at all strengths at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from front_study.config import Config, network_of, tasks_of
from front_study.importance import of_first_task
from front_study.matching import Steps, values_of
from front_study.methods import IMPORTANCES, REFERENCES, matched
from wmcl.methods import Measures, TrainedSession, measure_run, train_sequence
from wmcl.provenance import describe_device
from wmcl.training import Stop

MEASURES = Measures(importance_samples=0, state_samples=0)
KEPT = ("accuracy", "loss", "reason", "stored", "seconds_per_iteration", "steps")


def measure(
    config: Config, steps: Steps, device: str, condition: Mapping[str, Any], seeds: Sequence[int]
) -> xr.Dataset:
    """Learn both tasks with every strength, and measure after each; seeds and strengths make one ensemble."""
    tasks, row = tasks_of(config, condition), condition["approach"]
    strengths = (0.0,) if row in REFERENCES else config.study.strengths
    members = [seed for seed in seeds for _ in strengths]
    run = train_sequence(
        config.rows.method(row, tuple(strengths) * len(seeds)),
        network_of(config, tasks[0]),
        tasks,
        members,
        Stop(steps[values_of(condition), matched(row)]),
        config.options,
        device=device,
        progress=False,
    )
    sessions = list(run)
    found = measure_run(sessions, MEASURES)
    needed = np.full((len(tasks), len(members)), np.nan)
    for each in sessions:
        needed[each.task] = to_criterion(each, config.study.speed_criterion)
    found["steps"] = (("trained_task", "seed"), needed)
    found = _by_strength(found[list(KEPT)], seeds, strengths)
    if row in IMPORTANCES:
        unprotected = [k * len(strengths) + strengths.index(0) for k in range(len(seeds))]
        found = found.merge(of_first_task(config.rows.importance(row), sessions, unprotected, config))
    return found.assign_attrs(device=describe_device(device))


def to_criterion(after: TrainedSession, criterion: float) -> np.ndarray:
    """Iterations of a session before the first validation at or above the criterion, of each member; NaN if never."""
    accuracy = after.curves.validation_accuracy.transpose("seed", "validation").values
    reached = accuracy >= criterion
    return np.where(reached.any(1), after.curves.validation.values[reached.argmax(1)], np.nan)


def _by_strength(found: xr.Dataset, seeds: Sequence[int], strengths: Sequence[float]) -> xr.Dataset:
    """Members as seeds and strengths."""
    members = found.drop_vars("seed").rename(seed="member")
    split = members.coarsen(member=len(strengths)).construct(member=("seed", "strength"))
    return split.assign_coords(seed=list(seeds), strength=list(strengths))
