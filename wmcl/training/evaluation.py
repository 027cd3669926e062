"""How well an ensemble does on a set of sequences."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.likelihoods import Categorical
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task
from wmcl.training.confusion import confusion, weighted_f1


@dataclass(frozen=True)
class Evaluation:
    """Results per member, over the scored bits (or choices among classes) of a set of sequences."""

    loss: Float[Tensor, "member"]
    """nats a scored bit"""
    accuracy: Float[Tensor, "member"]
    """fraction of scored answers that are right; chance is 0.5 for bits, 1 / C for a choice among C classes; NaN for
    real numbers"""
    accuracy_by_step: Float[Tensor, "member window"]
    """the same for each step of the scored window; NaN where nothing is scored"""
    loss_by_step: Float[Tensor, "member window"]
    """nats a scored bit of each step of the scored window; NaN where nothing is scored"""
    output_variance: Float[Tensor, "member"]
    """mean variance of the model's targets; of bits p (1 - p): 0.25 for a network that knows nothing, 0 if certain; of
    a choice among classes the sum of that over them"""
    confusion: Float[Tensor, "member class class"] | None = None
    """scored answers by the target class (rows) and the likeliest one (columns); ``None`` for bits and real
    numbers, and for several tasks at once"""

    @property
    def weighted_f1(self) -> Float[Tensor, "member"] | None:
        """:func:`wmcl.training.weighted_f1` of a choice among classes."""
        return None if self.confusion is None else weighted_f1(self.confusion)


@torch.no_grad()
def evaluate(
    network: Network, task: Task, parameters: Parameters, sequences: Sequences, chunk: int = 512
) -> Evaluation:
    """Loss, accuracy and output variance of every member; at most ``chunk`` sequences are in memory at a time.

    Sequences that differ in length are taken from the shortest to the longest, each chunk without the steps at which
    all of its sequences are over.
    """
    window = range(sequences.steps)[sequences.window]
    totals = sequences.scored.new_zeros(4, len(parameters["b_out"]), len(window), dtype=torch.float64)
    counts: list[Tensor] = []
    for part in _by_length(sequences, chunk):
        start, stop = part.window.start, part.window.stop
        logits = network.apply(parameters, part.inputs, part.window, lengths=part.lengths).logits
        targets = part.targets[:, part.window]
        weights = part.scored[:, part.window, :, None]
        nll = task.likelihood.nll(logits, targets)
        measures = [
            nll,
            task.likelihood.correct(logits, targets),
            task.likelihood.variance(logits),
            torch.ones_like(nll),
        ]
        found = torch.stack([(m * weights).double().sum((2, 3)) for m in measures])
        totals[:, :, start - window.start : stop - window.start] += found
        if isinstance(task.likelihood, Categorical):
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
    """Chunks of the sequences: as they come if they are equally long, else from the shortest to the longest."""
    longest = sequences.lengths.amax(0)
    if longest.is_meta or bool((longest == longest[0]).all()):
        yield from (sequences.take(slice(first, first + chunk)) for first in range(0, sequences.samples, chunk))
        return
    for chosen in longest.argsort(stable=True).split(chunk):
        yield sequences.map(partial(torch.index_select, dim=2, index=chosen)).trimmed()
