"""One entry of the study: a method with some seeds, run over all tasks and measured after each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from method_study.measure import learn_row

from subspace_study.config import Config, Measures, as_comparison, rows
from subspace_study.heads import heads
from subspace_study.importance import Fishers, add_fishers, fishers, importances
from subspace_study.networks import Answering, answering
from subspace_study.states import States, dimensions, hidden_states, shared, together
from subspace_study.supervised import supervised
from wmcl.methods import TrainedSession, named
from wmcl.provenance import describe_device
from wmcl.training import evaluate


def measure(config: Config, device: str, condition: Mapping[str, Any], seeds: Sequence[int]) -> xr.Dataset:
    """Learn all tasks with the method of a condition, and measure after each."""
    run = learn_row(as_comparison(config), rows(config)[condition["approach"]], device, seeds)
    return measure_run(run, config.measures).assign_attrs(device=describe_device(device))


def measure_run(run: Iterable[TrainedSession], measures: Measures) -> xr.Dataset:
    """Go through a continual-learning run, and measure the networks after each phase.

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
        reason = xr.Dataset({"reason": ("seed", np.array(after.reason, dtype=float))})
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
    """Of each task at the present weights, and the sum, to which those of the tasks of the phase are added."""
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


def _states(
    every: list[Answering], after: TrainedSession, first: States, measures: Measures
) -> tuple[xr.Dataset, States]:
    """Dimensions of each task and of all together, and what each shares with task 1."""
    now = [hidden_states(each, measures.state_samples) for each in every]
    first = now[0] if 0 in after.session.tasks else first
    single = [xr.merge([dimensions(s, measures.variance), shared(first, now[0], s)], join="exact") for s in now]
    of_tasks = xr.concat(single, "evaluated_task").assign_coords(evaluated_task=range(len(now)))
    joint = dimensions(together(now), measures.variance)
    renamed = joint.rename({name: f"joint_{name}" for name in joint.data_vars})
    return xr.merge([of_tasks, renamed], join="exact"), first


def configuration_of_entries(config: Config, device: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What the numbers of an entry depend on, beside its condition and seed."""
    common = {
        "task": asdict(config.task),
        "tasks": config.study.tasks,
        "network": asdict(config.network),
        "measures": asdict(config.measures),
        "device": device,
    }
    table = rows(config)
    return lambda condition: common | {"hyperparameters": asdict(table[condition["approach"]])}


def cost(config: Config) -> Callable[[Mapping[str, Any]], float]:
    """Relative time of a condition; weights of their own take about twice as long, a shared subspace as long again."""
    table = rows(config)

    def of(condition: Mapping[str, Any]) -> float:
        hyperparameters = table[condition["approach"]]
        method = named(hyperparameters.method, **hyperparameters.of_method)
        is_shared = method.parametrisation.is_shared
        return hyperparameters.iterations * hyperparameters.batch * (1.0 if is_shared else 2.0)

    return of
