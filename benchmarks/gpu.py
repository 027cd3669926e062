"""Ensembles on a GPU: networks an hour by number of members, and what limits them.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu --members 1 2 --lengths 3 --hidden 32 --batch 16 --iterations 6

Elman networks with output stage, on Copy Tasks with p = i. The second command only shows that the script works, and the
script says so. Prints Markdown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import floor
import torch
import tyro
from fused import Fused
from timing import print_table
from torch import Tensor
from training_step import FusedStep

from wmcl.importance import fisher_diagonal
from wmcl.networks import Elman
from wmcl.provenance import provenance
from wmcl.tasks import Task, copy_task
from wmcl.training import Execution, Options, Stop, Trained, train
from wmcl.training.execution import CapturedStepper, Stepper, execution_on
from wmcl.training.loop import begin, take_step
from wmcl.training.memory import training_bytes
from wmcl.training.objective import Batch, Objective
from wmcl.training.options import Precision, matrix_products_in
from wmcl.training.parts import Learner, Parametrisation
from wmcl.training.state import Record
from wmcl.training.train import on_device

NETWORK_ITERATIONS = 1000
"""iterations after which a network counts as trained, in networks an hour"""


@dataclass(frozen=True)
class Layout:
    """What is the same in all rows of a table."""

    device: str
    hidden: int
    batch: int
    iterations: int

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU that is measured."""
        return self.device.startswith("cuda")

    def network(self, task: Task) -> Elman:
        """The network that learns a task."""
        return Elman(task.inputs, self.hidden, task.outputs, initialisation="orthogonal")

    def options(self, precision: Precision) -> Options:
        """Training that is validated at its two ends alone."""
        every = 10**9
        return Options(batch=self.batch, validate_every=every, watch_every=every, precision=precision)


def synchronise(layout: Layout) -> None:
    if layout.is_gpu:
        torch.cuda.synchronize()


def milliseconds(layout: Layout, function: Callable[[], object]) -> float:
    """Time of a call, when many follow one another: the median of five series, after one that does not count."""
    series = []
    for _ in range(6):
        synchronise(layout)
        began = time.perf_counter()
        for _ in range(layout.iterations):
            function()
        synchronise(layout)
        series.append((time.perf_counter() - began) / layout.iterations * 1e3)
    return sorted(series[1:])[2]


def stepper(layout: Layout, task: Task, members: int, precision: Precision, execution: Execution) -> Stepper:
    """Takes the training steps of an ensemble."""
    network, options = layout.network(task), layout.options(precision)
    options = replace(options, optimiser=options.optimiser.on(layout.device))
    learner = Learner(network, Parametrisation(), (task,), tuple(range(members)), options, {}, layout.device)
    objective = Objective(learner)
    moving = begin(objective, on_device(network.init(learner.seeds), learner), Stop(1)).moving
    advance = partial(take_step, objective, None)
    if execution.capture is None:
        return Stepper(advance, moving)
    return CapturedStepper(advance, moving, objective.batch(0), execution.capture)


def step_ms(layout: Layout, task: Task, members: int, precision: Precision, execution: Execution) -> float:
    """Time of a training step whose batch is on the device already."""
    batch = Batch((task.batch(range(members), 0, layout.batch),)).to(torch.device(layout.device))
    with matrix_products_in(precision):
        steps = stepper(layout, task, members, precision, execution)
        return milliseconds(layout, lambda: steps.step(batch))


def iteration_ms(layout: Layout, task: Task, members: int, precision: Precision) -> float:
    """Time of an iteration of :func:`wmcl.training.train`, drawing and sending of batches included."""

    def seconds(iterations: int) -> float:
        stop, options = Stop(iterations), layout.options(precision)
        network = layout.network(task)
        return train(network, task, range(members), stop, options, device=layout.device, progress=False).seconds

    seconds(1)
    few, many = layout.iterations, 3 * layout.iterations
    return (seconds(many) - seconds(few)) / (many - few) * 1e3


def floor_ms(layout: Layout, task: Task, members: int, precision: Precision) -> tuple[float, float]:
    """Time of the matrix products of a step alone, and their operations; captured where the step is."""
    network, device = layout.network(task), torch.device(layout.device)
    parameters = {name: value.to(device) for name, value in network.init(range(members)).items()}
    sequences = task.batch(range(members), 0, layout.batch).to(device)
    products = floor.products(network, parameters, sequences)
    capture = execution_on(layout.device).capture
    nothing = torch.ones(1, dtype=torch.bool, device=device)

    def function() -> Record:
        floor.run(products)
        return Record(nothing.float(), nothing, nothing, nothing)

    with matrix_products_in(precision):
        time = milliseconds(layout, function if capture is None else capture(function))
    return time, floor.operations(products)


class FusedOnDevice(FusedStep):
    """One network at a time on PyTorch's fused RNN (cuDNN on a GPU), with its Adam and the same loss."""

    def __init__(self, layout: Layout, task: Task) -> None:
        network, batch = layout.network(task), task.batch([0], 0, layout.batch)
        super().__init__(network, network.init([0]), batch.to(torch.device(layout.device)))
        self.module: Fused = self.module.to(layout.device)


