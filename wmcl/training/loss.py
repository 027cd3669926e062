"""This module holds the task loss, the orthogonality penalty, and what a step does with gradients of members."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.likelihoods import Likelihood
from wmcl.networks import Parameters
from wmcl.tasks import Sequences

Reduction = Literal["scored bit", "sequence"]
"""what the sum of a loss over scored bits is divided by: their number, or the number of sequences"""


def task_loss(
    likelihood: Likelihood,
    logits: Float[Tensor, "member window sample output"],
    sequences: Sequences,
    reduction: Reduction = "scored bit",
) -> Float[Tensor, "member"]:
    """Return the negative log-likelihood of every member in nats.

    Args:
        likelihood: of the targets.
        logits: at the steps of ``sequences.window``.
        sequences: with targets and scored steps.
        reduction: ``scored bit`` divides the sum over all scored bits by their number; ``sequence`` divides it by
            the number of sequences, as the paper's code does.
    """
    weights = sequences.scored[:, sequences.window]
    bits = likelihood.nll(logits, sequences.targets[:, sequences.window]).sum(-1)
    total = (bits * weights).sum((1, 2))
    return total / (sequences.samples if reduction == "sequence" else sequences.scored_bits().sum(-1))


def in_nats_a_bit(loss: Float[Tensor, "member"], sequences: Sequences, reduction: Reduction) -> Float[Tensor, "member"]:
    """Convert a task loss to nats a scored bit, whatever it was divided by."""
    return loss * (sequences.samples / sequences.scored_bits().sum(-1) if reduction == "sequence" else 1)


def orthogonality(W_hh: Float[Tensor, "member gate unit"]) -> Float[Tensor, "member"]:
    """Return Σ over gates of ‖W Wᵀ - I‖² (Frobenius): zero if the block W of every gate is orthogonal."""
    units = W_hh.shape[-1]
    blocks = W_hh.unflatten(1, (-1, units))
    identity = torch.eye(units, dtype=W_hh.dtype, device=W_hh.device)
    return (blocks @ blocks.mT - identity).square().sum((1, 2, 3))


def leaves_of(values: Parameters) -> Parameters:
    """Return the values as leaves of a new graph, to take gradients with respect to them."""
    return {name: value.detach().requires_grad_() for name, value in values.items()}


def gradient_of(losses: Sequence[Tensor], leaves: Parameters) -> dict[str, Tensor | None]:
    """Return the gradient of the sum of some losses; it is ``None`` for values on which none of them depends.

    Each loss is a number for every member. Members do not interact, so the gradient of the sum over members holds the
    gradient of each.
    """
    total = torch.stack([loss.sum().double() for loss in losses]).sum()
    return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values()), allow_unused=True), strict=True))


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
    """Return the parameters of ``yes`` for the chosen members, and those of ``no`` for the others."""
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
    """Tell whether the host can look at these values without waiting for a device.

    Where it can, it skips work that would change nothing. Where it cannot, the work is done: the results are the same.
    """
    return values.device.type == "cpu"
