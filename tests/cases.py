"""The networks and tasks that every exactness test runs over."""

import pytest
import torch

from wmcl.networks import Elman
from wmcl.tasks import copy_task

CASES = [
    pytest.param(
        Elman(4, 6, 3, output_stage, scheme), copy_task(p, i, width=3), id=f"{scheme} stage={output_stage} {p},{i}"
    )
    for output_stage, scheme, (p, i) in [
        (True, "fan_in", (2, 2)),
        (True, "orthogonal", (2, 5)),
        (False, "xavier", (3, 4)),
        (False, "orthogonal", (1, 1)),
    ]
]


def ensemble(network, task, members=2, samples=5, own_data=True):
    """Parameters and sequences in float64; biases are moved off zero so that no term can hide."""
    parameters = network.init(range(members), dtype=torch.float64)
    parameters = {
        name: value + 0.1 * torch.cos(torch.arange(value.numel())).view_as(value) for name, value in parameters.items()
    }
    seeds = range(members) if own_data else [0]
    return parameters, task.batch(seeds, 3, samples).to(torch.float64)
