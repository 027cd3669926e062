"""A continual-learning run: phase after phase, with what a method does before and after each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from wmcl.methods.method import Method
from wmcl.methods.objective import PhaseObjective
from wmcl.methods.schedule import Phase
from wmcl.methods.setting import Setting, select
from wmcl.methods.vectors import is_of_vectors, other_vectors, start_vectors
from wmcl.networks import Network, Parameters
from wmcl.tasks import Task
from wmcl.tasks.check import check_sequences
from wmcl.training import Execution, Options, Reason, Stop, execution_on
from wmcl.training.loop import begin, run
from wmcl.training.plan import Plan, check_fit, check_seeds
from wmcl.training.precision import check_precision
from wmcl.training.state import final_snapshot


@dataclass(frozen=True)
class Learned:
    """An ensemble after a phase."""

    setting: Setting
    phase: Phase
    values: Parameters
    """everything that is trained, by name"""
    initial: Parameters
    """the same before the first task"""
    alone: dict[int, Parameters]
    """values of the network of each task so far, if each has its own; otherwise empty"""
    penalty_memory: Any
    rehearsal_memory: Any
    stored: int
    """numbers a member that have to be kept for the next task, beyond those of one network and of the vectors of words
    that are learned: an anchor counts, while targets that are made from the values at the start of a task (of a
    hypernetwork, of rehearsal) do not"""
    iterations: Int[np.ndarray, "member"]
    """steps that each member made in this phase"""
    reason: tuple[Reason, ...]
    """why each member stopped"""
    validation_loss: Float[np.ndarray, "member"]
    """last validation loss in this phase, in nats a scored bit"""
    curves: xr.Dataset
    """training and validation curves of this phase"""
    seconds: float
    """wall time of the phase, without what the method does before and after"""
    networks: int
    """that were trained in this phase: fewer than members where nothing told some of them apart"""
    observed: Parameters
    """final state of what watched the steps, if anything did"""

    @property
    def task(self) -> int:
        """The last task that was learned, counted from 0."""
        return self.phase.tasks[-1]

    def weights(self, task: int) -> Parameters | None:
        """Weights that answer a task; ``None`` if each task has a network of its own and this one has none yet."""
        if self.alone and task not in self.alone:
            return None
        return self.setting.weights(self.alone.get(task, self.values), task)


def learn(
    method: Method,
    network: Network,
    tasks: Sequence[Task],
    seeds: Sequence[int],
    stop: Stop,
    options: Options = Options(),  # noqa: B008 (frozen)
    device: str = "cpu",
    progress: bool = True,
    execution: Execution | None = None,
) -> Iterator[Learned]:
    """Learn tasks one after the other, and stand still after each for whoever wants to look.

    Every phase has a new optimiser, and the batches of its tasks from iteration 0 on. A method that learns all
    tasks at once has a single phase.

    A member whose loss or gradient is not finite stops, as in :func:`wmcl.training.train`, and begins the next task
    from its last finite values: look at ``Learned.reason``.

    Where a phase begins with new networks, and neither penalty nor rehearsal holds anything yet, members with the same
    seed and learning rate would go the same way: they are trained once.

    Args:
        method: from :func:`wmcl.methods.named` or composed of parts.
        network: who learns, with one read-out (``heads=1``) for all tasks, or one a task.
        tasks: in their order.
        seeds: one a member. They may repeat if members differ in a hyperparameter: learning rates, and the strengths
            of a method, may be given one a member.
        stop: when a member stops learning a task; at once learnt tasks have so many times the iterations.
        options: how to train; penalties are added to the loss in the units of ``options.reduction``.
        device: of the tensors.
        progress: whether to show a progress bar a phase.
        execution: how steps are executed; ``None`` takes what suits the device.

    Yields:
        The ensemble after each phase.

    Raises:
        ValueError: before anything is trained, if network, tasks, seeds, options and method do not fit.
    """
    if isinstance(tasks, Task):
        raise ValueError(f"tasks is the task {tasks.name!r}: it must be a sequence of tasks, in their order")
    tasks = tuple(tasks)
    _check(network, tasks, seeds, options, device)
    _check_batch(method.schedule.phases(len(tasks)), options)
    setting, initial = _setting(method, network, tasks, seeds, options, device)
    execution = execution or execution_on(device, all(task.has_alike_batches for task in tasks))
    penalty, rehearsal = method.penalty, method.rehearsal
    memories = penalty.empty(setting), rehearsal.empty(setting)
    return _phases(method, setting, initial, memories, stop, progress, execution)


def _phases(
    method: Method,
    setting: Setting,
    initial: Parameters,
    memories: tuple[Any, Any],
    stop: Stop,
    progress: bool,
    execution: Execution,
) -> Iterator[Learned]:
    penalty, rehearsal = method.penalty, method.rehearsal
    values, alone = initial, dict[int, Parameters]()
    phases = method.schedule.phases(len(setting.tasks))
    each_its_own = len(phases) > 1 and all(phase.fresh for phase in phases)
    for phase in phases:
        task = phase.tasks[-1]
        values = initial if phase.fresh else values
        objective = PhaseObjective(
            setting,
            method,
            phase,
            penalty.start(setting, memories[0], values, task),
            rehearsal.start(setting, memories[1], values, task),
        )
        course, networks = _train(setting, objective, values, stop, progress, execution)
        values, observed = course.values, course.observed
        memories = (
            penalty.finish(setting, memories[0], values, task, observed),
            rehearsal.finish(setting, memories[1], values, task),
        )
        if each_its_own:
            alone = alone | {task: values}
        yield Learned(
            setting=setting,
            phase=phase,
            initial=initial,
            alone=alone,
            penalty_memory=memories[0],
            rehearsal_memory=memories[1],
            stored=_stored(setting, values, alone, penalty.stored(memories[0]) + rehearsal.stored(memories[1])),
            networks=networks,
            **course._asdict(),
        )


class _Course(NamedTuple):
    """What training made of some members; fields as in :class:`Learned`."""

    values: Parameters
    iterations: Int[np.ndarray, "member"]
    reason: tuple[Reason, ...]
    validation_loss: Float[np.ndarray, "member"]
    curves: xr.Dataset
    seconds: float
    observed: Parameters

    def of_members(self, places: list[int]) -> "_Course":
        """The same for the members at these places, which may repeat."""
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
    setting: Setting,
    objective: PhaseObjective,
    values: Parameters,
    stop: Stop,
    progress: bool,
    execution: Execution,
) -> tuple[_Course, int]:
    """What training made of all members, and how many networks it trained."""
    members = range(len(setting.seeds))
    places = _first_alike(setting) if objective.starts_alike else list(members)
    first = sorted(set(places))
    if len(first) == len(members):
        return _course(setting, objective, values, stop, progress, execution), len(members)
    few = setting.of_members(first)
    course = _course(few, replace(objective, setting=few), select(values, first), stop, progress, execution)
    return course.of_members([first.index(place) for place in places]), len(first)


def _first_alike(setting: Setting) -> list[int]:
    """For every member the place of the first one with its seed and learning rate."""
    rates = np.broadcast_to(np.asarray(setting.options.learning_rate), len(setting.seeds)).tolist()
    kinds = list(zip(setting.seeds, rates, strict=True))
    return [kinds.index(kind) for kind in kinds]


def _course(
    setting: Setting,
    objective: PhaseObjective,
    values: Parameters,
    stop: Stop,
    progress: bool,
    execution: Execution,
) -> _Course:
    others = other_vectors(values, objective.phase.tasks)
    objective = replace(objective, setting=replace(setting, fixed=setting.fixed | others))
    plan = Plan(
        network=setting.network,
        task=setting.tasks[objective.phase.tasks[-1]],
        objective=objective,
        seeds=setting.seeds,
        stop=replace(stop, iterations=stop.iterations * len(objective.phase.tasks)),
        options=setting.options,
        thresholds=(),
        observer=objective.method.penalty.observer,
    )
    trained = {name: value for name, value in values.items() if name not in others}
    state = run(plan, begin(plan, trained), setting.device, progress, execution)
    final = final_snapshot(state)
    return _Course(
        values={name: state.learner.parameters.get(name, value) for name, value in values.items()},
        iterations=final.iteration,
        reason=state.reasons,
        validation_loss=final.loss,
        curves=state.curves.dataset(),
        seconds=state.seconds,
        observed=state.learner.observed,
    )


def _setting(
    method: Method, network: Network, tasks: tuple[Task, ...], seeds: Sequence[int], options: Options, device: str
) -> tuple[Setting, Parameters]:
    """What stays the same, and the trained values before the first task."""
    seeds = tuple(int(seed) for seed in seeds)
    own = method.parametrisation.init(network, seeds, len(tasks))
    setting = Setting(network, method.parametrisation, tasks, seeds, options, _on(own.fixed, device), device)
    added = method.rehearsal.init(setting)
    for name in {*added.trained, *added.fixed} & {*own.trained, *own.fixed}:
        raise ValueError(f"{name} is a value of the network and of the rehearsal: their names must differ")
    vectors = start_vectors(tasks, next(iter(own.trained.values())))
    trained = _on(own.trained | added.trained | vectors, device)
    return replace(setting, fixed=setting.fixed | _on(added.fixed, device)), trained


def _on(values: Parameters, device: str) -> Parameters:
    return {name: value.to(device) for name, value in values.items()}


def _stored(setting: Setting, values: Parameters, alone: dict[int, Parameters], memory: int) -> int:
    earlier = list(alone.values())[:-1]
    kept = sum(
        value[0].numel()
        for each in (values, setting.fixed, *earlier)
        for name, value in each.items()
        if not is_of_vectors(name)
    )
    one = sum(int(np.prod(shape)) for shape in setting.network.shapes.values())
    return kept + memory - one


def _check(network: Network, tasks: tuple[Task, ...], seeds: Sequence[int], options: Options, device: str) -> None:
    if not tasks:
        raise ValueError("tasks is empty: there must be at least one task")
    if network.heads not in (1, len(tasks)):
        raise ValueError(
            f"heads of the network is {network.heads} with {len(tasks)} tasks: it must be 1, or one a task"
        )
    for task in tasks:
        check_fit(network, task)
        check_sequences(task, task.validation)
    check_seeds(seeds, options)
    check_precision(options.precision, device)


def _check_batch(phases: Sequence[Phase], options: Options) -> None:
    """Every batch needs a sequence of each task that is learned at once."""
    most = max(len(phase.tasks) for phase in phases)
    if options.batch < most:
        raise ValueError(
            f"batch is {options.batch} with {most} tasks at once: it must be at least {most}, for one sequence of each"
        )
