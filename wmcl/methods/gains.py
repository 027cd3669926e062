r"""This module gives the recurrent layers of a network gains of their own in every task.

A gain g_u and a shift s_u act on the pre-activation a of a unit, before its nonlinearity: a_u → g_u a_u + s_u. This
is a scaling of the rows of weights and biases, with the shift added to one of the biases (or, in a network without
biases, in its place), so cells know nothing of it.
In the Elman network of the paper the same gains act on h_t and on y_t:

.. math::
    h_t = \tanh(g ∘ (W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) + s), \quad
    y_t = \tanh(g ∘ (W_{ho} h_t + b_{ho}) + s).

Heads have no gains.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from wmcl.networks import Network, Parameters


def recurrent_layers(network: Network) -> list[str]:
    """Return the endings of the names of weights, one for each recurrent layer and direction."""
    return [name.removeprefix("W_hh") for name in network.shapes if name.startswith("W_hh")]


def row_gains(network: Network, gains: Mapping[str, Float[Tensor, "member row"]]) -> Parameters:
    """Return the gain of every weight and bias of the recurrent layers, broadcast to its shape.

    Args:
        network: whose weights they are.
        gains: of each layer, for every row of its maps, or for every unit, which all gates then share.
    """
    found: Parameters = {}
    for layer, gain in gains.items():
        for kind in ("W_ih", "b_ih", "W_hh", "b_hh", "W_ho", "b_ho"):
            if (name := kind + layer) in network.shapes:
                rows = gain.repeat(1, network.shapes[name][0] // gain.shape[1])
                found[name] = rows[..., None] if kind.startswith("W") else rows
    return found


def scaled(network: Network, values: Parameters, gains: Parameters) -> Parameters:
    """Return the weights of a network, times gains where there are any."""
    return {name: values[name] * gains[name] if name in gains else values[name] for name in network.shapes}
