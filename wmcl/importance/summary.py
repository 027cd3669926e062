"""From an importance of every weight to a few numbers a connection."""

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Parameters

CONNECTIONS = {"ih": "W_ih", "hh": "W_hh", "ho": "W_ho", "out": "W_out"}
"""weight matrix of each connection; biases are left out"""


def summarise(
    importance: Parameters,
    scored_bits: float | Float[Tensor, "member"],
    connections: dict[str, str] = CONNECTIONS,
) -> xr.DataArray:
    """Mean, median and sum over the weights of each connection, per sequence and per scored bit.

    Args:
        importance: of every parameter, per sequence.
        scored_bits: S, scored bits of a sequence (mean over sequences).
        connections: weight of each connection; those that the network lacks are NaN.

    Returns:
        Array with dimensions (member, connection, statistic, per).
    """
    members = next(iter(importance.values())).shape[0]
    missing = np.full((members, 3), np.nan)
    rows = [_statistics(importance[w]) if w in importance else missing for w in connections.values()]
    per_sequence = np.stack(rows, 1)
    per_bit = per_sequence / torch.as_tensor(scored_bits, dtype=torch.float64).cpu().numpy().reshape(-1, 1, 1)
    return xr.DataArray(
        np.stack([per_sequence, per_bit], -1),
        dims=("member", "connection", "statistic", "per"),
        coords={
            "connection": list(connections),
            "statistic": ["mean", "median", "trace"],
            "per": ["sequence", "scored bit"],
        },
    )


def _statistics(values: Tensor) -> np.ndarray:
    flat = values.double().flatten(1).cpu().numpy()
    return np.stack([flat.mean(1), np.median(flat, axis=1), flat.sum(1)], 1)
