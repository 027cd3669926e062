"""The training loop."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float, Int
from tqdm import tqdm

from wmcl.networks import Elman, Parameters
from wmcl.tasks import Task, check_sequences
from wmcl.training.adam import Adam
from wmcl.training.curves import Curves
from wmcl.training.evaluation import evaluate
from wmcl.training.milestones import Milestone, Snapshot, complete, pass_milestones
from wmcl.training.objective import clip, loss_and_gradient, where
from wmcl.training.options import Options
from wmcl.training.progress import start_progress, stop_nonfinite
from wmcl.training.stop import Reason, Stop


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


def train(
    network: Elman,
    task: Task,
    seeds: Sequence[int],
    stop: Stop,
    options: Options = Options(),  # noqa: B008 (frozen)
    milestones: Sequence[float] = (),
    device: str = "cpu",
    progress: bool = True,
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

    Raises:
        ValueError: if network and task do not fit, if the task draws malformed sequences, or if seeds, learning rates
            or milestones make no sense.
    """
    thresholds = _validated(network, task, seeds, options, milestones)
    began = time.perf_counter()
    initial = {name: value.to(device) for name, value in network.init(seeds).items()}
    check_sequences(task, task.validation)
    validation = task.validation.to(device)
    optimiser = Adam(options.learning_rate)
    parameters, state = initial, optimiser.start(initial)
    members = start_progress(seeds, thresholds, stop)
    curves = Curves(seeds)
    last: Snapshot | None = None
    found: dict[float, Milestone] = {}

    for iteration in tqdm(range(stop.iterations + 1), desc=task.name, unit="step", disable=not progress):
        due = [member.is_due(iteration, stop, options) for member in members]
        if any(due):
            evaluation = evaluate(network, task, parameters, validation)
            curves.validated(iteration, due, evaluation)
            here = Snapshot(np.full(len(seeds), iteration), evaluation.loss.cpu().numpy(), parameters)
            found = pass_milestones(found, thresholds, due, last or here, here)
            last = here if last is None else last.updated(due, here)
            results = zip(members, due, evaluation.loss.tolist(), evaluation.accuracy.tolist(), strict=True)
            for member, is_due, loss_now, accuracy in results:
                if is_due:
                    member.validated(iteration, loss_now, accuracy, stop)
        if all(member.reason is not None for member in members) or iteration == stop.iterations:
            break

        batch = task.batch(seeds, iteration, options.batch).to(device)
        loss, gradient = loss_and_gradient(
            network, task.likelihood, parameters, batch, options.reduction, options.orthogonality
        )
        gradient, norm, clipped = clip(gradient, options.clip)
        stop_nonfinite(members, seeds, iteration, (loss + norm).isfinite().tolist())
        active = [member.reason is None for member in members]
        update, state = optimiser.propose(gradient, state)
        parameters = where(active, {name: parameters[name] + update[name] for name in parameters}, parameters)
        per_bit = loss * (batch.samples / batch.scored_bits().sum(-1) if options.reduction == "reference" else 1)
        for member, value in zip(members, per_bit.tolist(), strict=True):
            member.training_loss = value
        curves.stepped(active, per_bit, clipped)

    assert last is not None  # every run is validated at iteration 0
    final = Snapshot(curves.steps(), last.loss, parameters)
    return Trained(
        seeds=tuple(seeds),
        parameters=parameters,
        initial=initial,
        iterations=final.iteration,
        reason=tuple(Reason.iterations if m.reason is None else m.reason for m in members),
        validation_loss=final.loss,
        curves=curves.dataset(),
        milestones=tuple(complete(found, threshold, final) for threshold in thresholds),
        seconds=time.perf_counter() - began,
    )


def _validated(
    network: Elman, task: Task, seeds: Sequence[int], options: Options, milestones: Sequence[float]
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
