"""An observer watches a training run step by step; a Step is what it sees of one step."""

from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.training.optimisers import Optimiser, OptimiserState


@dataclass(frozen=True)
class Step:
    """A Step holds what one training step would do to every member; the loop decides which members take it."""

    before: Parameters
    """values at which the gradients were taken"""
    after: Parameters
    """values that the step proposes"""
    proposed: Parameters
    """update that the optimiser proposes, before a part of the method or decoupled weight decay changes it"""
    task_gradient: Parameters
    """gradient of the task loss alone, not clipped"""
    total_gradient: Parameters
    """gradient of task loss plus penalties, adjusted, clipped, and weight decay added: what the optimiser saw"""
    loss: Float[Tensor, "member"]
    """task loss of the batch, in nats a scored bit"""
    clipped: Bool[Tensor, "member"]
    """whether the total gradient was clipped"""
    finite: Bool[Tensor, "member"]
    """whether loss, total gradient and update are finite"""
    optimiser: Optimiser
    state: OptimiserState
    """state of the optimiser before the step"""

    @cached_property
    def predicted_update(self) -> Parameters:
        """Return the update that the task gradient alone would cause, given the state of the optimiser before the step.

        It is computed when it is first read, so that a run in which nobody reads it does not compute it.
        """
        if self.task_gradient is self.total_gradient:  # nothing was added, clipped or adjusted: it is the step itself
            return self.proposed
        return self.optimiser.propose(self.task_gradient, self.state)[0]


class Observer:
    """Accumulate something over the steps of a training run, without any influence on it.

    Its state is a dictionary of tensors with a leading member axis, as parameters are, and what it holds of a member
    may depend on that member alone. The loop keeps it for members that are frozen.
    """

    def start(self, parameters: Parameters) -> Parameters:
        """Return the state before the first step."""
        return {}

    def observe(self, state: Parameters, step: Step) -> Parameters:
        """Return the state after a step, in new tensors: milestones still hold the old ones."""
        return state
