"""This module is the training loop: it takes one step (:func:`take_step`), and all steps of a run (:func:`run`).

Both read from top to bottom. A step is a pure function of tensors that waits for no value, so that a GPU can replay it
as one captured graph; the host looks at what the steps did only where a validation may be due.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from tqdm import tqdm

from wmcl.autograd import with_autograd
from wmcl.interrupt import Interrupt
from wmcl.networks import Parameters
from wmcl.progress import steps_watched
from wmcl.training.checkpoint import Checkpoint
from wmcl.training.execution import CapturedStepper, Execution, Stepper, drawn
from wmcl.training.loss import clip, where
from wmcl.training.objective import Batch, Objective
from wmcl.training.observer import Observer, Step
from wmcl.training.options import Options, Stop, matrix_products_in
from wmcl.training.parts import check_fit
from wmcl.training.state import Moving, Record, State, start_state


def take_step(objective: Objective, observer: Observer | None, moving: Moving, batch: Batch) -> tuple[Moving, Record]:
    """Take one training step; members that are frozen, or have no finite loss, gradient or update, stay as they are.

    Args:
        objective: with the learner, whose options hold the optimiser.
        observer: what watches the step, if anything does.
        moving: the ensemble before the step.
        batch: on the device of the ensemble.
    """
    options, values, state = objective.learner.options, moving.values, moving.optimiser
    optimiser = options.optimiser

    # gradients: of the task, of what the method adds to its loss, and as the method adjusts them
    loss, task_gradient = objective.task_gradient(values, batch)
    whole = objective.add_penalties(task_gradient, values, batch, lambda g: optimiser.propose(g, state)[0])
    adjusted = objective.adjust_gradient(whole, values, batch)
    clipped_gradient, norm, clipped = clip(adjusted, options.clip)

    # the update: as the optimiser proposes it, and as weight decay and the method adjust it
    total = optimiser.decayed(clipped_gradient, values)
    proposed, next_state = optimiser.propose(total, state)
    check_fit(proposed, values, f"update by propose of {type(optimiser).__name__}")
    update = objective.adjust_update(optimiser.shrink(proposed, values, state), values, batch)
    after = {name: value + update[name] for name, value in values.items()}

    # who takes it
    size = torch.stack([change.flatten(1).sum(1) for change in update.values()]).sum(0)
    finite = (loss + norm + size).isfinite()
    took, observed = moving.active & finite, moving.observed
    if observer is not None:
        step = Step(values, after, proposed, task_gradient, total, loss, clipped, finite, optimiser, state)
        observed = where(took, observer.observe(observed, step), observed)
    return Moving(where(took, after, values), next_state, observed, took), Record(loss, clipped, moving.active, took)


def begin(
    objective: Objective,
    values: Parameters,
    stop: Stop,
    thresholds: Sequence[float] = (),
    observer: Observer | None = None,
) -> State:
    """Return the state of a run before its first step, from the given values."""
    seeds, optimiser = objective.learner.seeds, objective.learner.options.optimiser
    observed = {} if observer is None else observer.start(values)
    device = next(iter(values.values())).device
    active = torch.ones(len(seeds), dtype=torch.bool, device=device)
    return start_state(seeds, Moving(values, optimiser.start(values), observed, active), stop, thresholds)


@with_autograd
def run(
    objective: Objective,
    state: State,
    stop: Stop,
    thresholds: Sequence[float] = (),
    observer: Observer | None = None,
    progress: bool = True,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
    checkpoint: Checkpoint | None = None,
) -> State:
    """Train from a state until every member has stopped.

    Args:
        objective: what is made small.
        state: from :func:`begin` or a checkpoint.
        stop: when a member stops; it is frozen at that moment, and the others go on.
        thresholds: validation losses at which the values are kept, largest first.
        observer: what watches the steps.
        progress: whether to show a progress bar.
        execution: how steps are executed.
        checkpoint: where the state is kept on the way.
    """
    options, first = objective.learner.options, state.iteration
    began = time.perf_counter() - state.seconds
    validation = objective.validation().to(state.moving.active.device)
    with _equipped(objective, observer, state, stop, execution, checkpoint) as (stepper, batches, interrupt):
        records: list[Record] = []
        every = tqdm(
            range(first, stop.iterations + 1), objective.name, initial=first, unit="step", disable=not progress
        )
        for iteration in steps_watched(every, stop.iterations):
            saving = checkpoint is not None and (checkpoint.due(iteration, first) or interrupt.requested)
            if saving or _may_be_due(iteration, stop, options):
                state = state.after_steps(records, stepper.moving(), time.perf_counter() - began)
                records, before_validation = [], state
                if any(due := state.due(stop, options)):
                    evaluation = objective.evaluate(state.moving.values, validation)
                    state = state.after_validation(evaluation, due, stop, thresholds)
                is_over = not any(state.active) or iteration == stop.iterations
                if checkpoint is not None and (saving or (is_over and checkpoint.keeps_ends)):
                    checkpoint.save(before_validation)  # which is repeated, so that a longer run can go on from here
                    interrupt.stop(f"{iteration} iterations are saved in {checkpoint.path}: the same call goes on")
                if is_over:
                    break
                stepper.freeze(state.active)
            records.append(stepper.step(next(batches)))
    return replace(state, seconds=time.perf_counter() - began)


def _may_be_due(iteration: int, stop: Stop, options: Options) -> bool:
    """Tell whether any member could be due at an iteration; at others nobody needs to know how members do."""
    every = (options.validate_every, options.watch_every)
    return iteration == stop.iterations or any(iteration % n == 0 for n in every)


@contextmanager
def _equipped(
    objective: Objective,
    observer: Observer | None,
    state: State,
    stop: Stop,
    execution: Execution,
    checkpoint: Checkpoint | None,
) -> Iterator[tuple[Stepper, Iterator[Batch], Interrupt]]:
    """Give the stepper, the batches and the handling of Ctrl-C (held back or not), for as long as training lasts.

    The step is captured before batches are drawn ahead: nothing else may use a GPU meanwhile.
    """
    device = state.moving.active.device
    options = objective.learner.options
    with_rates = replace(options, optimiser=options.optimiser.on(device))  # so that no step has to send them there
    objective_there = objective.of(replace(objective.learner, options=with_rates))
    advance, left = partial(take_step, objective_there, observer), range(state.iteration, stop.iterations)
    with matrix_products_in(options.precision), Interrupt(held=checkpoint is not None) as interrupt:
        stepper = Stepper(advance, state.moving)
        if execution.capture is not None and left:
            stepper = CapturedStepper(advance, state.moving, objective.batch(left[0]), execution.capture)
        with drawn(objective.batch, left, execution.ahead, execution.pinned) as batches:
            yield stepper, batches, interrupt
