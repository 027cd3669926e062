"""Recurrent networks are pure functions of parameters and inputs."""

from wmcl.networks.cell import Cell
from wmcl.networks.elman import Elman, ReLUElman
from wmcl.networks.gru import GRU
from wmcl.networks.initialisation import Parameters
from wmcl.networks.linear import LinearRNN
from wmcl.networks.lstm import LSTM
from wmcl.networks.network import Network
from wmcl.networks.torch_modules import from_torch, to_torch

NETWORKS: dict[str, type[Network]] = {"elman": Elman, "lstm": LSTM, "gru": GRU, "linear": LinearRNN}
"""network of each cell, by the name that users choose it by"""

__all__ = [
    "GRU",
    "LSTM",
    "Cell",
    "Elman",
    "LinearRNN",
    "Network",
    "Parameters",
    "ReLUElman",
    "from_torch",
    "to_torch",
]
