"""The matrix products that a training step cannot do without, and nothing else.

No bias, no tanh, no loss, no optimiser and no memory management: outputs are allocated beforehand. The recurrent
products form a chain through an orthogonal matrix, as in a network, so that their values neither grow nor vanish.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences


@dataclass(frozen=True)
class Product:
    """output = left right."""

    left: Tensor
    right: Tensor
    output: Tensor


def run(products: list[Product]) -> None:
    """Compute all products."""
    for p in products:
        torch.mm(p.left, p.right, out=p.output)


def products(network: Network, parameters: Parameters, sequences: Sequences) -> list[Product]:
    """The products of a step of one member, forward and then backward."""
    W = {name: value[0] for name, value in parameters.items()}
    inputs = sequences.inputs[0]
    steps, samples, _ = inputs.shape
    hidden, values, errors = (torch.randn(steps, samples, n) for n in (network.hidden, *[len(W["W_hh"])] * 2))
    one_gate = len(W["W_hh"]) == network.hidden
    scored = _rows(hidden[sequences.window])
    forward = [_product(_rows(inputs), W["W_ih"].T)]
    forward += [Product(hidden[t - 1], W["W_hh"].T, hidden[t] if one_gate else values[t]) for t in range(1, steps)]
    backward = [
        Product(errors[t], W["W_hh"], errors[t - 1] if one_gate else hidden[t - 1]) for t in range(steps - 1, 0, -1)
    ]
    backward += [_product(_rows(errors[1:]).T, _rows(hidden[:-1]))]
    backward += [_product(_rows(inputs).T, _rows(errors))]  # transposed: few rows are faster than few columns
    for name in ("W_ho", "W_out") if network.has_output_stage else ("W_out",):
        signal = torch.randn(len(scored), len(W[name]))
        forward += [_product(scored, W[name].T)]
        backward += [_product(signal, W[name]), _product(signal.T, scored)]
    return forward + backward


def _rows(values: Tensor) -> Tensor:
    return values.reshape(-1, values.shape[-1])


def _product(left: Tensor, right: Tensor) -> Product:
    return Product(left, right, torch.empty(left.shape[0], right.shape[1]))
