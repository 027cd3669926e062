r"""Distillation keeps the answers to sequences of earlier tasks as they were before.

The loss of a member is

.. math::
    λ \sum_{j < k} \frac{1}{n_j} \sum_{s=1}^{n_j} \sum_{t, c} w_{tsj} \, D(z_{tscj}, z^*_{tscj})

with k the task that is learned, n_j replayed sequences of each earlier task j, weights w of scored steps, D the
distillation of the likelihood, z the logits of the network and z* those of the network when the task began, both with
the head of task j. It is the loss of Ehret et al. (2021): a sum over earlier tasks, so that together they weigh the
more, the more there are. What is read from the sequences are their scored steps, wherever these lie.

With ``reduction="scored bit"`` everything is divided by the mean number of scored bits of a sequence of the batch of
the present task, as the task loss is. So what a loss weighs relative to the task loss is the same for either reduction,
and a strength means the same.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.likelihoods import Likelihood
from wmcl.tasks import Sequences
from wmcl.training.loss import Reduction
from wmcl.training.parts import Learner


def distillation(
    likelihood: Likelihood,
    logits: Float[Tensor, "member window sample output"],
    teacher: Float[Tensor, "member window sample output"],
    sequences: Sequences,
    temperature: float,
) -> Float[Tensor, "member"]:
    """Return the distillation loss, in nats: the mean over sequences of the sum over scored steps and output units.

    Args:
        likelihood: of the targets.
        logits: at the steps of ``sequences.window``.
        teacher: logits of the network whose answers are to be kept, at the same steps.
        sequences: with scored steps; targets play no part.
        temperature: T.
    """
    bits = likelihood.distillation(logits, teacher, temperature).sum(-1)
    return (bits * sequences.scored[:, sequences.window]).sum((1, 2)) / sequences.samples


def total_distillation(
    strength: Float[Tensor, "member"], losses: Sequence[Float[Tensor, "member"]], unit: Float[Tensor, "#member"]
) -> Float[Tensor, "member"]:
    """Return the sum of the losses of earlier tasks, times the strength, in a unit from :func:`loss_unit`."""
    return strength * torch.stack(list(losses)).sum(0) / unit


def loss_unit(batch: Sequences, reduction: Reduction) -> Float[Tensor, "#member"]:
    """Return what a loss a sequence is divided by: the scored bits of a sequence of the batch, or (``sequence``) 1."""
    bits = batch.scored_bits().mean(-1)
    return torch.ones_like(bits) if reduction == "sequence" else bits


def replay_sizes(batch: int, tasks: int) -> list[int]:
    """Split a batch over earlier tasks as evenly as possible: the numbers differ by at most one."""
    return [batch // tasks + (task < batch % tasks) for task in range(tasks)]


def unlabelled(sequences: Sequences) -> Sequences:
    """Return the sequences without their targets."""
    return replace(sequences, targets=sequences.targets.new_zeros(*sequences.targets.shape[:3], 0))


def check_replay(learner: Learner, temperature: float) -> None:
    """Refuse batches that are smaller than the number of earlier tasks, and temperatures that make no sense.

    Raises:
        ValueError: naming the field.
    """
    earlier, batch = len(learner.tasks) - 1, learner.options.batch
    if batch < earlier:
        raise ValueError(
            f"batch is {batch} with {earlier} tasks before the last: it must be at least {earlier}, for one replayed"
            " sequence of each"
        )
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature is {temperature}: it must be positive and finite")
