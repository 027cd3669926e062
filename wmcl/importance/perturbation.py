r"""Move important, random and unimportant weights, and see how much the outputs change: does importance matter?

A change δ of the weights changes the probability that the network gives to the targets of a sequence by

.. math::
    KL(p_θ \,\|\, p_{θ+δ}) = \tfrac12 \sum_{ij} F_{ij} δ_i δ_j + O(δ^3) \approx \tfrac12 \sum_i F_{ii} δ_i^2

with the Fisher information F per sequence (``exact`` or ``sampled``; the ``empirical`` one predicts nothing here).
The approximation leaves out two things. The off-diagonal terms: with independent random signs E[δ_i δ_j] = 0, so
they vanish on average over signs but make single draws scatter, the more so the more the weights act in common. And
higher orders, which stay: those of odd order vanish on average too, so the error of the mean grows as δ⁴.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float, Int
from torch import Tensor

from wmcl.autograd import with_autograd
from wmcl.check_data import check_data, check_finite, check_parameters, check_tensors
from wmcl.labels import label
from wmcl.likelihoods import Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.randomness import Seeds, as_seeds, generator
from wmcl.tasks import Sequences, Task
from wmcl.tasks.task import check_counts

Selection = Literal["most important", "random", "least important"]


@dataclass(frozen=True)
class Perturbations:
    """Choose which weights are moved, and how far.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    weights: tuple[str, ...] = ("W_hh",)
    """names of the parameters whose entries are ranked together"""
    fractions: tuple[float, ...] = (0.01, 0.05)
    """fractions of these entries, above 0 and at most 1; at least one entry is moved"""
    sizes: tuple[float, ...] = (0.01, 0.1)
    """sizes of the changes: each weight moves by plus or minus one of them"""
    repetitions: int = 8
    """number of draws of the signs, and of the weights of the random selection"""

    def __post_init__(self) -> None:
        if not self.weights:
            raise ValueError("weights is empty: it must name at least one parameter, such as W_hh")
        if not self.fractions or not all(0 < fraction <= 1 for fraction in self.fractions):
            raise ValueError(f"fractions is {self.fractions}: each must be above 0 and at most 1")
        if not self.sizes or not all(0 < size < float("inf") for size in self.sizes):
            raise ValueError(f"sizes is {self.sizes}: each must be positive and finite")
        check_counts(repetitions=self.repetitions)


@with_autograd
@torch.no_grad()
def perturbation_effect(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    importance: Parameters,
    fisher: Parameters,
    seeds: Seeds,
    perturbations: Perturbations = Perturbations(),
) -> xr.Dataset:
    """Measure and predict the effect of moving weights that matter more or less.

    Args:
        network: whose weights are moved.
        parameters: of the ensemble. In float32 the logits carry noise of 1e-6, so divergences below 1e-11 need float64.
        data: what to average over.
        likelihood: of the targets; a task stands for its own.
        importance: by which weights are selected; of any kind, SI and MAS included.
        fisher: for the prediction, per sequence, of the same sequences or others of the task.
        seeds: one a member, for signs and random selections. Within a repetition all selections, fractions and sizes
            share their signs.
        perturbations: which weights, and how far.

    Returns:
        ``measured`` and ``predicted``, in nats a sequence, with dimensions (seed, selection, fraction, change,
        repetition).

    Raises:
        ValueError: if the arguments do not fit, seeds are of the wrong number, or a parameter is missing.
    """
    own, p = likelihood_of(likelihood), perturbations
    check_data(network, parameters, data, own, reads_targets=False)
    check_weights(parameters, importance, fisher, p)
    seeds = as_seeds(seeds, len(parameters["b_out"]))
    logits = _logits(network, parameters, data)

    def divergence(changed: Parameters) -> Tensor:
        return _mean_divergence(own, logits, _logits(network, changed, data), data)

    return effects(parameters, importance, fisher, seeds, p, divergence)


def effects(
    parameters: Parameters,
    importance: Parameters,
    fisher: Parameters,
    seeds: Sequence[int],
    p: Perturbations,
    divergence: Callable[[Parameters], Float[Tensor, "member"]],
) -> xr.Dataset:
    """Measure and predict the effects, given the divergence that changed parameters bring."""
    ranking = _flatten(importance, p.weights).argsort(dim=1, descending=True, stable=True)
    diagonal = _flatten(fisher, p.weights)
    shape = (len(seeds), len(get_args(Selection)), len(p.fractions), len(p.sizes), p.repetitions)
    measured, predicted = np.empty(shape), np.empty(shape)
    for repetition in range(p.repetitions):
        signs, order = _draw(seeds, repetition, ranking)
        for s, indices in enumerate((ranking, order, ranking.flip(1))):
            for f, fraction in enumerate(p.fractions):
                moved = _first(indices, fraction)
                for k, size in enumerate(p.sizes):
                    change = size * signs * moved
                    changed = _add(parameters, change, p.weights)
                    measured[:, s, f, k, repetition] = divergence(changed).cpu().numpy()
                    predicted[:, s, f, k, repetition] = (diagonal * change.square()).sum(1).cpu().numpy() / 2
    return _label(measured, predicted, seeds, p)


