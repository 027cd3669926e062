r"""Measure the reuse profile: how much of a Fisher comes from each step at which a weight is used.

A recurrent weight is used at every step t with the error signal δ_t and the input x_t, and its gradient is
Σ_t δ_t x_tᵀ. The trace of the Fisher of a connection is the mean square of that, a sum over pairs of steps:

.. math::
    \sum_{hi} F_{hi} = \frac{1}{N} \sum_n \sum_{t, s} (δ_{tn} · δ_{sn}) (x_{tn} · x_{sn}) = \sum_{t, s} R_{t s}.

The diagonal of R is what each use brings alone, the rest is what uses share. Two Gram matrices of (time × time) a
sequence give R, so no gradient of a single weight is formed.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data
from wmcl.importance.signals import FisherKind, fisher_signals, passes
from wmcl.likelihoods import Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.networks.activations import LinearMap
from wmcl.randomness import Seeds
from wmcl.tasks import Sequences, Task


@with_autograd
def reuse_profile(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    kind: FisherKind,
    seeds: Seeds | None = None,
    draws: int = 1,
    chunk: int = 128,
) -> dict[str, Float64[Tensor, "member time time"]]:
    """Measure R of every weight matrix, per sequence; its sum is the trace of the Fisher of that matrix.

    The arguments are those of :func:`~wmcl.importance.fisher_diagonal`. Steps are those at which a weight acts: for
    W_hh, step t stands for the use of h_{t-1} at t.

    Raises:
        ValueError: if the network reads backwards, so that its uses are not in the order of the steps; and as there.
    """
    check_data(
        network,
        parameters,
        data,
        likelihood_of(likelihood),
        reads_targets=isinstance(kind, str) and kind == "empirical",
    )
    if not network.is_causal:
        raise ValueError(f"direction of the network is {network.direction}: a reuse profile needs 'forward'")
    members, steps = len(parameters["b_out"]), data.steps
    profile: dict[str, Tensor] = {}
    for linear_map, error in fisher_signals(network, parameters, data, likelihood, kind, seeds, draws, chunk):
        if linear_map.weight not in profile:
            profile[linear_map.weight] = torch.zeros(members, steps, steps, dtype=torch.float64, device=error.device)
        shared = _shared(linear_map, error)
        first = linear_map.start + linear_map.delay
        used = slice(first, first + shared.shape[1])
        profile[linear_map.weight][:, used, used] += shared
    return {name: value / passes(kind, data.samples, draws) for name, value in profile.items()}


def step_shares(profile: Float64[Tensor, "member time time"]) -> Float64[Tensor, "member time"]:
    """Compute the share of each step in the trace: its row of R over the sum of R; they add up to 1."""
    return profile.sum(2) / profile.sum((1, 2))[:, None]


def own_share(profile: Float64[Tensor, "member time time"]) -> Float64[Tensor, "member"]:
    """Divide the diagonal of R by its sum: 1 if uses were independent, below if they add up, above if they cancel."""
    return profile.diagonal(dim1=1, dim2=2).sum(1) / profile.sum((1, 2))


def _shared(linear_map: LinearMap, errors: Tensor) -> Tensor:
    """Compute Σ over samples of (δ_t · δ_s)(x_t · x_s), as (member, time, time)."""
    steps = errors.shape[1] - linear_map.delay
    left = errors[:, linear_map.delay :].transpose(1, 2)
    right = linear_map.input.detach()[:, :steps].transpose(1, 2)
    return ((left @ left.mT) * (right @ right.mT)).sum(1, dtype=torch.float64)
