"""Measure how well an ensemble does on a set of sequences."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data
from wmcl.likelihoods import Categorical, Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task
from wmcl.tasks.task import check_counts


@dataclass(frozen=True)
class Evaluation:
    """Hold results per member, over the scored bits (or choices among classes) of a set of sequences."""

    loss: Float[Tensor, "member"]
    """mean loss, in nats a scored bit"""
    accuracy: Float[Tensor, "member"]
    """fraction of scored answers that are right; chance is 0.5 for bits, 1 / C for a choice among C classes; NaN for
    real numbers"""
    accuracy_by_step: Float[Tensor, "member window"]
    """fraction of right answers at each step of the scored window; NaN where nothing is scored"""
    loss_by_step: Float[Tensor, "member window"]
    """mean loss at each step of the scored window, in nats a scored bit; NaN where nothing is scored"""
    output_variance: Float[Tensor, "member"]
    """mean variance of the model's targets; of bits p (1 - p): 0.25 for a network that knows nothing, 0 if certain; of
    a choice among classes the sum of that over them"""
    confusion: Float[Tensor, "member class class"] | None = None
    """number of scored answers by the target class (rows) and the likeliest one (columns); ``None`` for bits and real
    numbers, and for several tasks at once"""

    @property
    def weighted_f1(self) -> Float[Tensor, "member"] | None:
        """Return the weighted F1 (:func:`wmcl.training.weighted_f1`); ``None`` without classes."""
        return None if self.confusion is None else weighted_f1(self.confusion)


@with_autograd
def evaluate(
    network: Network, parameters: Parameters, data: Sequences, likelihood: Likelihood | Task, chunk: int = 512
) -> Evaluation:
    """Measure loss, accuracy and output variance of every member.

    Sequences that differ in length are taken from the shortest to the longest, each chunk without the steps at which
    all of its sequences are over.

    Args:
        network: that is judged.
        parameters: of the ensemble.
        data: sequences that it is judged on.
        likelihood: of the targets; a task stands for its own.
        chunk: sequences in memory at a time; the result does not depend on it beyond rounding.

    Raises:
        ValueError: if network, parameters, data and likelihood do not fit, or the chunk is not positive.
    """
    check_data(network, parameters, data, likelihood_of(likelihood))
    check_counts(chunk=chunk)
    return evaluate_unchecked(network, parameters, data, likelihood_of(likelihood), chunk)


@torch.no_grad()
def evaluate_unchecked(
    network: Network, parameters: Parameters, data: Sequences, likelihood: Likelihood, chunk: int = 512
) -> Evaluation:
    """Evaluate as :func:`evaluate` does, without checking the arguments.

    It is for training, which has checked its data. There a member of which something is not finite is stopped, while
    the others go on.
    """
    window = range(data.steps)[data.window]
    totals = data.scored.new_zeros(4, len(parameters["b_out"]), len(window), dtype=torch.float64)
    counts: list[Tensor] = []
    for part in _by_length(data, chunk):
        start, stop = part.window.start, part.window.stop
        logits = network.apply(parameters, part.inputs, part.window, lengths=part.lengths).logits
        targets = part.targets[:, part.window]
        weights = part.scored[:, part.window, :, None]
        nll = likelihood.nll(logits, targets)
        measures = [
            nll,
            likelihood.correct(logits, targets),
            likelihood.variance(logits),
            torch.ones_like(nll),
        ]
        found = torch.stack([(m * weights).double().sum((2, 3)) for m in measures])
        totals[:, :, start - window.start : stop - window.start] += found
        if isinstance(likelihood, Categorical):
            counts.append(confusion(logits, targets, weights[..., 0]))
    nll, correct, variance, count = totals  # each (member, window)
    total = count.sum(1)
    return Evaluation(
        nll.sum(1) / total,
        correct.sum(1) / total,
        correct / count,
        nll / count,
        variance.sum(1) / total,
        torch.stack(counts).sum(0) if counts else None,
    )


def _by_length(sequences: Sequences, chunk: int) -> Iterator[Sequences]:
    """Yield chunks of the sequences: as they come if they are equally long, else from the shortest to the longest."""
    longest = sequences.lengths.amax(0)
    if longest.is_meta or bool((longest == longest[0]).all()):
        yield from (sequences.take(slice(first, first + chunk)) for first in range(0, sequences.samples, chunk))
        return
    for chosen in longest.argsort(stable=True).split(chunk):
        yield sequences.map(partial(torch.index_select, dim=2, index=chosen)).trimmed()


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
