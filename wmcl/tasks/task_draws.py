"""Draw what is fixed for a task: permutations, and the steps that show a scattered pattern.

``addressed`` draws are functions of (task seed, purpose, index). ``reference`` draws are those of the paper's code,
from a ``numpy.random.RandomState`` of the task seed, which it draws itself (:func:`reference_task_seeds`): with these,
the tasks of its published runs can be made again.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from wmcl.randomness import generator

TaskDraws = Literal["addressed", "reference"]


def permutations(size: int, count: int, task_seed: int, draws: TaskDraws) -> list[np.ndarray]:
    """Draw random permutations of the numbers below ``size``."""
    if draws == "reference":
        random = np.random.RandomState(task_seed)
        return [random.permutation(size) for _ in range(count)]
    return [generator(task_seed, "permutation", k).permutation(size) for k in range(count)]


def scattered_steps(pattern_length: int, input_length: int, task_seed: int, draws: TaskDraws) -> tuple[int, ...]:
    """Draw as many of the input steps as the pattern has, in order of time."""
    random = np.random.RandomState(task_seed) if draws == "reference" else generator(task_seed, "scattered steps")
    return tuple(sorted(random.choice(input_length, pattern_length, replace=False).tolist()))


def reference_task_seeds(seed: int, tasks: int, kind: Literal["permutation", "scatter"]) -> Sequence[int]:
    """Draw the task seeds of the paper's code: of permutations below 1000, of scattered steps below a million."""
    random = np.random.RandomState(seed)
    return [int(random.randint(1000 if kind == "permutation" else 1_000_000)) for _ in range(tasks)]
