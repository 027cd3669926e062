r"""The loop over time: one place that owns the products, the order of steps and the backward pass.

A recurrent layer computes a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh and h_t = cell(a_t) with h_{-1} = 0. The
input products of all steps are one batched product, and so are the weight gradients; only W_hh h_{t-1} has to
wait for the step before. The backward pass is derived by hand (back-propagation through time): with the error
signal δ_t = ∂L/∂a_t,

    δ_t = step_backward(∂L/∂h_t + W_hhᵀ δ_{t+1}),   ∂L/∂W_hh = Σ_t δ_t h_{t-1}ᵀ,   ∂L/∂W_ih = Σ_t δ_t x_tᵀ.

The *tap* is a zero that is added to a_t. Its gradient is δ_t of every single sample, from which exact
per-sample gradients are formed (see :mod:`wmcl.importance.fisher`).
"""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


@runtime_checkable
class Cell(Protocol):
    """The elementwise part of a recurrent layer. Both functions work in place."""

    def step(self, values: Float[Tensor, "member sample unit"]) -> None:
        """Turn pre-activations a_t into hidden states h_t."""

    def step_backward(
        self, values: Float[Tensor, "member sample unit"], hidden: Float[Tensor, "member sample unit"]
    ) -> None:
        """Turn ∂L/∂h_t into ∂L/∂a_t, given h_t."""


def unroll(
    cell: Cell,
    inputs: Float[Tensor, "#member time sample feature"],
    W_ih: Float[Tensor, "member unit feature"],
    b_ih: Float[Tensor, "member unit"],
    W_hh: Float[Tensor, "member unit unit"],
    b_hh: Float[Tensor, "member unit"],
    steps: slice,
    tap: Float[Tensor, "member time sample unit"] | None = None,
) -> tuple[Float[Tensor, "member time sample unit"], Float[Tensor, "member window sample unit"]]:
    """Hidden states of every step.

    Args:
        cell: the nonlinearity.
        inputs: shared by all members if its member axis has size 1.
        W_ih, b_ih, W_hh, b_hh: weights and biases, an entry a member.
        steps: contiguous steps that the read-out needs.
        tap: zeros, to obtain the error signal of every sample and step.

    Returns:
        All hidden states, and those of ``steps`` alone. A loss that only depends on the latter costs no
        gradient of the size of the former.
    """
    return _Recurrence.apply(cell, inputs, W_ih, b_ih, W_hh, b_hh, steps, tap)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        inputs: Tensor,
        W_ih: Tensor,
        b_ih: Tensor,
        W_hh: Tensor,
        b_hh: Tensor,
        steps: slice,
        tap: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        hidden = project(inputs, W_ih, b_ih + b_hh)
        if tap is not None:
            hidden += tap
        to_from = W_hh.mT
        cell.step(hidden[:, 0])
        for t in range(1, hidden.shape[1]):
            hidden[:, t].baddbmm_(hidden[:, t - 1], to_from)
            cell.step(hidden[:, t])
        ctx.save_for_backward(inputs, W_ih, W_hh, hidden)
        ctx.cell, ctx.steps = cell, steps
        ctx.set_materialize_grads(False)
        return hidden, hidden[:, steps]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_all: Tensor | None, grad_window: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs, W_ih, W_hh, hidden = ctx.saved_tensors
        errors = _error_signals(ctx.cell, hidden, W_hh, *_incoming(grad_all, grad_window, hidden, ctx.steps))
        needs_inputs, needs_W_ih, needs_b_ih, needs_W_hh, needs_b_hh = ctx.needs_input_grad[1:6]
        grad_inputs = grad_W_ih = grad_W_hh = grad_bias = None
        if needs_inputs:
            grad_inputs = errors @ W_ih[:, None]
            if inputs.shape[0] != errors.shape[0]:
                grad_inputs = grad_inputs.sum(0, keepdim=True)
        if needs_W_ih:
            grad_W_ih = _outer_sum(errors, inputs)
        if needs_W_hh:
            grad_W_hh = _outer_sum(errors[:, 1:], hidden[:, :-1])
        if needs_b_ih or needs_b_hh:
            grad_bias = errors.sum((1, 2))
        tap = errors if ctx.needs_input_grad[7] else None
        return None, grad_inputs, grad_W_ih, grad_bias, grad_W_hh, grad_bias, None, tap


def _incoming(
    grad_all: Tensor | None, grad_window: Tensor | None, hidden: Tensor, steps: slice
) -> tuple[Tensor | None, int]:
    """The gradients that reach the hidden states from outside, and the step of the first of them."""
    start, stop, _ = steps.indices(hidden.shape[1])
    if grad_all is None:
        return grad_window, start
    if grad_window is not None:
        grad_all = grad_all.clone()
        grad_all[:, start:stop] += grad_window
    return grad_all, 0


def _error_signals(cell: Cell, hidden: Tensor, W_hh: Tensor, incoming: Tensor | None, start: int) -> Tensor:
    """δ of every step: back-propagation through time."""
    errors = torch.empty_like(hidden)
    if incoming is None or incoming.shape[1] == 0:
        return errors.zero_()
    last = start + incoming.shape[1] - 1
    errors[:, last + 1 :] = 0
    errors[:, last] = incoming[:, -1]
    cell.step_backward(errors[:, last], hidden[:, last])
    for t in range(last - 1, -1, -1):
        if t >= start:
            torch.baddbmm(incoming[:, t - start], errors[:, t + 1], W_hh, out=errors[:, t])
        else:
            torch.bmm(errors[:, t + 1], W_hh, out=errors[:, t])
        cell.step_backward(errors[:, t], hidden[:, t])
    return errors


def project(
    inputs: Float[Tensor, "#member time sample feature"],
    weight: Float[Tensor, "member unit feature"],
    bias: Float[Tensor, "member unit"],
) -> Float[Tensor, "member time sample unit"]:
    """W x + b at every step, as one batched product over (time × sample)."""
    members, (_, time, samples, features) = weight.shape[0], inputs.shape
    rows = inputs.reshape(inputs.shape[0], time * samples, features).expand(members, -1, -1)
    return torch.baddbmm(bias[:, None], rows, weight.mT).view(members, time, samples, weight.shape[1])


def _outer_sum(errors: Tensor, inputs: Tensor) -> Tensor:
    """Σ over steps and samples of δ xᵀ, as one batched product."""
    members = errors.shape[0]
    right = inputs.reshape(inputs.shape[0], -1, inputs.shape[-1]).expand(members, -1, -1)
    left = errors.reshape(members, -1, errors.shape[-1])
    if right.shape[-1] < left.shape[-1]:  # a thin matrix is multiplied several times faster from the left
        return torch.bmm(right.mT, left).mT.contiguous()
    return torch.bmm(left.mT, right)
