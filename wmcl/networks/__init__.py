"""Who learns: pure functions of parameters and inputs."""

from wmcl.networks.activations import Activations, LinearMap
from wmcl.networks.elman import Elman, TanhCell
from wmcl.networks.initialisation import Initialisation, Parameters, initialise
from wmcl.networks.recurrence import Cell, unroll

Network = Elman

__all__ = [
    "Activations",
    "Cell",
    "Elman",
    "Initialisation",
    "LinearMap",
    "Network",
    "Parameters",
    "TanhCell",
    "initialise",
    "unroll",
]
