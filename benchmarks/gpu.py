"""Ensembles on a GPU: networks an hour by number of members, and what limits them.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu --members 1 2 --lengths 3 --hidden 32 --batch 16 --iterations 6

Elman networks with output stage, on Copy Tasks with p = i. The second command only shows that the script works, and the
script says so. Prints Markdown.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
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
from wmcl.training import Adam, Execution, Options, Precision, Stop, Trained, execution_on, train, training_bytes
from wmcl.training.batches import send
from wmcl.training.learner import Record, advance, mask, start_learner
from wmcl.training.plan import make_plan
from wmcl.training.precision import matrix_products_in
from wmcl.training.stepper import Stepper, make_stepper

NETWORK_ITERATIONS = 1000
"""iterations after which a network counts as trained, in networks an hour"""


@dataclass(frozen=True)
class Setting:
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


def synchronise(setting: Setting) -> None:
    if setting.is_gpu:
        torch.cuda.synchronize()


def milliseconds(setting: Setting, function: Callable[[], object]) -> float:
    """Time of a call, when many follow one another: the median of five series, after one that does not count."""
    series = []
    for _ in range(6):
        synchronise(setting)
        began = time.perf_counter()
        for _ in range(setting.iterations):
            function()
        synchronise(setting)
        series.append((time.perf_counter() - began) / setting.iterations * 1e3)
    return sorted(series[1:])[2]


def stepper(setting: Setting, task: Task, members: int, precision: Precision, execution: Execution) -> Stepper:
    """Takes the training steps of an ensemble."""
    network, options = setting.network(task), setting.options(precision)
    plan = make_plan(network, task, range(members), Stop(1), options, (), None)
    optimiser = Adam(options.learning_rate).on(setting.device)
    initial = {name: value.to(setting.device) for name, value in network.init(plan.seeds).items()}
    learner = start_learner(plan, initial, optimiser)
    function = partial(advance, plan, optimiser)
    return make_stepper(function, learner, lambda: task.batch(plan.seeds, 0, setting.batch), execution.capture)


def step_ms(setting: Setting, task: Task, members: int, precision: Precision, execution: Execution) -> float:
    """Time of a training step whose batch is on the device already."""
    batch = send(task.batch(range(members), 0, setting.batch), torch.device(setting.device))
    with matrix_products_in(precision):
        steps = stepper(setting, task, members, precision, execution)
        return milliseconds(setting, lambda: steps.step(batch))


def iteration_ms(setting: Setting, task: Task, members: int, precision: Precision) -> float:
    """Time of an iteration of :func:`wmcl.training.train`, drawing and sending of batches included."""

    def seconds(iterations: int) -> float:
        stop, options = Stop(iterations), setting.options(precision)
        network = setting.network(task)
        return train(network, task, range(members), stop, options, device=setting.device, progress=False).seconds

    seconds(1)
    few, many = setting.iterations, 3 * setting.iterations
    return (seconds(many) - seconds(few)) / (many - few) * 1e3


def floor_ms(setting: Setting, task: Task, members: int, precision: Precision) -> tuple[float, float]:
    """Time of the matrix products of a step alone, and their operations; captured where the step is."""
    network, device = setting.network(task), torch.device(setting.device)
    parameters = {name: value.to(device) for name, value in network.init(range(members)).items()}
    sequences = send(task.batch(range(members), 0, setting.batch), device)
    products = floor.products(network, parameters, sequences)
    capture = execution_on(setting.device).capture
    nothing = mask([True], device)

    def function() -> Record:
        floor.run(products)
        return Record(nothing.float(), nothing, nothing, nothing)

    with matrix_products_in(precision):
        time = milliseconds(setting, function if capture is None else capture(function))
    return time, floor.operations(products)


class FusedOnDevice(FusedStep):
    """One network at a time on PyTorch's fused RNN (cuDNN on a GPU), with its Adam and the same loss."""

    def __init__(self, setting: Setting, task: Task) -> None:
        network, batch = setting.network(task), task.batch([0], 0, setting.batch)
        super().__init__(network, network.init([0]), send(batch, torch.device(setting.device)))
        self.module: Fused = self.module.to(setting.device)


