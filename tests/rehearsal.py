"""Rehearsal one sequence at a time, and the learners that it is tested with."""

import numpy as np
import torch

from tests import naive
from tests.cases import shifted
from tests.float64 import double_task
from wmcl.methods import Method, Parametrisation, train_sequence
from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import copy_task_sequence, data_task, labelled
from wmcl.training import Adam, Options, Stop, evaluate
from wmcl.training.parts import Learner

SEQUENCES = {
    "permuted": copy_task_sequence(3, 3, order="permuted time", width=3),
    "padded": copy_task_sequence(3, 2, 5, order="permuted both", width=3),
    "scattered": copy_task_sequence(3, 2, 5, filler="scattered", width=3),
    "of all lengths": copy_task_sequence(3, (1, 3), length_step=1, width=3),
}


def recorded(task, count=30):
    """Real numbers and bits of their own length, with three bits to be answered at every step, or at the last one."""
    random = np.random.default_rng(task)
    lengths = 1 + random.geometric(0.3, count)
    inputs = [np.hstack([3 * random.standard_normal((n, 3)) - 1, random.integers(2, size=(n, 1))]) for n in lengths]
    targets = [random.integers(2, size=(n, 3)) if task % 2 else random.integers(2, size=3) for n in lengths]
    return data_task(f"recorded {task}", *labelled(inputs, targets).split(), blocks=3)


RECORDED = [recorded(task) for task in range(3)]
NETWORKS = {
    "Elman": Elman(4, 5, 3, initialisation="orthogonal", heads=3),
    "Elman, one head": Elman(4, 5, 3, initialisation="orthogonal"),
    "LSTM": LSTM(4, 4, 3, heads=3, initialisation="fan_in"),
    "GRU": GRU(4, 4, 3, initialisation="fan_in"),
    "bidirectional": GRU(4, 3, 3, direction="bidirectional", heads=3, initialisation="fan_in"),
}
COMBINED = [(network, "permuted") for network in NETWORKS] + [("Elman", name) for name in SEQUENCES]
COMBINED += [("GRU", "scattered"), ("bidirectional", "of all lengths")]


def learner_of(network="Elman", tasks="permuted", seeds=(3, 5), parametrisation=None, **options):
    """A network and tasks in float64."""
    return Learner(
        NETWORKS[network],
        parametrisation or Parametrisation(),
        tuple(double_task(task) for task in (RECORDED if tasks == "recorded" else SEQUENCES[tasks])),
        seeds,
        Options(**({"batch": 5, "precision": "float64"} | options)),
        {},
    )


def values_of(learner, rehearsal, change=0.0):
    """Values in float64; with a change, those of a network that has learned something in between."""
    started = learner.network.init(learner.seeds) | rehearsal.init(learner).trained
    values = shifted({name: value.double() for name, value in started.items()})
    return {name: value + change * torch.sin(7 * value + 1) for name, value in values.items()}


def remember(learner, rehearsal, values, tasks):
    """What is kept after so many tasks."""
    memory = None
    for task in range(tasks):
        memory = rehearsal.finish(learner, memory, values, task, {})
    return memory


def answers(learner, values, task, member, inputs):
    """Logits of a task for one sequence."""
    network = learner.network.answering(task if learner.network.heads > 1 else 0)
    return naive.forward(network, values, member, inputs)[2]


def distillation(logits, teacher, scored, temperature):
    """Of one sequence: T² times the cross-entropy, summed over scored steps and output units."""
    total = torch.zeros((), dtype=logits.dtype)
    for z, target, weight in zip(logits, teacher, scored, strict=True):
        for one, other in zip(z, target, strict=True):
            p, q = torch.sigmoid(one / temperature), torch.sigmoid(other / temperature)
            total = total - weight * temperature**2 * (q * p.log() + (1 - q) * (1 - p).log())
    return total


def bits_of_a_sequence(batch, member):
    """Mean number of scored bits, counted one by one."""
    counted = [float(naive.sequence(batch, member, s)[2].sum()) * batch.targets.shape[-1] for s in range(batch.samples)]
    return sum(counted) / len(counted)


def assert_same_gradients(one, other, values):
    """Of two losses with respect to all values; ``None`` means 0."""
    found, expected = (
        torch.autograd.grad(loss.sum(), list(values.values()), allow_unused=True, retain_graph=True)
        for loss in (one, other)
    )
    for name, mine, theirs in zip(values, found, expected, strict=True):
        zero = torch.zeros_like(values[name])
        torch.testing.assert_close(
            zero if mine is None else mine, zero if theirs is None else theirs, rtol=1e-8, atol=1e-11, msg=name
        )


def on_meta(values):
    """The same shapes on a device where no tensor has a value to ask for."""
    if isinstance(values, torch.Tensor):
        return values.to("meta")
    if isinstance(values, dict):
        return {name: on_meta(value) for name, value in values.items()}
    if hasattr(values, "_replace"):
        return type(values)(*map(on_meta, values))
    if isinstance(values, tuple):
        return tuple(map(on_meta, values))
    if values is None:
        return None
    return values.to("meta") if hasattr(values, "window") else values


def kept_after_two(part, heads):
    """Accuracy on the first of two tasks after both were learned perfectly; one head has to tell them by length."""
    more = {"order": "permuted time"} if heads > 1 else {"length_step": 2}
    tasks = copy_task_sequence(2, 2, 3 if heads > 1 else None, width=3, validation_samples=32, **more)
    network = Elman(4, 48, 3, initialisation="orthogonal", heads=heads)
    options = Options(batch=32, optimiser=Adam(1e-2), validate_every=50)
    *_, after = train_sequence(Method(rehearsal=part), network, tasks, [3], Stop(50), options, progress=False)
    first, last = (
        float(evaluate(after.learner.network_of(task), after.weights(task), tasks[task].test, tasks[task]).accuracy)
        for task in range(2)
    )
    assert last > 0.94
    return first
