r"""How many of the targets that a sampled Fisher has drawn say anything: its effective number of informative draws.

A sampled Fisher is an unbiased estimate, and a bad one where the model is sure of its answers. A target that is drawn
from such a model is nearly always the likeliest one, which has almost no gradient; what there is to find lies in rare
draws, and an estimate in which none has occurred is far too small. Let c be the squared gradient of the loss of a
sequence with respect to its logits. Its first two moments over targets have closed forms, and

.. math::
    n_\text{informative} = D \, \frac{\bigl(\sum_n E[c_n]\bigr)^2}{\sum_n E[c_n^2]}

is the number of equal draws that would estimate the mean of c as well as D draws for each of the sequences n do
(Kish, Survey Sampling, 1965): the relative standard error is below :math:`1 / \sqrt{n_\text{informative}}`. It is the
number of all draws at chance, and about the expected number of surprising targets where a model is sure.
"""

import warnings
from collections.abc import Iterable

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.likelihoods import Likelihood

ENOUGH = 10
"""informative draws below which an estimate is doubtful: its relative standard error is about a third"""
Moments = Float64[Tensor, "2 member"]
"""Σ E[c] and Σ E[c²] over sequences"""


def moments(
    likelihood: Likelihood,
    logits: Float[Tensor, "member window sample output"],
    weights: Float[Tensor, "#member window sample 1"],
) -> Moments:
    """Return the moments of the sequences, summed.

    Args:
        likelihood: of the targets.
        logits: of the answers.
        weights: of the answers in the loss of a sequence; they count squared.
    """
    if not hasattr(likelihood, "squared_gradient"):  # one of a user's own, of which only draws are known
        return torch.full((2, len(logits)), torch.nan, dtype=torch.float64, device=logits.device)
    mean, variance = likelihood.squared_gradient(logits.double())
    of_sequence = (mean * weights.double() ** 2).sum((1, 3))
    spread = (variance * weights.double() ** 4).sum((1, 3))
    return torch.stack([of_sequence.sum(1), (of_sequence.square() + spread).sum(1)])


def informative_draws(found: Iterable[Moments], draws: int) -> Float64[Tensor, "member"]:
    """Return the effective number of informative draws, given moments of all sequences.

    It is 0 if nothing can be learned, and NaN if the likelihood has no ``squared_gradient``.
    """
    mean, square = torch.stack(list(found)).sum(0)
    return torch.where(square == 0, torch.zeros_like(mean), draws * mean.square() / square)


def warn_of_few(number: Float64[Tensor, "member"], drawn: int, stacklevel: int) -> None:
    """Warn if an estimate rests on few informative draws, and three of four that were made say nothing."""
    few = int(((number < ENOUGH) & (number < drawn / 4)).sum())
    if few:
        whose = "" if len(number) == 1 else f" of {few} of {len(number)} members"
        warnings.warn(
            f"the sampled Fisher{whose} rests on {float(number.min()):.2g} informative draws of {drawn}, so it may be"
            " wrong by any factor: targets drawn from a model that is sure of its answers hardly ever tell anything;"
            f" take kind='exact', or so many draws or sequences that {ENOUGH} of them are informative",
            UserWarning,
            stacklevel=stacklevel + 1,
        )
