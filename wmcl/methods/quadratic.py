r"""Quadratic penalties on moving values that mattered for earlier tasks.

One term with one anchor, the values after the latest task (online EWC of Schwarz et al., ICML 2018; Synaptic
Intelligence and Memory Aware Synapses accumulate the same way):

.. math::
    L_k = λ c \sum_i γ Ω_{k-1, i} (θ_i - θ^*_{k-1, i})^2, \qquad Ω_k = γ Ω_{k-1} + Ω^{new}_k,

or one term a task, each with the anchor of its own (EWC of Kirkpatrick et al., PNAS 2017):

.. math::
    L_k = λ c \sum_{j < k} \sum_i Ω^{new}_{j, i} (θ_i - θ^*_{j, i})^2

with the strength λ, the factor c of the importance (½ for a Fisher), and the decay γ, which acts once between two
tasks. The sums run over all guarded values, read-outs and biases included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.methods.importances import Importance
from wmcl.methods.setting import Setting, per_member
from wmcl.networks import Parameters
from wmcl.training import Observer


class Term(NamedTuple):
    """A weighted sum of squared distances."""

    importance: Parameters
    """float64 in memory; in what the loss takes, all factors are included, in the type of the values"""
    anchor: Parameters


@dataclass(frozen=True)
class Quadratic:
    """Holds guarded values near what they were after earlier tasks, the more so the more they mattered.

    The loss of a task is in the units of ``Options.reduction``, while a Fisher is in nats² a sequence. A strength of
    the paper (``sequence``) is to be divided by the scored bits of a sequence where the loss is in nats a scored bit,
    except for Synaptic Intelligence, whose importance has the units of the loss.

    Raises:
        ValueError: if the decay lies outside of its range, or is given for terms that never decay.
    """

    importance: Importance
    strength: float | Sequence[float]
    """λ; one for all members, or one a member"""
    decay: float = 1.0
    """γ, from 0 (earlier tasks do not count) to 1 (they count as much as at first)"""
    per_task: bool = False
    """whether every earlier task has a term with its own anchor"""

    def __post_init__(self) -> None:
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay is {self.decay}: it must lie between 0 and 1")
        if self.per_task and self.decay != 1:
            raise ValueError(f"decay is {self.decay} with a term a task: none of them decays, so it must be 1")

    @property
    def observer(self) -> Observer | None:
        """What the importance asks for."""
        return self.importance.observer

    @property
    def looks_ahead(self) -> bool:
        """It does not."""
        return False

    def empty(self, setting: Setting) -> tuple[Term, ...]:
        """No term."""
        per_member("strength", self.strength, setting)
        return ()

    def start(
        self, setting: Setting, memory: tuple[Term, ...], values: Parameters, task: int
    ) -> tuple[Term, ...] | None:
        """Terms with all their factors."""
        if not memory:
            return None
        scale = per_member("strength", self.strength, setting) * (self.importance.factor * self.decay)
        return tuple(Term(_scaled(term, scale), term.anchor) for term in memory)

    def draw(self, setting: Setting, task: int, iteration: int) -> Parameters:
        """Nothing."""
        return {}

    def loss(
        self, setting: Setting, held: tuple[Term, ...], values: Parameters, task: int, draws: Parameters
    ) -> Float[Tensor, "member"]:
        """The weighted sum of squared distances."""
        parts = [
            (weight * (values[name] - term.anchor[name]).square()).flatten(1).sum(1)
            for term in held
            for name, weight in term.importance.items()
        ]
        return torch.stack(parts).sum(0)

    def finish(
        self, setting: Setting, memory: tuple[Term, ...], values: Parameters, task: int, observed: Parameters
    ) -> tuple[Term, ...]:
        """With the importance of the task that was learned, and the values at its end as the anchor."""
        anchor = setting.parametrisation.guarded(setting.network, setting.fixed | values)
        new = self.importance.measure(setting, values, task, observed)
        if memory and not self.per_task:
            old = memory[0].importance
            new = {name: value + self.decay * old[name] for name, value in new.items()}
        return (*memory, Term(new, anchor)) if self.per_task else (Term(new, anchor),)

    def stored(self, memory: tuple[Term, ...]) -> int:
        """Importances and anchors, which the next task must not overwrite."""
        return sum(value[0].numel() for term in memory for part in term for value in part.values())


def _scaled(term: Term, scale: Float[Tensor, "member"]) -> Parameters:
    return {
        name: (value * scale.view(-1, *[1] * (value.ndim - 1))).to(term.anchor[name].dtype)
        for name, value in term.importance.items()
    }
