"""The training loop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from tqdm import tqdm

from wmcl.networks import Network, Parameters
from wmcl.tasks import Task, check_sequences
from wmcl.training.adam import Adam
from wmcl.training.milestones import Milestone
from wmcl.training.objective import where
from wmcl.training.options import Options
from wmcl.training.step import Observer, take_step
from wmcl.training.stop import Reason, Stop
from wmcl.training.watch import Watch


@dataclass(frozen=True)
class Trained:
    """An ensemble after training."""

    seeds: tuple[int, ...]
    parameters: Parameters
    initial: Parameters
    """parameters before the first step"""
    iterations: Int[np.ndarray, "member"]
    """steps that each member made"""
    reason: tuple[Reason, ...]
    """why each member stopped"""
    validation_loss: Float[np.ndarray, "member"]
    """last validation loss of each member, in nats a scored bit"""
    curves: xr.Dataset
    """training and validation curves of each member"""
    milestones: tuple[Milestone, ...]
    seconds: float
    """wall time"""
    observed: Parameters = field(default_factory=dict)
    """final state of the observer, if there is one"""


def train(
    network: Network,
    task: Task,
    seeds: Sequence[int],
    stop: Stop,
    options: Options = Options(),  # noqa: B008 (frozen)
    milestones: Sequence[float] = (),
    device: str = "cpu",
    progress: bool = True,
    observer: Observer | None = None,
) -> Trained:
    """Train an ensemble, a member for each seed.

    A member's result depends on its seed and options alone, not on the other members. Its seed settles its
    initialisation and its batches; the validation set is shared.

    Args:
        network: who learns.
        task: what is learned.
        seeds: one a member.
        stop: when a member stops; it is frozen at that moment, and the others go on.
        options: how to train.
        milestones: validation losses (nats a scored bit) at which the parameters are kept.
        device: of the tensors, e.g. ``cpu`` or ``cuda``.
        progress: whether to show a progress bar.
        observer: what accumulates something over the steps without influence on them, such as
            :class:`wmcl.importance.PathIntegral`; its state is in ``Trained.observed`` and in every milestone.

    Raises:
        ValueError: if network and task do not fit, if the task draws malformed sequences, or if seeds, learning rates
            or milestones make no sense.
    """
    thresholds = _validated(network, task, seeds, options, milestones)
    began = time.perf_counter()
    initial = {name: value.to(device) for name, value in network.init(seeds).items()}
    check_sequences(task, task.validation)
    watch = Watch(network, task, task.validation.to(device), seeds, thresholds, stop, options)
    optimiser = Adam(options.learning_rate)
    parameters, state = initial, optimiser.start(initial)
    observed = {} if observer is None else observer.start(initial)

    for iteration in tqdm(range(stop.iterations + 1), desc=task.name, unit="step", disable=not progress):
        watch.validate(iteration, parameters, observed)
        if not any(watch.active) or iteration == stop.iterations:
            break
        batch = task.batch(seeds, iteration, options.batch).to(device)
        step = take_step(network, task, parameters, batch, options, optimiser, state)
        active = watch.stepped(iteration, step)
        if observer is not None:
            observed = where(active, observer.observe(observed, step), observed)
        parameters, state = where(active, step.after, parameters), step.next_state

    final, passed = watch.finish(parameters, observed)
    return Trained(
        seeds=tuple(seeds),
        parameters=parameters,
        initial=initial,
        iterations=final.iteration,
        reason=watch.reasons,
        validation_loss=final.loss,
        curves=watch.curves.dataset(),
        milestones=passed,
        seconds=time.perf_counter() - began,
        observed=observed,
    )


def _validated(
    network: Network, task: Task, seeds: Sequence[int], options: Options, milestones: Sequence[float]
) -> list[float]:
    """Refuse what makes no sense; return the milestones, largest first."""
    for name in ("inputs", "outputs"):
        if getattr(network, name) != getattr(task, name):
            raise ValueError(
                f"{name} of the network is {getattr(network, name)}: the task {task.name!r} needs {getattr(task, name)}"
            )
    if isinstance(seeds, int) or not all(isinstance(seed, (int, np.integer)) for seed in seeds):
        raise ValueError(f"seeds is {seeds}: it must be a sequence of whole numbers, such as range(3)")
    if len(seeds) == 0 or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {list(seeds)}: it must hold at least one seed, and each seed once")
    rates = options.learning_rate
    if np.ndim(rates) and np.size(rates) != len(seeds):
        raise ValueError(f"learning_rate has {np.size(rates)} entries for {len(seeds)} seeds: give one, or one a seed")
    if not all(0 < threshold < np.inf for threshold in milestones):
        raise ValueError(f"milestones is {list(milestones)}: every loss must be positive and finite")
    return sorted(set(milestones), reverse=True)
