"""Changes of the vectors of words (:mod:`wmcl.networks.vectors`) when tasks are learned one after the other.

Every task has its own, ``vector_changes_0``, ``vector_changes_1``, …, beside whatever a method makes the weights of the
network from: they are neither masked nor modulated nor generated. They are trained in the phases of their task alone,
and are constants everywhere else, in rehearsal too, as in the paper's code. So nothing can be forgotten there: no
penalty holds them, and their importance is never asked for.
"""

from collections.abc import Sequence

import torch

from wmcl.networks import Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.tasks import Task
from wmcl.training.plan import unchanged_vectors

_PREFIX = f"{CHANGES}_"


def name_of(task: int) -> str:
    """What the changes of a task are called among all values."""
    return f"{_PREFIX}{task}"


def start_vectors(tasks: Sequence[Task], like: torch.Tensor) -> Parameters:
    """Changes of all tasks that learn their vectors, zero, for as many members as a value has."""
    found: Parameters = {}
    for number, task in enumerate(tasks):
        found |= unchanged_vectors(task, name_of(number), like)
    return found


def vectors_of(values: Parameters, task: int) -> Parameters:
    """The changes of a task, as a network takes them; nothing if it learns none."""
    name = name_of(task)
    return {CHANGES: values[name]} if name in values else {}


def other_vectors(values: Parameters, tasks: Sequence[int]) -> Parameters:
    """The changes of all tasks but these."""
    own = {name_of(task) for task in tasks}
    return {name: value for name, value in values.items() if is_of_vectors(name) and name not in own}


def is_of_vectors(name: str) -> bool:
    """Whether a value is the changes of a task."""
    return name.startswith(_PREFIX)
