"""Hypernetworks that tests run over, and what they generate, written down plainly: one chunk at a time."""

import math

import torch

from wmcl.methods import Hypernetwork
from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import copy_task_sequence
from wmcl.training import Options
from wmcl.training.parts import Learner

TASKS = tuple(copy_task_sequence(3, 3, 4, order="permuted time", width=3, validation_samples=16))
HEADS = Elman(4, 5, 3, heads=3, initialisation="fan_in")
NETWORKS = [
    HEADS,
    Elman(4, 5, 3, layers=2, direction="bidirectional", initialisation="fan_in"),
    LSTM(4, 4, 3, heads=3, initialisation="fan_in"),
    GRU(4, 4, 3, initialisation="fan_in"),
]
SMALL = Hypernetwork(hidden=(6, 5), chunk=23, task_embedding=4, chunk_embedding=3)
FULL = Hypernetwork(hidden=(6, 5), task_embedding=4)
FORMS = [
    SMALL,
    FULL,
    Hypernetwork(hidden=(), chunk=7, task_embedding=2, chunk_embedding=5),
    Hypernetwork(hidden=(3,), chunk=10_000, task_embedding=2),
    Hypernetwork(hidden=(6,), chunk=31, task_embedding=4, chunk_embedding=3, generates_heads=False),
]


def double(values):
    return {name: value.double() for name, value in values.items()}


def moved(values, by=0.05):
    """All values a little elsewhere, each entry by an amount of its own."""
    return {n: v + by * torch.sin(1.7 * torch.arange(v.numel()) + len(n)).view_as(v) for n, v in values.items()}


def learner_of(form, network=HEADS, seeds=(3, 5), options=Options(batch=4)):  # noqa: B008
    """A learner in float64, and its values before the first task."""
    return Learner(network, form, TASKS, seeds, options, {}), double(form.init(network, seeds, len(TASKS)).trained)


def naive_vector(form, network, values, member, task):
    """Everything that is generated for a task, in one vector."""
    v = {name: value[member] for name, value in values.items()}
    kept = 0 if form.generates_heads else 2
    weights = sum(math.prod(shape) for shape in list(network.shapes.values())[: len(network.shapes) - kept])
    chunks = [torch.zeros(0)] if form.chunk is None else list(v["chunk_embeddings"])
    found = []
    for chunk in chunks:
        x = torch.cat([chunk.to(v["hyper_W0"].dtype), v[f"task_embedding_{task}"]])
        for layer in range(len(form.hidden) + 1):
            x = v[f"hyper_W{layer}"] @ x + v[f"hyper_b{layer}"]
            x = x.clamp(min=0) if layer < len(form.hidden) else x
        found.append(x)
    return torch.cat(found)[:weights]


def naive_weights(form, network, values, member, task):
    """Weights by name."""
    rest, found = naive_vector(form, network, values, member, task), {}
    for name, shape in network.shapes.items():
        if form.generates_heads or name not in ("W_out", "b_out"):
            found[name], rest = rest[: math.prod(shape)].reshape(shape), rest[math.prod(shape) :]
        else:
            found[name] = values[name][member]
    assert len(rest) == 0
    return found


def naive_distance(form, network, one, other, member, task):
    """Σ (difference)² of what is generated for a task, without the heads of other tasks."""
    a, b = (naive_weights(form, network, values, member, task) for values in (one, other))
    total = 0
    for name in a:
        difference = (a[name] - b[name]).square()
        if name in ("W_out", "b_out"):
            if not form.generates_heads:
                continue
            if network.heads > 1:
                difference = difference[task * network.outputs : (task + 1) * network.outputs]
        total = total + difference.sum()
    return total
