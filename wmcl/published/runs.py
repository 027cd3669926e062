"""Published runs on the Copy Tasks, with their hyperparameters.

Each is a single run (seed 42) that the README of the paper's code lists with its command,
https://github.com/mariacer/cl_in_rnns; the averages in the tables of the paper are not among them. The file keeps the
percentages as they are printed. Learning rate, clipping and initialisation that a command leaves out are the defaults
of that code: 1e-3, no clipping, uniform weights on ±1/√fan_in. All networks are Elman networks of 256 units.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, get_args

from wmcl.networks import Initialisation

CopyBenchmark = Literal["permuted copy", "padded copy", "pattern manipulation"]


@dataclass(frozen=True)
class Published:
    """One published run."""

    benchmark: CopyBenchmark
    xor_iterations: int
    """permuted patterns that are combined with the pattern, in pattern manipulation; otherwise 0"""
    method: str
    """in the words of :data:`wmcl.methods.CATALOGUE`, where it has such a row"""
    during: float | None
    """mean accuracy right after each task was learned, as a fraction; ``None`` if it is not told"""
    final: float | None
    """mean accuracy on all tasks after the last one, as a fraction; ``None`` if it is not told"""
    batch: int
    iterations: int
    """a task"""
    learning_rate: float
    clip: float | None
    orthogonality: float
    initialisation: Initialisation
    multi_head: bool
    """whether each task has a read-out of its own"""
    options: dict[str, str]
    """all other options of the command, by their names there; a switch has the value "" """
    source: str
    """where the run is listed"""


def published_copy_runs(benchmark: CopyBenchmark) -> tuple[Published, ...]:
    """The published runs on a benchmark, in the order in which they are listed.

    Raises:
        ValueError: if there is no such benchmark.

    Example:
        >>> [run.final for run in published_copy_runs("permuted copy") if run.method == "online EWC"]
        [0.9866]
    """
    if benchmark not in get_args(CopyBenchmark):
        raise ValueError(f"benchmark is {benchmark!r}: it must be one of {', '.join(get_args(CopyBenchmark))}")
    lines = files("wmcl.published").joinpath("copy_task.csv").read_text(encoding="utf-8").splitlines()
    return tuple(_run(row) for row in csv.DictReader(lines) if row["benchmark"] == benchmark)


def _run(row: dict[str, str]) -> Published:
    initialisation: Initialisation = "orthogonal" if row["initialisation"] == "orthogonal" else "fan_in"
    benchmark: CopyBenchmark = next(name for name in get_args(CopyBenchmark) if name == row["benchmark"])
    return Published(
        benchmark=benchmark,
        xor_iterations=int(row["xor_iterations"]),
        method=row["method"],
        during=_fraction(row["during_percent"]),
        final=_fraction(row["final_percent"]),
        batch=int(row["batch"]),
        iterations=int(row["iterations"]),
        learning_rate=float(row["learning_rate"]),
        clip=float(row["clip"]) if row["clip"] else None,
        orthogonality=float(row["orthogonality"]),
        initialisation=initialisation,
        multi_head=row["multi_head"] == "1",
        options=dict(word.partition("=")[::2] for word in row["options"].split()),
        source=row["source"],
    )


def _fraction(percent: str) -> float | None:
    """Rounded to the digits that were printed, so that 98.66 is 0.9866 and not its neighbour."""
    return round(float(percent) / 100, 6) if percent else None
