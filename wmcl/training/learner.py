"""What a training step changes, and the step as a pure function of it.

Everything here stays on the device: nothing asks for the value of a tensor, so that a GPU never waits for the host, and
nothing depends on what such a value is, so that the step can be captured once and replayed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.training.adam import Adam, AdamState
from wmcl.training.batches import Batch
from wmcl.training.objective import where
from wmcl.training.plan import Plan
from wmcl.training.step import take_step


@dataclass(frozen=True)
class Learner:
    """An ensemble in the middle of its training."""

    parameters: Parameters
    optimiser: AdamState
    observed: Parameters
    """state of the observer; empty if there is none"""
    active: Bool[Tensor, "member"]
    """who still learns; the others are frozen"""

    def tensors(self) -> list[Tensor]:
        """All tensors, in an order of their own."""
        groups = (self.parameters, self.optimiser.first, self.optimiser.second, self.observed)
        return [self.active, self.optimiser.steps, *(value for group in groups for value in group.values())]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Learner":
        """The learner with a function applied to every tensor."""

        def each(values: Parameters) -> Parameters:
            return {name: function(value) for name, value in values.items()}

        steps, first, second = self.optimiser
        state = AdamState(function(steps), each(first), each(second))
        return Learner(each(self.parameters), state, each(self.observed), function(self.active))


@dataclass(frozen=True)
class Record:
    """What is remembered of a step."""

    loss: Float[Tensor, "member"]
    """of the batch, in nats a scored bit"""
    clipped: Bool[Tensor, "member"]
    """whether the gradient was clipped"""
    active: Bool[Tensor, "member"]
    """who was learning before the step"""
    took: Bool[Tensor, "member"]
    """who took it: who was learning and has a finite loss and gradient"""

    def clone(self) -> "Record":
        """A copy that later steps leave alone."""
        return Record(self.loss.clone(), self.clipped.clone(), self.active.clone(), self.took.clone())


Advance = Callable[[Learner, Batch], tuple[Learner, Record]]


def start_learner(plan: Plan, initial: Parameters, optimiser: Adam) -> Learner:
    """An ensemble before its first step."""
    observed = {} if plan.observer is None else plan.observer.start(initial)
    device = next(iter(initial.values())).device
    return Learner(initial, optimiser.start(initial), observed, mask([True] * len(plan.seeds), device))


def advance(plan: Plan, optimiser: Adam, learner: Learner, batch: Batch) -> tuple[Learner, Record]:
    """One training step; who is frozen, and whose loss or gradient is not finite, stays as it is."""
    options = plan.options
    step = take_step(
        plan.objective, learner.parameters, batch, options.clip, optimiser, learner.optimiser, options.weight_decay
    )
    took = learner.active & step.finite
    observed = learner.observed
    if plan.observer is not None:
        observed = where(took, plan.observer.observe(observed, step), observed)
    parameters = where(took, step.after, learner.parameters)
    record = Record(step.loss, step.clipped, learner.active, took)
    return Learner(parameters, step.next_state, observed, took), record


def mask(members: Sequence[bool], device: torch.device | str) -> Bool[Tensor, "member"]:
    """Truth values on a device."""
    return torch.tensor(list(members), device=device)
