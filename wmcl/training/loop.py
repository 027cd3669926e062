"""The training loop."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from tqdm import tqdm

from wmcl.interrupt import Interrupt
from wmcl.networks import Network, Parameters
from wmcl.tasks import Task
from wmcl.tasks.check import check_sequences
from wmcl.training.adam import Adam
from wmcl.training.batches import Batch, drawn, send
from wmcl.training.checkpoint import Checkpoint
from wmcl.training.configuration import configuration
from wmcl.training.learner import Record, advance, start_learner
from wmcl.training.milestones import Milestone
from wmcl.training.options import Options
from wmcl.training.plan import Plan, initial_parameters, make_plan
from wmcl.training.precision import check_precision, matrix_products_in
from wmcl.training.progress import may_be_due
from wmcl.training.state import State, after_steps, after_validation, all_milestones, final_snapshot, start_state
from wmcl.training.step import Observer
from wmcl.training.stepper import Execution, Stepper, execution_on, make_stepper
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
    """wall time, of all parts of a run that was resumed"""
    observed: Parameters = field(default_factory=dict)
    """final state of the observer, if there is one"""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    """what was asked for, as JSON values"""


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
    checkpoint: Path | None = None,
    checkpoint_every: int = 500,
    execution: Execution | None = None,
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
        checkpoint: file to keep the state of the run in. If it exists, the run goes on from it and ends as it would
            have ended without a break. Ctrl-C then finishes the step, saves, and raises ``KeyboardInterrupt``.
        checkpoint_every: iterations between saves.
        execution: how steps are executed; ``None`` takes what suits the device.

    Raises:
        ValueError: if network and task do not fit, if the task draws malformed sequences, if seeds, learning rates
            or milestones make no sense, if the device is none or does not have the precision, or if the checkpoint is
            damaged, no checkpoint or one of another run.
    """
    plan = make_plan(network, task, seeds, stop, options, milestones, observer)
    check_precision(options.precision, device)
    check_sequences(task, task.validation)
    saves = None if checkpoint is None else Checkpoint(checkpoint, checkpoint_every, plan)
    execution = execution or execution_on(device, task.has_alike_batches)
    state = run(plan, _start(plan, device, saves), device, progress, execution, saves)
    final = final_snapshot(state)
    return Trained(
        seeds=plan.seeds,
        parameters=final.parameters,
        initial=state.initial,
        iterations=final.iteration,
        reason=state.reasons,
        validation_loss=final.loss,
        curves=state.curves.dataset(),
        milestones=all_milestones(state, plan, final),
        seconds=state.seconds,
        observed=final.observed,
        configuration=configuration(plan),
    )


def _start(plan: Plan, device: str, saves: Checkpoint | None) -> State:
    """Where the checkpoint stands, or the beginning."""
    if saves is not None and (stored := saves.load(device)) is not None:
        return stored
    initial = initial_parameters(plan.network, plan.task, plan.seeds)
    return begin(plan, {name: value.to(device) for name, value in initial.items()})


def begin(plan: Plan, parameters: Parameters) -> State:
    """A run before its first step, from the given parameters."""
    return start_state(plan, parameters, start_learner(plan, parameters, Adam(plan.options.learning_rate)))


def run(
    plan: Plan, state: State, device: str, progress: bool, execution: Execution, saves: Checkpoint | None = None
) -> State:
    """Train until every member has stopped, from where a state stands."""
    optimiser = Adam(plan.options.learning_rate).on(device)
    first, began = state.iteration, time.perf_counter() - state.seconds
    validation = send(plan.objective.validation(), torch.device(device))
    with _equipped(plan, optimiser, state, execution, saves is not None) as (stepper, batches, interrupt):
        records: list[Record] = []
        for iteration in tqdm(
            range(first, plan.stop.iterations + 1),
            plan.objective.name,
            initial=first,
            unit="step",
            disable=not progress,
        ):
            saving = saves is not None and (saves.due(iteration, first) or interrupt.requested)
            if saving or may_be_due(iteration, plan.stop, plan.options):
                state = after_steps(state, records, stepper.learner(), time.perf_counter() - began)
                records, now = [], state
                state = after_validation(state, plan, validation)
                is_over = not any(state.active) or iteration == plan.stop.iterations
                if saves is not None and (saving or is_over):
                    saves.save(now)  # from where the validation is repeated, so that a longer run can go on from here
                    interrupt.stop(
                        f"{iteration} iterations are saved in {saves.path}: the same call goes on from there"
                    )
                if is_over:
                    break
                stepper.freeze(state.active)
            records.append(stepper.step(next(batches)))
    return replace(state, seconds=time.perf_counter() - began)


@contextmanager
def _equipped(
    plan: Plan, optimiser: Adam, state: State, execution: Execution, held: bool
) -> Iterator[tuple[Stepper, Iterator[Batch], Interrupt]]:
    """Who takes the steps, the batches, and Ctrl-C (held back or not), for as long as training lasts.

    The step is captured before batches are drawn ahead: nothing else may use a GPU meanwhile.
    """

    def draw(iteration: int) -> Batch:
        return plan.objective.batch(plan.seeds, iteration)

    left = range(state.iteration, plan.stop.iterations)
    function, capture = partial(advance, plan, optimiser), execution.capture if left else None
    with matrix_products_in(plan.options.precision), Interrupt(held) as interrupt:
        stepper = make_stepper(function, state.learner, lambda: draw(left[0]), capture)
        with drawn(draw, left, execution.ahead, execution.pinned) as batches:
            yield stepper, batches, interrupt
