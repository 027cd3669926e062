from functools import partial

import pytest
import torch

from wmcl.networks.cell import State
from wmcl.networks.elman import ReLUCell, TanhCell
from wmcl.networks.gru import GRUCell
from wmcl.networks.linear import LinearCell
from wmcl.networks.lstm import LSTMCell
from wmcl.networks.recurrence import Weights, unroll, unroll_by_autograd

MEMBERS, TIME, SAMPLES, FEATURES, UNITS = 2, 3, 2, 1, 2


class LeakyCell:
    """h_t = 0.7 h_{t-1} + 0.3 tanh(a): a cell of one gate whose state is not what it keeps for the backward pass."""

    gates, blocks, in_place, has_cell_state, passes_hidden = 1, 1, False, False, True

    def step(self, values, before, after):
        torch.lerp(before.hidden, values.tanh_(), 0.3, out=after.hidden)

    def step_backward(self, errors, values, before, after, gradient):
        torch.mul(0.3 * gradient.hidden, 1 - values**2, out=errors)
        gradient.hidden.mul_(0.7)


DIFFERENTIABLE = [TanhCell(), ReLUCell(), LinearCell(), LSTMCell(), GRUCell()]
CELLS = [TanhCell(), ReLUCell(), LSTMCell(), GRUCell(), LeakyCell()]


def arguments(cell, shared_inputs=False):
    """Inputs, weights and biases, and the two taps."""
    g = torch.Generator().manual_seed(0)
    rows = cell.gates * UNITS

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=g).requires_grad_()

    inputs = normal(1 if shared_inputs else MEMBERS, TIME, SAMPLES, FEATURES)
    weights = [normal(MEMBERS, rows, FEATURES), normal(MEMBERS, rows), normal(MEMBERS, rows, UNITS)]
    taps = [normal(MEMBERS, TIME, SAMPLES, rows) for _ in range(2)]
    return inputs, *weights, normal(MEMBERS, rows), *taps


