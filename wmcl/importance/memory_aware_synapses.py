r"""Measure Memory Aware Synapses (Aljundi et al., ECCV 2018): how much the output changes when a weight does.

.. math::
    Ω_θ = \frac{1}{N} \sum_{n=1}^{N} \left| \frac{∂}{∂θ} \sum_{t, o} w_{t n} \, z_{t n o}^2 \right|

The paper takes the squared L2 norm of the learned function's output. Here that output is the logits z of a whole
sequence at its scored steps (w = 1), the part of the function that the task defines. So gradients are summed
over the steps of a sequence, made absolute per sequence, and averaged over sequences. Targets play no part.
"""

from collections.abc import Iterator

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data
from wmcl.importance.per_sample import check_averaged, sum_over_samples
from wmcl.importance.signals import forward_pass
from wmcl.importance.unmapped import Pass
from wmcl.likelihoods import Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences, Task


@with_autograd
def memory_aware_synapses(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task | None = None,
    chunk: int = 128,
) -> Parameters:
    """Measure Ω of every parameter of every member, exactly per sequence.

    Args:
        network: whose parameters are measured.
        parameters: of the ensemble.
        data: what to average over; the inputs and the scored steps are read.
        likelihood: plays no part; it is here so that all importances can be called alike.
        chunk: sequences in memory at a time; the result does not depend on it beyond rounding.

    Returns:
        Non-negative float64 tensors with the names and shapes of ``parameters``, but without ``vector_changes``
        (:mod:`wmcl.networks.vectors`), per sequence, in squared logits per unit of the parameter.

    Raises:
        ValueError: if network, parameters and data do not fit, the chunk is not positive or there is no sequence.
    """
    check_data(network, parameters, data, reads_targets=False)
    if likelihood is not None:
        likelihood_of(likelihood)  # a number would be the chunk, in the wrong place
    check_averaged(data.samples, chunk=chunk)
    if bool((data.scored.flatten(1).sum(1) == 0).any()):
        raise ValueError("scored of data is 0 at every step: it must be above 0 at one step at least")
    total = sum_over_samples(_passes(network, parameters, data, chunk), parameters, power=1)
    return {name: value / data.samples for name, value in total.items()}


def _passes(network: Network, parameters: Parameters, sequences: Sequences, chunk: int) -> Iterator[Pass]:
    """Yield passes with the gradient of the squared length of the output, one a chunk."""
    fixed = {name: value.detach() for name, value in parameters.items()}
    for first in range(0, sequences.samples, chunk):
        part = sequences.take(slice(first, first + chunk))
        forward = forward_pass(network, fixed, part, part.window)
        weights = part.scored[:, part.window, :, None]
        yield Pass(forward, 2 * forward.activations.logits.detach() * weights, weights)
