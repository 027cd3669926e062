"""An objective is what a session of training makes small: task loss, penalty, rehearsal and orthogonality.

A session is a stretch of training with one optimiser. The simplest session learns a single task, with
neither penalty nor rehearsal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.tasks import Sequences
from wmcl.training.evaluation import Evaluation, evaluate_unchecked
from wmcl.training.loss import gradient_of, in_nats_a_bit, leaves_of, orthogonality, task_loss
from wmcl.training.parts import Learner, Part, Penalty, Rehearsal, check_fit


@dataclass(frozen=True)
class Batch:
    """A Batch holds sequences of each task of a session, and the random numbers that the parts of a method draw."""

    sequences: tuple[Sequences, ...]
    draws: Parameters = field(default_factory=dict)

    def tensors(self) -> list[Tensor]:
        """Return all tensors, always in the same order."""
        return [*(values for each in self.sequences for values in each.tensors()), *self.draws.values()]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with a function applied to every tensor."""
        draws = {name: function(value) for name, value in self.draws.items()}
        return Batch(tuple(each.map(function) for each in self.sequences), draws)

    def shapes(self) -> list[object]:
        """Return what batches must have in common to be taken by the same captured step."""
        draws: list[object] = [(name, tuple(value.shape), value.dtype) for name, value in self.draws.items()]
        return [*(each.shapes() for each in self.sequences), *draws]

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device, without waiting for the copy."""
        return self.map(lambda values: values.to(device, non_blocking=True))


@dataclass(frozen=True)
class Objective:
    """An Objective is what one session makes small. A past is what a part made of its memory when the session began."""

    learner: Learner
    tasks: tuple[int, ...] = (0,)
    """tasks whose sequences are in every batch"""
    penalty: Penalty | None = None
    penalty_past: Any = None
    rehearsal: Rehearsal | None = None
    rehearsal_past: Any = None
    strength: Float[Tensor, "member"] | None = None
    """what the loss of the penalty is multiplied by, if its past does not hold that already"""

    @property
    def name(self) -> str:
        """Return the name for progress bars."""
        tasks = self.learner.tasks
        return tasks[self.tasks[0]].name if len(self.tasks) == 1 else f"{len(tasks)} tasks at once"

    @property
    def has_past(self) -> bool:
        """Tell whether the penalty or the rehearsal has a past in this session."""
        return self.penalty_past is not None or self.rehearsal_past is not None

    def batch(self, iteration: int) -> Batch:
        """Draw sequences of every task, in numbers that differ by at most one, and what the parts need.

        It depends on the iteration and the seeds alone, not on what was drawn before.
        """
        learner, task, count = self.learner, self.tasks[-1], len(self.tasks)
        samples = learner.options.batch
        sizes = [samples // count + (k < samples % count) for k in range(count)]
        sequences = tuple(
            learner.typed(learner.tasks[each].batch(learner.seeds, iteration, size))
            for each, size in zip(self.tasks, sizes, strict=True)
        )
        draws: Parameters = {}
        for part, past in self._parts():
            draws |= part.draw(learner, past, task, iteration, sequences[-1])
        return Batch(sequences, draws)

    def validation(self) -> Batch:
        """Return the validation set of every task."""
        return Batch(tuple(self.learner.typed(self.learner.tasks[task].validation) for task in self.tasks))

    def task_gradient(self, values: Parameters, batch: Batch) -> tuple[Float[Tensor, "member"], Parameters]:
        """Return the task loss in nats a scored bit, and the gradient of the loss that is made small.

        With several tasks both are means over them, weighted by their numbers of sequences.
        """
        learner, leaves = self.learner, leaves_of(values)
        reduction, samples = learner.options.reduction, sum(each.samples for each in batch.sequences)
        losses, in_nats = [], []
        for task, part in zip(self.tasks, batch.sequences, strict=True):
            weights = learner.weights(leaves, task)
            logits = learner.network_of(task).apply(weights, part.inputs, part.window, lengths=part.lengths).logits
            loss, share = task_loss(learner.tasks[task].likelihood, logits, part, reduction), part.samples / samples
            losses.append(loss * share)
            in_nats.append(in_nats_a_bit(loss.detach(), part, reduction) * share)
        slopes = gradient_of(losses, leaves)
        gradient = {n: torch.zeros_like(values[n]) if slope is None else slope for n, slope in slopes.items()}
        return torch.stack(in_nats).sum(0), gradient

    def add_penalties(
        self, gradient: Parameters, values: Parameters, batch: Batch, propose: Callable[[Parameters], Parameters]
    ) -> Parameters:
        """Add the gradients of penalty, rehearsal and orthogonality; without any, return the given gradient itself.

        Args:
            gradient: of the task loss.
            values: at which it was taken.
            batch: of the step.
            propose: tells the update that a gradient would cause, for penalties with lookahead.
        """
        if not (self.has_past or self.learner.options.orthogonality):
            return gradient
        leaves, losses = leaves_of(values), list[Tensor]()
        if self.penalty is not None and self.penalty_past is not None:
            at = leaves
            if self.penalty.lookahead:
                update = propose(gradient)
                at = {name: value + update[name] for name, value in leaves.items()}
            loss = self.penalty.loss(self.penalty_past, at, batch.draws)
            if loss is not None:
                members, shape = len(self.learner.seeds), tuple(loss.shape)
                if shape != (members,):  # it would be multiplied by the strengths of other members
                    raise ValueError(
                        f"loss of {type(self.penalty).__name__} has shape {shape}: it must be ({members},)"
                    )
                losses.append(loss if self.strength is None else self.strength * loss)
        if self.rehearsal is not None and self.rehearsal_past is not None:
            losses += self.rehearsal.losses(self.rehearsal_past, leaves, batch.sequences[-1], batch.draws).values()
        if self.learner.options.orthogonality:
            losses.append(self._orthogonality(leaves))
        if not losses:
            return gradient
        slopes = gradient_of(losses, leaves)
        return {n: value if (slope := slopes[n]) is None else value + slope for n, value in gradient.items()}

    def adjust_gradient(self, gradient: Parameters, values: Parameters, batch: Batch) -> Parameters:
        """Let the parts change the gradient of all losses."""
        for part, past in self._parts():
            gradient = part.adjust_gradient(past, gradient, values, batch.draws)
            check_fit(gradient, values, f"gradient by adjust_gradient of {type(part).__name__}")
        return gradient

    def adjust_update(self, update: Parameters, values: Parameters, batch: Batch) -> Parameters:
        """Let the parts change the update that the optimiser proposes."""
        for part, past in self._parts():
            update = part.adjust_update(past, update, values, batch.draws)
            check_fit(update, values, f"update by adjust_update of {type(part).__name__}")
        return update

    @torch.no_grad()
    def evaluate(self, values: Parameters, validation: Batch) -> Evaluation:
        """Return how well the members do: the mean over the tasks, by step only where there is one."""
        found = []
        for task, part in zip(self.tasks, validation.sequences, strict=True):
            network, likelihood = self.learner.network_of(task), self.learner.tasks[task].likelihood
            found.append(evaluate_unchecked(network, self.learner.weights(values, task), part, likelihood))
        if len(found) == 1:
            return found[0]
        loss, accuracy, variance = (
            torch.stack([getattr(each, name) for each in found]).mean(0)
            for name in ("loss", "accuracy", "output_variance")
        )
        return Evaluation(loss, accuracy, accuracy[:, None], loss[:, None], variance)

    def of(self, learner: Learner) -> "Objective":
        """Return the objective for another learner, such as one with some of the members."""
        return replace(self, learner=learner)

    def _parts(self) -> list[tuple[Part, Any]]:
        """Return the parts that have a past in this session, with their pasts."""
        pairs = ((self.penalty, self.penalty_past), (self.rehearsal, self.rehearsal_past))
        return [(part, past) for part, past in pairs if part is not None and past is not None]

    def _orthogonality(self, values: Parameters) -> Float[Tensor, "member"]:
        """Return the orthogonality penalty of a step: the mean over tasks, where their weights differ."""
        total = [
            orthogonality(value)
            for task in self.tasks
            for name, value in self.learner.base(values, task).items()
            if name.startswith("W_hh")
        ]
        return torch.stack(total).sum(0) * (self.learner.options.orthogonality / len(self.tasks))
