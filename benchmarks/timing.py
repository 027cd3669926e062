"""Time functions in turn, so that drift of the machine hits all alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from wmcl.provenance import provenance


@dataclass(frozen=True)
class Timing:
    """Wall time of a function."""

    minimum: float
    """ms"""
    median: float
    """ms"""
    ratio: float
    """median over the rounds of this function's time divided by the first function's time in the same round"""


def compare(functions: Mapping[str, Callable[[], object]], repeats: int = 21, warm_up: int = 3) -> dict[str, Timing]:
    """Time several functions in rounds, A B C A B C ..., after some rounds that do not count."""
    rounds = [[_milliseconds(f) for f in functions.values()] for _ in range(warm_up + repeats)]
    times = np.array(rounds[warm_up:])
    ratios = np.median(times / times[:, :1], axis=0)
    return {
        name: Timing(float(column.min()), float(np.median(column)), float(ratio))
        for name, column, ratio in zip(functions, times.T, ratios, strict=True)
    }


def _milliseconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1e3


def machine() -> str:
    """CPU, threads, torch version and source revision of this run."""
    origin = provenance("cpu")
    threads = torch.get_num_threads()
    return (
        f"{origin['device']}, {threads} thread{'s' if threads > 1 else ''}, torch {torch.__version__},"
        f" source {origin['source_revision']}"
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table; floats are shown with three significant digits."""
    for row in (header, ["---"] * len(header), *rows):
        print("| " + " | ".join(_text(value) for value in row) + " |")
    print()


def _text(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"
