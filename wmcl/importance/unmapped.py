r"""Parameters that no linear map uses have per-sample gradients, too: gains, decays, and whatever a network has.

Error signals make the gradients of linear maps (:mod:`wmcl.importance.per_sample`). A network of one's own may use a
parameter in another way: a decay of its units, a gain, the slope of a function, or a weight matrix that it changes
before use. The members of an ensemble do not interact, so the gradients of all samples with respect to such parameters
come from one backward pass of an ensemble with a member for each sample, all of the same parameters.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from wmcl.networks import Network, Parameters
from wmcl.networks.activations import Activations, LinearMap
from wmcl.networks.vectors import CHANGES

_VALUES_AT_ONCE = 1 << 20
FEW = 2
"""samples on which the maps of a network of one's own are compared with autograd"""


class Forward(NamedTuple):
    """A Forward holds what a network was given, with taps, and what it made of that."""

    network: Network
    parameters: Parameters
    inputs: Float[Tensor, "#member time sample feature"]
    steps: slice
    lengths: Int[Tensor, "#member sample"] | None
    activations: Activations


class Pass(NamedTuple):
    """A Pass is a forward pass, and the gradient with respect to its logits that goes back through it."""

    forward: Forward
    cotangent: Float[Tensor, "member window sample output"]


def signals_of(
    forward: Forward, cotangent: Float[Tensor, "member window sample output"]
) -> list[tuple[LinearMap, Float[Tensor, "member time sample unit"]]]:
    """Return the linear maps with their error signals δ, the gradients with respect to their taps."""
    activations = forward.activations
    if not activations.maps:
        return []
    taps = [each.tap for each in activations.maps]
    errors = torch.autograd.grad(activations.logits, taps, cotangent, retain_graph=True)
    return list(zip(activations.maps, errors, strict=True))


def run_with_taps(
    network: Network,
    parameters: Parameters,
    inputs: Float[Tensor, "#member time sample feature"],
    steps: slice,
    lengths: Int[Tensor, "#member sample"] | None,
) -> Forward:
    """Run a network on the inputs."""
    activations = network.apply(parameters, inputs, steps, taps=True, lengths=lengths)
    return Forward(network, parameters, inputs, steps, lengths, activations)


def unmapped(forward: Forward) -> tuple[str, ...]:
    """Name the parameters whose gradients are not those of the linear maps alone.

    Networks of the package are taken at their word. Those of others are compared with autograd on a few samples, as
    they may use a parameter of a map once more, or change it before the map does.
    """
    network, parameters, inputs, steps, lengths, activations = forward
    mapped = {name for one in activations.maps for name in (one.weight, one.bias)}
    own = [name for name in parameters if name != CHANGES]
    missing = [name for name in own if name not in mapped]
    if all(type(one).__module__.startswith("wmcl.") for one in (network, network.cell)):
        return tuple(missing)
    leaves = {name: value.detach().requires_grad_(name in own) for name, value in parameters.items()}
    few = slice(0, FEW)
    small = run_with_taps(network, leaves, inputs[:, :, few], steps, None if lengths is None else lengths[:, few])
    logits = small.activations.logits
    cotangent = torch.linspace(1, 2, logits.numel(), dtype=logits.dtype, device=logits.device).view_as(logits)
    truth = torch.autograd.grad(logits, [leaves[name] for name in own], cotangent, retain_graph=True, allow_unused=True)
    by_maps = {name: torch.zeros_like(value) for name, value in leaves.items()}
    for one, error in signals_of(small, cotangent):
        read = one.input.detach()[:, : error.shape[1] - one.delay].expand(len(error), -1, -1, -1)
        by_maps[one.weight][:, one.rows] += torch.einsum("mtbh,mtbi->mhi", error[:, one.delay :], read)
        if one.bias is not None:
            by_maps[one.bias][:, one.rows] += error.sum((1, 2))
    wrong = [
        name
        for name, value in zip(own, truth, strict=True)
        if name in mapped and not _agree(by_maps[name], torch.zeros_like(by_maps[name]) if value is None else value)
    ]
    return (*missing, *wrong)


def add_unmapped(total: Parameters, each: Pass, names: Sequence[str], power: int) -> None:
    """Add the powers of the per-sample gradients of some parameters, summed over samples, to what was found before.

    Raises:
        ValueError: if the network answers a sample otherwise than in a batch.
    """
    network, parameters, inputs, steps, lengths, activations = each.forward
    samples = inputs.shape[2]
    block = max(1, _VALUES_AT_ONCE // max(total[name][0].numel() for name in names))
    for member in range(len(activations.logits)):
        for first in range(0, samples, block):
            chosen = slice(first, first + block)
            own_inputs = _as_members(inputs, member)[chosen]
            alone = {
                name: value[member].detach().expand(len(own_inputs), *value.shape[1:])
                for name, value in parameters.items()
            }
            alone |= {name: alone[name].clone().requires_grad_() for name in names}
            own_lengths = None if lengths is None else lengths[member % len(lengths), chosen, None]
            logits = network.apply(alone, own_inputs, steps, lengths=own_lengths).logits
            if not _agree(logits.detach(), _as_members(activations.logits.detach(), member)[chosen]):
                raise ValueError(
                    f"network answers a sample otherwise alone than in a batch, so {', '.join(names)} have no gradient"
                    " for each sample: an answer must depend on the sample and on the parameters of its member alone"
                )
            if not logits.requires_grad:  # the answer depends on none of them
                continue
            cotangent = _as_members(each.cotangent, member)[chosen]
            found = torch.autograd.grad(logits, [alone[name] for name in names], cotangent, allow_unused=True)
            for name, gradient in zip(names, found, strict=True):
                if gradient is not None:
                    total[name][member] += gradient.double().abs().pow(power).sum(0)


def _as_members(
    values: Float[Tensor, "#member time sample feature"], member: int
) -> Float[Tensor, "sample time 1 feature"]:
    """Return the samples of a member as members with one sample each."""
    return values[member % len(values)].transpose(0, 1)[:, :, None]


def _agree(one: Tensor, other: Tensor) -> bool:
    """Tell whether two results are the same up to rounding, by the largest of their values."""
    scale = torch.maximum(one.abs().max(), other.abs().max()) if one.numel() else 0
    tolerance = 3 * torch.finfo(one.dtype).eps ** 0.5
    return bool((one - other).abs().max() <= tolerance * scale) if one.numel() else True
