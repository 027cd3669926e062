r"""Measure which directions of state an importance of recurrent weights protects.

With the gradient of a sequence and output, G = Σ_s δ_s h_{s-1}ᵀ, a penalty with the full Fisher information of W_hh
holds a change ΔW with ½ E ⟨G, ΔW⟩². For changes of rank one, ΔW = u vᵀ, this is ½ E (uᵀ G v)². Summed over an
orthonormal basis of the other side,

.. math::
    A = E\, G^\top G = E \sum_{s, s'} (δ_s · δ_{s'}) \, h_{s-1} h_{s'-1}^\top, \qquad
    B = E\, G G^\top = E \sum_{s, s'} (h_{s-1} · h_{s'-1}) \, δ_s δ_{s'}^\top,

where E is the mean over sequences and the sum over the outputs (or targets) of the kind of Fisher: v of a large vᵀ A v
are directions of the state that W_hh may not read otherwise, u of a large uᵀ B u directions that it may not write. The
trace of either is the trace of the Fisher of W_hh. Their eigenvalues say how many directions are protected.

The terms with s = s' are what each step brings *alone*, E Σ_s ‖δ_s‖² h_{s-1} h_{s-1}ᵀ and E Σ_s ‖h_{s-1}‖² δ_s δ_sᵀ:
the states that were there, and the error signals, whatever they were about. The others let steps add up in directions
in which states and error signals move alike, and cancel in the rest.

They cross all steps. The *memory* spectrum looks at one: with the covariance Σ of the states h_s after a step s and the
sensitivity S = E Σ δ_s δ_sᵀ of later outputs to them, the eigenvalues of Σ^½ S Σ^½ count the directions that both vary
and are read. For a linear network they are the squared singular values of the map from the inputs up to s, if these are
white, to the outputs after s (a block of the Hankel matrix; with Ho and Kalman, 1966, their number is the smallest
dimension of a state that solves the task).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data, check_floats
from wmcl.dimensionality.principal_components import mean_and_covariance
from wmcl.importance.signals import FisherKind, fisher_signals, passes
from wmcl.likelihoods import Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.randomness import Seeds
from wmcl.tasks import Sequences, Task


class ProtectedDirections(NamedTuple):
    """Hold what the Fisher of the recurrent weights of an ensemble protects, per sequence."""

    read: Float64[Tensor, "member unit unit"]
    """matrix A: of states that are read"""
    written: Float64[Tensor, "member unit unit"]
    """matrix B: of directions that are written to"""
    read_alone: Float64[Tensor, "member unit unit"]
    """matrix A of each step alone, summed"""
    written_alone: Float64[Tensor, "member unit unit"]
    """matrix B of each step alone, summed"""


@with_autograd
def protected_directions(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    kind: FisherKind = "exact",
    seeds: Seeds | None = None,
    chunk: int = 128,
) -> ProtectedDirections:
    """Measure A and B of ``W_hh``, and what single steps bring to them.

    The arguments are those of :func:`~wmcl.importance.fisher_diagonal`.

    Raises:
        ValueError: as there.
    """
    check_data(network, parameters, data, likelihood_of(likelihood), reads_targets=kind == "empirical")
    members, rows, units = parameters["W_hh"].shape
    sizes = (units, rows, units, rows)
    total = [torch.zeros(members, n, n, dtype=torch.float64, device=parameters["W_hh"].device) for n in sizes]
    for linear_map, error in fisher_signals(network, parameters, data, likelihood, kind, seeds, chunk=chunk):
        if linear_map.weight != "W_hh":
            continue
        delta = error[:, 1:].transpose(1, 2)
        state = linear_map.input[:, : error.shape[1] - 1].transpose(1, 2)
        for place, (left, right) in enumerate(((delta, state), (state, delta))):
            between = left @ left.mT  # (time, time) of every sequence
            alone = right * between.diagonal(dim1=2, dim2=3)[..., None]
            total[place] += (right.mT @ between @ right).sum(1, dtype=torch.float64)
            total[place + 2] += (right.mT @ alone).sum(1, dtype=torch.float64)
    count = passes(kind, data.samples, 1)
    return ProtectedDirections(*(side / count for side in total))


@with_autograd
def memory_spectrum(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    step: int,
    chunk: int = 128,
    states: Float[Tensor, "member row unit"] | None = None,
) -> Float64[Tensor, "member unit"]:
    """Compute the eigenvalues of Σ^½ S Σ^½ at a step, largest first, from the exact Fisher factor of later outputs.

    Args:
        network: one with recurrent weights ``W_hh``.
        parameters: of the ensemble.
        data: sequences over which S is a mean.
        likelihood: of the targets; a task stands for its own.
        step: after which the states are looked at.
        chunk: sequences at once.
        states: h_s of which Σ is the covariance; ``None`` takes those of ``data``. A covariance of few rows has
            eigenvalues that lie further apart than the true ones, so few rows give too few dimensions. States need
            no backward pass, and may be of more sequences than S.

    Raises:
        ValueError: if the arguments do not fit, or no scored step follows the step.
    """
    check_data(network, parameters, data, likelihood_of(likelihood), reads_targets=False)
    if not 0 <= step < data.steps or not bool(data.scored[:, step + 1 :].any()):
        raise ValueError(f"step is {step}: a scored step must follow it")
    if states is not None:
        check_floats(states, "states", "member row unit")
    fixed = {name: value.detach() for name, value in parameters.items()}
    sensitivity = torch.zeros_like(fixed["W_hh"], dtype=torch.float64)
    for linear_map, error in fisher_signals(network, fixed, data, likelihood, "exact", chunk=chunk):
        if linear_map.weight == "W_hh" and error.shape[1] > step + 1:
            back = error[:, step + 1].double() @ fixed["W_hh"].double()  # ∂L/∂h_s, all of which goes through W_hh
            sensitivity += back.mT @ back
    if states is None:
        states = network.apply(fixed, data.inputs).hidden[:, step]
    covariance = mean_and_covariance(states)[1]
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt()[:, None] @ vectors.mT
    found = torch.linalg.eigvalsh(root @ (sensitivity / data.samples) @ root)
    return found.flip(-1).clamp(min=0)
