"""An importance divided by its mean, so that the same strengths fit every importance and no rescaling matters."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from wmcl.methods.importances import Importance
from wmcl.methods import Setting
from wmcl.networks import Parameters
from wmcl.training import Observer


@dataclass(frozen=True)
class Normalised:
    r"""Ω_i / mean Ω over all guarded values of a member.

    A quadratic penalty with it is λ Σ_i Ω_i (Δθ_i)² / mean Ω: λ times the squared distance that the values moved, in
    which those that matter count more than one and the others less. So λ has the same unit, nats a scored bit by
    squared weight, for every importance, and for a hypernetwork, whose penalty is β times the squared distance of the
    generated weights. An importance that is zero everywhere stays so.
    """

    of: Importance

    factor: ClassVar[float] = 1.0

    @property
    def observer(self) -> Observer | None:
        """That of the importance."""
        return self.of.observer

    def measure(self, setting: Setting, values: Parameters, task: int, observed: Parameters) -> Parameters:
        """The importance of every guarded value over its mean."""
        found = self.of.measure(setting, values, task, observed)
        mean = torch.cat([value.flatten(1) for value in found.values()], 1).mean(1)
        scale = torch.where(mean > 0, 1 / mean, torch.zeros_like(mean))
        return {name: value * scale.view(-1, *[1] * (value.ndim - 1)) for name, value in found.items()}
