"""Make sequences of Copy Tasks, for continual learning."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any, Literal, get_args

import numpy as np

from wmcl.check_arguments import checked
from wmcl.randomness import generator, side_stream
from wmcl.tasks.copy_task import copy_task, has_same_targets, has_targets
from wmcl.tasks.layout import Lengths
from wmcl.tasks.sequences import Sequences
from wmcl.tasks.task import Task, check_counts
from wmcl.tasks.task_draws import TaskDraws, reference_task_seeds

InputsOfTasks = Literal["independent", "identical"]

_STREAMS_OF_A_TASK = 16  # more than any task takes for itself
_ATTEMPTS = 1000


@checked
def copy_task_sequence(
    tasks: int,
    pattern_length: Lengths,
    input_length: Lengths | None = None,
    *,
    length_step: int = 0,
    inputs: InputsOfTasks = "independent",
    seed: int = 0,
    task_draws: TaskDraws = "addressed",
    **arguments: Any,
) -> list[Task]:
    """Make Copy Tasks that differ in what is drawn for each (permutations, scattered steps), in their lengths, or both.

    The Permuted Copy Task of the paper is ``copy_task_sequence(5, 5, order="permuted time")``; its sequence of growing
    lengths, 5, 12, … ± 2, is ``copy_task_sequence(6, (3, 7), length_step=7)``.

    Args:
        tasks: K, their number; a longer sequence begins with the shorter one.
        pattern_length: p of the first task, as in :func:`copy_task`.
        input_length: i of the first task; ``None`` means p.
        length_step: steps by which the input length of each task is above that of the one before, and with it the
            pattern length if ``input_length`` is ``None``.
        inputs: whether a member sees other patterns in each task, or, as in the paper's code, the ``identical`` ones
            in all tasks of equal lengths: in batches, validation set and test set.
        seed: of the task seeds.
        task_draws: ``addressed``: drawn until each task differs from all before; ``reference``: the permutations or
            scattered steps of the paper's code (``seed=42`` there), which may repeat.
        arguments: the other arguments of :func:`copy_task`, the same for all tasks.

    Raises:
        ValueError: if tasks would be the same, or as in :func:`copy_task`.
    """
    check_counts(tasks=tasks)
    check_counts(0, length_step=length_step, seed=seed)
    if inputs not in get_args(InputsOfTasks):
        raise ValueError(f"inputs is {inputs!r}: it must be one of {', '.join(get_args(InputsOfTasks))}")
    candidates = _task_seeds(tasks, seed, task_draws, arguments)
    made: list[Task] = []
    for k in range(tasks):
        p = _longer(pattern_length, k * length_step if input_length is None else 0)
        i = None if input_length is None else _longer(input_length, k * length_step)
        for task_seed in islice(candidates, _ATTEMPTS):
            task = copy_task(p, i, task_seed=task_seed, task_draws=task_draws, **arguments)
            if task_draws == "reference" or (
                has_targets(task.draw) and not any(has_same_targets(task.draw, other.draw) for other in made)
            ):
                break
        else:
            raise ValueError(
                f"tasks is {tasks}: only {len(made)} different ones were found with these arguments; a permuted order,"
                " a scattered filler or a length_step tells tasks apart"
            )
        made.append(task)
    own = made if inputs == "identical" else [replace(t, draw=_OwnInputs(t.draw, k)) for k, t in enumerate(made)]
    return [replace(task, name=f"{k + 1}: {task.name}") for k, task in enumerate(own)]


@dataclass(frozen=True)
class _OwnInputs:
    """This draws from streams that belong to a task; those of the first task are the generators themselves."""

    draw: Callable[[Sequence[np.random.Generator], int], Sequences]
    task: int

    def __call__(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        if self.task == 0:
            return self.draw(generators, samples)
        return self.draw([side_stream(g, _STREAMS_OF_A_TASK * self.task) for g in generators], samples)


def _task_seeds(tasks: int, seed: int, task_draws: TaskDraws, arguments: Mapping[str, Any]) -> Iterator[int]:
    if task_draws != "reference":
        return (int(generator(seed, "task seed", k).integers(2**31)) for k in count())
    is_scattered = arguments.get("filler") == "scattered"
    if is_scattered and arguments.get("order", "forward") != "forward":
        raise ValueError(
            "task_draws is 'reference' with a scattered filler and a permuted order: the paper's code draws them from"
            " different seeds, so it must be one of them"
        )
    return iter(reference_task_seeds(seed, tasks, "scatter" if is_scattered else "permutation"))


def _longer(lengths: Lengths, by: int) -> Lengths:
    return (lengths[0] + by, lengths[1] + by) if isinstance(lengths, tuple) else lengths + by
