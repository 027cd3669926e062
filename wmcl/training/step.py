"""One step of the optimiser, with all that an importance measure may want to know of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task
from wmcl.training.adam import Adam, AdamState
from wmcl.training.objective import add_orthogonality, clip, task_gradient
from wmcl.training.options import Options


@dataclass(frozen=True)
class Step:
    """What one step does to every member; the loop decides which members take it."""

    before: Parameters
    """parameters at which the gradients were taken"""
    after: Parameters
    """parameters that the optimiser proposes"""
    update: Parameters
    """after - before, up to rounding"""
    task_gradient: Parameters
    """gradient of the task loss alone, not clipped"""
    total_gradient: Parameters
    """gradient of task loss plus penalties, clipped: what the optimiser saw"""
    loss: Float[Tensor, "member"]
    """task loss of the batch, in nats a scored bit"""
    clipped: Bool[Tensor, "member"]
    """whether the total gradient was clipped"""
    finite: Bool[Tensor, "member"]
    """whether loss and total gradient are finite"""
    optimiser: Adam
    state: AdamState
    """of the optimiser, before the step"""
    next_state: AdamState
    """of the optimiser, after the step"""

    @cached_property
    def predicted_update(self) -> Parameters:
        """The update that the task gradient alone would cause, given the state of the optimiser as it is.

        Computed when it is first read, so that a run in which nobody reads it does not pay for it.
        """
        if self.task_gradient is self.total_gradient:  # neither a penalty nor clipping: it is the step itself
            return self.update
        return self.optimiser.propose(self.task_gradient, self.state)[0]


@runtime_checkable
class Observer(Protocol):
    """Accumulates something over the steps of a training run, without any influence on it.

    Its state is a dictionary of tensors with a leading member axis, as parameters are, and what it holds of a member
    may depend on that member alone. The loop keeps it for members that are frozen.
    """

    def start(self, parameters: Parameters) -> Parameters:
        """The state before the first step."""

    def observe(self, state: Parameters, step: Step) -> Parameters:
        """The state after a step. It returns new tensors: milestones still hold the old ones."""


def take_step(
    network: Network,
    task: Task,
    parameters: Parameters,
    batch: Sequences,
    options: Options,
    optimiser: Adam,
    state: AdamState,
) -> Step:
    """Task gradient, penalty gradient, clipping and the proposal of the optimiser, on a batch."""
    loss, alone = task_gradient(network, task.likelihood, parameters, batch, options.reduction)
    total, norm, clipped = clip(add_orthogonality(alone, parameters, options.orthogonality), options.clip)
    update, next_state = optimiser.propose(total, state)
    return Step(
        before=parameters,
        after={name: value + update[name] for name, value in parameters.items()},
        update=update,
        task_gradient=alone,
        total_gradient=total,
        loss=loss * (batch.samples / batch.scored_bits().sum(-1) if options.reduction == "reference" else 1),
        clipped=clipped,
        finite=(loss + norm).isfinite(),
        optimiser=optimiser,
        state=state,
        next_state=next_state,
    )
