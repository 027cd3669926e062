"""How much memory training needs, from shapes alone.

A step and a validation are run on PyTorch's device ``meta``, whose tensors have shapes but no values: no memory is
used and nothing is computed, while every tensor that comes and goes is counted. So it holds for any network.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from wmcl.networks import Network
from wmcl.tasks import Task
from wmcl.training.adam import Adam
from wmcl.training.batches import send
from wmcl.training.evaluation import evaluate_unchecked
from wmcl.training.learner import Learner, advance, start_learner
from wmcl.training.options import Options
from wmcl.training.plan import Plan, initial_parameters, make_plan
from wmcl.training.step import Observer
from wmcl.training.stop import Stop

_META = torch.device("meta")


def members_that_fit(
    network: Network,
    task: Task,
    options: Options,
    bytes: int,
    milestones: int = 0,
    observer: Observer | None = None,
) -> int:
    """How many members can train together in so much memory; at least 1.

    Args:
        network: who learns.
        task: what is learned.
        options: how; the batch counts.
        bytes: memory that there is.
        milestones: how many losses the parameters are kept at.
        observer: what accumulates something for every weight.
    """
    if bytes < 1:
        raise ValueError(f"bytes is {bytes}: it must be at least 1")
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
    """Memory that training takes at most on a GPU, without what libraries need for themselves.

    What is kept: initial parameters, the ensemble and the buffers of a captured step, and twice the last validation and
    both sides of each milestone, since new ones are made from old ones. Beside it a step and a validation: a captured
    step does not give its memory back.
    """
    plan = _plan(network, task, options, members, observer)
    learner = _learner(plan)
    snapshot = _bytes([*learner.parameters.values(), *learner.observed.values()])
    kept = 2 * _bytes(learner.tensors()) + _bytes(learner.parameters.values()) + 2 * snapshot * (1 + 2 * milestones)
    validation = send(task.validation, _META)
    evaluating = partial(evaluate_unchecked, network, learner.parameters, validation, task.likelihood)
    return kept + step_bytes(plan) + _bytes(validation.tensors()) + peak_bytes(evaluating)


def step_bytes(plan: Plan) -> int:
    """Memory of a training step beside the ensemble that it starts from: the batch and all that is computed."""
    learner, optimiser = _learner(plan), Adam(plan.options.learning_rate).on(_META)
    batch = send(plan.task.batch(plan.seeds, 0, plan.options.batch), _META)
    return _bytes(batch.tensors()) + peak_bytes(lambda: advance(plan, optimiser, learner, batch))


def peak_bytes(function: Callable[[], object]) -> int:
    """The most memory that tensors made by a function take at any moment, its result included."""
    with _LiveBytes() as live:
        result = function()
    del result
    return live.peak


class _LiveBytes(TorchDispatchMode):
    """Counts the memory of tensors that operations return, for as long as they live."""

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


def _plan(network: Network, task: Task, options: Options, members: int, observer: Observer | None) -> Plan:
    return make_plan(network, task, range(members), Stop(1), options, (), observer)


def _learner(plan: Plan) -> Learner:
    initial = {
        name: torch.empty((len(plan.seeds), *value.shape[1:]), dtype=value.dtype, device=_META)
        for name, value in initial_parameters(plan.network, plan.task, [0]).items()
    }
    return start_learner(plan, initial, Adam(plan.options.learning_rate).on(_META))


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
