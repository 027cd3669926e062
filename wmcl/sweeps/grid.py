"""Lay out a labelled grid of conditions and seeds."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Condition = Mapping[str, int | float | str | np.number]
"""coordinates of one condition, e.g. ``{"pattern_length": 5, "input_length": 15}``"""

RESULTS_VERSION = 5
"""raised by hand whenever a change of this package changes numbers or names, so that no old entry is taken for a new
one; 4: keys are derived from the measure, and numbers are as with 2 and 3"""


@dataclass(frozen=True)
class Entry:
    """Name a unit of storage: one condition with one seed."""

    condition: tuple[tuple[str, int | float | str], ...]
    seed: int

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in (*self.condition, ("seed", self.seed)))


def entries(conditions: Sequence[Condition], seeds: Sequence[int]) -> list[Entry]:
    """List every condition with every seed.

    Raises:
        ValueError: if there is nothing to do, if an entry occurs twice, if conditions differ in their names, or if
            their values are neither numbers nor text.
    """
    if not conditions or not seeds:
        raise ValueError(f"a sweep needs at least one condition and one seed: got {len(conditions)} and {len(seeds)}")
    names = list(conditions[0])
    if "seed" in names:
        raise ValueError("condition has the name 'seed': seeds are given apart")
    for condition in conditions:
        if sorted(condition) != sorted(names):
            raise ValueError(f"condition {dict(condition)} has other names than the first one: {', '.join(names)}")
    for name in names:
        kinds = {np.asarray(condition[name]).dtype.kind for condition in conditions}
        if not (kinds <= set("if") or kinds == {"U"}) or any(
            condition[name] != condition[name] for condition in conditions
        ):
            values = [condition[name] for condition in conditions]
            raise ValueError(f"condition {name} has the values {values}: they must be numbers, or all be text")
    if not all(isinstance(seed, (int, np.integer)) for seed in seeds):
        raise ValueError(f"seeds is {list(seeds)}: they must be whole numbers")
    grid = [
        Entry(tuple((name, _plain(condition[name])) for name in names), int(seed))
        for condition in conditions
        for seed in seeds
    ]
    if len(set(grid)) != len(grid):
        raise ValueError("a condition or a seed occurs twice: each may occur once")
    return grid


def _plain(value: Any) -> int | float | str:
    """Turn NumPy scalars into Python's own, so that they make the same key."""
    return value.item() if isinstance(value, np.generic) else value


def key(dependencies: Any, entry: Entry) -> str:
    """Write everything that the numbers of an entry depend on as text: equal text means equal numbers."""
    record = {
        "version": RESULTS_VERSION,
        "dependencies": dependencies,
        "condition": dict(entry.condition),
        "seed": entry.seed,
    }
    return json.dumps(record, sort_keys=True, allow_nan=False)


def digest(text: bytes) -> str:
    """Compute a short SHA-256, for file names."""
    return hashlib.sha256(text).hexdigest()[:24]
