"""Holds what a hypernetwork generates for earlier tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.hypernetwork import Hypernetwork
from wmcl.methods.setting import Setting, per_member
from wmcl.networks import Parameters
from wmcl.randomness import generator
from wmcl.tasks.task import check_counts

CHOSEN = "regularised tasks"
"""what the draw is called that holds numbers of earlier tasks, (member, chosen)"""


class Targets(NamedTuple):
    """What is held while a task is learned."""

    weights: Float[Tensor, "member earlier weight"]
    """generated for each earlier task before this one"""
    own: Float[Tensor, "earlier read_out"]
    """1 for weights of the read-out of that task, 0 for those of others; empty unless several are generated"""
    strength: Float[Tensor, "member"]


@dataclass(frozen=True)
class OutputPreserving:
    r"""The penalty of von Oswald, Henning, Sacramento and Grewe ("Continual learning with hypernetworks", ICLR 2020).

    .. math::
        \frac{β}{|S|} \sum_{j \in S} \sum_{k \in \text{own}(j)} (h_k(e_j, θ) - h_k(e_j^*, θ^*))^2

    Here h are the weights that the hypernetwork θ generates from the embedding of task j, starred values are those
    before the present task, S are the earlier tasks, and own(j) leaves out the rows of other tasks' read-outs. It is a
    sum over weights and a mean over tasks: β scales with the size of the network, not with the number of tasks.

    Between tasks nothing is kept: the targets are what the hypernetwork itself generates when a task begins.

    Raises:
        ValueError: if ``tasks`` is no positive whole number.
    """

    strength: float | Sequence[float]
    """β; one for all members, or one a member"""
    tasks: int | None = None
    """so many earlier tasks a step, chosen anew by each member in each; ``None``: all of them"""
    look_ahead: bool = False
    """whether it is taken at the values to which the task gradient alone would lead"""
    train_earlier_embeddings: bool = True
    """whether embeddings of earlier tasks may move to keep the weights where they are"""
    observer: None = None

    def __post_init__(self) -> None:
        if self.tasks is not None:
            check_counts(tasks=self.tasks)

    @property
    def looks_ahead(self) -> bool:
        """As ``look_ahead`` says."""
        return self.look_ahead

    def empty(self, setting: Setting) -> None:
        """Nothing; refuses what does not fit.

        Raises:
            ValueError: if the weights are not generated, or the strength is out of range or not one a member.
        """
        _hypernetwork(setting)
        per_member("strength", self.strength, setting)

    @torch.no_grad()
    def start(self, setting: Setting, memory: None, values: Parameters, task: int) -> Targets | None:
        """Weights generated for every earlier task as things stand."""
        if task == 0:
            return None
        hypernetwork, network = _hypernetwork(setting), setting.network
        weights = hypernetwork.generate(values, hypernetwork.embeddings(values, range(task)))
        own = weights.new_zeros(task, 0)
        if network.heads > 1 and hypernetwork.generates_heads:
            heads = torch.eye(task, network.heads, dtype=weights.dtype, device=weights.device)
            rows = heads.repeat_interleave(network.outputs, 1)
            of_a_row = network.shapes["W_out"][1]
            own = torch.cat([rows.repeat_interleave(of_a_row, 1), rows], 1)
        return Targets(weights, own, per_member("strength", self.strength, setting))

    def draw(self, setting: Setting, task: int, iteration: int) -> Parameters:
        """The earlier tasks of a step: a random subset, unless it is all of them."""
        if self.tasks is None or self.tasks >= task:
            return {}
        randoms = [generator(seed, f"{CHOSEN} in task {task}", iteration) for seed in setting.seeds]
        chosen = np.stack([random.permutation(task)[: self.tasks] for random in randoms])
        return {CHOSEN: torch.from_numpy(chosen)}

    def loss(
        self, setting: Setting, held: Targets, values: Parameters, task: int, draws: Parameters
    ) -> Float[Tensor, "member"]:
        """The formula above, all regularised tasks in one batch."""
        hypernetwork = _hypernetwork(setting)
        embeddings, targets, own = hypernetwork.embeddings(values, range(task)), held.weights, held.own
        if not self.train_earlier_embeddings:
            embeddings = embeddings.detach()
        if CHOSEN in draws:
            chosen = draws[CHOSEN]
            members = torch.arange(len(chosen), device=chosen.device)[:, None]
            embeddings = embeddings.take_along_dim(chosen[..., None], 1)
            targets, own = targets[members, chosen], own[chosen]
        moved = hypernetwork.generate(values, embeddings) - targets
        weights = sum(prod(shape) for shape in hypernetwork.generated(setting.network).values())
        read_outs = own.shape[-1]
        shared, heads, _ = moved.split([weights - read_outs, read_outs, moved.shape[-1] - weights], -1)
        total = shared.square().sum((1, 2)) + (heads * own).square().sum((1, 2))
        return held.strength * total / embeddings.shape[1]

    def finish(self, setting: Setting, memory: None, values: Parameters, task: int, observed: Parameters) -> None:
        """Nothing."""

    def stored(self, memory: None) -> int:
        """Nothing beyond the hypernetwork, which is among the trained values."""
        return 0


def _hypernetwork(setting: Setting) -> Hypernetwork:
    if not isinstance(setting.parametrisation, Hypernetwork):
        raise ValueError(
            f"penalty is {OutputPreserving.__name__} with the parametrisation {type(setting.parametrisation).__name__}:"
            f" it holds what a hypernetwork generates, so the parametrisation must be {Hypernetwork.__name__}"
        )
    return setting.parametrisation
