"""One entry of the study: a method with some seeds, run over all tasks and measured after each."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from subspace_study.design import Measures
from subspace_study.networks import Answering, answering
from subspace_study.subspaces import States, dimensions, heads, joined, shared, states_of, supervised
from wmcl.importance import fisher_diagonal, summarise
from wmcl.importance.signals import FisherKind
from wmcl.methods import TrainedSession
from wmcl.networks import Parameters
from wmcl.training import evaluate
from wmcl.training.options import reason_variable

KINDS: tuple[FisherKind, ...] = ("sampled", "empirical")
CONNECTIONS = ["hh", "ho"]
STATISTICS = ["mean", "mean with bias"]
Fishers = dict[FisherKind, Parameters]
"""by kind"""


def measure_run(run: Iterable[TrainedSession], measures: Measures) -> xr.Dataset:
    """Go through a continual-learning run, and measure the networks after each session.

    Returns:
        Dimensions ``seed``, ``trained_task`` and ``evaluated_task`` (0, 1, …, K - 1) and those of the measures. Tasks
        that are learned at once are one row, that of the last of them; what does not exist is NaN.
    """
    found: list[xr.Dataset] = []
    accumulated: Fishers = {}
    first: States = {}
    for after in run:
        every, learner = answering(after), after.learner
        performance = _performance(every)
        parts = [performance, heads(every)]
        if measures.importance_samples:
            part, accumulated = _importance(every, after, accumulated, measures.importance_samples)
            parts.append(part)
        if measures.state_samples:
            part, first = _states(every, after, first, measures)
            parts.append(part)
        if measures.supervised_largest:
            parts.append(supervised(every, performance.accuracy.values, learner.seeds, len(learner.tasks), measures))
        reason = xr.Dataset({"reason": reason_variable(after.reason)})
        found.append(xr.merge([*parts, reason], join="exact").expand_dims(trained_task=[after.task]))
    tasks = len(learner.tasks)
    rows_of_sessions = xr.concat(found, "trained_task", join="outer").reindex(
        trained_task=range(tasks), evaluated_task=range(tasks), other_task=range(tasks)
    )
    return rows_of_sessions.assign_coords(seed=list(learner.seeds))


def _performance(every: list[Answering]) -> xr.Dataset:
    """Loss and accuracy of each task on its test set, and of each output step."""
    found = [evaluate(each.network, each.weights, each.task.test.to(each.device), each.task) for each in every]
    names = ("loss", "accuracy", "loss_by_step", "accuracy_by_step")
    arrays = {name: np.stack([getattr(each, name).cpu().numpy() for each in found], 1) for name in names}
    dims = ("seed", "evaluated_task", "output_step")
    steps = arrays["loss_by_step"].shape[2]
    return xr.Dataset(
        {name: (dims[: array.ndim], array) for name, array in arrays.items()},
        {"evaluated_task": range(len(every)), "output_step": np.arange(1, steps + 1)},
    )


def _importance(
    every: list[Answering], after: TrainedSession, accumulated: Fishers, samples: int
) -> tuple[xr.Dataset, Fishers]:
    """Of each task at the present weights, and the sum, to which those of the tasks of the session are added.

    The paper's code stores the sum of online EWC, which at the last task is that of the task before; and it averages
    weights and biases together.
    """
    own = []
    for each in every:
        found = fishers(each, after.learner.seeds, samples)
        own.append(importances(found, each.weights))
        if each.number in after.session.tasks:
            accumulated = add_fishers(accumulated, found)
    of_tasks = xr.concat(own, "evaluated_task").assign_coords(evaluated_task=range(len(own)))
    total = importances(accumulated, every[-1].weights)
    renamed = total.rename({name: f"accumulated_{name}" for name in total.data_vars})
    return xr.merge([of_tasks, renamed], join="exact"), accumulated


def fishers(answering: Answering, seeds: tuple[int, ...], samples: int) -> Fishers:
    """The Fisher of a task at the present weights, of both kinds, on sequences that all networks share.

    A value of which a weight is a multiple, as with masks, has the Fisher of the weight times the square of the
    derivative: a weight into a unit that is off does not matter.
    """
    probe = answering.sequences("importance", samples)
    found: Fishers = {}
    for kind in KINDS:
        every = fisher_diagonal(answering.network, answering.weights, probe, answering.task, kind, seeds=seeds)
        squares = {name: each.double().square() for name, each in answering.derivatives.items()}
        found[kind] = {name: value * squares.get(name, 1.0) for name, value in every.items()}
    return found


def add_fishers(total: Fishers, more: Fishers) -> Fishers:
    """The sum; nothing yet is an empty dictionary."""
    if not total:
        return more
    return {kind: {name: value + total[kind][name] for name, value in each.items()} for kind, each in more.items()}


def importances(found: Fishers, weights: Parameters) -> xr.Dataset:
    """``importance`` (seed, kind, connection, statistic) and ``effective_fraction`` (seed, kind, connection)."""
    parts = [summarise(each, weights, 1.0).sel(per="sequence", connection=CONNECTIONS) for each in found.values()]
    every = xr.concat(parts, "kind").assign_coords(kind=list(found)).drop_vars("per").rename(member="seed")
    return every[["importance", "effective_fraction"]].sel(statistic=STATISTICS)


def _states(
    every: list[Answering], after: TrainedSession, first: States, measures: Measures
) -> tuple[xr.Dataset, States]:
    """Dimensions of each task and of all together, and what each shares with task 1."""
    now = [states_of(each, measures.state_samples) for each in every]
    first = now[0] if 0 in after.session.tasks else first
    single = [xr.merge([dimensions(s, measures.variance), shared(first, now[0], s)], join="exact") for s in now]
    of_tasks = xr.concat(single, "evaluated_task").assign_coords(evaluated_task=range(len(now)))
    joint = dimensions(joined(now), measures.variance)
    renamed = joint.rename({name: f"joint_{name}" for name in joint.data_vars})
    return xr.merge([of_tasks, renamed], join="exact"), first
