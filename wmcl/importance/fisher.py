r"""Measure the diagonal of the Fisher information matrix, exactly per sequence.

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

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data
from wmcl.importance.per_sample import check_averaged
from wmcl.importance.signals import FisherKind, check_kind
from wmcl.importance.together import FisherDiagonal, importances
from wmcl.likelihoods import Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.randomness import Seeds
from wmcl.tasks import Sequences, Task


@with_autograd
def fisher_diagonal(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    kind: FisherKind | None = None,
    seeds: Seeds | None = None,
    draws: int = 1,
    chunk: int = 128,
) -> FisherDiagonal:
    """Measure the Fisher diagonal of every parameter of every member.

    Args:
        network: whose parameters are measured.
        parameters: of the ensemble.
        data: what to average over. ``empirical`` reads the targets, the others the inputs alone.
        likelihood: of the targets; a task stands for its own.
        kind: where the targets come from. ``None`` takes ``exact`` where it costs no more than ``sampled``, as for one
            bit or one real number a sequence, and ``sampled`` elsewhere.
        seeds: one a member, for ``sampled``. The draw of a sequence depends on the seed, its place in
            ``data`` and their ``window`` alone.
        draws: targets drawn a sequence, for ``sampled``.
        chunk: sequences in memory at a time; the result does not depend on it beyond rounding.

    Returns:
        Non-negative float64 tensors with the names and shapes of ``parameters``, but without ``vector_changes``
        (:mod:`wmcl.networks.vectors`), per sequence, in nats² per squared unit of the parameter.
        Divide by the scored bits of a sequence for the value per scored bit.

    Warns:
        UserWarning: if a sampled Fisher rests on fewer than 10 informative draws, and on less than a quarter of all
            (:mod:`wmcl.importance.informative`). ``exact`` does not depend on draws; for classifiers take that.

    Raises:
        ValueError: if network, parameters, data and likelihood do not fit, the kind is unknown, a number is not
            positive, there is no sequence, or seeds are missing or of the wrong number.
    """
    own = likelihood_of(likelihood)
    check_data(network, parameters, data, own, reads_targets=isinstance(kind, str) and kind == "empirical")
    check_averaged(data.samples, chunk=chunk, draws=draws)
    chosen = usual_kind(data, draws) if kind is None else check_kind(kind)
    return importances(network, parameters, data, own, [chosen], seeds, draws, chunk)[chosen]


def usual_kind(data: Sequences, draws: int) -> FisherKind:
    """Return ``exact`` where it takes no more backward passes than ``sampled``: at most as many columns as draws."""
    has_one_answer = bool(((data.scored > 0).sum(1) == 1).all())
    return "exact" if has_one_answer and data.targets.shape[-1] <= draws else "sampled"
