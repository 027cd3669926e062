"""Where a training run stands: everything that it needs to go on, replaced whole."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.training.batches import Batch
from wmcl.training.curves import Curves
from wmcl.training.learner import Learner, Record, mask
from wmcl.training.milestones import Milestone, Snapshot, complete, pass_milestones
from wmcl.training.plan import Plan
from wmcl.training.progress import Progress, start_progress
from wmcl.training.stop import Reason


@dataclass(frozen=True)
class State:
    """A training run before the validation and the step of an iteration."""

    iteration: int
    seconds: float
    """wall time so far"""
    initial: Parameters
    """parameters before the first step"""
    learner: Learner
    members: tuple[Progress, ...]
    curves: Curves
    last: Snapshot | None = None
    """the last validation of each member"""
    found: dict[float, Milestone] = field(default_factory=dict)
    """milestones that somebody has passed, by threshold"""

    @property
    def active(self) -> list[bool]:
        """Which members still learn."""
        return [member.reason is None for member in self.members]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why each member stopped; whoever still learns when the loop ends has used up its iterations."""
        return tuple(Reason.iterations if member.reason is None else member.reason for member in self.members)


def start_state(plan: Plan, initial: Parameters, learner: Learner) -> State:
    """Before the first step."""
    members = start_progress(plan.seeds, plan.thresholds, plan.stop)
    return State(0, 0.0, initial, learner, members, Curves(plan.seeds))


def after_steps(state: State, records: Sequence[Record], learner: Learner, seconds: float) -> State:
    """Take in the steps since the last time; stop and report members whose loss or gradient is not finite.

    Steps at which nobody was learning any more leave no trace.
    """
    loss, clipped, active, took = (
        _rows([getattr(record, name) for record in records], len(state.members))
        for name in ("loss", "clipped", "active", "took")
    )
    members = list(state.members)
    for place, seed in enumerate(state.curves.seeds):
        broken = active[:, place] & ~took[:, place]
        if broken.any():
            iteration = state.iteration + int(broken.argmax())
            members[place] = replace(members[place], reason=Reason.nonfinite)
            warnings.warn(
                f"the member with seed {seed} has a non-finite loss or gradient at iteration {iteration}: stopped",
                RuntimeWarning,
                stacklevel=3,  # whoever called train
            )
        elif len(records):
            members[place] = replace(members[place], training_loss=float(loss[-1, place]))
    kept = active.any(1)
    curves = state.curves.stepped(took[kept], loss[kept], clipped[kept]) if kept.any() else state.curves
    return replace(
        state,
        iteration=state.iteration + len(records),
        seconds=seconds,
        learner=learner,
        members=tuple(members),
        curves=curves,
    )


def after_validation(state: State, plan: Plan, validation: Batch) -> State:
    """Validate the members that are due, keep the milestones they pass, stop those that a rule stops."""
    due = [member.is_due(state.iteration, plan.stop, plan.options) for member in state.members]
    if not any(due):
        return state
    learner = state.learner
    evaluation = plan.objective.evaluate(learner.parameters, validation)
    loss = evaluation.loss.cpu().numpy()
    here = Snapshot(np.full(len(due), state.iteration), loss, learner.parameters, learner.observed)
    results = zip(state.members, due, loss.tolist(), evaluation.accuracy.tolist(), strict=True)
    members = tuple(
        member.validated(state.iteration, loss, accuracy, plan.stop) if is_due else member
        for member, is_due, loss, accuracy in results
    )
    active = mask([member.reason is None for member in members], learner.active.device)
    return replace(
        state,
        learner=replace(learner, active=active),
        members=members,
        curves=state.curves.validated(state.iteration, due, evaluation),
        last=here if state.last is None else state.last.updated(due, here),
        found=pass_milestones(state.found, plan.thresholds, due, state.last or here, here),
    )


def final_snapshot(state: State) -> Snapshot:
    """The end of training, with the last validation loss of each member."""
    assert state.last is not None  # every run is validated at iteration 0
    return Snapshot(state.curves.steps(), state.last.loss, state.learner.parameters, state.learner.observed)


def all_milestones(state: State, plan: Plan, final: Snapshot) -> tuple[Milestone, ...]:
    """Every milestone; whoever missed it carries its final state."""
    return tuple(complete(state.found, threshold, final) for threshold in plan.thresholds)


def _rows(values: Sequence[Tensor], members: int) -> np.ndarray:
    """(step, member), in one transfer from the device."""
    return torch.stack(list(values)).cpu().numpy() if values else np.empty((0, members), bool)
