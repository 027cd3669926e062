r"""Quadratic penalties hold values that mattered for earlier tasks.

A penalty has one term with one anchor, the values after the latest task (online EWC of Schwarz et al., ICML 2018;
Synaptic Intelligence and Memory Aware Synapses accumulate the same way):

.. math::
    L_k = λ c \sum_i γ Ω_{k-1, i} (θ_i - θ^*_{k-1, i})^2, \qquad Ω_k = γ Ω_{k-1} + Ω^{new}_k,

or one term a task, each with the anchor of its own (EWC of Kirkpatrick et al., PNAS 2017):

.. math::
    L_k = λ c \sum_{j < k} \sum_i Ω^{new}_{j, i} (θ_i - θ^*_{j, i})^2

with the strength λ, the factor c of the importance (½ for a Fisher), and the decay γ, which acts once between two
tasks. The sums run over all consolidated values, heads and biases included.
"""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.importances import Importance
from wmcl.networks import Parameters
from wmcl.training import Observer
from wmcl.training.parts import Learner, Offer, Penalty, Strength


class Term(NamedTuple):
    """A Term is a weighted sum of squared distances."""

    importance: Parameters
    """importance of each value: float64 in memory; in the past of a task, with all factors, in the type of the
    values"""
    anchor: Parameters
    """values after the task"""


@dataclass(frozen=True)
class Quadratic(Penalty):
    """Hold values near what they were after earlier tasks, the more so the more they mattered.

    The loss of a task is in the units of ``Options.reduction``, while a Fisher is in nats² a sequence. A strength of
    the paper (whose loss is one of sequences) is to be divided by the scored bits of a sequence where the loss is in
    nats a scored bit, except for Synaptic Intelligence, whose importance has the units of the loss.

    Raises:
        ValueError: if the decay lies outside of its range, or is given for terms that never decay.
    """

    has_strength_in_past: ClassVar[bool] = True
    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.earlier_tasks, Offer.shared_weights, Offer.sequences})

    importance: Importance
    strength: Strength
    """strength λ; one for all members, or one for each"""
    _: KW_ONLY
    decay: float = 1.0
    """decay γ, from 0 (earlier tasks do not count) to 1 (they count as much as at first)"""
    per_task: bool = False
    """whether every earlier task has a term with its own anchor"""

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay is {self.decay}: it must lie between 0 and 1")
        if self.per_task and self.decay != 1:
            raise ValueError(f"decay is {self.decay} with a term a task: none of them decays, so it must be 1")

    @property
    def observer(self) -> Observer | None:
        """Return the observer of the importance, if it needs one."""
        return self.importance.observer

    def start(
        self, learner: Learner, memory: tuple[Term, ...] | None, values: Parameters, task: int
    ) -> tuple[Term, ...] | None:
        """Return the terms with strength, factor and decay multiplied into their importances."""
        if not memory:
            return None
        scale = learner.per_member(strength=self.strength) * (self.importance.factor * self.decay)
        return tuple(Term(_scaled(term, scale), term.anchor) for term in memory)

    def loss(self, past: tuple[Term, ...], values: Parameters, draws: Parameters) -> Float[Tensor, "member"]:
        """Return the weighted sum of squared distances."""
        parts = [
            (weight * (values[name] - term.anchor[name]).square()).flatten(1).sum(1)
            for term in past
            for name, weight in term.importance.items()
        ]
        return torch.stack(parts).sum(0)

    def finish(
        self, learner: Learner, memory: tuple[Term, ...] | None, values: Parameters, task: int, observed: Parameters
    ) -> tuple[Term, ...]:
        """Add the importance of the task that was learned, with the values at its end as the anchor."""
        anchor = learner.consolidated(values)
        new = self.importance.measure(learner, values, task, observed)
        if memory and not self.per_task:
            old = memory[0].importance
            new = {name: value + self.decay * old[name] for name, value in new.items()}
        return (*(memory or ()), Term(new, anchor)) if self.per_task else (Term(new, anchor),)


def _scaled(term: Term, scale: Float[Tensor, "member"]) -> Parameters:
    return {
        name: (value * scale.view(-1, *[1] * (value.ndim - 1))).to(term.anchor[name].dtype)
        for name, value in term.importance.items()
    }
