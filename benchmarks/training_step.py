"""Time of a training step against fused PyTorch and against the bare matrix products.

    python benchmarks/training_step.py

One CPU thread, one network, 256 units, batch 128, Copy Task with p = i. Prints Markdown.
"""

import floor
import torch
import torch.nn.functional as F
import tyro
from fused import Fused
from timing import compare, machine, print_table
from torch import Tensor

from wmcl.networks import NETWORKS, Elman, Network, Parameters
from wmcl.tasks import Sequences, Task, copy_task
from wmcl.training import Adam, Options, Stop
from wmcl.training.loop import begin, take_step
from wmcl.training.objective import Batch, Objective
from wmcl.training.parts import Learner, Parametrisation

AUTHORS_MS = {
    ("elman, output stage", 5): 28,
    ("elman, output stage", 20): 80,
    ("elman, output stage", 40): 161,
    ("lstm", 5): "53-64",
    ("lstm", 20): 181,
    ("lstm", 40): 347,
}
"""ms an iteration of the paper authors' code by network and p = i, measured on another machine"""
BATCH = 128
HIDDEN = 256
LEARNING_RATE = 1e-3
MAXIMUM_NORM = 1.0


class OwnStep:
    """A training step of wmcl, as in :func:`wmcl.training.train`."""

    def __init__(self, network: Network, task: Task, parameters: Parameters, batch: Sequences) -> None:
        options = Options(optimiser=Adam(LEARNING_RATE).on("cpu"), clip=MAXIMUM_NORM)
        self.objective = Objective(Learner(network, Parametrisation(), (task,), (0,), options, {}))
        self.batch, self.moving = Batch((batch,)), begin(self.objective, parameters, Stop(1)).moving

    def gradient(self) -> tuple[Tensor, Parameters]:
        """Loss and gradient at the present weights."""
        return self.objective.task_gradient(self.moving.values, self.batch)

    def step(self) -> None:
        """Everything that an iteration does with a batch."""
        self.moving, _ = take_step(self.objective, None, self.moving, self.batch)


class FusedStep:
    """The same step with torch.nn.RNN, autograd and torch.optim.Adam."""

    def __init__(self, network: Network, parameters: Parameters, batch: Sequences) -> None:
        self.module = Fused(network, parameters)
        self.inputs, self.targets, self.window = batch.inputs[0], batch.targets[0, batch.window], batch.window
        self.optimiser = torch.optim.Adam(self.module.parameters(), LEARNING_RATE)

    def gradient(self) -> tuple[Tensor, Parameters]:
        """Loss and gradient at the present weights."""
        loss = self._backward()
        return loss, {name: value.grad for name, value in self.module.by_name().items() if value.grad is not None}

    def step(self) -> None:
        """Everything that an iteration does with a batch."""
        self._backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), MAXIMUM_NORM)
        self.optimiser.step()

    def _backward(self) -> Tensor:
        self.optimiser.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self.module(self.inputs, self.window), self.targets)
        loss.backward()
        return loss.detach()


def check_same(own: OwnStep, fused: FusedStep) -> None:
    """Both compute the same loss and gradient from the same weights."""
    (own_loss, own_gradient), (fused_loss, fused_gradient) = own.gradient(), fused.gradient()
    torch.testing.assert_close(own_loss[0], fused_loss, rtol=1e-5, atol=0)
    assert own_gradient.keys() == fused_gradient.keys()
    for name, value in own_gradient.items():
        atol = 1e-5 * float(value.abs().max())
        torch.testing.assert_close(value[0], fused_gradient[name], rtol=1e-4, atol=atol, msg=f"gradient of {name}")


def networks(task: Task) -> dict[str, Network]:
    """By the name in the table."""
    sizes = (task.inputs, HIDDEN, task.outputs)
    return {
        "elman, output stage": Elman(*sizes, initialisation="orthogonal"),
        "elman": Elman(*sizes, initialisation="orthogonal", output_stage=False),
        **{name: NETWORKS[name](*sizes, initialisation="orthogonal") for name in ("lstm", "gru")},
    }


def measure(length: int, name: str, repeats: int) -> list[object]:
    """A row of the table."""
    task = copy_task(length)
    network = networks(task)[name]
    parameters, batch = network.init([0]), task.batch([0], 0, BATCH)
    own, fused = OwnStep(network, task, parameters, batch), FusedStep(network, parameters, batch)
    check_same(own, fused)
    products = floor.products(network, parameters, batch)
    times = compare(
        {
            "wmcl": own.step,
            "fused": fused.step,
            "floor": lambda: floor.run(products),
            "batch": lambda: task.batch([0], 1, BATCH),
        },
        repeats,
    )
    return [
        name,
        length,
        batch.steps,
        *(f"{t.median:.1f} ({t.minimum:.1f})" for t in (times["wmcl"], times["fused"], times["floor"])),
        1 / times["fused"].ratio,
        1 / times["floor"].ratio,
        times["batch"].median,
        AUTHORS_MS.get((name, length), "–"),
    ]


def main(lengths: tuple[int, ...] = (5, 20, 40), repeats: int = 21) -> None:
    """Time a training step, and print a table.

    Args:
        lengths: p = i of the Copy Tasks.
        repeats: timings of each function.
    """
    torch.set_num_threads(1)
    header = ["network", "p = i", "steps", "wmcl ms", "fused ms", "floor ms", "wmcl / fused", "wmcl / floor"]
    header += ["drawing a batch ms", "authors' code, other machine, ms"]
    rows = [measure(length, name, repeats) for name in networks(copy_task(1)) for length in lengths]
    print(f"## Training step\n\n{machine()}. {HIDDEN} units, batch {BATCH}; median (minimum) of {repeats}.\n")
    print_table(header, rows)


if __name__ == "__main__":
    tyro.cli(main)
