"""The quantity that training makes small, and its gradient."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.likelihoods import Likelihood
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences

Reduction = Literal["scored bit", "sequence"]


def task_loss(
    likelihood: Likelihood,
    logits: Float[Tensor, "member window sample output"],
    sequences: Sequences,
    reduction: Reduction = "scored bit",
) -> Float[Tensor, "member"]:
    """Negative log-likelihood in nats, a number a member.

    Args:
        likelihood: of the targets.
        logits: at the steps of ``sequences.window``.
        sequences: with targets and scored steps.
        reduction: ``scored bit`` divides the sum over all scored bits by their number; ``sequence`` divides it by
            the number of sequences alone, as the paper's code does.
    """
    weights = sequences.scored[:, sequences.window]
    bits = likelihood.nll(logits, sequences.targets[:, sequences.window]).sum(-1)
    total = (bits * weights).sum((1, 2))
    return total / (sequences.samples if reduction == "sequence" else sequences.scored_bits().sum(-1))


def in_nats_a_bit(loss: Float[Tensor, "member"], sequences: Sequences, reduction: Reduction) -> Float[Tensor, "member"]:
    """A task loss in nats a scored bit, whatever it was divided by."""
    return loss * (sequences.samples / sequences.scored_bits().sum(-1) if reduction == "sequence" else 1)


def orthogonality(W_hh: Float[Tensor, "member gate unit"]) -> Float[Tensor, "member"]:
    """Σ over gates of ‖W Wᵀ - I‖² (Frobenius), zero if the block W of every gate is orthogonal."""
    units = W_hh.shape[-1]
    blocks = W_hh.unflatten(1, (-1, units))
    identity = torch.eye(units, dtype=W_hh.dtype, device=W_hh.device)
    return (blocks @ blocks.mT - identity).square().sum((1, 2, 3))


def task_gradient(
    network: Network,
    likelihood: Likelihood,
    parameters: Parameters,
    sequences: Sequences,
    reduction: Reduction = "scored bit",
) -> tuple[Float[Tensor, "member"], Parameters]:
    """Task loss of every member, and its gradient."""
    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    logits = network.apply(leaves, sequences.inputs, sequences.window, lengths=sequences.lengths).logits
    loss = task_loss(likelihood, logits, sequences, reduction)
    # members do not interact, so the gradient of the sum holds the gradient of each
    gradients = torch.autograd.grad(loss.sum(), list(leaves.values()))
    return loss.detach(), dict(zip(leaves, gradients, strict=True))


def add_orthogonality(gradient: Parameters, parameters: Parameters, strength: float) -> Parameters:
    """The gradient, plus that of the orthogonality penalty of the given strength on all recurrent matrices."""
    if not strength:
        return gradient
    recurrent = {n: value.detach().requires_grad_() for n, value in parameters.items() if n.startswith("W_hh")}
    penalty = torch.stack([orthogonality(value).sum() for value in recurrent.values()]).sum()
    slopes = torch.autograd.grad(strength * penalty, list(recurrent.values()))
    return gradient | {name: gradient[name] + slope for name, slope in zip(recurrent, slopes, strict=True)}


def loss_and_gradient(
    network: Network,
    likelihood: Likelihood,
    parameters: Parameters,
    sequences: Sequences,
    reduction: Reduction = "scored bit",
    orthogonality_strength: float = 0.0,
) -> tuple[Float[Tensor, "member"], Parameters]:
    """Task loss of every member, and the gradient of task loss plus orthogonality penalty."""
    loss, gradient = task_gradient(network, likelihood, parameters, sequences, reduction)
    return loss, add_orthogonality(gradient, parameters, orthogonality_strength)


def clip(
    gradient: Parameters, maximum: float | None
) -> tuple[Parameters, Float[Tensor, "member"], Bool[Tensor, "member"]]:
    """Scale each member's gradient to an L2 norm of at most ``maximum`` (``None``: leave it).

    Returns:
        The gradient, each member's norm before clipping, and whether it was clipped.
    """
    norm = torch.stack([g.flatten(1).norm(dim=1) for g in gradient.values()]).norm(dim=0)
    clipped = norm > (float("inf") if maximum is None else maximum)
    if maximum is None or (is_free_to_read(clipped) and not bool(clipped.any())):
        return gradient, norm, clipped
    scale = torch.where(clipped, maximum / norm, torch.ones_like(norm))
    return {name: g * scale.view(-1, *[1] * (g.ndim - 1)) for name, g in gradient.items()}, norm, clipped


def where(members: Bool[Tensor, "member"] | Sequence[bool], yes: Parameters, no: Parameters) -> Parameters:
    """The parameters of ``yes`` for the chosen members, and those of ``no`` for the others."""
    chosen = torch.as_tensor(members)
    if is_free_to_read(chosen):
        if bool(chosen.all()):
            return yes
        if not bool(chosen.any()):
            return no
    return {
        name: torch.where(chosen.to(y.device).view(-1, *[1] * (y.ndim - 1)), y, no[name]) for name, y in yes.items()
    }


def is_free_to_read(values: Tensor) -> bool:
    """Whether the host can look at these values without waiting for a device.

    Where it can, it skips work that would change nothing. Where it cannot, the work is done: the results are the same.
    """
    return values.device.type == "cpu"
