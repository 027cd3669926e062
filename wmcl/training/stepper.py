"""Who takes the steps: each one anew, or a step that was captured once and is replayed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import torch

from wmcl.training.batches import Batch, send
from wmcl.training.captured_step import Capture, CapturedStep, cuda_graph
from wmcl.training.learner import Advance, Learner, Record, mask


@dataclass(frozen=True)
class Execution:
    """How steps are executed. The results do not depend on it, up to the rounding of a device."""

    capture: Capture | None = None
    """how the step is captured to be replayed; ``None`` takes each step anew"""
    ahead: int = 0
    """batches that threads draw ahead; with 0 each is drawn when it is needed"""
    pinned: bool = False
    """whether they put them into page-locked memory, from which a GPU copies while it computes"""


def execution_on(device: str, alike: bool = True) -> Execution:
    """What suits a device, and batches that all have the same shape or not."""
    if torch.device(device).type != "cuda":
        return Execution()
    capture = partial(cuda_graph, torch.device(device)) if alike else None
    return Execution(capture, ahead=8, pinned=True)


@runtime_checkable
class Stepper(Protocol):
    """Holds an ensemble while it trains."""

    def step(self, batch: Batch) -> Record:
        """Take a step."""

    def learner(self) -> Learner:
        """The ensemble as it is now; later steps leave it alone."""

    def freeze(self, active: Sequence[bool]) -> None:
        """Let only these members learn from now on."""


class EagerStep:
    """Takes each step anew. Batches may differ in shape."""

    def __init__(self, function: Advance, learner: Learner) -> None:
        self._function, self._learner = function, learner
        self._device = learner.active.device

    def step(self, batch: Batch) -> Record:
        """Take a step."""
        self._learner, record = self._function(self._learner, send(batch, self._device))
        return record

    def learner(self) -> Learner:
        """The ensemble as it is now."""
        return self._learner

    def freeze(self, active: Sequence[bool]) -> None:
        """Let only these members learn from now on."""
        self._learner = replace(self._learner, active=mask(active, self._device))


def make_stepper(function: Advance, learner: Learner, example: Callable[[], Batch], capture: Capture | None) -> Stepper:
    """Who takes the steps of a training run; a step is captured with one of its batches."""
    if capture is None:
        return EagerStep(function, learner)
    return CapturedStep(function, learner, send(example(), learner.active.device), capture)
