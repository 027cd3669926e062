r"""Compute the Fisher diagonal of a linear RNN in closed form.

A linear RNN h_t = W_ih x_t + W_hh h_{t-1} + b (b = b_ih + b_hh), z_t = W_out h_t + b_out with Gaussian targets of
variance σ² has outputs that are linear in its inputs, and error signals that do not depend on them: the derivative of
output o of step t with respect to the pre-activation of step s is

.. math::
    δ^{(t, o)}_s = W_{hh}^{\top (t - s)} w_o \quad (s \le t),

with w_o the row o of W_out. So ∂z_to/∂W_hh = Σ_s δ_s h_{s-1}ᵀ, and the expectation of its square over inputs needs
their second moments alone. With

.. math::
    C_i[s, s'] &= \frac{1}{σ^2} \sum_{t \ge \max(s, s')} w_t^2 \sum_o δ^{(t, o)}_{s, i} \, δ^{(t, o)}_{s', i},
    \qquad G_j[s, s'] = E[h_{s, j} \, h_{s', j}], \\
    F(W_{hh}[i, j]) &= \sum_{s, s'} C_i[s, s'] \, G_j[s - 1, s' - 1], \qquad
    F(W_{ih}[i, c]) = \sum_{s, s'} C_i[s, s'] \, E[x_{s, c} \, x_{s', c}], \\
    F(b_i) &= \sum_{s, s'} C_i[s, s'], \qquad
    F(W_{out}[o, j]) = \frac{1}{σ^2} \sum_t w_t^2 \, G_j[t, t], \qquad F(b_{out}[o]) = \frac{1}{σ^2} \sum_t w_t^2,

where w_t is the weight of step t in the loss (1 if it is scored). The states follow from the inputs,
h_s = Σ_{r<=s} W_hh^{s-r} (W_ih x_r + b), so G follows from the second moments of the inputs and the constant 1.

A step s is a factor of F(W_hh) by h_{s-1} and by δ_s. It contributes nothing if h_{s-1} = 0, as after blank steps
without bias, or if no scored step follows. Everything here is computed in float64.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from wmcl.check_data import check_floats, check_parameters, describe
from wmcl.networks import LinearRNN, Parameters


class LinearProducts(NamedTuple):
    """Hold what the Fisher of a linear RNN is made of."""

    errors: Float64[Tensor, "member unit time time"]
    """products C_i[s, s'] of the error signals of unit i, summed over scored outputs"""
    states: Float64[Tensor, "member unit time time"]
    """products G_j[s - 1, s' - 1] of the states of unit j that W_hh reads at steps s and s'; zero at the first step"""
    final: Float64[Tensor, "member unit time"]
    """products G_j[t, t] of the states that the head reads"""


def second_moments(
    inputs: Float[Tensor, "member time sample feature"],
) -> Float64[Tensor, "member time one_more time one_more"]:
    """Compute second moments of inputs and of a constant 1, the last feature: means over the sequences, about zero.

    Raises:
        ValueError: if the inputs are no such tensor, or not finite.
    """
    check_floats(inputs, "inputs", "member time sample feature")
    ones = inputs.new_ones(*inputs.shape[:3], 1)
    with_constant = torch.cat([inputs, ones], -1).double()
    return torch.einsum("mtbf,msbg->mtfsg", with_constant, with_constant) / inputs.shape[2]


def white_moments(shown: slice, steps: int, features: int) -> Float64[Tensor, "one time one_more time one_more"]:
    """Give second moments of independent inputs: of mean 0 and variance 1 at the steps ``shown``, 0 elsewhere."""
    variance = torch.zeros(steps, features + 1, dtype=torch.float64)
    variance[shown, :features] = 1
    moments = torch.diag(variance.flatten()).view(steps, features + 1, steps, features + 1)
    moments[:, features, :, features] = 1
    return moments[None]


def linear_products(
    network: LinearRNN,
    parameters: Parameters,
    moments: Float64[Tensor, "#member time one_more time one_more"],
    scored: Float[Tensor, "time"],
    std: float = 1.0,
) -> LinearProducts:
    """Compute C and G of an ensemble.

    Args:
        network: linear, with one layer that reads forwards and one head.
        parameters: of the ensemble.
        moments: from :func:`second_moments` or :func:`white_moments`.
        scored: weight of each step in the loss.
        std: σ of the targets.

    Raises:
        ValueError: if the network is another one, or moments and parameters do not fit.
    """
    _check(network, parameters, moments, scored)
    W_ih, W_hh, W_out = (parameters[name].detach().double() for name in ("W_ih", "W_hh", "W_out"))
    bias = W_ih.new_zeros(W_ih.shape[:2])
    if network.biases:
        bias = (parameters["b_ih"] + parameters["b_hh"]).detach().double()
    steps = len(scored)
    readers, writers = [W_out], [torch.cat([W_ih, bias[..., None]], -1)]
    for _ in range(steps - 1):
        readers.append(readers[-1] @ W_hh)
        writers.append(W_hh @ writers[-1])
    states = _states(torch.stack(writers, 2), moments.expand(len(W_hh), -1, -1, -1, -1))
    before = torch.zeros_like(states)
    before[..., 1:, 1:] = states[..., :-1, :-1]
    errors = _errors(torch.stack(readers, 1), scored.double()) / std**2
    return LinearProducts(errors, before, states.diagonal(dim1=2, dim2=3))


def linear_fisher(
    network: LinearRNN,
    parameters: Parameters,
    moments: Float64[Tensor, "#member time one_more time one_more"],
    scored: Float[Tensor, "time"],
    std: float = 1.0,
) -> Parameters:
    """Compute the exact Fisher diagonal of every parameter, as ``fisher_diagonal(kind="exact")`` has it.

    The arguments are those of :func:`linear_products`.

    Returns:
        Float64 tensors with the names and shapes of ``parameters``, per sequence, in nats² per squared unit of the
        parameter.
    """
    errors, before, final = linear_products(network, parameters, moments, scored, std)
    of_inputs = moments.diagonal(dim1=2, dim2=4).permute(0, 3, 1, 2)[:, :-1].expand(len(errors), -1, -1, -1)
    of_bias = errors.sum((2, 3))
    weight = scored.double().square() / std**2
    of_output = (final * weight).sum(-1)
    outputs = network.outputs
    found = {
        "W_ih": errors.flatten(2) @ of_inputs.flatten(2).mT,
        "b_ih": of_bias,
        "W_hh": errors.flatten(2) @ before.flatten(2).mT,
        "b_hh": of_bias,
        "W_out": of_output[:, None].expand(-1, outputs, -1),
        "b_out": weight.sum().expand(len(errors), outputs),
    }
    return {name: found[name] for name in network.shapes}


def linear_reuse(products: LinearProducts) -> Float64[Tensor, "member time time"]:
    """Compute the reuse profile R of W_hh: row s is what the use at step s brings, the sum the trace of the Fisher.

    R[s, s'] = Σ_i C_i[s, s'] · Σ_j G_j[s - 1, s' - 1], as :func:`wmcl.importance.reuse_profile` measures it.
    """
    return products.errors.sum(1) * products.states.sum(1)


def _states(
    writers: Float64[Tensor, "member unit lag one_more"],
    moments: Float64[Tensor, "member time one_more time one_more"],
) -> Float64[Tensor, "member unit time time"]:
    """Compute G from W_hh^k [W_ih, b]."""
    members, units, steps, features = writers.shape
    effect = writers.new_zeros(members, units, steps, steps, features)
    for s in range(steps):
        effect[:, :, s, : s + 1] = writers[:, :, : s + 1].flip(2)
    effect = effect.flatten(3)
    square = moments.reshape(members, 1, steps * features, steps * features)
    return effect @ square @ effect.mT


def _errors(
    readers: Float64[Tensor, "member lag output unit"], weights: Float64[Tensor, "time"]
) -> Float64[Tensor, "member unit time time"]:
    """Compute C from W_out W_hh^k."""
    products = torch.einsum("mkoi,mloi->mikl", readers, readers)
    total = torch.zeros_like(products)
    for t in weights.nonzero()[:, 0].tolist():
        total[..., : t + 1, : t + 1] += weights[t] ** 2 * products[..., : t + 1, : t + 1].flip(2, 3)
    return total


def _check(network: LinearRNN, parameters: Parameters, moments: Tensor, scored: Tensor) -> None:
    if not isinstance(network, LinearRNN):
        raise ValueError(f"network is {describe(network)}: the closed form needs a wmcl.networks.LinearRNN")
    for name, usual in (("layers", 1), ("direction", "forward"), ("heads", 1)):
        if getattr(network, name) != usual:
            raise ValueError(f"{name} is {getattr(network, name)!r}: the closed form needs {usual!r}")
    check_parameters(network, parameters)
    check_floats(moments, "moments", "member time feature time feature")
    check_floats(scored, "scored", "time")
    steps, features = len(scored), network.inputs + 1
    if tuple(moments.shape[1:]) != (steps, features, steps, features):
        raise ValueError(
            f"moments has shape {tuple(moments.shape)}: it must be (member, {steps}, {features}, {steps}, {features}),"
            " for the steps of scored and the inputs of the network with a constant"
        )
