"""Yield the error signals whose outer products make a Fisher, for each kind of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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
GradientKind = Literal["empirical", "sampled", "exact", "MAS"]


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
    step, of a copy of the sequences for each output: with the factor L of the likelihood, Fisher of the logits = L Lᵀ,
    the expectation over all targets is the sum over the columns of L of the squared gradient of Lᵀ z.

    Raises:
        ValueError: if the likelihood is none, the kind is unknown, a number is not positive, there is no sequence, or
            seeds are missing or of the wrong number.
    """
    own = likelihood_of(likelihood)
    check_kind(kind)
    check_averaged(data.samples, chunk=chunk, draws=draws)
    drawn = seeds_of(seeds, len(parameters["b_out"])) if kind == "sampled" else ()
    for part in chunks(network, parameters, data, chunk):
        for each in passes_of(part, kind, own, drawn, draws):
            if not each.forward.activations.maps:
                raise ValueError(
                    f"{type(network).__name__}.apply returns no linear maps: with taps=True it must return them"
                )
            yield from signals_of(each.forward, each.cotangent)


def passes(kind: GradientKind, samples: int, draws: int) -> int:
    """Count what the sum over :func:`fisher_signals` is to be divided by."""
    return samples * (draws if kind == "sampled" else 1)


@dataclass(frozen=True)
class Chunk:
    """A Chunk is some of the sequences; its forward pass serves every importance that is measured of them."""

    network: Network
    parameters: Parameters
    part: Sequences
    first: int
    """place of the first of them among all"""
    size: int
    """sequences, or copies of them, in memory at a time"""

    @cached_property
    def forward(self) -> Forward:
        """The forward pass, with taps and the logits of the scored window."""
        return run_with_taps(self.network, self.parameters, self.part.inputs, self.part.window, self.part.lengths)

    @property
    def weights(self) -> Float[Tensor, "#member window sample 1"]:
        """Weights of the answers in the loss of a sequence."""
        return self.part.scored[:, self.part.window, :, None]


def chunks(network: Network, parameters: Parameters, data: Sequences, chunk: int) -> Iterator[Chunk]:
    """Take the sequences a chunk at a time."""
    fixed = {name: value.detach() for name, value in parameters.items()}
    for first in range(0, data.samples, chunk):
        yield Chunk(network, fixed, data.take(slice(first, first + chunk)), first, chunk)


def passes_of(
    chunk: Chunk, kind: GradientKind, likelihood: Likelihood, seeds: Sequence[int], draws: int
) -> Iterator[Pass]:
    """Yield the passes of some sequences for a Fisher, or for Memory Aware Synapses."""
    if kind == "exact":
        yield from _exact(chunk, likelihood)
        return
    logits = chunk.forward.activations.logits.detach()
    if kind == "MAS":  # the gradient of the squared length of the output
        yield Pass(chunk.forward, 2 * logits * chunk.weights)
        return
    leaf = logits.requires_grad_()
    for draw in range(draws if kind == "sampled" else 1):
        targets = chunk.part.targets[:, chunk.part.window]
        if kind == "sampled":
            targets = _sample(likelihood, leaf, seeds, chunk.first, draw)
        loss = (likelihood.nll(leaf, targets) * chunk.weights).sum()
        yield Pass(chunk.forward, torch.autograd.grad(loss, leaf)[0])


def _exact(chunk: Chunk, likelihood: Likelihood) -> Iterator[Pass]:
    """Take passes for each scored step; up to that step if later ones cannot concern it.

    All columns of the factor go back together, each through a copy of the sequences. Sequences that are scored at one
    step each, at whichever, take one pass together: no gradient mixes two steps.
    """
    part, network = chunk.part, chunk.network
    start, stop, _ = part.window.indices(part.steps)
    is_scored_once = bool(((part.scored > 0).sum(1) == 1).all())
    for first in [start] if is_scored_once else range(start, stop):
        steps = slice(first, stop if is_scored_once else first + 1)
        weights = part.scored[:, steps, :, None]
        if not bool(weights.any()):
            continue
        inputs = part.inputs[:, : steps.stop if network.is_causal else part.steps]
        with torch.no_grad():
            logits = network.apply(chunk.parameters, inputs, steps, lengths=part.lengths).logits
        factor = likelihood.fisher_factor(logits) * weights[..., None]
        columns = factor.shape[-1]
        few = max(1, chunk.size // columns)
        for at in range(0, part.samples, few):
            rows = slice(at, at + few)
            copies = inputs[:, :, rows].repeat(1, 1, columns, 1)
            forward = run_with_taps(network, chunk.parameters, copies, steps, part.lengths[:, rows].repeat(1, columns))
            yield Pass(forward, factor[:, :, rows].movedim(-1, 2).flatten(2, 3))


def check_kind(kind: FisherKind) -> FisherKind:
    """Return the kind, or refuse it with a ValueError if there is none of that name."""
    if not isinstance(kind, str) or kind not in get_args(FisherKind):
        found = repr(kind) if isinstance(kind, str) else describe(kind)
        raise ValueError(f"kind is {found}: it must be one of {', '.join(get_args(FisherKind))}")
    return kind


def seeds_of(seeds: Seeds | None, members: int) -> tuple[int, ...]:
    """Return the seeds of a sampled Fisher, one a member."""
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
