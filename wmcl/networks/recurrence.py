r"""One loop over time serves all cells: it computes the products, orders the steps and runs the backward pass.

A recurrent layer has the pre-activations a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh, from which its cell makes the
next state, with h_{-1} = 0. The input products of all steps are one batched product, and so are the weight gradients;
only W_hh h_{t-1} has to wait for the step before. The backward pass is derived by hand (back-propagation through time):
with the error signal δ_t = ∂L/∂a_t,

    δ_t = step_backward(∂L/∂h_t + W_hhᵀ δ_{t+1} + what the cell passes),
    ∂L/∂W_hh = Σ_t δ_t h_{t-1}ᵀ,   ∂L/∂W_ih = Σ_t δ_t x_tᵀ.

The *taps* are zeros that are added to W_ih x_t + b_ih and to W_hh h_{t-1} + b_hh. Their gradients are the error signals
of every single sample, from which exact per-sample gradients are formed (see :mod:`wmcl.importance.fisher`). The two
differ only where a cell keeps the two parts of a gate apart, as a GRU does.

Where the gradient is to be differentiated again (``create_graph``), and inside of the transforms of ``torch.func``, the
layer is written out in operations that autograd follows (:func:`unroll_by_autograd`). That is slower, and right for
derivatives of any order; it needs a cell that has a ``next_state``.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks.cell import Cell, State


class Weights(NamedTuple):
    """Weights are the two weight matrices of a recurrent layer and their biases, with one entry for each member."""

    W_ih: Float[Tensor, "member gate feature"]
    b_ih: Float[Tensor, "member gate"]
    W_hh: Float[Tensor, "member gate unit"]
    b_hh: Float[Tensor, "member gate"]


class Unrolled(NamedTuple):
    """An Unrolled holds the states of a recurrent layer at all steps."""

    hidden: Float[Tensor, "member time sample unit"]
    """hidden state h_t of every step"""
    window: Float[Tensor, "member window sample unit"]
    """hidden state h_t of the steps of the window"""
    cell: Float[Tensor, "member time sample unit"] | None
    """cell state c_t of every step, without gradient, if the cell has one"""


def unroll(
    cell: Cell,
    inputs: Float[Tensor, "#member time sample feature"],
    weights: Weights,
    steps: slice = slice(None),
    taps: tuple[Float[Tensor, "member time sample gate"], Float[Tensor, "member time sample gate"]] | None = None,
    start: State | None = None,
) -> Unrolled:
    """Compute the states of every step, h_t = cell(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh).

    Args:
        cell: what turns pre-activations into states.
        inputs: shared by all members if its member axis has size 1.
        weights: of the layer.
        steps: consecutive steps that the head needs. A loss that only depends on them costs no gradient of the size of
            all states.
        taps: zeros of the input and of the recurrent map, to obtain the error signal of every sample and step.
        start: state before the first step; ``None`` for zeros. With a start, gradients reach it, and pass through the
            cell state, too.
    """
    run = unroll_by_autograd if torch._C._are_functorch_transforms_active() else _Recurrence.apply
    hidden, window, carried = run(cell, inputs, *weights, steps, *(taps or (None, None)), *(start or ()))
    return Unrolled(hidden, window, carried if start is not None or carried is None else carried.detach())


def unroll_by_autograd(
    cell: Cell,
    inputs: Float[Tensor, "#member time sample feature"],
    W_ih: Float[Tensor, "member gate feature"],
    b_ih: Float[Tensor, "member gate"],
    W_hh: Float[Tensor, "member gate unit"],
    b_hh: Float[Tensor, "member gate"],
    steps: slice = slice(None),
    tap_ih: Float[Tensor, "member time sample gate"] | None = None,
    tap_hh: Float[Tensor, "member time sample gate"] | None = None,
    start_hidden: Float[Tensor, "member sample unit"] | None = None,
    start_cell: Float[Tensor, "member sample unit"] | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Compute the states of every step, those of the window, and the cell states, out of place.

    Raises:
        RuntimeError: if the cell has no ``next_state``.
    """
    next_state = getattr(cell, "next_state", None)
    if next_state is None:
        raise RuntimeError(_ONCE.format(name=type(cell).__name__))
    of_inputs, units = project(inputs, W_ih, b_ih), W_hh.shape[-1]
    if tap_ih is not None:
        of_inputs = of_inputs + tap_ih
    shared = (2 * cell.gates - cell.blocks) * units  # the first blocks of the input map are the last ones here
    zero = of_inputs.new_zeros(*of_inputs.shape[:1], of_inputs.shape[2], units)
    state = State(zero if start_hidden is None else start_hidden, start_cell)
    if cell.has_cell_state and start_cell is None:
        state = State(state.hidden, zero)
    states = list[State]()
    for t in range(of_inputs.shape[1]):
        of_hidden = torch.baddbmm(b_hh[:, None], state.hidden, W_hh.mT)
        if tap_hh is not None:
            of_hidden = of_hidden + tap_hh[:, t]
        together = of_inputs[:, t, :, :shared] + of_hidden[..., :shared]
        state = next_state(torch.cat([of_inputs[:, t, :, shared:], together, of_hidden[..., shared:]], -1), state)
        states.append(state)
    hidden = torch.stack([each.hidden for each in states], 1) if states else of_inputs[..., :units]
    cells = [each.cell for each in states if each.cell is not None]
    carried = torch.stack(cells, 1) if cells else hidden if cell.has_cell_state else None
    return hidden, hidden[:, steps], carried


