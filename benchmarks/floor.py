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
    """Compute all products; of one member, without the axis of the members."""
    for p in products:
        if len(p.output) == 1:
            torch.mm(p.left[0], p.right[0], out=p.output[0])
        else:
            torch.bmm(p.left, p.right, out=p.output)


def products(network: Network, parameters: Parameters, sequences: Sequences) -> list[Product]:
    """The products of a step of an ensemble, forward and then backward, where the parameters are."""
    W, inputs = parameters, sequences.inputs
    members, steps, samples, _ = inputs.shape
    units, rows = network.hidden, W["W_hh"].shape[1]
    hidden, values, errors = (
        torch.randn(members, steps, samples, n, device=inputs.device) for n in (units, rows, rows)
    )
    made, read = (hidden, errors) if units == rows else (values, hidden)
    scored = hidden[:, sequences.window].flatten(1, 2)
    forward = [_product(inputs.flatten(1, 2), W["W_ih"].mT)]
    forward += [Product(hidden[:, t - 1], W["W_hh"].mT, made[:, t]) for t in range(1, steps)]
    backward = [Product(errors[:, t], W["W_hh"], read[:, t - 1]) for t in range(steps - 1, 0, -1)]
    backward += [_product(errors[:, 1:].flatten(1, 2).mT, hidden[:, :-1].flatten(1, 2))]
    # transposed: few rows are faster than few columns
    backward += [_product(inputs.flatten(1, 2).mT, errors.flatten(1, 2))]
    for name in ("W_ho", "W_out") if network.has_output_stage else ("W_out",):
        signal = torch.randn(members, scored.shape[1], W[name].shape[1], device=inputs.device)
        forward += [_product(scored, W[name].mT)]
        backward += [_product(signal, W[name]), _product(signal.mT, scored)]
    return forward + backward


def operations(products: list[Product]) -> float:
    """Floating-point operations: two for each multiplication and its addition."""
    return sum(2.0 * p.output.numel() * p.left.shape[-1] for p in products)


def _product(left: Tensor, right: Tensor) -> Product:
    return Product(left, right, left.new_empty(left.shape[0], left.shape[1], right.shape[2]))
