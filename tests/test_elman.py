import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import naive
from tests.cases import CASES, ensemble
from wmcl.networks import Elman


@pytest.mark.parametrize(("network", "task"), CASES)
def test_forward_is_a_plain_loop_over_time(network, task):
    parameters, data = ensemble(network, task)
    found = network.apply(parameters, data.inputs)
    for member in range(2):
        for sample in range(data.samples):
            inputs, _, _ = naive.sequence(data, member, sample)
            hidden, output, logits = naive.forward(parameters, member, inputs, network.output_stage)
            for mine, oracle in ((found.hidden, hidden), (found.output, output), (found.logits, logits)):
                torch.testing.assert_close(mine[member, :, sample], oracle, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("network", "task"), CASES)
def test_single_precision_agrees_with_the_loop(network, task):
    parameters, data = ensemble(network, task)
    single = network.apply({name: value.float() for name, value in parameters.items()}, data.inputs.float())
    torch.testing.assert_close(single.logits.double(), network.apply(parameters, data.inputs).logits, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("network", "task"), CASES)
def test_gradients_are_those_of_autograd_through_a_plain_loop(network, task):
    parameters, data = ensemble(network, task)
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    logits = network.apply(leaves, data.inputs, data.window).logits
    nll = task.likelihood.nll(logits, data.targets[:, data.window]).sum()
    found = dict(zip(leaves, torch.autograd.grad(nll, list(leaves.values())), strict=True))
    for member in range(2):
        each = [naive.gradients(parameters, data, member, s, None, network.output_stage) for s in range(data.samples)]
        for name, gradient in found.items():
            torch.testing.assert_close(gradient[member], sum(g[name] for g in each), rtol=0, atol=1e-10)


@given(first=st.integers(0, 7), length=st.integers(0, 8))
def test_the_read_out_at_some_steps_is_part_of_the_read_out_at_all(first, length):
    network, task = Elman(4, 6, 3), CASES[1].values[1]
    parameters, data = ensemble(network, task)
    steps = slice(first, first + length)
    everywhere = network.apply(parameters, data.inputs).logits
    torch.testing.assert_close(
        network.apply(parameters, data.inputs, steps).logits, everywhere[:, steps], rtol=0, atol=1e-12
    )


@given(padding=st.integers(0, 6))
def test_steps_after_the_end_do_not_change_what_came_before(padding):
    network, task = Elman(4, 6, 3), CASES[0].values[1]
    parameters, data = ensemble(network, task)
    longer = torch.cat([data.inputs, torch.ones(2, padding, data.samples, 4, dtype=torch.float64)], 1)
    short, long = (network.apply(parameters, x).hidden for x in (data.inputs, longer))
    torch.testing.assert_close(long[:, : data.steps], short, rtol=0, atol=1e-12)


@given(chosen=st.permutations(range(4)).flatmap(lambda p: st.integers(1, 4).map(lambda k: p[:k])))
def test_a_member_does_not_depend_on_the_others(chosen):
    network, task = Elman(4, 6, 3, initialisation="orthogonal"), CASES[1].values[1]
    everyone = network.init(range(4), torch.float64)
    inputs = task.batch(range(4), 0, 5).to(torch.float64).inputs
    some = network.apply({name: value[list(chosen)] for name, value in everyone.items()}, inputs[list(chosen)])
    assert torch.equal(network.init(list(chosen), torch.float64)["W_hh"], everyone["W_hh"][list(chosen)])
    torch.testing.assert_close(some.logits, network.apply(everyone, inputs).logits[list(chosen)], rtol=0, atol=1e-12)


def test_initialisations():
    fan_in, xavier, orthogonal = (
        Elman(8, 64, 7, initialisation=k).init([0, 1]) for k in ("fan_in", "xavier", "orthogonal")
    )
    for parameters in (fan_in, orthogonal):
        assert parameters["b_ih"].abs().max() <= 1 / np.sqrt(8)
        assert parameters["b_ih"].abs().max() > 0.9 / np.sqrt(8)
    assert 0.95 / 8 < fan_in["W_hh"].abs().max() <= 1 / 8
    bound = np.sqrt(6 / (64 + 8))
    assert 0.95 * bound < xavier["W_ih"].abs().max() <= bound
    assert not any(xavier[b].any() for b in ("b_ih", "b_hh", "b_ho", "b_out"))
    W = orthogonal["W_hh"].double()
    torch.testing.assert_close(W @ W.mT, torch.eye(64, dtype=torch.float64).expand(2, -1, -1), rtol=0, atol=1e-6)
    assert not torch.equal(W[0], W[1])
    assert not torch.equal(orthogonal["W_ho"] @ orthogonal["W_ho"].mT, torch.eye(64).expand(2, -1, -1))


def test_orthogonal_matrices_are_uniform():
    """The trace of a Haar matrix has mean 0 and variance 1; QR without the sign correction has mean well above 0."""
    traces = (
        Elman(1, 4, 1, initialisation="orthogonal")
        .init(range(2000), torch.float64)["W_hh"]
        .diagonal(dim1=1, dim2=2)
        .sum(1)
    )
    assert abs(float(traces.mean())) < 5 / np.sqrt(2000)
    assert abs(float(traces.var()) - 1) < 0.25


def test_size_of_the_papers_network():
    shapes = Elman(8, 256, 35).shapes
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 142_883
    assert "W_ho" not in Elman(8, 256, 35, output_stage=False).shapes


@pytest.mark.parametrize(("field", "value"), [("inputs", 0), ("hidden", -1), ("outputs", 0)])
def test_senseless_sizes_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        Elman(**{"inputs": 1, "hidden": 1, "outputs": 1, field: value})