def per_hour(members: int, ms: float) -> float:
    """Networks trained in an hour."""
    return members * 3.6e6 / (ms * NETWORK_ITERATIONS)


def measured_bytes(setting: Setting, task: Task, members: int) -> float | None:
    """Peak memory of a short training run, if the device tells."""
    if not setting.is_gpu:
        return None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    train(
        setting.network(task),
        task,
        range(members),
        Stop(3),
        setting.options("float32"),
        device=setting.device,
        progress=False,
    )
    return float(torch.cuda.max_memory_reserved())


def row(setting: Setting, length: int, members: int, precision: Precision, fused: float) -> list[object]:
    """A row of the table of speeds."""
    task = copy_task(length, validation_samples=64)
    try:
        captured = execution_on(setting.device)
        replayed = step_ms(setting, task, members, precision, captured) if captured.capture else None
        eager = step_ms(setting, task, members, precision, Execution())
        whole = iteration_ms(setting, task, members, precision)
        products, count = floor_ms(setting, task, members, precision)
        memory = measured_bytes(setting, task, members)
    except torch.cuda.OutOfMemoryError:
        return [length, members, precision, "does not fit into memory", *["–"] * 9]
    estimate = training_bytes(setting.network(task), task, setting.options(precision), members)
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


def effect_of_tf32(setting: Setting, length: int, members: int, iterations: int) -> list[object]:
    """A row of the table that compares results."""
    task = copy_task(length)
    network, seeds = setting.network(task), range(members)

    def trained(precision: Precision) -> Trained:
        options = Options(batch=setting.batch, precision=precision)
        return train(network, task, seeds, Stop(iterations), options, device=setting.device, progress=False)

    def fisher(result: Trained) -> Tensor:
        probe = task.fixed_set("fisher", 256).to(setting.device)
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
    setting = Setting(device, hidden, batch, iterations)
    precisions: tuple[Precision, ...] = ("float32", "tf32") if setting.is_gpu else ("float32",)
    origin = provenance(device)
    print(
        f"## Ensembles on a GPU\n\n{origin['device']}, torch {torch.__version__}, source {origin['source_revision']}."
    )
    print(f"{hidden} units, batch {batch}. Networks an hour are for {NETWORK_ITERATIONS} iterations a network.\n")
    if not setting.is_gpu:
        print("**This ran on a CPU: it shows that the script works, and nothing about a GPU was measured.**\n")
    header = ["p = i", "members", "precision", "captured step ms", "step one kernel at a time ms", "iteration ms"]
    header += ["networks / hour", "fused, one at a time", "times as many", "products alone / step", "products GFLOP/s"]
    header += ["MB a member", "MB a member, estimated"]
    rows = []
    for length in lengths:
        fused = FusedOnDevice(setting, copy_task(length))
        for precision in precisions:
            torch.backends.cudnn.rnn.fp32_precision = "tf32" if precision == "tf32" else "ieee"  # type: ignore[attr-defined]
            with matrix_products_in(precision):
                alone = milliseconds(setting, fused.step)
            rows += [row(setting, length, count, precision, alone) for count in members]
    print_table(header, rows)
    if setting.is_gpu:
        print(f"### What tf32 changes, after {tf32_iterations} iterations (relative differences a member)\n")
        header = ["p = i", "members", "mean loss, float32", "mean loss, tf32", "loss: mean", "loss: largest"]
        header += ["Fisher trace of W_hh: mean", "largest"]
        print_table(header, [effect_of_tf32(setting, length, 8, tf32_iterations) for length in lengths])


if __name__ == "__main__":
    tyro.cli(main)
