r"""Measure Memory Aware Synapses (Aljundi et al., ECCV 2018): how much the output changes when a weight does.

.. math::
    Ω_θ = \frac{1}{N} \sum_{n=1}^{N} \left| \frac{∂}{∂θ} \sum_{t, o} w_{t n} \, z_{t n o}^2 \right|

The paper takes the squared L2 norm of the learned function's output. Here that output is the logits z of a whole
sequence at its scored steps (w = 1), the part of the function that the task defines. So gradients are summed
over the steps of a sequence, made absolute per sequence, and averaged over sequences. Targets play no part.
"""

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data
from wmcl.importance.per_sample import check_averaged
from wmcl.importance.together import importances
from wmcl.likelihoods import Bernoulli, Likelihood, likelihood_of
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
    own = Bernoulli() if likelihood is None else likelihood_of(likelihood)  # plays no part
    check_averaged(data.samples, chunk=chunk)
    if bool((data.scored.flatten(1).sum(1) == 0).any()):
        raise ValueError("scored of data is 0 at every step: it must be above 0 at one step at least")
    return dict(importances(network, parameters, data, own, ["MAS"], None, 1, chunk)["MAS"])
