import pytest
import torch

from wmcl.networks import TanhCell, unroll

MEMBERS, TIME, SAMPLES, FEATURES, UNITS = 2, 5, 2, 2, 3


def random_arguments(shared_inputs=False):
    g = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=g).requires_grad_()

    inputs = normal(1 if shared_inputs else MEMBERS, TIME, SAMPLES, FEATURES)
    weights = [
        normal(MEMBERS, UNITS, FEATURES),
        normal(MEMBERS, UNITS),
        normal(MEMBERS, UNITS, UNITS),
        normal(MEMBERS, UNITS),
    ]
    return inputs, *weights, normal(MEMBERS, TIME, SAMPLES, UNITS)


@pytest.mark.parametrize("steps", [slice(None), slice(3, 5), slice(1, 3), slice(0, 1)])
@pytest.mark.parametrize("shared_inputs", [False, True])
def test_gradcheck(steps, shared_inputs):
    inputs, W_ih, b_ih, W_hh, b_hh, tap = random_arguments(shared_inputs)

    def run(inputs, W_ih, b_ih, W_hh, b_hh, tap):
        return unroll(TanhCell(), inputs, W_ih, b_ih, W_hh, b_hh, steps, tap)

    arguments = (inputs, W_ih, b_ih, W_hh, b_hh, tap)
    assert torch.autograd.gradcheck(run, arguments)
    assert torch.autograd.gradcheck(lambda *a: run(*a)[1], arguments)
    assert torch.autograd.gradcheck(lambda *a: run(*a)[0], arguments)


def test_two_forward_passes_may_precede_a_backward_pass():
    inputs, *weights, _tap = random_arguments()

    def loss(x):
        return unroll(TanhCell(), x, *weights, slice(None), None)[0].square().sum()

    alone = torch.autograd.grad(loss(inputs), weights)
    first = loss(inputs)
    loss(2 * inputs)
    for a, b in zip(torch.autograd.grad(first, weights), alone, strict=True):
        assert torch.equal(a, b)


def test_a_graph_can_be_used_twice():
    inputs, *weights, tap = random_arguments()
    hidden = unroll(TanhCell(), inputs, *weights, slice(None), tap)[0].sum()
    once = torch.autograd.grad(hidden, tap, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(hidden, tap)[0], once)


def test_second_derivatives_are_refused():
    inputs, *weights, tap = random_arguments()
    hidden = unroll(TanhCell(), inputs, *weights, slice(None), tap)[0]
    gradient = torch.autograd.grad(hidden.square().sum(), weights[2], create_graph=True)[0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
