r"""Exact per-sample gradients from taps.

Index table: m member, t time, b sample, h unit that a map writes to, i feature that it reads.
A map a = W x + b has, for the loss of sample b,

    ∂L_b/∂W[h, i] = Σ_t δ[t, b, h] x[t, b, i],        ∂L_b/∂b[h] = Σ_t δ[t, b, h]

with the error signal δ = ∂L_b/∂a. Samples do not interact, so one backward pass through the summed loss of a batch
gives the δ of every sample.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Activations

_SAMPLES_IN_CACHE = 16  # 16 gradients of 256 x 256 are 4 MB: fastest of 8, 16, 32 and 64 on the CPUs tried


def error_signals(
    loss: Float[Tensor, ""], activations: Activations, retain_graph: bool = False
) -> list[Float[Tensor, "member time sample unit"]]:
    """δ of every linear map of a forward pass that was made with taps."""
    taps = [linear_map.tap for linear_map in activations.maps]
    return list(torch.autograd.grad(loss, taps, retain_graph=retain_graph))


def squared_gradients(
    errors: Float[Tensor, "member time sample unit"], inputs: Float[Tensor, "#member time sample feature"]
) -> tuple[Float[Tensor, "member unit feature"], Float[Tensor, "member unit"]]:
    """Squared gradients of weight and bias, summed over samples, in float64.

    The gradients of a few samples exist at a time.
    """
    members, _, samples, units = errors.shape
    shape = (members, units, inputs.shape[-1])
    weight = torch.zeros(shape, dtype=torch.float64, device=errors.device)
    for first in range(0, samples, _SAMPLES_IN_CACHE):
        block = slice(first, first + _SAMPLES_IN_CACHE)
        weight += _squared_products(errors[:, :, block], inputs[:, :, block])
    bias = errors.sum(1, dtype=torch.float64).square().sum(1)
    return weight, bias


def _squared_products(errors: Tensor, inputs: Tensor) -> Tensor:
    """Σ_b (Σ_t δ x)², of the samples of a block."""
    members, time, samples, units = errors.shape
    left = errors.permute(0, 2, 3, 1).reshape(members * samples, units, time)
    right = inputs.expand(members, -1, -1, -1).permute(0, 2, 1, 3).reshape(members * samples, time, -1)
    gradients = torch.bmm(left, right)
    return gradients.square_().view(members, samples, units, -1).sum(1)
