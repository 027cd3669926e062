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
``exact``
    the expectation over all targets that the model could give, in closed form. Given the inputs, targets are
    independent over steps, so it is the sum over scored steps of the Fisher of each step alone; ``empirical`` is not.
"""

from collections.abc import Sequence

from wmcl.importance.per_sample import sum_over_samples
from wmcl.importance.signals import FisherKind, fisher_signals, passes
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task


def fisher_diagonal(
    network: Network,
    task: Task,
    parameters: Parameters,
    sequences: Sequences,
    kind: FisherKind,
    seeds: Sequence[int] | None = None,
    draws: int = 1,
    chunk: int = 128,
) -> Parameters:
    """The Fisher diagonal of every parameter of every member.

    Args:
        network: whose parameters are measured.
        task: for its likelihood.
        parameters: of the ensemble.
        sequences: what to average over. ``empirical`` reads their targets, the others their inputs alone.
        kind: where the targets come from.
        seeds: one a member, for ``sampled``. The draw of a sequence depends on the seed, its place in
            ``sequences`` and their ``window`` alone.
        draws: targets drawn a sequence, for ``sampled``.
        chunk: sequences in memory at a time; the result does not depend on it beyond rounding.

    Returns:
        Non-negative float64 tensors with the names and shapes of ``parameters``, but without ``vector_changes``
        (:mod:`wmcl.networks.vectors`), per sequence, in nats² per squared unit of the parameter.
        Divide by the scored bits of a sequence for the value per scored bit.

    Raises:
        ValueError: if the kind is unknown, a number is not positive, there is no sequence, or seeds are missing or of
            the wrong number.
    """
    signals = fisher_signals(network, task, parameters, sequences, kind, seeds, draws, chunk)
    total = sum_over_samples(signals, parameters, power=2)
    return {name: value / passes(kind, sequences.samples, draws) for name, value in total.items()}
