"""Yield the error signals whose outer products make a Fisher, for each kind of it."""

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.check_data import describe
from wmcl.importance.per_sample import check_averaged
from wmcl.importance.unmapped import Forward, Pass, run_with_taps, signals_of
from wmcl.likelihoods import Likelihood, likelihood_of
from wmcl.networks import Network, Parameters
from wmcl.networks.activations import LinearMap
from wmcl.randomness import Seeds, as_seeds, uniforms
from wmcl.tasks import Sequences, Task

FisherKind = Literal["empirical", "sampled", "exact"]


def fisher_signals(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    kind: FisherKind,
    seeds: Seeds | None = None,
    draws: int = 1,
    chunk: int = 128,
) -> Iterator[tuple[LinearMap, Float[Tensor, "member time sample unit"]]]:
    """Yield linear maps with their error signals, one backward pass after the other.

    Who iterates has to have gradients switched on (:func:`wmcl.autograd.with_autograd`), and to check the arguments
    (:func:`wmcl.check_data.check_data`) before; they are those of :func:`~wmcl.importance.fisher_diagonal`.

    The Fisher diagonal of a weight is the sum, over everything that this yields, of the squared per-sample gradients
    that map and error make, divided by :func:`passes`.

    ``empirical`` makes one backward pass a chunk of sequences, ``sampled`` one a draw, ``exact`` one for each scored
    output unit: with the factor L of the likelihood, Fisher of the logits = L Lᵀ, the expectation over all targets is
    the sum over the columns of L of the squared gradient of Lᵀ z.

    Raises:
        ValueError: if the likelihood is none, the kind is unknown, a number is not positive, there is no sequence, or
            seeds are missing or of the wrong number.
    """
    for each in fisher_passes(network, parameters, data, likelihood, kind, seeds, draws, chunk):
        if not each.forward.activations.maps:
            raise ValueError(
                f"{type(network).__name__}.apply returns no linear maps: with taps=True it must return them"
            )
        yield from signals_of(each.forward, each.cotangent)


def fisher_passes(
    network: Network,
    parameters: Parameters,
    data: Sequences,
    likelihood: Likelihood | Task,
    kind: FisherKind,
    seeds: Seeds | None = None,
    draws: int = 1,
    chunk: int = 128,
) -> Iterator[Pass]:
    """Yield the passes whose squared per-sample gradients make a Fisher; as :func:`fisher_signals`, which uses them."""
    own = likelihood_of(likelihood)
    _check_kind(kind)
    check_averaged(data.samples, chunk=chunk, draws=draws)
    drawn = _seeds(seeds, len(parameters["b_out"])) if kind == "sampled" else ()
    fixed = {name: value.detach() for name, value in parameters.items()}
    for first in range(0, data.samples, chunk):
        part = data.take(slice(first, first + chunk))
        if kind == "exact":
            yield from _exact(network, own, fixed, part)
        else:
            yield from _with_targets(network, own, fixed, part, kind, drawn, draws, first)


def passes(kind: FisherKind, samples: int, draws: int) -> int:
    """Count what the sum over :func:`fisher_signals` is to be divided by."""
    return samples * (draws if kind == "sampled" else 1)


def _with_targets(
    network: Network,
    likelihood: Likelihood,
    parameters: Parameters,
    part: Sequences,
    kind: FisherKind,
    seeds: Sequence[int],
    draws: int,
    first: int,
) -> Iterator[Pass]:
    weights = part.scored[:, part.window, :, None]
    forward = forward_pass(network, parameters, part, part.window)
    leaf = forward.activations.logits.detach().requires_grad_()
    for draw in range(draws if kind == "sampled" else 1):
        targets = part.targets[:, part.window]
        if kind == "sampled":
            targets = _sample(likelihood, leaf, seeds, first, draw)
        loss = (likelihood.nll(leaf, targets) * weights).sum()
        yield Pass(forward, torch.autograd.grad(loss, leaf)[0], weights)


def _exact(network: Network, likelihood: Likelihood, parameters: Parameters, part: Sequences) -> Iterator[Pass]:
    """Take a forward pass for each scored step; up to that step if later ones cannot concern it.

    Sequences that are scored at one step each, at whichever, take one pass together: no gradient mixes two steps.
    """
    start, stop, _ = part.window.indices(part.steps)
    is_scored_once = bool(((part.scored > 0).sum(1) == 1).all())
    for first in [start] if is_scored_once else range(start, stop):
        steps = slice(first, stop if is_scored_once else first + 1)
        weights = part.scored[:, steps, :, None]
        if not bool(weights.any()):
            continue
        forward = forward_pass(network, parameters, part, steps, steps.stop if network.is_causal else part.steps)
        factor = likelihood.fisher_factor(forward.activations.logits.detach()) * weights[..., None]
        for column in factor.unbind(-1):
            yield Pass(forward, column, weights)


def forward_pass(
    network: Network, parameters: Parameters, sequences: Sequences, steps: slice, end: int | None = None
) -> Forward:
    """Run a network with taps on sequences, up to a step."""
    return run_with_taps(network, parameters, sequences.inputs[:, :end], steps, sequences.lengths)


def _check_kind(kind: str) -> None:
    if not isinstance(kind, str) or kind not in get_args(FisherKind):
        found = repr(kind) if isinstance(kind, str) else describe(kind)
        raise ValueError(f"kind is {found}: it must be one of {', '.join(get_args(FisherKind))}")


def _seeds(seeds: Seeds | None, members: int) -> tuple[int, ...]:
    if seeds is None:
        raise ValueError(f"seeds is None: a sampled Fisher needs one seed for each of the {members} members")
    return as_seeds(seeds, members)


def _sample(
    likelihood: Likelihood,
    logits: Float[Tensor, "member window sample output"],
    seeds: Sequence[int],
    first: int,
    draw: int,
) -> Float[Tensor, "member window sample output"]:
    """Draw targets from the model, addressed by member seed, number of the draw and place of the sequence."""
    _, steps, samples, outputs = logits.shape
    purpose = f"fisher targets {draw}" if draw else "fisher targets"
    tables = [uniforms(seed, purpose, first, samples, steps * outputs) for seed in seeds]
    table = torch.from_numpy(np.stack(tables)).view(len(seeds), samples, steps, outputs).transpose(1, 2)
    return likelihood.sample(logits.detach(), table.to(logits))
