import pytest
import torch

from tests import naive
from tests.cases import CASES, ensemble
from wmcl.importance.memory_aware_synapses import memory_aware_synapses


def expected(network, parameters, data, member):
    """Mean over sequences of the absolute gradient of the squared length of the scored logits."""
    total = {name: torch.zeros_like(value[member]) for name, value in parameters.items()}
    for sample in range(data.samples):
        leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
        inputs, _, scored = naive.sequence(data, member, sample)
        logits = naive.forward(network, leaves, member, inputs)[2]
        found = torch.autograd.grad((logits**2 * scored[:, None]).sum(), list(leaves.values()))
        for name, gradient in zip(leaves, found, strict=True):
            total[name] += gradient[member].abs() / data.samples
    return total


@pytest.mark.parametrize("own_data", [True, False])
@pytest.mark.parametrize(("network", "task"), CASES)
def test_it_is_the_mean_of_absolute_batch_1_gradients(network, task, own_data):
    parameters, data = ensemble(network, task, own_data=own_data)
    found = memory_aware_synapses(network, parameters, data, chunk=3)
    assert found.keys() == parameters.keys()
    for member in range(2):
        for name, value in expected(network, parameters, data, member).items():
            torch.testing.assert_close(found[name][member], value, rtol=1e-9, atol=1e-14)


def test_targets_play_no_part_and_silent_outputs_matter_to_nothing():
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    flipped = type(data)(data.inputs, 1 - data.targets, data.scored, data.phase, data.window)
    for name, value in memory_aware_synapses(network, parameters, data).items():
        assert torch.equal(value, memory_aware_synapses(network, parameters, flipped)[name])
    silent = parameters | {name: torch.zeros_like(parameters[name]) for name in ("W_out", "b_out")}
    assert not any(value.any() for value in memory_aware_synapses(network, silent, data).values())


def test_senseless_arguments_are_refused():
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    with pytest.raises(ValueError, match="chunk is 0: "):
        memory_aware_synapses(network, parameters, data, chunk=0)
    with pytest.raises(ValueError, match="data is empty"):
        memory_aware_synapses(network, parameters, data.take(slice(0, 0)))