_ONCE = (
    "the cell {name} has no next_state(values, before): it is needed to differentiate a gradient once more, and for the"
    " transforms of torch.func (wmcl.networks.Cell says what it returns)"
)


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
        tap_ih: Tensor | None,
        tap_hh: Tensor | None,
        start_hidden: Tensor | None = None,
        start_cell: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        units, apart = W_hh.shape[-1], cell.blocks - cell.gates
        values = project(inputs, *_drive(W_ih, b_ih, b_hh, apart * units))
        if tap_ih is not None and tap_hh is not None:
            values[..., : cell.gates * units] += _turn(tap_ih, apart * units, -1)
            values[..., apart * units :] += tap_hh
        hidden = values if cell.in_place else torch.empty_like(values[..., :units])
        carried = torch.empty_like(hidden) if cell.has_cell_state else None
        trace = _Trace(cell, values, hidden, carried, start_hidden, start_cell)
        to_from = W_hh.mT
        for t in range(values.shape[1]):
            if t > 0 or start_hidden is not None:
                values[:, t, :, apart * units :].baddbmm_(trace.state(t - 1).hidden, to_from)
            cell.step(values[:, t], trace.state(t - 1), trace.state(t))
        given = (inputs, W_ih, b_ih, W_hh, b_hh, tap_ih, tap_hh, start_hidden, start_cell)
        ctx.save_for_backward(*given, values, hidden, carried)
        ctx.cell, ctx.steps = cell, steps
        ctx.set_materialize_grads(False)
        return hidden, hidden[:, steps], carried

    @staticmethod
    def backward(
        ctx: Any, grad_all: Tensor | None, grad_window: Tensor | None, grad_carried: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        gradients = (grad_all, grad_window, grad_carried)
        if not torch.is_grad_enabled():
            return _through_layer(ctx, *gradients)
        if hasattr(ctx.cell, "next_state"):  # whoever called wants to differentiate the gradient
            return _differentiable(ctx, gradients)
        with torch.no_grad():
            found = _through_layer(ctx, *gradients)
        reasons = [each for each in (*ctx.saved_tensors, *gradients) if each is not None and each.requires_grad]
        return tuple(each if each is None else _Once.apply(type(ctx.cell).__name__, each, *reasons) for each in found)


class _Once(torch.autograd.Function):
    """A gradient that cannot be differentiated: it would be taken for a constant, in silence."""

    @staticmethod
    def forward(ctx: Any, cell: str, gradient: Tensor, *reasons: Tensor) -> Tensor:
        ctx.cell = cell
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> None:
        raise RuntimeError(_ONCE.format(name=ctx.cell))


def _through_layer(
    ctx: Any, grad_all: Tensor | None, grad_window: Tensor | None, grad_carried: Tensor | None
) -> tuple[Tensor | None, ...]:
    """Return the gradient of every argument, by back-propagation through time."""
    inputs, W_ih, _, W_hh, _, _, _, *start, values, hidden, carried = ctx.saved_tensors
    trace, units = _Trace(ctx.cell, values, hidden, carried, *start), W_hh.shape[-1]
    incoming, first = _incoming(grad_all, grad_window, hidden, ctx.steps)
    errors, of_start = _error_signals(trace, W_hh, incoming, first, grad_carried)
    apart = (ctx.cell.blocks - ctx.cell.gates) * units
    of_inputs, of_hidden = errors[..., : W_ih.shape[1]], errors[..., apart:]
    needs_inputs, needs_W_ih, needs_b_ih, needs_W_hh, needs_b_hh, _, needs_tap_ih, needs_tap_hh, *_ = (
        ctx.needs_input_grad[1:]
    )
    grad_inputs = grad_W_ih = grad_b_ih = grad_W_hh = grad_b_hh = None
    if needs_inputs:
        grad_inputs = of_inputs @ _turn(W_ih, apart, 1)[:, None]
        if inputs.shape[0] != errors.shape[0]:
            grad_inputs = grad_inputs.sum(0, keepdim=True)
    if needs_W_ih:
        grad_W_ih = _turn(_outer_sum(of_inputs, inputs), -apart, 1)
    if needs_W_hh:
        grad_W_hh = _outer_sum(of_hidden[:, 1:], hidden[:, :-1])
        if start[0] is not None:
            grad_W_hh = grad_W_hh + of_hidden[:, 0].mT @ start[0]
    if needs_b_ih or needs_b_hh:
        grad_bias = errors.sum((1, 2))
        grad_b_ih, grad_b_hh = _turn(grad_bias[:, : W_ih.shape[1]], -apart, 1), grad_bias[:, apart:]
    tap_ih = _turn(of_inputs, -apart, -1) if needs_tap_ih else None
    tap_hh = of_hidden if needs_tap_hh else None
    given = (None, grad_inputs, grad_W_ih, grad_b_ih, grad_W_hh, grad_b_hh, None, tap_ih, tap_hh)
    return given + (of_start if start[0] is not None else ())[: len(ctx.needs_input_grad) - len(given)]


def _differentiable(ctx: Any, gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    """Return the gradient of every argument, with a graph of its own."""
    inputs, W_ih, b_ih, W_hh, b_hh, tap_ih, tap_hh, *start = ctx.saved_tensors[:9]
    given = [ctx.cell, inputs, W_ih, b_ih, W_hh, b_hh, ctx.steps, tap_ih, tap_hh, *start][: len(ctx.needs_input_grad)]
    # aliases, so that the gradient of one argument does not go on to another one that it was made of
    given = [each.view_as(each) if isinstance(each, Tensor) else each for each in given]
    outputs = unroll_by_autograd(*given)
    pairs = zip(outputs, gradients, strict=True)
    reached = [(output, each) for output, each in pairs if output is not None and each is not None]
    places = [place for place, needed in enumerate(ctx.needs_input_grad) if needed]
    found = torch.autograd.grad(
        [output for output, _ in reached],
        [given[place] for place in places],
        [each for _, each in reached],
        create_graph=True,
        allow_unused=True,
    )
    by_place = dict(zip(places, found, strict=True))
    return tuple(by_place.get(place) for place in range(len(ctx.needs_input_grad)))


class _Trace(NamedTuple):
    """A _Trace holds the states that a forward pass leaves for the backward pass."""

    cell: Cell
    values: Tensor
    hidden: Tensor
    carried: Tensor | None
    start_hidden: Tensor | None = None
    start_cell: Tensor | None = None

    def state(self, t: int) -> State:
        """Return the state after step t; before the first step it is zero, unless a start was given."""
        if t < 0 and self.start_hidden is not None:
            return State(self.start_hidden, self.start_cell)
        if t < 0:
            zero = torch.zeros_like(self.hidden[:, 0])
            return State(zero, None if self.carried is None else zero)
        return State(self.hidden[:, t], None if self.carried is None else self.carried[:, t])


def _drive(W_ih: Tensor, b_ih: Tensor, b_hh: Tensor, apart: int) -> tuple[Tensor, Tensor]:
    """Return weight and bias of what pre-activations take from outside of the recurrence, in the order of blocks."""
    if not apart:
        return W_ih, b_ih + b_hh
    rows = W_ih.shape[1]
    weight = torch.cat([_turn(W_ih, apart, 1), torch.zeros_like(W_ih[:, :apart])], 1)
    both = b_ih[:, : rows - apart] + b_hh[:, : rows - apart]
    return weight, torch.cat([b_ih[:, rows - apart :], both, b_hh[:, rows - apart :]], 1)


def _turn(values: Tensor, by: int, dim: int) -> Tensor:
    """Roll values between the order of gates and that of blocks, without a copy where the two are the same."""
    return values.roll(by, dim) if by else values


def _incoming(
    grad_all: Tensor | None, grad_window: Tensor | None, hidden: Tensor, steps: slice
) -> tuple[Tensor | None, int]:
    """Return the gradients that reach the hidden states from outside, and the step of the first of them."""
    start, stop, _ = steps.indices(hidden.shape[1])
    if grad_all is None:
        return grad_window, start
    if grad_window is not None:
        grad_all = grad_all.clone()
        grad_all[:, start:stop] += grad_window
    return grad_all, 0


def _error_signals(
    trace: _Trace, W_hh: Tensor, incoming: Tensor | None, start: int, of_carried: Tensor | None
) -> tuple[Tensor, tuple[Tensor, Tensor | None]]:
    """Compute δ of every step by back-propagation through time, and the gradient of the state before the first."""
    cell, values, hidden = trace.cell, trace.values, trace.hidden
    errors = torch.empty_like(values)
    if of_carried is not None:  # it may reach steps after those that the gradient of the hidden states reaches
        every = torch.zeros_like(hidden)
        if incoming is not None:
            every[:, start : start + incoming.shape[1]] = incoming
        incoming, start = every, 0
    if incoming is None or incoming.shape[1] == 0:
        zero = torch.zeros_like(hidden[:, 0])
        return errors.zero_(), (zero, zero if cell.has_cell_state else None)
    last, recurrent = start + incoming.shape[1] - 1, slice(values.shape[-1] - W_hh.shape[1], None)
    errors[:, last + 1 :] = 0
    scratch = torch.empty_like(hidden[:, 0])
    of_cell = torch.zeros_like(scratch) if cell.has_cell_state else None
    for t in range(last, -1, -1):
        of_hidden = errors[:, t] if cell.in_place else scratch
        if t == last:
            of_hidden.copy_(incoming[:, -1])
        else:
            from_outside = incoming[:, t - start] if t >= start else None
            _through_time(cell, of_hidden, from_outside, errors[:, t + 1, :, recurrent], W_hh)
        if of_cell is not None and of_carried is not None:
            of_cell += of_carried[:, t]
        cell.step_backward(errors[:, t], values[:, t], trace.state(t - 1), trace.state(t), State(of_hidden, of_cell))
    of_start = scratch if cell.passes_hidden else torch.empty_like(scratch)
    if trace.start_hidden is not None:
        _through_time(cell, of_start, None, errors[:, 0, :, recurrent], W_hh)
    return errors, (of_start, of_cell)


def _through_time(cell: Cell, target: Tensor, from_outside: Tensor | None, following: Tensor, W_hh: Tensor) -> None:
    """Compute ∂L/∂h_t from outside, from the next step through W_hh, and from what the cell passes.

    The last of the three is in the target already.
    """
    if cell.passes_hidden:
        if from_outside is not None:
            target += from_outside
        target.baddbmm_(following, W_hh)
    elif from_outside is not None:
        torch.baddbmm(from_outside, following, W_hh, out=target)
    else:
        torch.bmm(following, W_hh, out=target)


def project(
    inputs: Float[Tensor, "#member time sample feature"],
    weight: Float[Tensor, "member unit feature"],
    bias: Float[Tensor, "member unit"],
) -> Float[Tensor, "member time sample unit"]:
    """Compute W x + b at every step, as one batched product over (time × sample)."""
    members, (_, time, samples, features) = weight.shape[0], inputs.shape
    rows = inputs.reshape(inputs.shape[0], time * samples, features).expand(members, -1, -1)
    return torch.baddbmm(bias[:, None], rows, weight.mT).view(members, time, samples, weight.shape[1])


def _outer_sum(errors: Tensor, inputs: Tensor) -> Tensor:
    """Compute the sum over steps and samples of δ xᵀ, as one batched product."""
    members = errors.shape[0]
    right = inputs.reshape(inputs.shape[0], -1, inputs.shape[-1]).expand(members, -1, -1)
    left = errors.reshape(members, -1, errors.shape[-1])
    if right.shape[-1] < left.shape[-1]:  # a thin matrix is multiplied several times faster from the left
        return torch.bmm(right.mT, left).mT.contiguous()
    return torch.bmm(left.mT, right)
