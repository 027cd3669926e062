"""Summarise an importance of every weight by a few numbers a connection."""

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from wmcl.check_arguments import checked
from wmcl.check_data import check_tensors, describe
from wmcl.labels import label
from wmcl.networks import Parameters

CONNECTIONS = {"ih": "W_ih", "hh": "W_hh", "ho": "W_ho", "out": "W_out"}
"""weight matrix of each connection of a network of one layer; biases are left out"""

STATISTICS = ("mean", "median", "trace", "mean F w²", "mean with bias")
"""statistics over the weights of a connection; F w² does not change when a unit's scale does; the mean of the paper's
code is over weights and biases together, or over the weights of a connection without biases"""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""probabilities of the quantiles of the distribution over the weights of a connection"""


def connections_of(parameters: Parameters) -> dict[str, str]:
    """Name the weight matrix of each connection: the usual four in any case, and whatever others there are."""
    weights = [name for name in parameters if name.startswith("W_")]
    return CONNECTIONS | {name.removeprefix("W_"): name for name in weights}


@checked
def summarise(
    importance: Parameters,
    parameters: Parameters,
    scored_bits: float | Float[Tensor, "member"],
) -> xr.Dataset:
    r"""Describe size, spread and distribution of an importance F over the n weights w of each connection.

    Args:
        importance: of every parameter, per sequence.
        parameters: that it belongs to, for F w².
        scored_bits: S, scored bits of a sequence (mean over sequences).

    Returns:
        Connections are those of :func:`connections_of`; those that the network lacks are NaN.
        ``importance`` (member, connection, statistic, per {sequence, scored bit});
        ``effective_fraction`` (member, connection), (ΣF)² / (n ΣF²): 1 if all weights matter alike, 1/n if one does;
        ``share`` (member, connection), trace over the sum of the traces of all connections;
        ``distribution`` (member, connection, probability), quantiles of F over the weights, per sequence.

    Raises:
        ValueError: if either is no dict of tensors, or a parameter is missing.
    """
    check_tensors(importance, "importance")
    check_tensors(parameters, "parameters", [name for name in importance if name.startswith("W_")])
    example = next(iter(importance.values()))
    if isinstance(scored_bits, bool) or not isinstance(scored_bits, (float, np.number, np.ndarray, Tensor, int)):
        raise ValueError(f"scored_bits is {describe(scored_bits)}: it must be a number, or one for each member")
    numbers = scored_bits.numel() if isinstance(scored_bits, Tensor) else np.size(scored_bits)
    if numbers not in (1, len(example)):
        raise ValueError(
            f"scored_bits has {numbers} numbers: it must be one, or one for each of {len(example)} members"
        )
    connections = connections_of(parameters)
    missing = torch.full((len(example), 1), float("nan"), dtype=torch.float64, device=example.device)
    triples = []
    for weight in connections.values():
        bias = weight.replace("W_", "b_")
        no_bias = missing[:, :0] if weight in parameters and bias not in parameters else missing
        found = importance.get(weight, missing), parameters.get(weight, missing), importance.get(bias, no_bias)
        triples.append(tuple(values.detach().double().flatten(1) for values in found))
    quantiles = np.stack([np.quantile(f.cpu().numpy(), QUANTILES, axis=1).T for f, _, _ in triples], 1)
    middle = quantiles[..., QUANTILES.index(0.5)]
    per_sequence = np.insert(_stack([_moments(f, w, b) for f, w, b in triples]), STATISTICS.index("median"), middle, 2)
    per_bit = per_sequence / torch.as_tensor(scored_bits, dtype=torch.float64).cpu().numpy().reshape(-1, 1, 1)
    trace = per_sequence[..., STATISTICS.index("trace")]
    total = np.nansum(trace, 1, keepdims=True)  # 0 for Synaptic Intelligence before the first step
    each = ("member", "connection")
    summary = xr.Dataset(
        {
            "importance": ((*each, "statistic", "per"), np.stack([per_sequence, per_bit], -1)),
            "effective_fraction": (each, _stack([effective_fraction(f) for f, _, _ in triples])),
            "share": (each, np.divide(trace, total, out=np.full_like(trace, np.nan), where=total > 0)),
            "distribution": ((*each, "probability"), quantiles),
        },
        coords={
            "connection": list(connections),
            "statistic": list(STATISTICS),
            "per": ["sequence", "scored bit"],
            "probability": list(QUANTILES),
        },
    )
    return label(
        summary,
        importance=(
            "importance over the weights of a connection",
            "nats^2 of a Fisher, nats of Synaptic Intelligence, by squared weight; squared logits of MAS, by weight",
        ),
    )


@checked
def effective_fraction(importance: Float[Tensor, "member *weight"]) -> Float[Tensor, "member"]:
    r"""Compute the fraction of the n weights over which an importance F is spread, (ΣF)² / (n ΣF²).

    It is 1 if all weights matter alike and 1/n if a single one does: the participation ratio of the importances over
    their number. NaN where no weight matters.
    """
    if not isinstance(importance, Tensor) or importance.ndim < 2:
        raise ValueError(f"importance is {describe(importance)}: it must be a tensor of the axes (member, weight)")
    flat = importance.flatten(1)
    return flat.sum(1).square() / (flat.shape[1] * flat.square().sum(1))


def _moments(
    importance: Float[Tensor, "member weight"],
    weights: Float[Tensor, "member weight"],
    bias: Float[Tensor, "member bias"],
) -> Float[Tensor, "member statistic"]:
    """Compute the STATISTICS in their order, without the median."""
    scaled = (importance * weights.square()).mean(1)
    with_bias = torch.cat([importance, bias], 1).mean(1)
    return torch.stack([importance.mean(1), importance.sum(1), scaled, with_bias], 1)


def _stack(columns: list[Tensor]) -> np.ndarray:
    """Stack as (member, connection, …)."""
    return torch.stack(columns, 1).cpu().numpy()
