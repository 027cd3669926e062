"""What a phase of a continual-learning run makes small: task loss, penalty, rehearsal and orthogonality."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.method import Method
from wmcl.methods.schedule import Phase
from wmcl.methods.setting import Setting
from wmcl.networks import Parameters
from wmcl.tasks import Sequences
from wmcl.training import Evaluation, orthogonality, task_loss
from wmcl.training.evaluation import evaluate_unchecked
from wmcl.training.objective import in_nats_a_bit


@dataclass(frozen=True)
class MixedBatch:
    """Sequences of each task of a phase, and the random numbers that a method asks for."""

    parts: tuple[Sequences, ...]
    draws: Parameters = field(default_factory=dict)

    def tensors(self) -> list[Tensor]:
        """All tensors."""
        return [*(values for part in self.parts for values in part.tensors()), *self.draws.values()]

    def map(self, function: Callable[[Tensor], Tensor]) -> "MixedBatch":
        """The batch with a function applied to every tensor."""
        draws = {name: function(value) for name, value in self.draws.items()}
        return MixedBatch(tuple(part.map(function) for part in self.parts), draws)

    def shapes(self) -> list[object]:
        """Of the sequences and of the random numbers."""
        draws: list[object] = [(name, tuple(value.shape), value.dtype) for name, value in self.draws.items()]
        return [*(part.shapes() for part in self.parts), *draws]


@dataclass(frozen=True)
class PhaseObjective:
    """The objective of one phase; ``held`` is what penalty and rehearsal start the phase with."""

    setting: Setting
    method: Method
    phase: Phase
    penalty_held: Any = None
    rehearsal_held: Any = None

    @property
    def name(self) -> str:
        """For progress bars."""
        tasks = self.setting.tasks
        return tasks[self.phase.tasks[0]].name if len(self.phase.tasks) == 1 else f"{len(tasks)} tasks at once"

    @property
    def starts_alike(self) -> bool:
        """Whether members differ in nothing but seed and learning rate: they are new, and nothing is held yet."""
        return self.phase.fresh and self.penalty_held is None and self.rehearsal_held is None

    def batch(self, seeds: Sequence[int], iteration: int) -> MixedBatch:
        """Sequences of every task of the phase, whose numbers differ by at most one, and draws of the method."""
        task, samples, count = self.phase.tasks[-1], self.setting.options.batch, len(self.phase.tasks)
        sizes = [samples // count + (k < samples % count) for k in range(count)]
        parts = tuple(
            self.setting.tasks[t].batch(seeds, iteration, size) for t, size in zip(self.phase.tasks, sizes, strict=True)
        )
        draws: Parameters = {}
        if self.penalty_held is not None:
            draws |= self.method.penalty.draw(self.setting, task, iteration)
        if self.rehearsal_held is not None:
            draws |= self.method.rehearsal.draw(self.setting, self.rehearsal_held, task, iteration, parts[-1])
        return MixedBatch(parts, draws)

    def validation(self) -> MixedBatch:
        """The validation set of every task of the phase."""
        return MixedBatch(tuple(self.setting.tasks[task].validation for task in self.phase.tasks))

    def task_gradient(self, values: Parameters, batch: MixedBatch) -> tuple[Float[Tensor, "member"], Parameters]:
        """Mean over the tasks of the phase, weighted by their numbers of sequences."""
        leaves = _leaves(values)
        reduction, samples = self.setting.options.reduction, sum(part.samples for part in batch.parts)
        losses, in_nats = [], []
        for task, part in zip(self.phase.tasks, batch.parts, strict=True):
            network, likelihood = self.setting.network_of(task), self.setting.tasks[task].likelihood
            weights = self.setting.weights(leaves, task)
            logits = network.apply(weights, part.inputs, part.window, lengths=part.lengths).logits
            loss, share = task_loss(likelihood, logits, part, reduction), part.samples / samples
            losses.append(loss * share)
            in_nats.append(in_nats_a_bit(loss.detach(), part, reduction) * share)
        return torch.stack(in_nats).sum(0), _gradient(losses, leaves)

    def add_penalties(
        self,
        gradient: Parameters,
        values: Parameters,
        batch: MixedBatch,
        propose: Callable[[Parameters], Parameters],
    ) -> Parameters:
        """Add the gradients of penalty, rehearsal and orthogonality."""
        leaves, task = _leaves(values), self.phase.tasks[-1]
        losses: list[Tensor] = []
        if self.penalty_held is not None:
            at = leaves
            if self.method.penalty.looks_ahead:
                update = propose(gradient)
                at = {name: value + update[name] for name, value in leaves.items()}
            losses.append(self.method.penalty.loss(self.setting, self.penalty_held, at, task, batch.draws))
        if self.rehearsal_held is not None:
            found = self.method.rehearsal.losses(
                self.setting, self.rehearsal_held, leaves, task, batch.parts[-1], batch.draws
            )
            losses += found.values()
        if self.setting.options.orthogonality:
            losses.append(self._orthogonality(leaves))
        if not losses:
            return gradient
        slopes = _gradient(losses, leaves)
        return {name: value + slopes[name] for name, value in gradient.items()}

    def _orthogonality(self, values: Parameters) -> Float[Tensor, "member"]:
        """Once a step, however many tasks are in the batch: the mean over them, where their weights differ."""
        setting, total = self.setting, []
        for task in self.phase.tasks:
            base = setting.parametrisation.base(setting.network, setting.fixed | values, task)
            total += [orthogonality(value) for name, value in base.items() if name.startswith("W_hh")]
        return torch.stack(total).sum(0) * (setting.options.orthogonality / len(self.phase.tasks))

    @torch.no_grad()
    def evaluate(self, values: Parameters, validation: MixedBatch) -> Evaluation:
        """Mean over the tasks of the phase; by step only where there is one."""
        found = [
            evaluate_unchecked(
                self.setting.network_of(task),
                self.setting.weights(values, task),
                part,
                self.setting.tasks[task].likelihood,
            )
            for task, part in zip(self.phase.tasks, validation.parts, strict=True)
        ]
        if len(found) == 1:
            return found[0]
        loss, accuracy, variance = (
            torch.stack([getattr(each, name) for each in found]).mean(0)
            for name in ("loss", "accuracy", "output_variance")
        )
        return Evaluation(loss, accuracy, accuracy[:, None], loss[:, None], variance)


def _leaves(values: Parameters) -> Parameters:
    return {name: value.detach().requires_grad_() for name, value in values.items()}


def _gradient(losses: list[Tensor], leaves: Parameters) -> Parameters:
    """Of all values; zero for those that the losses do not depend on. Members do not interact: one sum serves all."""
    total = torch.stack([loss.sum().double() for loss in losses]).sum()
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if slope is None else slope
        for (name, leaf), slope in zip(leaves.items(), found, strict=True)
    }
