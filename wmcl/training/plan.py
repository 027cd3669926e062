"""What a training run is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from wmcl.networks import Network, Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.tasks import Task
from wmcl.training.options import Options
from wmcl.training.single_task import SingleTask
from wmcl.training.step import Objective, Observer
from wmcl.training.stop import Stop


@dataclass(frozen=True)
class Plan:
    """Everything that settles the result of a training run."""

    network: Network
    task: Task
    objective: Objective
    seeds: tuple[int, ...]
    stop: Stop
    options: Options
    thresholds: tuple[float, ...]
    """milestones: validation losses at which the parameters are kept, largest first"""
    observer: Observer | None


def make_plan(
    network: Network,
    task: Task,
    seeds: Sequence[int],
    stop: Stop,
    options: Options,
    milestones: Sequence[float],
    observer: Observer | None,
) -> Plan:
    """Refuse what makes no sense, and put the rest in order.

    Raises:
        ValueError: naming what is wrong and what is allowed.
    """
    check_fit(network, task)
    check_seeds(seeds, options)
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {list(seeds)}: it must hold each seed once")
    if not all(0 < threshold < np.inf for threshold in milestones):
        raise ValueError(f"milestones is {list(milestones)}: every loss must be positive and finite")
    thresholds = tuple(sorted({float(threshold) for threshold in milestones}, reverse=True))
    objective = SingleTask(network, task, options)
    return Plan(network, task, objective, tuple(int(seed) for seed in seeds), stop, options, thresholds, observer)


def initial_parameters(network: Network, task: Task, seeds: Sequence[int]) -> Parameters:
    """Of the network, and of the vectors that are learned with the task, if any are: not changed yet."""
    found = network.init(seeds)
    return found | unchanged_vectors(task, CHANGES, found["W_out"])


def unchanged_vectors(task: Task, name: str, like: torch.Tensor) -> Parameters:
    """Changes of all its vectors before the first step, zero, for as many members as a weight has, or nothing."""
    return {} if task.learned_vectors is None else {name: like.new_zeros(len(like), *task.learned_vectors)}


def check_fit(network: Network, task: Task) -> None:
    """Refuse a network with other inputs or outputs than a task.

    Raises:
        ValueError: naming them.
    """
    for name in ("inputs", "outputs"):
        if getattr(network, name) != getattr(task, name):
            raise ValueError(
                f"{name} of the network is {getattr(network, name)}: the task {task.name!r} needs {getattr(task, name)}"
            )


def check_seeds(seeds: Sequence[int], options: Options) -> None:
    """Refuse seeds that are no whole numbers, and learning rates of another number of members.

    Raises:
        ValueError: naming what is wrong and what is allowed.
    """
    if isinstance(seeds, int) or not all(isinstance(seed, (int, np.integer)) for seed in seeds):
        raise ValueError(f"seeds is {seeds}: it must be a sequence of whole numbers, such as range(3)")
    if len(seeds) == 0:
        raise ValueError(f"seeds is {list(seeds)}: it must hold at least one seed")
    rates = options.learning_rate
    if np.ndim(rates) and np.size(rates) != len(seeds):
        raise ValueError(f"learning_rate has {np.size(rates)} entries for {len(seeds)} seeds: give one, or one a seed")
