"""The output-preserving penalty holds what a hypernetwork generates for earlier tasks."""

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.hypernetwork import Hypernetwork
from wmcl.networks import Parameters
from wmcl.randomness import generator
from wmcl.tasks import Sequences
from wmcl.tasks.task import check_counts
from wmcl.training.parts import Learner, Offer, Penalty, Strength

CHOSEN = "regularised tasks"
"""name of the draw that holds numbers of earlier tasks, (member, chosen)"""


class Targets(NamedTuple):
    """Targets hold what the hypernetwork gave for each earlier task when this one began."""

    hypernetwork: Hypernetwork
    weights: Float[Tensor, "member earlier weight"]
    """weights generated for each earlier task"""
    own: Float[Tensor, "earlier head"]
    """for each earlier task, 1 for weights of its own head and 0 for those of others; empty unless several are
    generated"""
    generated: int
    """number of weights that the hypernetwork gives, without a surplus of the last chunk"""


@dataclass(frozen=True)
class OutputPreserving(Penalty):
    r"""OutputPreserving is a penalty on changes of what a hypernetwork generates for earlier tasks.

    It is that of von Oswald, Henning, Sacramento and Grewe ("Continual learning with hypernetworks", ICLR 2020):

    .. math::
        \frac{β}{|S|} \sum_{j \in S} \sum_{k \in \text{own}(j)} (h_k(e_j, θ) - h_k(e_j^*, θ^*))^2

    Here h are the weights that the hypernetwork θ generates from the embedding of task j, starred values are those
    before the present task, S are the earlier tasks, and own(j) leaves out the rows of other tasks' heads. It is a
    sum over weights and a mean over tasks: β scales with the size of the network, not with the number of tasks.

    Between tasks nothing is kept: the targets are what the hypernetwork itself generates when a task begins.

    Raises:
        ValueError: if ``tasks`` is no positive whole number.
    """

    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.earlier_tasks, Offer.generated_weights})

    strength: Strength
    """strength β; one for all members, or one for each"""
    _: KW_ONLY
    tasks: int | None = None
    """number of earlier tasks a step, chosen anew by each member in each step; ``None``: all of them"""
    look_ahead: bool = False
    """whether the loss is taken at the values to which the task gradient alone would lead"""
    train_earlier_embeddings: bool = True
    """whether embeddings of earlier tasks may move to keep the weights where they are"""

    def __post_init__(self) -> None:
        if self.tasks is not None:
            check_counts(tasks=self.tasks)

    @property
    def lookahead(self) -> bool:
        """Tell whether the loss is taken where the task gradient would lead."""
        return self.look_ahead

    @torch.no_grad()
    def start(self, learner: Learner, memory: None, values: Parameters, task: int) -> Targets | None:
        """Return the weights generated for every earlier task as things stand."""
        if task == 0:
            return None
        hypernetwork, network = learner.parametrisation, learner.network
        assert isinstance(hypernetwork, Hypernetwork)  # nothing else offers generated weights
        weights = hypernetwork.generate(values, hypernetwork.embeddings(values, range(task)))
        own = weights.new_zeros(task, 0)
        if network.heads > 1 and hypernetwork.generates_heads:
            heads = torch.eye(task, network.heads, dtype=weights.dtype, device=weights.device)
            rows = heads.repeat_interleave(network.outputs, 1)
            own = torch.cat([rows.repeat_interleave(network.shapes["W_out"][1], 1), rows], 1)
        generated = sum(prod(shape) for shape in hypernetwork.generated(network).values())
        return Targets(hypernetwork, weights, own, generated)

    def draw(self, learner: Learner, past: Targets, task: int, iteration: int, batch: Sequences) -> Parameters:
        """Choose the earlier tasks of a step: a random subset, unless it is all of them."""
        if self.tasks is None or self.tasks >= task:
            return {}
        randoms = [generator(seed, f"{CHOSEN} in task {task}", iteration) for seed in learner.seeds]
        chosen = np.stack([random.permutation(task)[: self.tasks] for random in randoms])
        return {CHOSEN: torch.from_numpy(chosen)}

    def loss(self, past: Targets, values: Parameters, draws: Parameters) -> Float[Tensor, "member"]:
        """Return the formula of the class without β, computed for all regularised tasks in one batch."""
        hypernetwork, targets, own = past.hypernetwork, past.weights, past.own
        embeddings = hypernetwork.embeddings(values, range(targets.shape[1]))
        if not self.train_earlier_embeddings:
            embeddings = embeddings.detach()
        if CHOSEN in draws:
            chosen = draws[CHOSEN]
            members = torch.arange(len(chosen), device=chosen.device)[:, None]
            embeddings = embeddings.take_along_dim(chosen[..., None], 1)
            targets, own = targets[members, chosen], own[chosen]
        moved = hypernetwork.generate(values, embeddings) - targets
        heads = own.shape[-1]
        shared, of_heads, _ = moved.split([past.generated - heads, heads, moved.shape[-1] - past.generated], -1)
        total = shared.square().sum((1, 2)) + (of_heads * own).square().sum((1, 2))
        return total.double() / embeddings.shape[1]
