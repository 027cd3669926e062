r"""The diagonal of the Fisher information matrix, exact per sequence.

.. math::
    F_θ = \frac{1}{N} \sum_{n=1}^{N} \left( \frac{∂}{∂θ} \sum_{t, o} w_{t n} \, L(z_{t n o}, y_{t n o}) \right)^2

with the negative log-likelihood L in nats and the weight w of scored steps: gradients are summed over the steps of
a sequence, squared per sequence, and averaged over sequences. Which targets y are used makes the kind:

``empirical``
    the targets of the data (Ehret et al., 2021; their code uses this one). It vanishes with the loss.
``sampled``
    targets drawn from the model itself, an unbiased estimate of the Fisher information proper
    (Kunstner, Balles and Hennig, NeurIPS 2019, explain the difference).
"""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.importance.per_sample import error_signals, gradient_buffer, squared_gradients
from wmcl.networks import Elman, Parameters
from wmcl.randomness import uniforms
from wmcl.tasks import Sequences, Task

FisherKind = Literal["empirical", "sampled"]


def fisher_diagonal(
    network: Elman,
    task: Task,
    parameters: Parameters,
    sequences: Sequences,
    kind: FisherKind,
    seeds: Sequence[int] | None = None,
    chunk: int = 128,
) -> Parameters:
    """The Fisher diagonal of every parameter of every member.

    Args:
        network: whose parameters are measured.
        task: for its likelihood.
        parameters: of the ensemble.
        sequences: what to average over. ``empirical`` reads their targets, ``sampled`` their inputs alone.
        kind: where the targets come from.
        seeds: one a member, for ``sampled``. The draw of a sequence depends on the seed and its place in
            ``sequences`` alone.
        chunk: sequences in memory at a time; the result does not depend on it beyond rounding.

    Returns:
        Non-negative float64 tensors with the names and shapes of ``parameters``, per sequence, in nats² per
        squared unit of the parameter. Divide by the scored bits of a sequence for the value per scored bit.

    Raises:
        ValueError: if the kind is unknown, the chunk is not positive, there is no sequence, or seeds are
            missing or of the wrong number.
    """
    members = next(iter(parameters.values())).shape[0]
    _validate(kind, seeds, members, chunk, sequences.samples)
    fixed = {name: value.detach() for name, value in parameters.items()}
    total = {name: torch.zeros_like(value, dtype=torch.float64) for name, value in fixed.items()}
    buffer = gradient_buffer(fixed)
    for first in range(0, sequences.samples, chunk):
        part = sequences.take(slice(first, first + chunk))
        with torch.enable_grad():
            activations = network.apply(fixed, part.inputs, part.window, taps=True)
            targets = part.targets[:, part.window]
            if kind == "sampled":
                targets = _sample(task, activations.logits, () if seeds is None else seeds, first)
            nll = task.likelihood.nll(activations.logits, targets) * part.scored[:, part.window, :, None]
            errors = error_signals(nll.sum(), activations)
        for linear_map, error in zip(activations.maps, errors, strict=True):
            weight, bias = squared_gradients(error, linear_map, buffer)
            total[linear_map.weight] += weight
            total[linear_map.bias] += bias
    return {name: value / sequences.samples for name, value in total.items()}


def _validate(kind: str, seeds: Sequence[int] | None, members: int, chunk: int, samples: int) -> None:
    if kind not in get_args(FisherKind):
        raise ValueError(f"kind is {kind!r}: it must be one of {', '.join(get_args(FisherKind))}")
    if kind == "sampled" and (seeds is None or len(seeds) != members):
        raise ValueError(f"seeds is {seeds}: a sampled Fisher needs one seed for each of the {members} members")
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}: it must be at least 1")
    if samples < 1:
        raise ValueError("sequences is empty: a Fisher needs at least one sequence")


def _sample(
    task: Task, logits: Float[Tensor, "member window sample output"], seeds: Sequence[int], first: int
) -> Float[Tensor, "member window sample output"]:
    """Targets drawn from the model, addressed by member seed and place of the sequence."""
    _, steps, samples, outputs = logits.shape
    tables = [uniforms(seed, "fisher targets", first, samples, steps * outputs) for seed in seeds]
    table = torch.from_numpy(np.stack(tables)).view(len(seeds), samples, steps, outputs).transpose(1, 2)
    return task.likelihood.sample(logits.detach(), table.to(logits))
