"""Train an ensemble on tasks one after the other, with what a method does before and after each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int

from wmcl.autograd import autograd_on
from wmcl.importance.signals import FisherKind
from wmcl.methods.method import Method
from wmcl.methods.schedule import Session
from wmcl.networks import Network, Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.progress import in_session
from wmcl.randomness import Seeds, as_seeds
from wmcl.tasks import Sequences, Task
from wmcl.training import Ensemble, Execution, Options, Reason, Stop
from wmcl.training.checkpoint import Checkpoint, Pace, UnfitCheckpointError, check_place, configuration
from wmcl.training.evaluation import Evaluation
from wmcl.training.execution import execution_on
from wmcl.training.loop import begin, run
from wmcl.training.objective import Objective
from wmcl.training.parts import Learner, penalty_strength, select
from wmcl.training.state import State
from wmcl.training.train import check_learner, initial_values, on_device


@dataclass(frozen=True)
class TrainedSession:
    """A TrainedSession is an ensemble after a session of a run."""

    learner: Learner
    session: Session
    values: Parameters
    """everything that is trained, by name"""
    initial: Parameters
    """values before the first task"""
    alone: dict[int, Parameters]
    """values of the network of each task so far, if each has its own; otherwise empty"""
    penalty_memory: Any
    rehearsal_memory: Any
    stored: int
    """how many numbers of a member have to be kept for the next task, beyond those of one network and of the vectors of
    words that are learned: an anchor counts, while targets that are made from the values at the start of a task (of a
    hypernetwork, of rehearsal) do not"""
    iterations: Int[np.ndarray, "member"]
    """steps that each member made in this session"""
    reason: tuple[Reason, ...]
    """why each member stopped"""
    validation_loss: Float[np.ndarray, "member"]
    """last validation loss in this session, in nats a scored bit"""
    curves: xr.Dataset
    """training and validation curves of this session"""
    seconds: float
    """wall time of the session, without what the method does before and after"""
    networks: int
    """number of networks that were trained in this session: fewer than members where nothing told some of them apart"""
    observed: Parameters
    """final state of what watched the steps, if anything did"""

    @property
    def task(self) -> int:
        """Return the number of the last task that was learned, counted from 0."""
        return self.session.tasks[-1]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks of the run, in their order."""
        return self.learner.tasks

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the seed of each member."""
        return self.learner.seeds

    @property
    def told_the_task_by(self) -> tuple[str, ...]:
        """Name what tells a network which task it answers: ``head``, ``weights``, ``inputs``, ``word vectors``.

        With anything but heads, and networks without heads of tasks, results of a scenario in which the task is not
        told (domain- or class-incremental learning) cannot be compared with those of methods that are not told it.
        """
        has_weights = bool(self.alone) or not self.learner.parametrisation.is_shared
        every = {
            "head": self.learner.network.heads > 1,
            "weights": has_weights,
            "inputs": any(task.tells_which for task in self.tasks),
            "word vectors": any(name.startswith(CHANGES) for name in self.values),
        }
        return tuple(name for name, is_told in every.items() if is_told and len(self.tasks) > 1)

    def weights(self, task: int) -> Parameters | None:
        """Return the weights that answer a task; ``None`` if each task has its own network, and this one none yet."""
        if self.alone and task not in self.alone:
            return None
        return self.learner.weights(self.alone.get(task, self.values), task)

    def on(self, task: int) -> Ensemble:
        """Return the networks that answer a task, with their measures: ``after.on(0).fisher()``.

        Raises:
            ValueError: if each task has a network of its own, and this one has none yet.
        """
        with torch.no_grad():
            found = self.weights(task)
        if found is None:
            raise ValueError(
                f"task is {task}: its networks are trained later; so far there are those of {[*self.alone]}"
            )
        weights = {name: value.detach() for name, value in found.items()}
        return Ensemble(
            network=self.learner.network_of(task), parameters=weights, seeds=self.seeds, task=self.tasks[task]
        )

    def evaluate(self, data: Sequences | None = None, task: int | None = None) -> Evaluation:
        """Return loss and accuracy on a task, by default the last one that was learned, on its test set by default."""
        return self.on(self.task if task is None else task).evaluate(data)

    def fisher(self, kind: FisherKind = "exact", data: Sequences | None = None, task: int | None = None) -> Parameters:
        """Return the Fisher diagonal of the weights that answer a task, the last one by default."""
        return self.on(self.task if task is None else task).fisher(kind, data)

    def hidden(self, data: Sequences | None = None, task: int | None = None) -> xr.DataArray:
        """Return the hidden states of the networks that answer a task, the last one by default."""
        return self.on(self.task if task is None else task).hidden(data)

    def dimensionality(
        self, phase: str | None = "output", data: Sequences | None = None, task: int | None = None
    ) -> xr.Dataset:
        """Return how many dimensions the hidden states in a phase of a task fill, the last task by default."""
        return self.on(self.task if task is None else task).dimensionality(phase, data)


def train_sequence(
    method: Method,
    network: Network,
    tasks: Sequence[Task],
    seeds: Seeds,
    stop: Stop,
    options: Options = Options(),  # noqa: B008 (frozen)
    device: str = "cpu",
    progress: bool = True,
    execution: Execution | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int | timedelta = 500,
) -> Iterator[TrainedSession]:
    """Train on tasks one after the other, and yield the ensemble after each session.

    Every session has a new optimiser, and the batches of its tasks from iteration 0 on. A method that learns all tasks
    at once has a single session.

    A member whose loss, gradient or update is not finite stops, as in :func:`wmcl.training.train`, and begins the next
    task from its last finite values: look at ``TrainedSession.reason``.

    Where a session begins with new networks, and no part of the method has a past yet, members with the same seed and
    learning rate would go the same way: they are trained once.

    Args:
        method: from :func:`wmcl.methods.named` or composed of parts.
        network: the architecture that learns, with one head (``heads=1``) for all tasks, or one for each.
        tasks: in their order.
        seeds: one for each member. They may repeat if members differ in a hyperparameter: learning rates, and the
            strengths of a method, may be given one for each member.
        stop: when a member stops learning a task; tasks learned at once have so many times the iterations.
        options: how to train; penalties are added to the loss in the units of ``options.reduction``.
        device: of the tensors.
        progress: whether to show a progress bar a session.
        execution: how steps are executed; ``None`` takes what suits the device.
        checkpoint: folder to keep the run in, a file for each session. If it has files of the same run, the run goes
            on from them: it gives what finished sessions gave, and ends as it would have ended without a break. Only
            ``stop.iterations`` may differ, until the next session has begun from the end of one. Ctrl-C then finishes
            the step, saves, and raises ``KeyboardInterrupt``.
        checkpoint_every: iterations between saves, or the time between them; by time, runs that are shorter leave no
            file.

    Yields:
        The ensemble after each session.

    Raises:
        ValueError: before anything is trained, if network, tasks, seeds, options and method do not fit, or if a
            checkpoint is damaged or of another run.
    """
    if isinstance(tasks, Task):
        raise ValueError(f"tasks is the task {tasks.name!r}: it must be a sequence of tasks, in their order")
    if not isinstance(tasks, Iterable):
        raise ValueError(f"tasks is {tasks!r}: it must be a sequence of tasks, in their order")
    if not isinstance(method, Method):
        raise ValueError(f"method is {method!r}: it must be a Method, such as wmcl.methods.named('SI')")
    with autograd_on():
        learner, initial = _start(method, network, tuple(tasks), as_seeds(seeds), stop, options, device)
    execution = execution or execution_on(device, all(task.has_alike_batches for task in learner.tasks))
    sessions = tuple(method.schedule.sessions(len(learner.tasks)))
    if checkpoint is not None:
        check_place(Path(checkpoint), "folder")
    saves = None if checkpoint is None else _Saves(Path(checkpoint), Pace(checkpoint_every), sessions)
    return _sessions(method, learner, sessions, initial, stop, progress, execution, saves)


class _Saves(NamedTuple):
    """Hold where the files of the sessions of a run are, and how often they are written."""

    folder: Path
    pace: Pace
    sessions: tuple[Session, ...]

    def path(self, number: int) -> Path:
        return self.folder / f"session_{number}.safetensors"

    def of(self, number: int, configuration: Any) -> Checkpoint:
        later = number + 1
        is_followed = later < len(self.sessions) and not self.sessions[later].fresh and self.path(later).exists()
        return Checkpoint(self.path(number), self.pace, configuration, is_followed)


def _sessions(
    method: Method,
    learner: Learner,
    sessions: tuple[Session, ...],
    initial: Parameters,
    stop: Stop,
    progress: bool,
    execution: Execution,
    saves: _Saves | None,
) -> Iterator[TrainedSession]:
    penalty, rehearsal = method.penalty, method.rehearsal
    values, alone = initial, dict[int, Parameters]()
    memories: tuple[Any, ...] = (None, None)  # of penalty and rehearsal
    each_its_own = len(sessions) > 1 and all(session.fresh for session in sessions)
    for number, session in enumerate(sessions):
        task = session.tasks[-1]
        with autograd_on():
            values = initial if session.fresh else values
            others = _changes_of_others(learner, values, session.tasks)
            here = replace(learner, fixed=learner.fixed | others)  # word vectors of other tasks are constants
            pasts = tuple(
                None if part is None else part.start(here, memory, values, task)
                for part, memory in zip((penalty, rehearsal), memories, strict=True)
            )
            strength = None if penalty is None or pasts[0] is None else penalty_strength(penalty, learner)
            objective = Objective(here, session.tasks, penalty, pasts[0], rehearsal, pasts[1], strength)
            is_alike = session.fresh and not objective.has_past
            with in_session(number + 1, len(sessions)):
                course, networks = _train(objective, values, stop, progress, execution, saves, number, is_alike)
            values, observed = course.values, course.observed
            memories = tuple(
                None if part is None else part.finish(learner, memory, values, task, observed)
                for part, memory in zip((penalty, rehearsal), memories, strict=True)
            )
            if each_its_own:
                alone = alone | {task: values}
            of_memories = sum(
                part.stored(memory)
                for part, memory in zip((penalty, rehearsal), memories, strict=True)
                if part is not None
            )
        yield TrainedSession(
            learner=learner,
            session=session,
            initial=initial,
            alone=alone,
            penalty_memory=memories[0],
            rehearsal_memory=memories[1],
            stored=_stored(learner, values, alone, of_memories),
            networks=networks,
            **course._asdict(),
        )


class _Course(NamedTuple):
    """Hold what training made of some members; fields are as in :class:`TrainedSession`."""

    values: Parameters
    iterations: Int[np.ndarray, "member"]
    reason: tuple[Reason, ...]
    validation_loss: Float[np.ndarray, "member"]
    curves: xr.Dataset
    seconds: float
    observed: Parameters

    def of_members(self, places: list[int]) -> "_Course":
        """Return what training made of the members at these places, which may repeat."""
        return _Course(
            select(self.values, places),
            self.iterations[places],
            tuple(self.reason[place] for place in places),
            self.validation_loss[places],
            self.curves.isel(seed=places),
            self.seconds,
            select(self.observed, places),
        )


def _train(
    objective: Objective,
    values: Parameters,
    stop: Stop,
    progress: bool,
    execution: Execution,
    saves: _Saves | None,
    number: int,
    is_alike: bool,
) -> tuple[_Course, int]:
    """Train a session, and return what it made of all members and how many networks it trained."""
    learner, members = objective.learner, range(len(objective.learner.seeds))
    places = _first_alike(learner) if is_alike else list(members)
    first = sorted(set(places))
    if len(first) < len(members):
        objective, values = objective.of(learner.of_members(first)), select(values, first)
    stop = replace(stop, iterations=stop.iterations * len(objective.tasks))
    observer = None if objective.penalty is None else objective.penalty.observer
    trained = {name: value for name, value in values.items() if name not in objective.learner.fixed}
    state, checkpoint = begin(objective, trained, stop, (), observer), None
    if saves is not None:
        checkpoint = saves.of(number, configuration(objective, stop, (), observer))
        state = checkpoint.load(state)
        _check_start(checkpoint, state, trained)
    state = run(objective, state, stop, (), observer, progress, execution, checkpoint)
    course = _Course(
        values={name: state.moving.values.get(name, value) for name, value in values.items()},
        iterations=state.steps,
        reason=state.reasons,
        validation_loss=state.final.loss,
        curves=state.curves.dataset(),
        seconds=state.seconds,
        observed=state.moving.observed,
    )
    if len(first) < len(members):
        course = course.of_members([first.index(place) for place in places])
    return course, len(first)


def _check_start(checkpoint: Checkpoint, state: State, values: Parameters) -> None:
    """Refuse a file of a session that began elsewhere than the sessions before it have ended."""
    if any(not torch.equal(value, values[name]) for name, value in state.initial.items()):
        raise UnfitCheckpointError(
            f"checkpoint {checkpoint.path} began with other values than those that this run has reached before it: it"
            " belongs to another run; take another folder"
        )


def _first_alike(learner: Learner) -> list[int]:
    """Return for every member the place of the first one with its seed and learning rate."""
    kinds = list(zip(learner.seeds, learner.options.optimiser.rates(len(learner.seeds)), strict=True))
    return [kinds.index(kind) for kind in kinds]


def _changes_of_others(learner: Learner, values: Parameters, tasks: Sequence[int]) -> Parameters:
    """Return what other tasks learned of their word vectors."""
    own = {learner.name_of_changes(task) for task in tasks}
    return {name: value for name, value in values.items() if name.startswith(CHANGES) and name not in own}


def _start(
    method: Method,
    network: Network,
    tasks: tuple[Task, ...],
    seeds: tuple[int, ...],
    stop: Stop,
    options: Options,
    device: str,
) -> tuple[Learner, Parameters]:
    """Return the learner and the trained values before the first task; refuse what does not fit."""
    learner = Learner(network, method.parametrisation, tasks, seeds, options, {}, device)
    if not tasks:
        raise ValueError("tasks is empty: there must be at least one task")
    check_learner(learner, stop)
    if network.heads not in (1, len(tasks)):
        raise ValueError(
            f"heads of the network is {network.heads} with {len(tasks)} tasks: it must be 1, or one for each task"
        )
    most = max(len(session.tasks) for session in method.schedule.sessions(len(tasks)))
    if options.batch < most:
        raise ValueError(
            f"batch is {options.batch} with {most} tasks at once: it must be at least {most}, for one sequence of each"
        )
    own = method.parametrisation.init(network, seeds, len(tasks))
    learner = replace(learner, fixed=on_device(own.fixed, learner))
    trained, fixed = own.trained, learner.fixed
    if method.rehearsal is not None:
        added = method.rehearsal.init(learner)
        for name in {*added.trained, *added.fixed} & {*own.trained, *own.fixed}:
            raise ValueError(f"{name} is a value of the network and of the rehearsal: their names must differ")
        trained, fixed = trained | added.trained, fixed | on_device(added.fixed, learner)
    learner = replace(learner, fixed=fixed)
    for part in (method.penalty, method.rehearsal):
        if part is not None:
            part.check(learner)
    return learner, initial_values(learner, trained)


def _stored(learner: Learner, values: Parameters, alone: dict[int, Parameters], memory: int) -> int:
    earlier = list(alone.values())[:-1]
    kept = sum(
        value[0].numel()
        for each in (values, learner.fixed, *earlier)
        for name, value in each.items()
        if not name.startswith(CHANGES)
    )
    one = sum(int(np.prod(shape)) for shape in learner.network.shapes.values())
    return kept + memory - one