@pytest.mark.parametrize("steps", [slice(None), slice(2, 3), slice(0, 2)])
@pytest.mark.parametrize("shared_inputs", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradcheck(cell, steps, shared_inputs):
    def run(inputs, W_ih, b_ih, W_hh, b_hh, *taps):
        return unroll(cell, inputs, Weights(W_ih, b_ih, W_hh, b_hh), steps, taps)[:2]

    given = arguments(cell, shared_inputs)
    assert torch.autograd.gradcheck(run, given)
    assert torch.autograd.gradcheck(lambda *a: run(*a)[1], given, fast_mode=True)
    assert torch.autograd.gradcheck(lambda *a: run(*a)[0], given, fast_mode=True)


@pytest.mark.parametrize(
    ("cell", "module"),
    [
        (TanhCell(), torch.nn.RNN),
        (ReLUCell(), partial(torch.nn.RNN, nonlinearity="relu")),
        (LSTMCell(), torch.nn.LSTM),
        (GRUCell(), torch.nn.GRU),
    ],
)
def test_states_and_gradients_are_those_of_pytorch(cell, module):
    """The weights of torch.nn load by name."""
    g = torch.Generator().manual_seed(1)
    theirs = module(FEATURES, 3).double()
    inputs = torch.randn(5, 4, FEATURES, generator=g, dtype=torch.float64)
    weighting = torch.randn(5, 4, 3, generator=g, dtype=torch.float64)
    names = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")
    own = Weights(*(getattr(theirs, name).detach()[None].clone().requires_grad_() for name in names))
    found, expected = unroll(cell, inputs[None], own), theirs(inputs)
    torch.testing.assert_close(found.hidden[0], expected[0], rtol=0, atol=1e-12)
    if cell.has_cell_state:
        torch.testing.assert_close(found.cell[0, -1], expected[1][1][0], rtol=0, atol=1e-12)
    gradients = torch.autograd.grad((found.window[0] * weighting).sum(), own)
    oracle = torch.autograd.grad((expected[0] * weighting).sum(), [getattr(theirs, name) for name in names])
    for mine, other in zip(gradients, oracle, strict=True):
        torch.testing.assert_close(mine[0], other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("cell", CELLS)
def test_two_forward_passes_may_precede_a_backward_pass(cell):
    inputs, *weights, _, _ = arguments(cell)

    def loss(x):
        return unroll(cell, x, Weights(*weights)).hidden.square().sum()

    alone = torch.autograd.grad(loss(inputs), weights)
    first = loss(inputs)
    loss(2 * inputs)
    for a, b in zip(torch.autograd.grad(first, weights), alone, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("cell", CELLS)
def test_a_graph_can_be_used_twice(cell):
    inputs, *weights, tap_ih, tap_hh = arguments(cell)
    hidden = unroll(cell, inputs, Weights(*weights), slice(None), (tap_ih, tap_hh)).hidden.sum()
    once = torch.autograd.grad(hidden, (tap_ih, tap_hh), retain_graph=True)
    again = torch.autograd.grad(hidden, (tap_ih, tap_hh))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_the_two_taps_differ_only_where_a_cell_keeps_parts_apart():
    for cell in CELLS:
        inputs, *weights, tap_ih, tap_hh = arguments(cell)
        loss = unroll(cell, inputs, Weights(*weights), slice(None), (tap_ih, tap_hh)).hidden.square().sum()
        of_inputs, of_hidden = torch.autograd.grad(loss, (tap_ih, tap_hh))
        assert torch.equal(of_inputs[..., :-UNITS], of_hidden[..., :-UNITS])
        assert torch.equal(of_inputs, of_hidden) == (cell.blocks == cell.gates)


@pytest.mark.parametrize("steps", [slice(None), slice(1, 2)])
@pytest.mark.parametrize("cell", DIFFERENTIABLE)
def test_derivatives_of_any_order_are_right(cell, steps):
    """Gradients that lead to all arguments, states before the first step included, are differentiated once more."""
    given = [*arguments(cell)]
    start = [torch.randn(MEMBERS, SAMPLES, UNITS, dtype=torch.float64, requires_grad=True)]
    if cell.has_cell_state:
        start.append(torch.randn(MEMBERS, SAMPLES, UNITS, dtype=torch.float64, requires_grad=True))

    def run(inputs, W_ih, b_ih, W_hh, b_hh, tap_ih, tap_hh, *start):
        found = unroll(
            cell, inputs, Weights(W_ih, b_ih, W_hh, b_hh), steps, (tap_ih, tap_hh), State(*start) if start else None
        )
        return tuple(each for each in found if each is not None)

    assert torch.autograd.gradgradcheck(run, (*given, *start))
    assert torch.autograd.gradgradcheck(lambda *a: run(*a)[1], given if cell.has_cell_state else (*given, *start))


@pytest.mark.parametrize("cell", DIFFERENTIABLE)
def test_both_ways_to_run_a_layer_agree(cell):
    given = arguments(cell)
    found = unroll(cell, given[0], Weights(*given[1:5]), slice(1, 3), given[5:])
    written_out = unroll_by_autograd(cell, *given[:5], slice(1, 3), *given[5:])
    for one, other in zip(found, written_out, strict=True):
        if one is None:
            assert other is None
        else:
            torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", DIFFERENTIABLE)
def test_weights_that_depend_on_one_another_are_not_counted_twice(cell):
    """The inputs are made of a weight, so that its gradient arrives by two ways."""
    inputs, *weights, _, _ = arguments(cell)

    def loss(W_ih, run):
        read = inputs.detach() * W_ih.sum()
        hidden = run(read, W_ih)
        return (hidden.square().sum(), *torch.autograd.grad(hidden.square().sum(), W_ih, create_graph=True))

    def fast(read, W_ih):
        return unroll(cell, read, Weights(W_ih, *weights[1:])).hidden

    def written_out(read, W_ih):
        return unroll_by_autograd(cell, read, W_ih, *weights[1:])[0]

    second = [torch.autograd.grad(loss(weights[0], run)[1].square().sum(), weights) for run in (fast, written_out)]
    for one, other in zip(*second, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # PyTorch's own, in jacfwd
@pytest.mark.parametrize("cell", DIFFERENTIABLE)
def test_transforms_of_functions(cell):
    inputs, *weights, _, _ = arguments(cell)
    detached = [each.detach() for each in weights]

    def loss(W_hh, sample):
        own = Weights(detached[0], detached[1], W_hh, detached[3])
        return unroll(cell, sample[:, :, None], own).window.square().sum()

    x, W = inputs.detach(), detached[2]
    together = torch.autograd.functional.hessian(lambda w: loss(w, x[:, :, 0]), W)
    torch.testing.assert_close(torch.func.hessian(loss)(W, x[:, :, 0]), together, rtol=1e-12, atol=1e-12)
    alone = [torch.autograd.grad(loss(weights[2], x[:, :, b]), weights[2])[0] for b in range(SAMPLES)]
    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 2))(W, x)
    torch.testing.assert_close(found, torch.stack(alone), rtol=1e-12, atol=1e-12)
    forward = torch.func.jacfwd(loss)(W, x[:, :, 0])
    torch.testing.assert_close(forward, alone[0], rtol=1e-12, atol=1e-12)


def test_a_cell_without_a_next_state_is_differentiated_once_alone():
    """A loss that is linear in the states has a constant gradient of them: the second derivative is not 0 for that."""
    inputs, *weights, _, _ = arguments(LeakyCell())

    def hidden(W_hh):
        return unroll(LeakyCell(), inputs.detach(), Weights(*weights[:2], W_hh, weights[3])).hidden

    for loss in (hidden(weights[2]).sum(), hidden(weights[2]).square().sum()):
        plain = torch.autograd.grad(loss, weights[2], retain_graph=True)[0]
        gradient = torch.autograd.grad(loss, weights[2], create_graph=True)[0]
        assert torch.equal(plain, gradient)
        with pytest.raises(RuntimeError, match="the cell LeakyCell has no next_state"):
            gradient.sum().backward()
    with pytest.raises(RuntimeError, match="the cell LeakyCell has no next_state"):
        torch.autograd.functional.hessian(lambda W_hh: hidden(W_hh).sum(), weights[2])
    with pytest.raises(RuntimeError, match="the cell LeakyCell has no next_state"):
        torch.func.grad(lambda W_hh: hidden(W_hh).sum())(weights[2].detach())
