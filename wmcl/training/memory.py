"""This module tells how much memory training needs, from shapes alone.

A step and a validation are run on PyTorch's device ``meta``, whose tensors have shapes but no values: no memory is
used and nothing is computed, while every tensor that comes and goes is counted. So it holds for any network.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from wmcl.networks import Network
from wmcl.tasks import Task
from wmcl.tasks.task import check_counts
from wmcl.training.loop import begin, take_step
from wmcl.training.objective import Objective
from wmcl.training.observer import Observer
from wmcl.training.options import Options, Stop
from wmcl.training.parts import Learner, Parametrisation
from wmcl.training.state import Moving
from wmcl.training.train import initial_values

_META = torch.device("meta")


def members_that_fit(
    network: Network,
    task: Task,
    options: Options,
    bytes: int,
    milestones: int = 0,
    observer: Observer | None = None,
) -> int:
    """Return how many members can train together in so much memory; at least 1.

    Args:
        network: who learns.
        task: what is learned.
        options: how; the batch counts.
        bytes: memory that there is.
        milestones: how many losses the parameters are kept at.
        observer: what accumulates something for every weight.
    """
    check_counts(bytes=bytes)
    one, two = (training_bytes(network, task, options, members, milestones, observer) for members in (1, 2))
    return max(1, 1 + (bytes - one) // (two - one))  # everything but the shared sequences grows with the members


def training_bytes(
    network: Network,
    task: Task,
    options: Options,
    members: int,
    milestones: int = 0,
    observer: Observer | None = None,
) -> int:
    """Return the memory that training takes at most on a GPU, without what libraries need for themselves.

    What is kept: initial parameters, the ensemble and the buffers of a captured step, and twice the last validation and
    both sides of each milestone, since new ones are made from old ones. To that come a step and a validation: a
    captured step does not give its memory back.
    """
    objective = _objective(network, task, options, members)
    moving = _moving(objective, observer)
    snapshot = _bytes([*moving.values.values(), *moving.observed.values()])
    kept = 2 * _bytes(moving.tensors()) + _bytes(moving.values.values()) + 2 * snapshot * (1 + 2 * milestones)
    validation = objective.validation().to(_META)
    evaluating = partial(objective.evaluate, moving.values, validation)
    return kept + step_bytes(objective, observer) + _bytes(validation.tensors()) + peak_bytes(evaluating)


def step_bytes(objective: Objective, observer: Observer | None) -> int:
    """Return the memory of a step beside the ensemble that it starts from: the batch and all that is computed."""
    moving, batch = _moving(objective, observer), objective.batch(0).to(_META)
    return _bytes(batch.tensors()) + peak_bytes(lambda: take_step(objective, observer, moving, batch))


def peak_bytes(function: Callable[[], object]) -> int:
    """Return the most memory that tensors made by a function take at any moment, its result included."""
    with _LiveBytes() as live:
        result = function()
    del result
    return live.peak


class _LiveBytes(TorchDispatchMode):
    """Count the memory of tensors that operations return, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        known = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage()._cdata not in known:
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, bytes: int) -> None:
        self.now -= bytes


def _objective(network: Network, task: Task, options: Options, members: int) -> Objective:
    there = replace(options, optimiser=options.optimiser.on(_META))
    return Objective(Learner(network, Parametrisation(), (task,), tuple(range(members)), there, {}, "meta"))


def _moving(objective: Objective, observer: Observer | None) -> Moving:
    learner = objective.learner
    shapes = {name: (len(learner.seeds), *shape) for name, shape in learner.network.shapes.items()}
    own = {name: torch.empty(shape, dtype=torch.float32, device=_META) for name, shape in shapes.items()}
    return begin(objective, initial_values(learner, own), Stop(1), (), observer).moving


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
