"""This module counts answers by target class and answered class, and computes the weighted F1 from the counts."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def confusion(
    logits: Float[Tensor, "member time sample class"],
    targets: Float[Tensor, "#member time sample class"],
    weights: Float[Tensor, "#member time sample"],
) -> Float[Tensor, "member class class"]:
    """Count answers by the target class (rows) and the likeliest one (columns).

    Args:
        logits: of the classes.
        targets: one-hot.
        weights: what each step counts as; 0 where nothing is scored.

    Returns:
        float64 counts.
    """
    classes, members = logits.shape[-1], logits.shape[0]
    wanted, answered = targets.argmax(-1), logits.argmax(-1)
    pairs = (wanted * classes + answered).reshape(members, -1)
    counts = logits.new_zeros((members, classes * classes), dtype=torch.float64)
    counts.scatter_add_(1, pairs, weights.expand(members, -1, -1).reshape(members, -1).double())
    return counts.view(members, classes, classes)


def weighted_f1(
    counts: Float[Tensor, "*ensemble class class"] | Int[Tensor, "*ensemble class class"],
) -> Float[Tensor, "*ensemble"]:
    """Compute the mean F1 of the classes, each weighted by how often it is the target.

    With the precision P and the recall R of a class, F1 = 2 P R / (P + R) = 2 right / (wanted + answered), and 0 for a
    class that is a target but never answered. A class that is never a target has no weight.

    Args:
        counts: of each target class (rows) and answer (columns), as of :func:`confusion`.
    """
    right = counts.double().diagonal(dim1=-2, dim2=-1)
    wanted, answered = counts.double().sum(-1), counts.double().sum(-2)
    f1 = 2 * right / (wanted + answered).clamp(min=torch.finfo(torch.float64).tiny)
    return (f1 * wanted).sum(-1) / wanted.sum(-1)
