"""Adam as a pure function, with a learning rate a member."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from wmcl.networks.initialisation import Parameters


class AdamState(NamedTuple):
    """Moments of the gradients of a training run. All of it is on the device, so that no step waits for the host."""

    steps: Int64[Tensor, ""]
    first: Parameters
    second: Parameters


@dataclass(frozen=True)
class Adam:
    r"""Kingma and Ba (ICLR 2015), equal to ``torch.optim.Adam``.

    .. math::
        m &\leftarrow β_1 m + (1 - β_1) g, \quad v \leftarrow β_2 v + (1 - β_2) g^2 \\
        Δ &= -η \frac{m / (1 - β_1^t)}{\sqrt{v / (1 - β_2^t)} + ε}

    ``propose`` changes nothing: the caller decides whether the update is applied.
    """

    learning_rate: float | Sequence[float] | Tensor = 1e-3
    """η, one for all members or one a member"""
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    def on(self, device: torch.device | str) -> "Adam":
        """The same optimiser with its learning rates on a device, so that no step has to send them there."""
        return replace(self, learning_rate=torch.as_tensor(self.learning_rate, dtype=torch.float64, device=device))

    def start(self, parameters: Parameters) -> AdamState:
        """The state before the first step."""
        zeros = {name: torch.zeros_like(value) for name, value in parameters.items()}
        device = next(iter(parameters.values())).device
        return AdamState(torch.zeros((), dtype=torch.int64, device=device), zeros, dict(zeros))

    def propose(self, gradient: Parameters, state: AdamState) -> tuple[Parameters, AdamState]:
        """The update of this step, and the state after it."""
        beta1, beta2 = self.betas
        steps = state.steps + 1
        first = {name: torch.lerp(state.first[name], g, 1 - beta1) for name, g in gradient.items()}
        second = {name: (state.second[name] * beta2).addcmul_(g, g, value=1 - beta2) for name, g in gradient.items()}
        correction1, correction2 = (1 - torch.pow(beta, steps.double()) for beta in self.betas)
        scale = correction2.sqrt()
        update = {}
        for name, m in first.items():
            denominator = second[name].sqrt().div_(scale).add_(self.epsilon)
            step = torch.div(m, denominator, out=denominator)
            update[name] = step.mul_(_per_member(self.learning_rate, m) / -correction1)
        return update, AdamState(steps, first, second)


def _per_member(value: float | Sequence[float] | Tensor, like: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=like.dtype, device=like.device).reshape(-1, *[1] * (like.ndim - 1))
