"""This module measures an ensemble after each session of a continual-learning run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from wmcl.check_arguments import check_kinds, checked
from wmcl.dimensionality import components_for_variance, covariance_spectrum, hidden_states, shared_variance, states
from wmcl.importance import fisher_diagonal, summarise
from wmcl.labels import ANSWERS, label
from wmcl.likelihoods import Categorical
from wmcl.methods.train_sequence import TrainedSession
from wmcl.networks import Parameters
from wmcl.training import evaluate
from wmcl.training.options import reason_variable
from wmcl.training.parts import Learner

Data = Literal["validation", "test"]
States = dict[int, Float[Tensor, "member row unit"]]

DIRECTIONS = ("now", "first")
"""whose principal directions states are compared with: those of task 0 in the same network, or in the network as it was
right after task 0 was learned"""


@dataclass(frozen=True)
class Measures:
    """Measures say what to measure; a number of samples of 0 leaves the measure out.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    data: tuple[Data, ...] = ("validation", "test")
    """sets for loss and accuracy; what is chosen by validation must not see the test set"""
    importance_samples: int = 64
    """number of sequences for the sampled Fisher of the task just learned"""
    state_samples: int = 128
    """number of sequences for the dimensionality of the hidden states: they are drawn apart from the sets above, or
    taken from the test set where sequences are recorded"""
    variance: float = 0.75
    """share of the variance that the counted components hold"""
    shared_components: int = 20
    """number of principal directions of task 0 inside of which the variance of other tasks is taken"""

    def __post_init__(self) -> None:
        check_kinds(self)
        if not self.data or not set(self.data) <= set(get_args(Data)) or len(set(self.data)) < len(self.data):
            raise ValueError(f"data is {self.data}: give {' or '.join(get_args(Data))}, each once, or both")
        for name, least in (("importance_samples", 0), ("state_samples", 0), ("shared_components", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least {least}")
        if self.state_samples == 1:
            raise ValueError("state_samples is 1: a covariance needs at least 2; 0 leaves the measure out")
        if not 0 < self.variance <= 1:
            raise ValueError(f"variance is {self.variance:g}: it must be above 0 and at most 1")


@checked
def measure_run(run: Iterable[TrainedSession], measures: Measures = Measures()) -> xr.Dataset:
    """Go through a continual-learning run, and measure the ensemble after each session.

    Args:
        run: from :func:`wmcl.methods.train_sequence`; it is consumed.
        measures: what to measure.

    Returns:
        Dimensions ``seed`` (the member), ``trained_task`` and ``evaluated_task`` (0, 1, …, K - 1), ``data``,
        ``directions``, and those of :func:`wmcl.importance.summarise`. Tasks that are learned at once are one row, that
        of the last of them. What does not exist is NaN: rows of other sessions, and tasks whose network is yet to come.

        - ``accuracy`` (fraction of scored bits) and ``loss`` (nats a scored bit), with ``data``; where classes are
          chosen, also ``weighted_f1`` (:func:`wmcl.training.weighted_f1`);
        - ``untrained_accuracy``, before the first task;
        - ``stored``, numbers to be kept for the next task beyond those of one network; ``iterations``, ``reason``
          (:class:`wmcl.training.Reason`), ``seconds_per_iteration`` of one network; ``late_gain``, what validation
          accuracy gained in the last third of the session (mean over tasks that were learned at once);
        - ``importance``, ``effective_fraction``, ``share``, ``distribution``: sampled Fisher of the task just after,
          at its weights, the mean over tasks that were learned at once;
        - ``components`` that hold the given share of the variance of h_t in the output phase of each task, and
          ``shared_variance``, the fraction of that variance in the leading principal directions of task 0.

        The attribute ``told_the_task_by`` names what tells the networks which task they answer
        (:attr:`wmcl.methods.TrainedSession.told_the_task_by`), if anything does.

    Raises:
        ValueError: if the run has no session.
    """
    found: list[xr.Dataset] = []
    first: States = {}
    for after in run:
        if not isinstance(after, TrainedSession):
            raise ValueError(
                f"run holds {after!r}: it must hold trained sessions, as wmcl.methods.train_sequence yields"
            )
        if not found:
            untrained = _untrained(after, measures)
        states_now = _states(after, measures) if measures.state_samples else {}
        if after.task == 0:
            first = states_now
        parts = [_performance(after, measures), _course(after), _dimensions(states_now, first, after, measures)]
        if measures.importance_samples:
            parts.append(_importance(after, measures.importance_samples))
        found.append(xr.merge(parts, join="exact", compat="override").expand_dims(trained_task=[after.task]))
    if not found:
        raise ValueError("run has no session: there is nothing to measure")
    tasks = len(after.learner.tasks)
    rows = xr.concat(found, "trained_task", join="exact").reindex(trained_task=range(tasks))
    rows = rows.assign(untrained_accuracy=untrained).assign_coords(seed=list(after.learner.seeds))
    rows = rows.assign_attrs(told_the_task_by=", ".join(after.told_the_task_by))
    return label(
        rows,
        weighted_f1=("F1 of each class, weighted by how often it occurs", "1"),
        untrained_accuracy=("accuracy before the first task is learned", ANSWERS),
        stored=("numbers kept for the next task beyond those of one network", "1"),
        iterations=("training steps of a session", "steps"),
        seconds_per_iteration=("wall time of a training step of one network", "s"),
        late_gain=("validation accuracy gained in the last third of a session", ANSWERS),
        shared_variance=("share of the variance of h_t in leading principal directions of task 0", "1"),
        data=("set of sequences", "1"),
        directions=("network that the principal directions of task 0 are those of: now, or right after task 0", "1"),
    )


def _weights(after: TrainedSession, task: int) -> Parameters | None:
    """Return the weights of the network that answers a task, without gradient; ``None`` if there is none yet."""
    with torch.no_grad():
        found = after.weights(task)
    return None if found is None else {name: value.detach() for name, value in found.items()}


def _performance(after: TrainedSession, measures: Measures) -> xr.Dataset:
    """Return loss and accuracy on every task."""
    weights = [_weights(after, task) for task in range(len(after.learner.tasks))]
    return _evaluate(after.learner, weights, measures)


def _untrained(after: TrainedSession, measures: Measures) -> xr.DataArray:
    """Return the accuracy before the first task, which the seeds alone give."""
    learner, tasks = after.learner, len(after.learner.tasks)
    with torch.no_grad():
        weights = [learner.weights(after.initial, task) for task in range(tasks)]
    return _evaluate(learner, weights, measures).accuracy


def _evaluate(learner: Learner, weights: list[Parameters] | list[Parameters | None], measures: Measures) -> xr.Dataset:
    """Evaluate the weights that answer each task; the measures are NaN where there are none."""
    shape = len(learner.seeds), len(weights), len(measures.data)
    names = ["loss", "accuracy"]
    if all(isinstance(task.likelihood, Categorical) for task in learner.tasks):
        names.append("weighted_f1")
    found = {name: np.full(shape, np.nan) for name in names}
    for number, (task, each) in enumerate(zip(learner.tasks, weights, strict=True)):
        for place, data in enumerate(measures.data):
            if each is not None:
                sequences = learner.typed(getattr(task, data)).to(learner.device)
                result = evaluate(learner.network_of(number), each, sequences, task)
                for name, values in found.items():
                    values[:, number, place] = getattr(result, name).cpu().numpy()
    dims = ("seed", "evaluated_task", "data")
    coordinates = {"evaluated_task": range(len(weights)), "data": list(measures.data)}
    return xr.Dataset({name: (dims, values) for name, values in found.items()}, coordinates)


def _course(after: TrainedSession) -> xr.Dataset:
    """Return how training went, and how many numbers it leaves to be stored."""
    members = len(after.learner.seeds)
    steps = max(int(after.iterations.max()), 1)  # members are stepped together until the last one stops
    seconds = after.seconds / steps / after.networks if after.iterations.max() else np.nan
    return xr.Dataset(
        {
            "stored": ("seed", np.full(members, float(after.stored))),
            "iterations": ("seed", after.iterations.astype(float)),
            "reason": reason_variable(after.reason),
            "seconds_per_iteration": ("seed", np.full(members, seconds)),
            "late_gain": ("seed", _late_gain(after.curves)),
        }
    )


def _late_gain(curves: xr.Dataset) -> Float[np.ndarray, "member"]:
    """Return the last validation accuracy minus that at two thirds of the steps, or just before.

    It is NaN with a single validation.
    """
    accuracy = curves.validation_accuracy
    if accuracy.sizes["validation"] < 2:
        return np.full(curves.sizes["seed"], np.nan)
    early = accuracy.sel(validation=2 / 3 * curves.sizes["iteration"], method="ffill")
    return (accuracy.isel(validation=-1) - early).values


def _importance(after: TrainedSession, samples: int) -> xr.Dataset:
    """Return the importance for the tasks of the session, on the same sequences for all members.

    It is measured at the weights that answer each task.
    """
    learner, found = after.learner, []
    for number in after.session.tasks:
        task, weights = learner.tasks[number], _weights(after, number)
        assert weights is not None  # it has just been learned
        probe = learner.typed(task.fixed_set("importance", samples)).to(learner.device)
        network = learner.network_of(number)
        fisher = fisher_diagonal(network, weights, probe, task, "sampled", seeds=learner.seeds)
        found.append(summarise(fisher, weights, probe.scored_bits().double().mean(-1)))
    return xr.concat(found, "task").mean("task", skipna=False, keep_attrs=True).rename(member="seed")


def _states(after: TrainedSession, measures: Measures) -> States:
    """Return the hidden states in the output phase of each task that has a network."""
    learner, found = after.learner, {}
    for number, task in enumerate(learner.tasks):
        weights = _weights(after, number)
        if weights is not None:
            probe = learner.typed(task.fixed_set("states", measures.state_samples)).to(learner.device)
            found[number] = states(hidden_states(learner.network_of(number), weights, probe), probe, "output")
    return found


def _dimensions(now: States, first: States, after: TrainedSession, measures: Measures) -> xr.Dataset:
    """Return the components of the states of each task, and the variance that they share with those of task 0."""
    if not measures.state_samples:
        return xr.Dataset()
    members, tasks = len(after.learner.seeds), len(after.learner.tasks)
    components, shared = np.full((members, tasks), np.nan), np.full((members, tasks, 2), np.nan)
    for number, each in now.items():
        components[:, number] = components_for_variance(covariance_spectrum(each), measures.variance).cpu().numpy()
        for place, known in enumerate((now, first)):
            if 0 in known:
                last = min(measures.shared_components, each.shape[2]) - 1
                shared[:, number, place] = shared_variance(known[0], each)[:, last].cpu().numpy()
    dims = ("seed", "evaluated_task")
    return xr.Dataset(
        {"components": (dims, components), "shared_variance": ((*dims, "directions"), shared)},
        {"evaluated_task": range(tasks), "directions": list(DIRECTIONS)},
    )
