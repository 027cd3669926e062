"""An importance divided by its mean, so that the same strengths fit every importance and no rescaling matters."""

from dataclasses import dataclass

import torch

from wmcl.methods.importances import Importance
from wmcl.networks import Parameters
from wmcl.training import Observer
from wmcl.training.parts import Learner


@dataclass(frozen=True)
class Normalised(Importance):
    r"""Ω_i / mean Ω over all consolidated values of a member.

    A quadratic penalty with it is λ Σ_i Ω_i (Δθ_i)² / mean Ω: λ times the squared distance that the values moved, in
    which those that matter count more than one and the others less. So λ has the same unit, nats a scored bit by
    squared weight, for every importance, and for a hypernetwork, whose penalty is β times the squared distance of the
    generated weights. An importance that is zero everywhere stays so.
    """

    of: Importance

    @property
    def observer(self) -> Observer | None:
        """What the importance needs to have watched."""
        return self.of.observer

    def measure(self, learner: Learner, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """Return the importance of every consolidated value over its mean."""
        found = self.of.measure(learner, values, task, observed)
        mean = torch.cat([value.flatten(1) for value in found.values()], 1).mean(1)
        scale = torch.where(mean > 0, 1 / mean, torch.zeros_like(mean))
        return {name: value * scale.view(-1, *[1] * (value.ndim - 1)) for name, value in found.items()}
