"""Read published runs, with their hyperparameters.

Each is a single run (seed 42) that the READMEs of the paper's code list with its command,
https://github.com/mariacer/cl_in_rnns; the averages in the tables of the paper are not among them. The files keep the
percentages as they are printed. Learning rate, clipping and initialisation that a command leaves out are the defaults
of that code: 1e-3, no clipping, uniform weights on ±1/√fan_in. Networks are Elman networks of 256 units on the Copy
Tasks, and LSTMs of as many units as ``rnn_arch`` tells on the others.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, get_args

from wmcl.networks.initialisation import Initialisation
from wmcl.published.poster import fraction

PublishedBenchmark = Literal[
    "permuted copy",
    "padded copy",
    "pattern manipulation",
    "split stroke-mnist",
    "sequential stroke-mnist",
    "split audioset",
    "pos tagging",
]

FILES: Mapping[str, str] = MappingProxyType(
    {
        "permuted copy": "copy_task.csv",
        "padded copy": "copy_task.csv",
        "pattern manipulation": "copy_task.csv",
        "split stroke-mnist": "stroke_mnist.csv",
        "sequential stroke-mnist": "stroke_mnist.csv",
        "split audioset": "audioset.csv",
        "pos tagging": "pos_tagging.csv",
    }
)
"""where the runs on each benchmark are kept"""


@dataclass(frozen=True)
class Published:
    """Hold one published run."""

    benchmark: PublishedBenchmark
    condition: str
    """which variant of the benchmark: of pattern manipulation ``r = 5``, of sequential Stroke-MNIST ``m = 2``;
    otherwise empty"""
    method: str
    """in the words of :data:`wmcl.methods.CATALOGUE`, where it has such a row; the paper calls HNET + replay
    HNET+R"""
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
    """whether each task has a head of its own"""
    options: dict[str, str]
    """all other options of the command, by their names there; a switch has the value "" """
    source: str
    """where the run is listed"""


def published_runs(benchmark: str, condition: str = "") -> tuple[Published, ...]:
    """Read the published runs on a benchmark, in the order in which they are listed.

    Args:
        benchmark: a name in :data:`FILES`.
        condition: of the benchmark, e.g. ``m = 2``; those of all conditions if it is empty.

    Raises:
        ValueError: if there is no such benchmark.

    Example:
        >>> [run.final for run in published_runs("permuted copy") if run.method == "online EWC"]
        [0.9866]
    """
    if benchmark not in FILES:
        raise ValueError(f"benchmark is {benchmark!r}: it must be one of {', '.join(FILES)}")
    lines = files("wmcl.published").joinpath(FILES[benchmark]).read_text(encoding="utf-8").splitlines()
    found = (_run(row) for row in csv.DictReader(lines) if row["benchmark"] == benchmark)
    return tuple(run for run in found if not condition or run.condition == condition)


def _run(row: dict[str, str]) -> Published:
    initialisation: Initialisation = "orthogonal" if row["initialisation"] == "orthogonal" else "fan_in"
    benchmark: PublishedBenchmark = next(name for name in get_args(PublishedBenchmark) if name == row["benchmark"])
    return Published(
        benchmark=benchmark,
        condition=row["condition"],
        method=row["method"],
        during=fraction(row["during_percent"]),
        final=fraction(row["final_percent"]),
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
