"""One step of the optimiser, with all that an importance measure may want to know of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.training.adam import Adam, AdamState
from wmcl.training.batches import Batch
from wmcl.training.evaluation import Evaluation
from wmcl.training.objective import clip


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
    """gradient of task loss plus penalties, clipped, and weight decay added: what the optimiser saw"""
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


@runtime_checkable
class Objective(Protocol):
    """What a training run makes small, and the sequences that it is measured on."""

    @property
    def name(self) -> str:
        """For progress bars."""

    def batch(self, seeds: Sequence[int], iteration: int) -> Any:
        """What a step takes; it must not depend on earlier iterations."""

    def validation(self) -> Any:
        """What :meth:`evaluate` takes."""

    def task_gradient(self, parameters: Parameters, batch: Any) -> tuple[Float[Tensor, "member"], Parameters]:
        """Loss of the batch in nats a scored bit, and the gradient of the loss that is made small, no penalty added."""

    def add_penalties(
        self, gradient: Parameters, parameters: Parameters, batch: Any, propose: Callable[[Parameters], Parameters]
    ) -> Parameters:
        """The gradient of task loss plus penalties; the given gradient itself if there are none.

        ``propose`` tells the update that a gradient would cause, for penalties that look ahead.
        """

    def evaluate(self, parameters: Parameters, validation: Any) -> Evaluation:
        """How well the members do on the validation set."""


def take_step(
    objective: Objective,
    parameters: Parameters,
    batch: Batch,
    clip_at: float | None,
    optimiser: Adam,
    state: AdamState,
    weight_decay: float = 0.0,
) -> Step:
    """Task gradient, penalty gradient, clipping, decay and the proposal of the optimiser, on a batch.

    Parameters that get no gradient decay, too.
    """
    loss, alone = objective.task_gradient(parameters, batch)
    whole = objective.add_penalties(alone, parameters, batch, lambda gradient: optimiser.propose(gradient, state)[0])
    total, norm, clipped = clip(whole, clip_at)
    if weight_decay:
        total = {name: value + weight_decay * parameters[name] for name, value in total.items()}
    update, next_state = optimiser.propose(total, state)
    return Step(
        before=parameters,
        after={name: value + update[name] for name, value in parameters.items()},
        update=update,
        task_gradient=alone,
        total_gradient=total,
        loss=loss,
        clipped=clipped,
        finite=(loss + norm).isfinite(),
        optimiser=optimiser,
        state=state,
        next_state=next_state,
    )