@with_autograd
@torch.no_grad()
def mean_divergence(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    changed: Parameters,
) -> Float[Tensor, "member"]:
    """Compute KL(p_θ ‖ p_θ') of the scored targets of a sequence, in nats, averaged over sequences.

    Args:
        network: whose outputs are compared.
        parameters: θ, of the ensemble.
        data: what to average over; the inputs and the scored steps are read.
        likelihood: of the targets; a task stands for its own.
        changed: θ', of the same ensemble.

    Returns:
        float64.

    Raises:
        ValueError: if the arguments do not fit.
    """
    check_data(network, parameters, data, likelihood_of(likelihood), reads_targets=False)
    check_parameters(network, changed, "changed")
    example, other = parameters["b_out"], changed["b_out"]
    if (len(other), other.dtype, other.device) != (len(example), example.dtype, example.device):
        found, wanted = (f"{len(x)} members, {x.dtype}, on {x.device}" for x in (other, example))
        raise ValueError(f"changed has {found}: it must be as the parameters are, {wanted}")
    logits, moved = (_logits(network, values, data) for values in (parameters, changed))
    return _mean_divergence(likelihood_of(likelihood), logits, moved, data)


def _logits(
    network: Network, parameters: Parameters, sequences: Sequences
) -> Float[Tensor, "member window sample output"]:
    """Compute the logits in pieces of 512 sequences, so that not all hidden states are in memory at once."""
    parts = (sequences.take(slice(first, first + 512)) for first in range(0, sequences.samples, 512))
    return torch.cat(
        [network.apply(parameters, part.inputs, part.window, lengths=part.lengths).logits.double() for part in parts], 2
    )


def _mean_divergence(
    likelihood: Likelihood, logits: Tensor, other: Tensor, sequences: Sequences
) -> Float[Tensor, "member"]:
    weights = sequences.scored[:, sequences.window, :, None]
    return (likelihood.divergence(logits, other) * weights).sum((1, 2, 3)) / sequences.samples


def _draw(
    seeds: Sequence[int], repetition: int, ranking: Int[Tensor, "member weight"]
) -> tuple[Float[Tensor, "member weight"], Int[Tensor, "member weight"]]:
    """Draw signs, and a random order of the weights, addressed by member seed and repetition."""
    generators = [generator(seed, "perturbation", repetition) for seed in seeds]
    count = ranking.shape[1]
    signs = np.stack([g.integers(0, 2, count) * 2.0 - 1.0 for g in generators])
    order = np.stack([g.permutation(count) for g in generators])
    return torch.from_numpy(signs).to(ranking.device), torch.from_numpy(order).to(ranking.device)


def _first(indices: Int[Tensor, "member weight"], fraction: float) -> Bool[Tensor, "member weight"]:
    """Mark the first fraction of the weights in a given order."""
    count = max(1, round(fraction * indices.shape[1]))
    return torch.zeros_like(indices, dtype=torch.bool).scatter_(1, indices[:, :count], True)


def _flatten(values: Parameters, names: Sequence[str]) -> Float[Tensor, "member weight"]:
    return torch.cat([values[name].detach().double().flatten(1) for name in names], 1)


def _add(parameters: Parameters, change: Float[Tensor, "member weight"], names: Sequence[str]) -> Parameters:
    parts = change.split([parameters[name][0].numel() for name in names], 1)
    moved = {
        n: parameters[n] + part.view_as(parameters[n]).to(parameters[n]) for n, part in zip(names, parts, strict=True)
    }
    return {**parameters, **moved}


def check_weights(parameters: Parameters, importance: Parameters, fisher: Parameters, p: Perturbations) -> None:
    """Refuse parameters, importances and Fishers that do not hold the weights that are moved.

    Raises:
        ValueError: naming which of them, and the weight.
    """
    for name, values in (("parameters", parameters), ("importance", importance), ("fisher", fisher)):
        _check_weights(name, values, parameters, p)


def _check_weights(field: str, values: Parameters, parameters: Parameters, p: Perturbations) -> None:
    check_tensors(values, field)
    missing = [name for name in p.weights if name not in values]
    if missing:
        raise ValueError(f"weights is {p.weights}: {field} has no {', '.join(missing)}, only {', '.join(values)}")
    for name in p.weights:
        found, wanted = values[name], parameters[name]
        if (found.shape, found.device) != (wanted.shape, wanted.device):
            raise ValueError(
                f"{name} of {field} is of shape {tuple(found.shape)} on {found.device}: it must be of shape"
                f" {tuple(wanted.shape)} on {wanted.device}, as the parameter"
            )
    check_finite({f"{name} of {field}": values[name] for name in p.weights})


def _label(measured: np.ndarray, predicted: np.ndarray, seeds: Sequence[int], p: Perturbations) -> xr.Dataset:
    dimensions = ("seed", "selection", "fraction", "change", "repetition")
    found = xr.Dataset(
        {"measured": (dimensions, measured), "predicted": (dimensions, predicted)},
        coords={
            "seed": list(seeds),
            "selection": list(get_args(Selection)),
            "fraction": list(p.fractions),
            "change": list(p.sizes),
            "repetition": np.arange(p.repetitions),
        },
        attrs={"weights": ", ".join(p.weights)},
    )
    return label(
        found,
        measured=("KL divergence of the outputs after weights were moved", "nats per sequence"),
        predicted=("half of the squared moves, weighted by the Fisher diagonal", "nats per sequence"),
        selection=("which weights are moved", "1"),
        fraction=("fraction of the weights that are moved", "1"),
        change=("distance by which each weight is moved, up or down", "units of a weight"),
        repetition=("draw of the signs and of the random weights", "1"),
    )