def per_hour(members: int, ms: float) -> float:
    """Networks trained in an hour."""
    return members * 3.6e6 / (ms * NETWORK_ITERATIONS)


def measured_bytes(layout: Layout, task: Task, members: int) -> float | None:
    """Peak memory of a short training run, if the device tells."""
    if not layout.is_gpu:
        return None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    train(
        layout.network(task),
        task,
        range(members),
        Stop(3),
        layout.options("float32"),
        device=layout.device,
        progress=False,
    )
    return float(torch.cuda.max_memory_reserved())


def row(layout: Layout, length: int, members: int, precision: Precision, fused: float) -> list[object]:
    """A row of the table of speeds."""
    task = copy_task(length, validation_samples=64)
    try:
        captured = execution_on(layout.device)
        replayed = step_ms(layout, task, members, precision, captured) if captured.capture else None
        eager = step_ms(layout, task, members, precision, Execution())
        whole = iteration_ms(layout, task, members, precision)
        products, count = floor_ms(layout, task, members, precision)
        memory = measured_bytes(layout, task, members)
    except torch.cuda.OutOfMemoryError:
        return [length, members, precision, "does not fit into memory", *["–"] * 9]
    estimate = training_bytes(layout.network(task), task, layout.options(precision), members)
    return [
        length,
        members,
        precision,
        "–" if replayed is None else replayed,
        eager,
        whole,
        per_hour(members, whole),
        per_hour(1, fused),
        per_hour(members, whole) / per_hour(1, fused),
        products / (eager if replayed is None else replayed),
        count / products / 1e6,
        "–" if memory is None else memory / members / 1e6,
        estimate / members / 1e6,
    ]


def effect_of_tf32(layout: Layout, length: int, members: int, iterations: int) -> list[object]:
    """A row of the table that compares results."""
    task = copy_task(length)
    network, seeds = layout.network(task), range(members)

    def trained(precision: Precision) -> Trained:
        options = Options(batch=layout.batch, precision=precision)
        return train(network, task, seeds, Stop(iterations), options, device=layout.device, progress=False)

    def fisher(result: Trained) -> Tensor:
        probe = task.fixed_set("fisher", 256).to(layout.device)
        found = fisher_diagonal(network, result.parameters, probe, task, "sampled", seeds)
        return found["W_hh"].sum((1, 2)).cpu()

    exact, rounded = trained("float32"), trained("tf32")
    losses = abs(rounded.validation_loss / exact.validation_loss - 1)
    traces = (fisher(rounded) / fisher(exact) - 1).abs()
    mean = float(exact.validation_loss.mean()), float(rounded.validation_loss.mean())
    return [
        length,
        members,
        *mean,
        float(losses.mean()),
        float(losses.max()),
        float(traces.mean()),
        float(traces.max()),
    ]


def main(
    device: Literal["cuda", "cpu"] = "cuda",
    lengths: tuple[int, ...] = (5, 20),
    members: tuple[int, ...] = (1, 8, 32, 128, 512),
    hidden: int = 256,
    batch: int = 128,
    iterations: int = 50,
    tf32_iterations: int = 300,
) -> None:
    """Measure ensembles on a GPU, and print tables.

    Args:
        device: what to measure; on a CPU nothing about a GPU is learned.
        lengths: p = i of the Copy Tasks.
        members: sizes of the ensembles.
        hidden: units.
        batch: sequences a step.
        iterations: steps in each series.
        tf32_iterations: training steps after which results in float32 and tf32 are compared.
    """
    torch.set_num_threads(1)
    layout = Layout(device, hidden, batch, iterations)
    precisions: tuple[Precision, ...] = ("float32", "tf32") if layout.is_gpu else ("float32",)
    origin = provenance(device)
    print(
        f"## Ensembles on a GPU\n\n{origin['device']}, torch {torch.__version__}, source {origin['source_revision']}."
    )
    print(f"{hidden} units, batch {batch}. Networks an hour are for {NETWORK_ITERATIONS} iterations a network.\n")
    if not layout.is_gpu:
        print("**This ran on a CPU: it shows that the script works, and nothing about a GPU was measured.**\n")
    header = ["p = i", "members", "precision", "captured step ms", "step one kernel at a time ms", "iteration ms"]
    header += ["networks / hour", "fused, one at a time", "times as many", "products alone / step", "products GFLOP/s"]
    header += ["MB a member", "MB a member, estimated"]
    rows = []
    for length in lengths:
        fused = FusedOnDevice(layout, copy_task(length))
        for precision in precisions:
            torch.backends.cudnn.rnn.fp32_precision = "tf32" if precision == "tf32" else "ieee"  # type: ignore[attr-defined]
            with matrix_products_in(precision):
                alone = milliseconds(layout, fused.step)
            rows += [row(layout, length, count, precision, alone) for count in members]
    print_table(header, rows)
    if layout.is_gpu:
        print(f"### What tf32 changes, after {tf32_iterations} iterations (relative differences a member)\n")
        header = ["p = i", "members", "mean loss, float32", "mean loss, tf32", "loss: mean", "loss: largest"]
        header += ["Fisher trace of W_hh: mean", "largest"]
        print_table(header, [effect_of_tf32(layout, length, 8, tf32_iterations) for length in lengths])


if __name__ == "__main__":
    tyro.cli(main)
