"""Random binary masks switch off some units of each recurrent layer in every task."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from wmcl.methods.gains import recurrent_layers, row_gains, scaled
from wmcl.networks import Network, Parameters
from wmcl.randomness import generator
from wmcl.training.parts import Initial, Parametrisation


@dataclass(frozen=True)
class Masked(Parametrisation):
    """A Masked parametrisation gives every task gains of 0 and 1 (:mod:`wmcl.methods.gains`).

    They are drawn once for each member, task, recurrent layer and direction. Masks of tasks are independent, so they
    overlap. A unit that is off has h_t = y_t = 0 at every step; in an LSTM and in a GRU all its gates have no input, so
    that the candidate tanh(0) leaves the state at 0. (In the paper's code the cell state of such an LSTM unit goes on,
    but nothing reads it.) No gradient reaches its weights.

    Raises:
        ValueError: if the fraction lies outside of its range.
    """

    fraction_off: float = 0.8
    """fraction of the units of a layer that is switched off, rounded down to whole units"""

    def __post_init__(self) -> None:
        if not 0 <= self.fraction_off < 1:
            raise ValueError(f"fraction_off is {self.fraction_off}: it must be at least 0 and below 1")

    def init(self, network: Network, seeds: Sequence[int], tasks: int) -> Initial:
        """Return the parameters of the network, and fixed masks of shape (member, task, unit)."""
        trained = network.init(seeds)
        masks = {
            _name(layer): np.stack([self._draw(network, layer, seed, tasks) for seed in seeds])
            for layer in recurrent_layers(network)
        }
        like = trained["W_out"]
        return Initial(trained, {name: torch.from_numpy(mask).to(like) for name, mask in masks.items()})

    def weights(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the weights in a task, with zero rows for units that are off."""
        return scaled(network, values, self.derivatives(network, values, task))

    def derivatives(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the masks of a task, for all rows of the maps of its recurrent layers."""
        return row_gains(network, {layer: values[_name(layer)][:, task] for layer in recurrent_layers(network)})

    def _draw(self, network: Network, layer: str, seed: int, tasks: int) -> Float[np.ndarray, "task unit"]:
        masks = np.ones((tasks, network.hidden))
        for task, mask in enumerate(masks):
            order = generator(seed, f"mask{layer}", task).permutation(network.hidden)
            mask[order[: int(network.hidden * self.fraction_off)]] = 0
        return masks


def _name(layer: str) -> str:
    return f"mask{layer}"
