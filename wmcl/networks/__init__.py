"""Who learns: pure functions of parameters and inputs."""

from wmcl.networks.activations import Activations, LinearMap
from wmcl.networks.cell import Cell, State
from wmcl.networks.elman import Elman, TanhCell
from wmcl.networks.gru import GRU, GRUCell
from wmcl.networks.initialisation import Initialisation, Parameters, initialise
from wmcl.networks.linear import LinearCell, LinearRNN
from wmcl.networks.lstm import LSTM, LSTMCell
from wmcl.networks.network import Direction, Network
from wmcl.networks.recurrence import Unrolled, Weights, project, unroll
from wmcl.networks.vectors import CHANGES, changed_vectors

NETWORKS: dict[str, type[Network]] = {"elman": Elman, "lstm": LSTM, "gru": GRU, "linear": LinearRNN}
"""class of each cell, by the name that users choose it by"""

__all__ = [
    "CHANGES",
    "GRU",
    "LSTM",
    "NETWORKS",
    "Activations",
    "Cell",
    "Direction",
    "Elman",
    "GRUCell",
    "Initialisation",
    "LSTMCell",
    "LinearCell",
    "LinearMap",
    "LinearRNN",
    "Network",
    "Parameters",
    "State",
    "TanhCell",
    "Unrolled",
    "Weights",
    "changed_vectors",
    "initialise",
    "project",
    "unroll",
]
