"""Chance where classes are not equally frequent: the accuracy of always answering with the most frequent one."""

from collections.abc import Sequence

import torch
from jaxtyping import Float64
from torch import Tensor

from wmcl.tasks import Task


def most_frequent(tasks: Sequence[Task], one_answer: bool) -> float:
    """Accuracy on the test sets, mean over tasks, of the class that gives the highest.

    Args:
        tasks: with a choice among classes.
        one_answer: the same class in all tasks, as by a network that is not told the task; else one of each task.
    """
    shares = torch.stack([class_shares(task) for task in tasks])
    return float(shares.mean(0).max() if one_answer else shares.max(1).values.mean())


def class_shares(task: Task) -> Float64[Tensor, " output"]:
    """Share of each class in the scored steps of the test set."""
    test = task.test
    counts = (test.targets.double() * test.scored[..., None]).sum((0, 1, 2))
    return counts / counts.sum()
