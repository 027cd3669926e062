r"""Make exact per-sample gradients from taps.

Index table: m member, t time, b sample, h unit that a map writes to, i feature that it reads.
A map a = W x + b (x of the step before, in the recurrence) has, for the loss of sample b,

    ∂L_b/∂W[h, i] = Σ_t δ[t, b, h] x[t, b, i],        ∂L_b/∂b[h] = Σ_t δ[t, b, h]

with the error signal δ = ∂L_b/∂a. Samples do not interact, so one backward pass through the summed loss of a batch
gives the δ of every sample.
"""

import math
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
_VALUES_AT_ONCE = (
    1 << 18
)  # per-sample gradients in memory at a time: 1 MB in float32, which stays in the cache of a core
_SAMPLES_AT_ONCE = 4


def gradient_buffer(parameters: Parameters) -> Float[Tensor, "value"]:
    """Allocate memory for the per-sample gradients of :func:`gradient_powers`, for at least one sample of every member.

    One buffer serves all calls: fresh memory for each of them costs a fifth of the time of a Fisher diagonal.
    """
    largest = max(parameters.values(), key=torch.numel)
    return largest.new_empty(max(_VALUES_AT_ONCE, largest.numel()))


class Sum:
    """A Sum adds up the per-sample gradients, squared or absolute, of one pass after the other, in float64.

    Changes of the vectors of words are left out: they are no weights of the network, and no other task reads them.

    Args:
        parameters: of the ensemble, for the shapes.
        power: 2 for squares, 1 for absolute values.
    """

    def __init__(self, parameters: Parameters, power: Power) -> None:
        own = {name: value.detach() for name, value in parameters.items() if name != CHANGES}
        self.values = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in own.items()}
        self.power = power
        self._buffer = gradient_buffer(own)
        self._others: tuple[str, ...] | None = None

    def add(self, each: Pass) -> None:
        """Add the gradients of a forward pass and what goes back through it, summed over samples."""
        if self._others is None:
            self._others = unmapped(each.forward)
        for linear_map, error in signals_of(each.forward, each.cotangent):
            weight, bias = gradient_powers(error, linear_map, self._buffer, self.power)
            if linear_map.weight not in self._others:
                self.values[linear_map.weight][:, linear_map.rows] += weight
            if linear_map.bias is not None and linear_map.bias not in self._others:
                self.values[linear_map.bias][:, linear_map.rows] += bias
        if self._others:
            add_unmapped(self.values, each, self._others, self.power)


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
    members, steps, _, units = errors.shape
    inputs = linear_map.input.detach()[:, : steps - linear_map.delay].expand(members, -1, -1, -1)
    features = inputs.shape[-1]
    left, right = errors[:, linear_map.delay :].permute(2, 0, 3, 1), inputs.permute(2, 0, 3, 1)
    if features < units:  # a thin matrix is multiplied several times faster from the left
        left, right = right, left
    rows, columns = left.shape[2], right.shape[2]
    few_rows = max(1, min(rows, buffer.numel() // (_SAMPLES_AT_ONCE * members * columns)))
    weight = torch.zeros(members, rows, columns, dtype=errors.dtype, device=errors.device)
    for first_row in range(0, rows, few_rows):
        tile = slice(first_row, first_row + few_rows)
        weight[:, tile] = _sum_of_powers(left[:, :, tile], right, buffer, power)
    return (weight.mT if features < units else weight).double()


def _sum_of_powers(
    left: Float[Tensor, "sample member row time"],
    right: Float[Tensor, "sample member column time"],
    buffer: Float[Tensor, "value"],
    power: Power,
) -> Float[Tensor, "member row column"]:
    """Sum the powers of left times right over samples; a sum over samples is a product with ones, the fastest one."""
    samples, members, rows, _ = left.shape
    shape = (members, rows, right.shape[2])
    block = max(1, buffer.numel() // math.prod(shape))
    ones, total = left.new_ones(1, block), left.new_zeros(1, math.prod(shape))
    for first in range(0, samples, block):
        one, other = (x[first : first + block].flatten(0, 1) for x in (left, right))
        gradients = buffer[: len(one) * rows * shape[2]].view(len(one), rows, shape[2])
        torch.bmm(one, other.mT, out=gradients)
        positive = gradients.square_() if power == 2 else gradients.abs_()
        positive = positive.view(-1, total.shape[1])
        total.addmm_(ones[:, : len(positive)], positive)
    return total.view(shape)


def check_averaged(samples: int, **counts: int) -> None:
    """Refuse an average over no sequence, and counts below 1, with a ValueError that names them."""
    check_counts(**counts)
    if samples < 1:
        raise ValueError("data is empty: an importance needs at least one sequence")
