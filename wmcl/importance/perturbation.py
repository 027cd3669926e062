r"""Does importance matter? Move important, random and unimportant weights, and see how much the outputs change.

A change δ of the weights changes the probability that the network gives to the targets of a sequence by

.. math::
    KL(p_θ \,\|\, p_{θ+δ}) = \tfrac12 \sum_{ij} F_{ij} δ_i δ_j + O(δ^3) \approx \tfrac12 \sum_i F_{ii} δ_i^2

with the Fisher information F per sequence (``exact`` or ``sampled``; the ``empirical`` one predicts nothing here).
The approximation leaves out two things. The off-diagonal terms: with independent random signs E[δ_i δ_j] = 0, so
they vanish on average over signs but make single draws scatter, the more so the more the weights act in common. And
higher orders, which stay: those of odd order vanish on average too, so the error of the mean grows as δ⁴.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float, Int
from torch import Tensor

from wmcl.networks import Network, Parameters
from wmcl.randomness import generator
from wmcl.tasks import Sequences, Task

Selection = Literal["most important", "random", "least important"]


@dataclass(frozen=True)
class Perturbations:
    """Which weights are moved, and how far.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    weights: tuple[str, ...] = ("W_hh",)
    """names of the parameters whose entries are ranked together"""
    fractions: tuple[float, ...] = (0.01, 0.05)
    """of these entries, above 0 and at most 1; at least one entry is moved"""
    sizes: tuple[float, ...] = (0.01, 0.1)
    """each weight moves by plus or minus this, in units of a weight"""
    repetitions: int = 8
    """draws of the signs, and of the weights of the random selection"""

    def __post_init__(self) -> None:
        if not self.weights:
            raise ValueError("weights is empty: it must name at least one parameter, such as W_hh")
        if not self.fractions or not all(0 < fraction <= 1 for fraction in self.fractions):
            raise ValueError(f"fractions is {self.fractions}: each must be above 0 and at most 1")
        if not self.sizes or not all(0 < size < float("inf") for size in self.sizes):
            raise ValueError(f"sizes is {self.sizes}: each must be positive and finite")
        if self.repetitions < 1:
            raise ValueError(f"repetitions is {self.repetitions}: it must be at least 1")


def perturbation_effect(
    network: Network,
    task: Task,
    parameters: Parameters,
    sequences: Sequences,
    importance: Parameters,
    fisher: Parameters,
    seeds: Sequence[int],
    perturbations: Perturbations = Perturbations(),
) -> xr.Dataset:
    """Measured and predicted effect of moving weights that matter more or less.

    Args:
        network: whose weights are moved.
        task: for its likelihood.
        parameters: of the ensemble. In float32 the logits carry noise of 1e-6, so divergences below 1e-11 need float64.
        sequences: what to average over.
        importance: by which weights are selected; of any kind, SI and MAS included.
        fisher: for the prediction, per sequence, of the same sequences or others of the task.
        seeds: one a member, for signs and random selections. Within a repetition all selections, fractions and sizes
            share their signs.
        perturbations: which weights, and how far.

    Returns:
        ``measured`` and ``predicted``, in nats a sequence, with dimensions (seed, selection, fraction, change,
        repetition).

    Raises:
        ValueError: if seeds are of the wrong number, or a parameter is missing.
    """
    _validate(parameters, importance, fisher, seeds, perturbations)
    p = perturbations
    ranking = _flatten(importance, p.weights).argsort(dim=1, descending=True, stable=True)
    diagonal = _flatten(fisher, p.weights)
    logits = _logits(network, parameters, sequences)
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
                    found = _mean_divergence(task, logits, _logits(network, changed, sequences), sequences)
                    measured[:, s, f, k, repetition] = found.cpu().numpy()
                    predicted[:, s, f, k, repetition] = (diagonal * change.square()).sum(1).cpu().numpy() / 2
    return _label(measured, predicted, seeds, p)


def mean_divergence(
    network: Network, task: Task, parameters: Parameters, changed: Parameters, sequences: Sequences
) -> Float[Tensor, "member"]:
    """KL(p_θ ‖ p_θ') of the scored targets of a sequence, in nats, averaged over sequences; float64."""
    logits, other = (_logits(network, values, sequences) for values in (parameters, changed))
    return _mean_divergence(task, logits, other, sequences)


@torch.no_grad()
def _logits(
    network: Network, parameters: Parameters, sequences: Sequences
) -> Float[Tensor, "member window sample output"]:
    """In pieces of 512 sequences, so that not all hidden states are in memory at once."""
    parts = (sequences.take(slice(first, first + 512)) for first in range(0, sequences.samples, 512))
    return torch.cat(
        [network.apply(parameters, part.inputs, part.window, lengths=part.lengths).logits.double() for part in parts], 2
    )


def _mean_divergence(task: Task, logits: Tensor, other: Tensor, sequences: Sequences) -> Float[Tensor, "member"]:
    weights = sequences.scored[:, sequences.window, :, None]
    return (task.likelihood.divergence(logits, other) * weights).sum((1, 2, 3)) / sequences.samples


def _draw(
    seeds: Sequence[int], repetition: int, ranking: Int[Tensor, "member weight"]
) -> tuple[Float[Tensor, "member weight"], Int[Tensor, "member weight"]]:
    """Signs, and a random order of the weights, addressed by member seed and repetition."""
    generators = [generator(seed, "perturbation", repetition) for seed in seeds]
    count = ranking.shape[1]
    signs = np.stack([g.integers(0, 2, count) * 2.0 - 1.0 for g in generators])
    order = np.stack([g.permutation(count) for g in generators])
    return torch.from_numpy(signs).to(ranking.device), torch.from_numpy(order).to(ranking.device)


def _first(indices: Int[Tensor, "member weight"], fraction: float) -> Bool[Tensor, "member weight"]:
    """Marks the first fraction of the weights in a given order."""
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


def _validate(
    parameters: Parameters, importance: Parameters, fisher: Parameters, seeds: Sequence[int], p: Perturbations
) -> None:
    given: Mapping[str, Parameters] = {"parameters": parameters, "importance": importance, "fisher": fisher}
    for field, values in given.items():
        missing = [name for name in p.weights if name not in values]
        if missing:
            raise ValueError(f"weights is {p.weights}: {field} has no {', '.join(missing)}, only {', '.join(values)}")
    members = next(iter(parameters.values())).shape[0]
    if len(seeds) != members:
        raise ValueError(f"seeds is {list(seeds)}: it must hold one seed for each of the {members} members")


def _label(measured: np.ndarray, predicted: np.ndarray, seeds: Sequence[int], p: Perturbations) -> xr.Dataset:
    dimensions = ("seed", "selection", "fraction", "change", "repetition")
    nats = {"units": "nats / sequence"}
    sizes = ("change", list(p.sizes), {"long_name": "change of each moved weight", "units": "1"})
    fractions = ("fraction", list(p.fractions), {"long_name": "fraction of weights moved", "units": "1"})
    return xr.Dataset(
        {
            "measured": (dimensions, measured, {"long_name": "KL divergence of the changed outputs", **nats}),
            "predicted": (
                dimensions,
                predicted,
                {"long_name": "half the Fisher diagonal times squared change", **nats},
            ),
        },
        coords={
            "seed": list(seeds),
            "selection": list(get_args(Selection)),
            "fraction": fractions,
            "change": sizes,
            "repetition": np.arange(p.repetitions),
        },
        attrs={"weights": ", ".join(p.weights)},
    )
