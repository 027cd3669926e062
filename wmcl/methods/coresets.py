"""Coresets keep some sequences of each task, which are practised again with soft targets."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from wmcl.methods.distillation import (
    check_replay,
    distillation,
    loss_unit,
    replay_sizes,
    total_distillation,
    unlabelled,
)
from wmcl.networks import Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.randomness import generator
from wmcl.tasks import Sequences
from wmcl.tasks.task import check_counts
from wmcl.training.parts import Learner, Rehearsal, Strength


class Stored(NamedTuple):
    """A Stored holds the sequences kept of an earlier task, with the answers of the network to them."""

    sequences: Sequences
    """sequences without targets"""
    teacher: Float[Tensor, "member window sample output"]
    """logits of the network when the present task began, with its weights and head for the earlier task"""


class Past(NamedTuple):
    """A Past holds what is practised while a task is learned."""

    learner: Learner
    earlier: tuple[Stored, ...]
    strength: Float[Tensor, "member"]


@dataclass(frozen=True)
class Coresets(Rehearsal):
    """Coresets rehearse stored sequences by distillation (:mod:`wmcl.methods.distillation`).

    Each member keeps sequences of each task, drawn at random when the task is over; labels are not kept. When a task
    begins, the network as it is answers all of them, once. In each step as many sequences as there are in a batch are
    practised, split over earlier tasks as evenly as possible and drawn with replacement. With no samples it is
    fine-tuning.

    Raises:
        ValueError: if ``samples`` is no whole number of at least 0.
    """

    samples: int = 100
    """number of sequences that each member keeps of each task"""
    strength: Strength = 1.0
    """strength λ; one for all members, or one for each"""
    temperature: float = 2.0
    """temperature T of the distillation"""

    def __post_init__(self) -> None:
        check_counts(0, samples=self.samples)

    def check(self, learner: Learner) -> None:
        """Refuse hyperparameters out of range, and a batch smaller than the number of earlier tasks."""
        super().check(learner)
        check_replay(learner, self.temperature)

    @torch.no_grad()
    def start(
        self, learner: Learner, memory: tuple[Sequences, ...] | None, values: Parameters, task: int
    ) -> Past | None:
        """Return the stored sequences, with the answers of the network as it is now."""
        if not memory:
            return None
        stored = []
        for earlier, sequences in enumerate(memory):
            network, weights = learner.network_of(earlier), learner.weights(values, earlier)
            given = network.apply(weights, sequences.inputs, sequences.window, lengths=sequences.lengths)
            stored.append(Stored(sequences, given.logits))
        learned = {
            name: value for name, value in values.items() if name.startswith(CHANGES)
        }  # of earlier tasks: constant
        with_vectors = replace(learner, fixed=learner.fixed | learned)
        return Past(with_vectors, tuple(stored), learner.per_member(strength=self.strength))

    def draw(self, learner: Learner, past: Past, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Choose which stored sequences are practised."""
        sizes = replay_sizes(learner.options.batch, len(past.earlier))
        drawn = {}
        for earlier, size in enumerate(sizes):
            purpose = f"coreset of task {earlier} in task {task}"
            chosen = [generator(seed, purpose, iteration).integers(self.samples, size=size) for seed in learner.seeds]
            drawn[_drawn_of(earlier)] = torch.from_numpy(np.stack(chosen))
        return drawn

    def losses(
        self, past: Past, values: Parameters, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """Return the distillation loss."""
        learner, found = past.learner, []
        for earlier, stored in enumerate(past.earlier):
            pick = partial(chosen_samples, index=draws[_drawn_of(earlier)])
            sequences, weights = stored.sequences.map(pick), learner.weights(values, earlier)
            given = learner.network_of(earlier).apply(
                weights, sequences.inputs, sequences.window, lengths=sequences.lengths
            )
            likelihood = learner.tasks[earlier].likelihood
            found.append(distillation(likelihood, given.logits, pick(stored.teacher), sequences, self.temperature))
        unit = loss_unit(batch, learner.options.reduction)
        return {"distillation": total_distillation(past.strength, found, unit)}

    def finish(
        self,
        learner: Learner,
        memory: tuple[Sequences, ...] | None,
        values: Parameters,
        task: int,
        observed: Parameters,
    ) -> tuple[Sequences, ...]:
        """Return the memory with sequences of the task added."""
        if not self.samples:
            return ()
        return (*(memory or ()), unlabelled(learner.data(task, "coreset", self.samples)))

    def stored(self, memory: tuple[Sequences, ...]) -> int:
        """Count input values, and the weights that say which steps are scored; soft targets are not kept."""
        return sum(each[0].numel() for sequences in memory for each in (sequences.inputs, sequences.scored))


def chosen_samples(
    values: Shaped[Tensor, "#member time sample *feature"], index: Int64[Tensor, "member chosen"]
) -> Shaped[Tensor, "member time chosen *feature"]:
    """Return the chosen samples of every member."""
    members, chosen = index.shape
    shape = (members, values.shape[1], chosen, *values.shape[3:])
    places = index.view(members, 1, chosen, *[1] * (values.ndim - 3)).expand(shape)
    return values.expand(members, *values.shape[1:]).gather(2, places)


def _drawn_of(task: int) -> str:
    return f"coreset of task {task}"
