"""Coresets: some sequences of each task are kept, and practised again with soft targets."""

from collections.abc import Sequence
from dataclasses import dataclass
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
from wmcl.methods.parametrisation import Initial
from wmcl.methods.setting import Setting, per_member
from wmcl.networks import Parameters
from wmcl.randomness import generator
from wmcl.tasks import Sequences
from wmcl.tasks.task import check_counts


class Stored(NamedTuple):
    """Sequences of an earlier task."""

    sequences: Sequences
    """without targets"""
    teacher: Float[Tensor, "member window sample output"]
    """logits of the network when the present task began, with its weights and read-out for the earlier task"""


class Held(NamedTuple):
    """What is practised while a task is learned."""

    earlier: tuple[Stored, ...]
    strength: Float[Tensor, "member"]


@dataclass(frozen=True)
class Coresets:
    """Rehearsal of stored sequences by distillation (:mod:`wmcl.methods.distillation`).

    Each member keeps sequences of each task, drawn at random when the task is over; labels are not kept. When a task
    begins, the network as it is answers all of them, once. In each step as many sequences as there are in a batch are
    practised, split over earlier tasks as evenly as possible and drawn with replacement. With no samples it is
    fine-tuning.

    Raises:
        ValueError: if ``samples`` is no whole number of at least 0.
    """

    samples: int = 100
    """sequences a member and task"""
    strength: float | Sequence[float] = 1.0
    """λ; one for all members, or one a member"""
    temperature: float = 2.0
    """T"""

    def __post_init__(self) -> None:
        check_counts(0, samples=self.samples)

    def init(self, setting: Setting) -> Initial:
        """Nothing."""
        return Initial({}, {})

    def empty(self, setting: Setting) -> tuple[Sequences, ...]:
        """No task yet.

        Raises:
            ValueError: if a hyperparameter is out of range, or a batch smaller than the number of earlier tasks.
        """
        per_member("strength", self.strength, setting)
        check_replay(setting, self.temperature)
        return ()

    @torch.no_grad()
    def start(self, setting: Setting, memory: tuple[Sequences, ...], values: Parameters, task: int) -> Held | None:
        """The stored sequences, with the answers of the network as it is now."""
        if not memory:
            return None
        stored = []
        for earlier, sequences in enumerate(memory):
            network, weights = setting.network_of(earlier), setting.weights(values, earlier)
            given = network.apply(weights, sequences.inputs, sequences.window, lengths=sequences.lengths)
            stored.append(Stored(sequences, given.logits))
        return Held(tuple(stored), per_member("strength", self.strength, setting))

    def draw(self, setting: Setting, held: Held, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Which stored sequences are practised."""
        sizes = replay_sizes(setting.options.batch, len(held.earlier))
        drawn = {}
        for earlier, size in enumerate(sizes):
            purpose = f"coreset of task {earlier} in task {task}"
            chosen = [generator(seed, purpose, iteration).integers(self.samples, size=size) for seed in setting.seeds]
            drawn[_drawn_of(earlier)] = torch.from_numpy(np.stack(chosen))
        return drawn

    def losses(
        self, setting: Setting, held: Held, values: Parameters, task: int, batch: Sequences, draws: Parameters
    ) -> dict[str, Float[Tensor, "member"]]:
        """The distillation."""
        found = []
        for earlier, stored in enumerate(held.earlier):
            pick = partial(chosen_samples, index=draws[_drawn_of(earlier)])
            sequences, weights = stored.sequences.map(pick), setting.weights(values, earlier)
            given = setting.network_of(earlier).apply(
                weights, sequences.inputs, sequences.window, lengths=sequences.lengths
            )
            likelihood = setting.tasks[earlier].likelihood
            found.append(distillation(likelihood, given.logits, pick(stored.teacher), sequences, self.temperature))
        unit = loss_unit(batch, setting.options.reduction)
        return {"distillation": total_distillation(held.strength, found, unit)}

    def finish(
        self, setting: Setting, memory: tuple[Sequences, ...], values: Parameters, task: int
    ) -> tuple[Sequences, ...]:
        """Sequences of the task are added."""
        if not self.samples:
            return ()
        return (*memory, unlabelled(setting.data(task, "coreset", self.samples)))

    def stored(self, memory: tuple[Sequences, ...]) -> int:
        """Input values, and the weights that say which steps are scored. Soft targets are not kept between tasks."""
        return sum(each[0].numel() for sequences in memory for each in (sequences.inputs, sequences.scored))


def chosen_samples(
    values: Shaped[Tensor, "#member time sample *feature"], index: Int64[Tensor, "member chosen"]
) -> Shaped[Tensor, "member time chosen *feature"]:
    """The chosen samples of every member."""
    members, chosen = index.shape
    shape = (members, values.shape[1], chosen, *values.shape[3:])
    places = index.view(members, 1, chosen, *[1] * (values.ndim - 3)).expand(shape)
    return values.expand(members, *values.shape[1:]).gather(2, places)


def _drawn_of(task: int) -> str:
    return f"coreset of task {task}"
