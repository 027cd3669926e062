"""What Memory Aware Synapses are beyond their definition, which tests/test_exactness.py has."""

import pytest
import torch

from tests.cases import CASES, ensemble
from wmcl.importance.memory_aware_synapses import memory_aware_synapses


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
