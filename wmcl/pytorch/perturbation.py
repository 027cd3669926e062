"""Move weights of a module that matter more or less, and see what becomes of its outputs."""

from collections.abc import Mapping
from typing import Any

import torch
import xarray as xr
from torch import Tensor, nn

from wmcl.importance.perturbation import Perturbations, check_weights, effects
from wmcl.likelihoods import Likelihood
from wmcl.networks import Parameters
from wmcl.pytorch.batches import Batch, answers, batches
from wmcl.pytorch.check import check_model
from wmcl.pytorch.importance import own_likelihood


@torch.no_grad()
def perturbation_effect(
    model: nn.Module,
    data: Any,
    likelihood: Any,
    importance: Mapping[str, Tensor],
    fisher: Mapping[str, Tensor],
    perturbations: Perturbations,
    *,
    batch_first: bool = True,
    seed: int = 0,
    chunk: int = 512,
) -> xr.Dataset:
    """Measure and predict the effect of moving weights that matter more or less (:mod:`wmcl.importance.perturbation`).

    Args:
        model: as for :func:`~wmcl.pytorch.fisher_diagonal`.
        data: as there; it is read once and kept.
        likelihood: as there, but no function.
        importance: by which weights are ranked.
        fisher: exact Fisher diagonal, from which the effect is predicted.
        perturbations: which weights, by the names of the parameters, and how far.
        batch_first: whether the sample is the first axis of sequences.
        seed: of the signs and of the random selection.
        chunk: samples in memory at a time.

    Returns:
        As of :func:`wmcl.importance.perturbation_effect`, in nats a sample.

    Raises:
        ValueError: if the arguments do not fit.
    """
    inner, parameters = check_model(model)
    own = own_likelihood(likelihood, "exact")
    values = {name: value.detach()[None] for name, value in parameters.items()}
    ranked, predicted = ({name: each.detach()[None] for name, each in given.items()} for given in (importance, fisher))
    check_weights(values, ranked, predicted, perturbations)
    kept = list(batches(data, batch_first, chunk, next(iter(parameters.values()))))
    if not kept:
        raise ValueError("data is empty: the effect is a mean over at least one sample")
    parts = [_scored(batch, inner, own) for batch in kept]
    samples, names = sum(batch.samples for batch in kept), _inner_names(inner, parameters)

    def divergence(changed: Parameters) -> Tensor:
        moved = {names[name]: value[0] for name, value in changed.items()}
        total = torch.zeros((), dtype=torch.float64)
        for batch, (logits, scored) in zip(kept, parts, strict=True):
            other = batch.by_time(batch.answer(inner, moved))
            found = own.divergence(logits[None].double(), other[None].double())[0] * scored[..., None]
            total += found.sum().cpu()
        return total[None] / samples

    return effects(values, ranked, predicted, (seed,), perturbations, divergence)


def _scored(batch: Batch, model: nn.Module, likelihood: Likelihood) -> tuple[Tensor, Tensor]:
    outputs = batch.answer(model)
    return batch.by_time(outputs), answers(batch, outputs, likelihood, reads_targets=False).scored


def _inner_names(inner: nn.Module, parameters: Mapping[str, nn.Parameter]) -> dict[str, str]:
    own = {id(value): name for name, value in inner.named_parameters()}
    return {name: own[id(value)] for name, value in parameters.items()}
