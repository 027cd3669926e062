"""Context modulation learns gains and shifts of recurrent layers anew for every task."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch.nn.functional import softplus

from wmcl.methods.gains import recurrent_layers, row_gains, scaled
from wmcl.networks import Network, Parameters
from wmcl.training.parts import Initial, Parametrisation

_UNIT_GAIN = math.log(math.expm1(1.0))
"""number whose softplus is 1"""


@dataclass(frozen=True)
class Modulated(Parametrisation):
    """A Modulated parametrisation learns gains softplus(g) > 0 and shifts s (:mod:`wmcl.methods.gains`) a task.

    Tasks share the weights themselves. All tasks start from gain 1 and shift 0, the network as it is. (The paper's code
    starts from g = 1, which is a gain of 1.31.) Those of a task change only while it is learned or rehearsed. An LSTM
    or GRU has them for the pre-activation of every gate, while the paper's code modulates the cell state of an LSTM on
    its way to the output.
    """

    def init(self, network: Network, seeds: Sequence[int], tasks: int) -> Initial:
        """Return the parameters of the network, and gains and shifts of shape (member, task, row)."""
        trained = network.init(seeds)
        for layer in recurrent_layers(network):
            shape = len(seeds), tasks, network.shapes[f"W_hh{layer}"][0]
            trained[f"gain{layer}"] = trained["W_out"].new_full(shape, _UNIT_GAIN)
            trained[f"shift{layer}"] = trained["W_out"].new_zeros(shape)
        return Initial(trained, {})

    def weights(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return scaled weights; the shifts are in b_ih, where no gate reaches them, and in b_ho.

        In a network without biases they stand beside the weights, in the place of b_ih.
        """
        weights = scaled(network, values, self.derivatives(network, values, task))
        for layer in recurrent_layers(network):
            shift = values[f"shift{layer}"][:, task]
            for bias in (f"b_ih{layer}", f"b_ho{layer}"):
                if bias in weights:
                    weights[bias] = weights[bias] + shift
            if not network.biases:
                weights[f"shift{layer}"] = shift
        return weights

    def derivatives(self, network: Network, values: Parameters, task: int) -> Parameters:
        """Return the gains of a task, for all rows of the maps of its recurrent layers."""
        gains = {layer: softplus(values[f"gain{layer}"][:, task]) for layer in recurrent_layers(network)}
        return row_gains(network, gains)
