r"""Make exact per-sample gradients from taps.

Index table: m member, t time, b sample, h unit that a map writes to, i feature that it reads.
A map a = W x + b (x of the step before, in the recurrence) has, for the loss of sample b,

    ∂L_b/∂W[h, i] = Σ_t δ[t, b, h] x[t, b, i],        ∂L_b/∂b[h] = Σ_t δ[t, b, h]

with the error signal δ = ∂L_b/∂a. Samples do not interact, so one backward pass through the summed loss of a batch
gives the δ of every sample.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.importance.unmapped import Pass, add_unmapped, signals_of, unmapped
from wmcl.networks import Parameters
from wmcl.networks.activations import LinearMap
from wmcl.networks.vectors import CHANGES
from wmcl.tasks.task import check_counts

Power = Literal[1, 2]
_VALUES_AT_ONCE = 1 << 20  # per-sample gradients in memory at a time: 4 MB in float32, which stays in the cache


def gradient_buffer(parameters: Parameters) -> Float[Tensor, "value"]:
    """Allocate memory for the per-sample gradients of :func:`gradient_powers`, for at least one sample of every member.

    One buffer serves all calls: fresh memory for each of them costs a fifth of the time of a Fisher diagonal.
    """
    largest = max(parameters.values(), key=torch.numel)
    return largest.new_empty(max(_VALUES_AT_ONCE, largest.numel()))


def sum_over_samples(passes: Iterable[Pass], parameters: Parameters, power: Power) -> Parameters:
    """Sum the per-sample gradients, squared or absolute, over samples and backward passes, in float64.

    Changes of the vectors of words are left out: they are no weights of the network, and no other task reads them.

    Args:
        passes: forward passes, and what goes back through them.
        parameters: of the ensemble, for the shapes.
        power: 2 for squares, 1 for absolute values.
    """
    own = {name: value.detach() for name, value in parameters.items() if name != CHANGES}
    total = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in own.items()}
    buffer = gradient_buffer(own)
    others: tuple[str, ...] | None = None
    for each in passes:
        if others is None:
            others = unmapped(each.forward)
        for linear_map, error in signals_of(each.forward, each.cotangent):
            weight, bias = gradient_powers(error, linear_map, buffer, power)
            if linear_map.weight not in others:
                total[linear_map.weight][:, linear_map.rows] += weight
            if linear_map.bias is not None and linear_map.bias not in others:
                total[linear_map.bias][:, linear_map.rows] += bias
        if others:
            add_unmapped(total, each, others, power)
    return total


def gradient_powers(
    errors: Float[Tensor, "member time sample unit"],
    linear_map: LinearMap,
    buffer: Float[Tensor, "value"],
    power: Power,
) -> tuple[Float[Tensor, "member unit feature"], Float[Tensor, "member unit"]]:
    """Sum the squared or absolute gradients of weight and bias of a linear map over samples, in float64."""
    return weight_powers(errors, linear_map, buffer, power), errors.sum(1).double().abs().pow(power).sum(1)


def weight_powers(
    errors: Float[Tensor, "member time sample unit"],
    linear_map: LinearMap,
    buffer: Float[Tensor, "value"],
    power: Power,
) -> Float[Tensor, "member unit feature"]:
    """Sum the powers of the gradients of the weight alone.

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
        positive = gradients.square_() if power == 2 else gradients.abs_()
        weight += positive.unflatten(0, (-1, members)).sum(0)
    return weight.mT if features < units else weight


def check_averaged(samples: int, **counts: int) -> None:
    """Refuse an average over no sequence, and counts below 1, with a ValueError that names them."""
    check_counts(**counts)
    if samples < 1:
        raise ValueError("data is empty: an importance needs at least one sequence")
