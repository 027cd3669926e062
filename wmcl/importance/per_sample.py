r"""Exact per-sample gradients from taps.

Index table: m member, t time, b sample, h unit that a map writes to, i feature that it reads.
A map a = W x + b (x of the step before, in the recurrence) has, for the loss of sample b,

    ∂L_b/∂W[h, i] = Σ_t δ[t, b, h] x[t, b, i],        ∂L_b/∂b[h] = Σ_t δ[t, b, h]

with the error signal δ = ∂L_b/∂a. Samples do not interact, so one backward pass through the summed loss of a batch
gives the δ of every sample.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Activations, LinearMap, Parameters

_VALUES_AT_ONCE = 1 << 20  # per-sample gradients in memory at a time: 4 MB in float32, which stays in the cache


def gradient_buffer(parameters: Parameters) -> Float[Tensor, "value"]:
    """Memory for the per-sample gradients of :func:`squared_gradients`, for at least one sample of every member.

    One buffer serves all calls: fresh memory for each of them costs a fifth of the time of a Fisher diagonal.
    """
    largest = max(parameters.values(), key=torch.numel)
    return largest.new_empty(max(_VALUES_AT_ONCE, largest.numel()))


def error_signals(
    loss: Float[Tensor, ""], activations: Activations, retain_graph: bool = False
) -> list[Float[Tensor, "member time sample unit"]]:
    """δ of every linear map of a forward pass that was made with taps."""
    taps = [linear_map.tap for linear_map in activations.maps]
    return list(torch.autograd.grad(loss, taps, retain_graph=retain_graph))


def squared_gradients(
    errors: Float[Tensor, "member time sample unit"],
    linear_map: LinearMap,
    buffer: Float[Tensor, "value"],
    power: int = 2,
) -> tuple[Float[Tensor, "member unit feature"], Float[Tensor, "member unit"]]:
    """Squared gradients of weight and bias of a linear map, or abs(gradient) ** power, summed over samples, in float64.

    The gradients of as many samples as fit into the buffer exist at a time.
    """
    members, steps, samples, units = errors.shape
    inputs = linear_map.input.detach()[:, : steps - linear_map.delay].expand(members, -1, -1, -1)
    features = inputs.shape[-1]
    left, right = errors[:, linear_map.delay :].permute(2, 0, 3, 1), inputs.permute(2, 0, 3, 1)
    if features < units:  # a thin matrix is multiplied several times faster from the left
        left, right = right, left
    rows, columns = left.shape[2], right.shape[2]
    block = buffer.numel() // (members * units * features)
    weight = torch.zeros(members, rows, columns, dtype=torch.float64, device=errors.device)
    for first in range(0, samples, block):
        one, other = (x[first : first + block].flatten(0, 1) for x in (left, right))
        gradients = buffer[: len(one) * rows * columns].view(-1, rows, columns)
        torch.bmm(one, other.mT, out=gradients)
        weight += (
            (gradients.square_() if power == 2 else gradients.abs_().pow_(power)).unflatten(0, (-1, members)).sum(0)
        )
    bias = errors.sum(1).double().abs().pow(power).sum(1)
    return weight.mT if features < units else weight, bias
