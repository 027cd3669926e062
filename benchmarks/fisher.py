"""Time of the Fisher diagonal against loops over single sequences.

    python benchmarks/fisher.py

One CPU thread, one network with output stage, 256 units, Copy Task with p = i. Prints Markdown. Its peak memory is
measured by benchmarks/fisher_memory.py.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
import tyro
from fused import Fused
from timing import compare, machine, print_table
from torch import Tensor

from wmcl.importance import fisher_diagonal
from wmcl.importance.signals import FisherKind
from wmcl.networks import Elman
from wmcl.randomness import uniforms
from wmcl.tasks import Sequences, Task, copy_task

AUTHORS_MS = {5: 3.2, 20: 9.6}
"""ms a sequence of the paper authors' code by p = i, measured on another machine"""
HIDDEN = 256
SEED = 0

Forward = Callable[[Sequences], Tensor]
"""logits at the scored steps, of shape (1, window, sample, output)"""


def loop(
    forward: Forward, parameters: Mapping[str, Tensor], task: Task, sequences: Sequences, kind: FisherKind
) -> dict[str, Tensor]:
    """The Fisher diagonal with one backward pass a sequence."""
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for place in range(sequences.samples):
        one = sequences.take(slice(place, place + 1))
        logits = forward(one)
        targets = one.targets[:, one.window] if kind == "empirical" else _drawn(task, logits, place)
        nll = task.likelihood.nll(logits, targets).sum()
        gradients = torch.autograd.grad(nll, list(parameters.values()))
        for name, gradient in zip(total, gradients, strict=True):
            total[name] += gradient.square()
    return {name: value / sequences.samples for name, value in total.items()}


def _drawn(task: Task, logits: Tensor, place: int) -> Tensor:
    """The targets that :func:`fisher_diagonal` draws for the sequence at a place."""
    table = uniforms(SEED, "fisher targets", place, 1, logits[0].numel())
    return task.likelihood.sample(logits.detach(), torch.from_numpy(table).view_as(logits).to(logits))


def check_same(own: dict[str, Tensor], looped: dict[str, Tensor], fused: dict[str, Tensor]) -> None:
    """All three ways give the same Fisher diagonal."""
    assert own.keys() == looped.keys() == fused.keys()
    for name, value in own.items():
        for other in (looped[name], fused[name][None]):
            atol = 1e-6 * float(value.max())
            torch.testing.assert_close(value, other.double(), rtol=1e-3, atol=atol, msg=f"Fisher of {name}")


def measure(length: int, kind: FisherKind, samples: int, repeats: int) -> list[object]:
    """A row of the table."""
    task = copy_task(length)
    network = Elman(task.inputs, HIDDEN, task.outputs, initialisation="orthogonal")
    parameters, sequences = network.init([SEED]), task.fixed_set("fisher", samples)
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    module = Fused(network, parameters)
    ways: dict[str, Callable[[], dict[str, Tensor]]] = {
        "wmcl": partial(fisher_diagonal, network, parameters, sequences, task, kind, [SEED]),
        "loop": lambda: loop(lambda s: network.apply(leaves, s.inputs, s.window).logits, leaves, task, sequences, kind),
        "fused": lambda: loop(lambda s: module(s.inputs[0], s.window)[None], module.by_name(), task, sequences, kind),
    }
    check_same(*(way() for way in ways.values()))
    times = compare(ways, repeats, warm_up=1)
    each = [t.median / samples for t in times.values()]
    speed_up = [times["loop"].ratio, times["fused"].ratio]
    return [length, sequences.steps, kind, *each, *speed_up, AUTHORS_MS.get(length, "–")]


def main(lengths: tuple[int, ...] = (5, 20), samples: int = 128, repeats: int = 5) -> None:
    """Time the Fisher diagonal, and print a table.

    Args:
        lengths: p = i of the Copy Tasks.
        samples: sequences.
        repeats: timings of each way.
    """
    torch.set_num_threads(1)
    kinds: tuple[FisherKind, ...] = ("empirical", "sampled")
    header = ["p = i", "steps", "kind", "wmcl ms / sequence", "one by one ms", "one by one, fused RNN, ms"]
    header += ["speed-up", "speed-up over fused", "authors' code, other machine, ms"]
    rows = [measure(length, kind, samples, repeats) for length in lengths for kind in kinds]
    print(f"## Fisher diagonal\n\n{machine()}. {HIDDEN} units, {samples} sequences; median of {repeats}.\n")
    print_table(header, rows)


if __name__ == "__main__":
    tyro.cli(main)
