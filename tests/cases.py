"""The networks and tasks that every exactness test runs over."""

import pytest
import torch

from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import Phase, Sequences, copy_task


def case(network, pattern_length, input_length):
    fields = {name: getattr(network, name) for name in ("initialisation", "layers", "direction", "heads")}
    usual = {"layers": 1, "direction": "forward", "heads": 1}
    unusual = " ".join(f"{name}={value}" for name, value in fields.items() if value != usual.get(name))
    stage = "" if network.has_output_stage else " no stage"
    name = f"{type(network).__name__}{stage} {unusual} {pattern_length},{input_length}"
    return pytest.param(network, copy_task(pattern_length, input_length, width=3), id=name)


CASES = [
    case(Elman(4, 6, 3, initialisation="fan_in"), 2, 2),
    case(Elman(4, 6, 3, initialisation="orthogonal"), 2, 5),
    case(Elman(4, 6, 3, output_stage=False, initialisation="xavier"), 3, 4),
    case(Elman(4, 6, 3, output_stage=False, initialisation="orthogonal"), 1, 1),
    case(Elman(4, 5, 3, layers=2, direction="bidirectional", heads=2, head=1, initialisation="fan_in"), 2, 3),
    case(LSTM(4, 5, 3, initialisation="orthogonal"), 2, 4),
    case(LSTM(4, 4, 3, layers=2, direction="backward", initialisation="fan_in"), 2, 3),
    case(LSTM(4, 4, 3, direction="bidirectional", heads=3, head=1, initialisation="fan_in"), 2, 3),
    case(GRU(4, 5, 3, initialisation="xavier"), 2, 4),
    case(GRU(4, 4, 3, layers=3, heads=2, initialisation="fan_in"), 2, 3),
    case(GRU(4, 4, 3, layers=2, direction="bidirectional", initialisation="fan_in"), 2, 3),
]


def shifted(parameters):
    """Biases are moved off zero, and all weights a little, so that no term can hide."""
    return {
        name: value + 0.1 * torch.cos(torch.arange(value.numel())).view_as(value) for name, value in parameters.items()
    }


def ensemble(network, task, members=2, samples=5, own_data=True):
    """Parameters and sequences in float64."""
    parameters = shifted(network.init(range(members), dtype=torch.float64))
    seeds = range(members) if own_data else [0]
    return parameters, task.batch(seeds, 3, samples).to(torch.float64)


def ragged(members=2, steps=7, samples=6, features=4, outputs=3, seed=0, junk=1.0):
    """Random sequences of different length in float64, whose padding holds numbers that must not matter."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, steps + 1, (samples,), generator=g)
    lengths[0] = steps
    is_padding = torch.arange(steps)[:, None] >= lengths
    inputs = torch.randn(members, steps, samples, features, generator=g, dtype=torch.float64)
    inputs = torch.where(is_padding[..., None], junk * inputs, inputs)
    targets = torch.randint(0, 2, (members, steps, samples, outputs), generator=g).double()
    phase = torch.where(is_padding, int(Phase.padding), int(Phase.input)).to(torch.int8)[None]
    scored = torch.where(is_padding, 0.0, torch.rand(steps, samples, generator=g, dtype=torch.float64) + 0.1)[None]
    scored[:, 0] = 0
    return Sequences(inputs, targets, scored, phase, slice(1, steps))
