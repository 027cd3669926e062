"""What is measured of one condition and method: networks of some seeds, with all strengths at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from front_study.design import Tasks, Training
from front_study.methods import IMPORTANCES, Rows
from wmcl.importance import effective_fraction, fisher_diagonal, overlap
from wmcl.importance.overlap import shared_values
from wmcl.methods import Measures, TrainedSession, measure_run, train_sequence
from wmcl.methods.importances import Importance
from wmcl.provenance import describe_device
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint
from wmcl.training import Stop

MEASURES = Measures(importance_samples=0, state_samples=0)
KEPT = ("accuracy", "loss", "reason", "stored", "seconds_per_iteration", "steps")


def measure(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    iterations: int,
    strengths: Sequence[float],
    tasks: Tasks,
    training: Training,
    rows: Rows,
    speed_criterion: float,
    device: str,
) -> xr.Dataset:
    """Learn both tasks with every strength, and measure after each; seeds and strengths make one ensemble."""
    both, row = tasks.of(condition), condition["approach"]
    members = [seed for seed in seeds for _ in strengths]
    run = train_sequence(
        rows.method(row, tuple(strengths) * len(seeds)),
        training.network(both[0]),
        both,
        members,
        Stop(iterations),
        training.options,
        device=device,
        progress=False,
        checkpoint=checkpoint(),
        checkpoint_every=CHECKPOINT_EVERY,
    )
    sessions = list(run)
    found = measure_run(sessions, MEASURES)
    needed = np.full((len(both), len(members)), np.nan)
    for each in sessions:
        needed[each.task] = steps_to(each, speed_criterion)
    found["steps"] = (("trained_task", "seed"), needed)
    found = _by_strength(found[list(KEPT)], seeds, strengths)
    if row in IMPORTANCES:
        unprotected = [k * len(strengths) + strengths.index(0) for k in range(len(seeds))]
        found = found.merge(of_first_task(rows.importance(row), sessions, unprotected, rows.importance_samples))
    return found.assign_attrs(device=describe_device(device))


def steps_to(after: TrainedSession, criterion: float) -> np.ndarray:
    """Count the steps before the first validation at or above the criterion, of each member; NaN if there is none."""
    accuracy = after.curves.validation_accuracy.transpose("seed", "validation").values
    reached = accuracy >= criterion
    return np.where(reached.any(1), after.curves.validation.values[reached.argmax(1)], np.nan)


def of_first_task(
    importance: Importance, sessions: Sequence[TrainedSession], members: Sequence[int], samples: int
) -> xr.Dataset:
    """Measure the importance of task 1 after task 1, and the sampled Fisher of task 2 after it.

    Args:
        importance: how it is measured.
        sessions: the two sessions.
        members: those without a penalty.
        samples: sequences for the Fisher.

    Returns:
        For each ``seed``: ``level``, the mean importance of W_hh; ``effective_fraction`` of W_hh; and ``overlap`` of
        the two over all values but the heads.
    """
    first, last = sessions[0], sessions[-1]
    places, learner = list(members), first.learner.of_members(members)
    chosen, watched = (
        {name: value[places] for name, value in values.items()} for values in (first.values, first.observed)
    )
    found = importance.measure(learner, chosen, 0, watched)
    weights = {name: value[places] for name, value in (last.weights(1) or {}).items()}
    probe = learner.data(1, "curvature", samples)
    curvature = fisher_diagonal(learner.network_of(1), weights, probe, learner.tasks[1], "sampled", learner.seeds)
    each = {
        "level": found["W_hh"].flatten(1).mean(1),
        "effective_fraction": effective_fraction(found["W_hh"]),
        "overlap": overlap(shared_values(found), shared_values(curvature)),
    }
    return xr.Dataset(
        {name: ("seed", value.cpu().numpy()) for name, value in each.items()}, {"seed": list(learner.seeds)}
    )


def _by_strength(found: xr.Dataset, seeds: Sequence[int], strengths: Sequence[float]) -> xr.Dataset:
    """Arrange members by seed and strength."""
    members = found.drop_vars("seed").rename(seed="member")
    split = members.coarsen(member=len(strengths)).construct(member=("seed", "strength"))
    return split.assign_coords(seed=list(seeds), strength=list(strengths))
