"""A State is where a training run stands: everything that the run needs to go on, replaced whole."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.training.curves import Curves
from wmcl.training.evaluation import Evaluation
from wmcl.training.milestones import Milestone, Snapshot, pass_milestones
from wmcl.training.optimisers import OptimiserState
from wmcl.training.options import Options, Reason, Stop


@dataclass(frozen=True)
class Moving:
    """A Moving holds what a training step changes. It stays on the device, so that no step waits for the host."""

    values: Parameters
    """everything that is trained, by name"""
    optimiser: OptimiserState
    observed: Parameters
    """state of the observer; empty if there is none"""
    active: Bool[Tensor, "member"]
    """whether each member still learns; the others are frozen"""

    def tensors(self) -> list[Tensor]:
        """Return all tensors, always in the same order."""
        groups = (self.values, *self.optimiser.moments.values(), self.observed)
        return [self.active, self.optimiser.steps, *(value for group in groups for value in group.values())]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Moving":
        """Return a Moving with a function applied to every tensor."""

        def each(values: Parameters) -> Parameters:
            return {name: function(value) for name, value in values.items()}

        steps, moments = self.optimiser
        state = OptimiserState(function(steps), {name: each(moment) for name, moment in moments.items()})
        return Moving(each(self.values), state, each(self.observed), function(self.active))

    def with_active(self, active: Sequence[bool]) -> "Moving":
        """Return a Moving in which only these members learn from now on."""
        return replace(self, active=torch.tensor(list(active), device=self.active.device))


@dataclass(frozen=True)
class Record:
    """A Record holds what is remembered of a step."""

    loss: Float[Tensor, "member"]
    """loss of the batch, in nats a scored bit"""
    clipped: Bool[Tensor, "member"]
    """whether the gradient was clipped"""
    active: Bool[Tensor, "member"]
    """whether each member was learning before the step"""
    took: Bool[Tensor, "member"]
    """whether each member took the step: it was learning, and its loss, gradient and update are finite"""

    def clone(self) -> "Record":
        """Return a copy that later steps leave alone."""
        return Record(self.loss.clone(), self.clipped.clone(), self.active.clone(), self.took.clone())


@dataclass(frozen=True)
class Progress:
    """A Progress says how far one member has come."""

    targets: tuple[float, ...]
    """loss thresholds that are still ahead, largest first"""
    best_loss: float = float("inf")
    best_iteration: int = 0
    training_loss: float = float("inf")
    """loss of the last batch, in nats a scored bit"""
    reason: Reason | None = None
    """why the member stopped, if it has"""

    def is_due(self, iteration: int, stop: Stop, options: Options) -> bool:
        """Tell whether to validate the member now. That depends on it alone, so others cannot change its result."""
        if self.reason is not None:
            return False
        if iteration % options.validate_every == 0 or iteration == stop.iterations:
            return True
        is_near = bool(self.targets) and self.training_loss < options.watch_within * self.targets[0]
        return is_near and iteration % options.watch_every == 0

    def validated(self, iteration: int, loss: float, accuracy: float, stop: Stop) -> "Progress":
        """Return the member after a validation, stopped if a rule says so."""
        is_best = loss < self.best_loss
        best_loss, best_iteration = (loss, iteration) if is_best else (self.best_loss, self.best_iteration)
        return replace(
            self,
            targets=tuple(target for target in self.targets if loss > target),
            best_loss=best_loss,
            best_iteration=best_iteration,
            reason=stop.reason(loss, accuracy, iteration - best_iteration),
        )


@dataclass(frozen=True)
class State:
    """A State is a training run before the validation and the step of an iteration."""

    iteration: int
    seconds: float
    """wall time of the run so far, in seconds"""
    initial: Parameters
    """values before the first step"""
    moving: Moving
    members: tuple[Progress, ...]
    curves: Curves
    last: Snapshot | None = None
    """the last validation of each member"""
    found: dict[float, Milestone] = field(default_factory=dict)
    """milestones that some member has passed, by threshold"""

    @property
    def active(self) -> list[bool]:
        """Tell whether each member still learns."""
        return [member.reason is None for member in self.members]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return why each member stopped; whoever still learns when the loop ends has used up its iterations."""
        return tuple(Reason.iterations if member.reason is None else member.reason for member in self.members)

    @property
    def steps(self) -> Int[np.ndarray, "member"]:
        """Return the number of training steps that each member made."""
        return self.curves.steps()

    @property
    def final(self) -> Snapshot:
        """Return a snapshot of the end of training, with the last validation loss of each member."""
        assert self.last is not None  # every run is validated at iteration 0
        return Snapshot(self.steps, self.last.loss, self.moving.values, self.moving.observed)

    def after_steps(self, records: Sequence[Record], moving: Moving, seconds: float) -> "State":
        """Return the state after some steps; members whose loss, gradient or update is not finite are stopped.

        Steps at which nobody was learning any more leave no trace.
        """
        loss, clipped, active, took = (
            _rows([getattr(record, name) for record in records], len(self.members))
            for name in ("loss", "clipped", "active", "took")
        )
        members = list(self.members)
        for place, seed in enumerate(self.curves.seeds):
            broken = active[:, place] & ~took[:, place]
            if broken.any():
                iteration = self.iteration + int(broken.argmax())
                members[place] = replace(members[place], reason=Reason.nonfinite)
                warnings.warn(
                    f"the member with seed {seed} has a non-finite loss, gradient or update at iteration"
                    f" {iteration}: stopped",
                    RuntimeWarning,
                    stacklevel=5,  # the caller of train
                )
            elif len(records):
                members[place] = replace(members[place], training_loss=float(loss[-1, place]))
        kept = active.any(1)
        curves = self.curves.stepped(took[kept], loss[kept], clipped[kept]) if kept.any() else self.curves
        iteration = self.iteration + len(records)
        return replace(self, iteration=iteration, seconds=seconds, moving=moving, members=tuple(members), curves=curves)

    def due(self, stop: Stop, options: Options) -> list[bool]:
        """Tell which members are to be validated now."""
        return [member.is_due(self.iteration, stop, options) for member in self.members]

    def after_validation(
        self, evaluation: Evaluation, due: Sequence[bool], stop: Stop, thresholds: Sequence[float]
    ) -> "State":
        """Return the state after a validation, with the milestones that due members pass; a rule may stop them."""
        loss = evaluation.loss.cpu().numpy()
        here = Snapshot(np.full(len(due), self.iteration), loss, self.moving.values, self.moving.observed)
        results = zip(self.members, due, loss.tolist(), evaluation.accuracy.tolist(), strict=True)
        members = tuple(
            member.validated(self.iteration, loss, accuracy, stop) if is_due else member
            for member, is_due, loss, accuracy in results
        )
        return replace(
            self,
            moving=self.moving.with_active([member.reason is None for member in members]),
            members=members,
            curves=self.curves.validated(self.iteration, due, evaluation),
            last=here if self.last is None else self.last.updated(due, here),
            found=pass_milestones(self.found, thresholds, due, self.last or here, here),
        )


def start_state(seeds: tuple[int, ...], moving: Moving, stop: Stop, thresholds: Sequence[float]) -> State:
    """Return the state of a run before its first step."""
    targets = sorted({*thresholds, *([] if stop.loss is None else [stop.loss])}, reverse=True)
    return State(0, 0.0, moving.values, moving, tuple(Progress(tuple(targets)) for _ in seeds), Curves(seeds))


def _rows(values: Sequence[Tensor], members: int) -> np.ndarray:
    """Return the values of some steps as an array (step, member), in one transfer from the device."""
    return torch.stack(list(values)).cpu().numpy() if values else np.empty((0, members), bool)
