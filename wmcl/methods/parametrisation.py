"""Where the weights of a network come from: the first of the four parts of a method."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from wmcl.networks import Network, Parameters


class Initial(NamedTuple):
    """What a part brings along before the first task."""

    trained: Parameters
    """values that the optimiser changes"""
    fixed: Parameters
    """values that are drawn once and stay, such as masks"""


@runtime_checkable
class Parametrisation(Protocol):
    """Gives the weights of a network in every task. ``values`` are all values, trained and fixed, by name."""

    def init(self, network: Network, seeds: Sequence[int], tasks: int) -> Initial:
        """Values before the first task, an entry a seed along the member axis."""

    def weights(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Weights of the network in a task, differentiable in the values."""

    def base(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Weights before gains and shifts: what the orthogonality penalty acts on."""

    def guarded(self, network: Network, values: Parameters) -> Parameters:
        """Values that tasks share and that a penalty may hold in place."""

    def slopes(self, network: Network, values: Parameters, task: int) -> Parameters:
        """∂ weight / ∂ guarded value of those weights where it is not 1; elementwise, and broadcast to the weight."""


@dataclass(frozen=True)
class Shared:
    """The same weights in all tasks."""

    def init(self, network: Network, seeds: Sequence[int], tasks: int) -> Initial:
        """Parameters of the network."""
        return Initial(network.init(seeds), {})

    def weights(self, network: Network, values: Parameters, task: int) -> Parameters:
        """The values themselves."""
        return {name: values[name] for name in network.shapes}

    def base(self, network: Network, values: Parameters, task: int) -> Parameters:
        """The values themselves."""
        return self.weights(network, values, task)

    def guarded(self, network: Network, values: Parameters) -> Parameters:
        """All weights."""
        return self.weights(network, values, 0)

    def slopes(self, network: Network, values: Parameters, task: int) -> Parameters:
        """1 everywhere."""
        return {}
