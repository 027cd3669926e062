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
        product = torch.mm if p.left.ndim == 2 else torch.bmm
        product(p.left, p.right, out=p.output)


def products(network: Network, parameters: Parameters, sequences: Sequences) -> list[Product]:
    """The products of a step of one member, forward and then backward."""
    W = {name: value[0] for name, value in parameters.items()}
    inputs = sequences.inputs[0]
    steps, samples, _ = inputs.shape
    hidden, values, errors = (torch.randn(steps, samples, n) for n in (network.hidden, *[len(W["W_hh"])] * 2))
    made, read = (hidden, errors) if len(W["W_hh"]) == network.hidden else (values, hidden)
    scored = _rows(hidden[sequences.window])
    forward = [_product(_rows(inputs), W["W_ih"].T)]
    forward += [Product(hidden[t - 1], W["W_hh"].T, made[t]) for t in range(1, steps)]
    backward = [Product(errors[t], W["W_hh"], read[t - 1]) for t in range(steps - 1, 0, -1)]
    backward += [_product(_rows(errors[1:]).T, _rows(hidden[:-1]))]
    backward += [_product(_rows(inputs).T, _rows(errors))]  # transposed: few rows are faster than few columns
    for name in ("W_ho", "W_out") if network.has_output_stage else ("W_out",):
        signal = torch.randn(len(scored), len(W[name]))
        forward += [_product(scored, W[name].T)]
        backward += [_product(signal, W[name]), _product(signal.T, scored)]
    return forward + backward


def ensemble_products(network: Network, parameters: Parameters, sequences: Sequences) -> list[Product]:
    """The same for all members at once, as batched products, where the parameters are."""
    W, inputs = parameters, sequences.inputs
    members, steps, samples, _ = inputs.shape
    units, rows = network.hidden, W["W_hh"].shape[1]
    hidden, values, errors = (
        torch.randn(members, steps, samples, n, device=inputs.device) for n in (units, rows, rows)
    )
    scored = hidden[:, sequences.window].flatten(1, 2)
    forward = [_batched(inputs.flatten(1, 2), W["W_ih"].mT)]
    made, read = (hidden, errors) if units == rows else (values, hidden)
    forward += [Product(hidden[:, t - 1], W["W_hh"].mT, made[:, t]) for t in range(1, steps)]
    backward = [Product(errors[:, t], W["W_hh"], read[:, t - 1]) for t in range(steps - 1, 0, -1)]
    backward += [_batched(errors[:, 1:].flatten(1, 2).mT, hidden[:, :-1].flatten(1, 2))]
    backward += [_batched(inputs.flatten(1, 2).mT, errors.flatten(1, 2))]
    for name in ("W_ho", "W_out") if network.has_output_stage else ("W_out",):
        signal = torch.randn(members, scored.shape[1], W[name].shape[1], device=inputs.device)
        forward += [_batched(scored, W[name].mT)]
        backward += [_batched(signal, W[name]), _batched(signal.mT, scored)]
    return forward + backward


def operations(products: list[Product]) -> float:
    """Floating-point operations: two for each multiplication and its addition."""
    return sum(2.0 * p.output.numel() * p.left.shape[-1] for p in products)


def _batched(left: Tensor, right: Tensor) -> Product:
    return Product(left, right, left.new_empty(left.shape[0], left.shape[1], right.shape[2]))


def _rows(values: Tensor) -> Tensor:
    return values.reshape(-1, values.shape[-1])


def _product(left: Tensor, right: Tensor) -> Product:
    return Product(left, right, torch.empty(left.shape[0], right.shape[1]))
