"""Which tasks are trained when: the fourth of the four parts of a method."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one optimiser."""

    tasks: tuple[int, ...]
    """tasks whose sequences are in every batch"""
    fresh: bool
    """whether it begins with new networks instead of those of the phase before"""


@runtime_checkable
class Schedule(Protocol):
    """Puts tasks in an order."""

    def phases(self, tasks: int) -> list[Phase]:
        """The phases of a run over so many tasks."""


@dataclass(frozen=True)
class Sequential:
    """One task after the other."""

    def phases(self, tasks: int) -> list[Phase]:
        """A phase a task."""
        return [Phase((task,), fresh=task == 0) for task in range(tasks)]


@dataclass(frozen=True)
class FromScratch:
    """A new network for each task, all from the same start."""

    def phases(self, tasks: int) -> list[Phase]:
        """A phase a task."""
        return [Phase((task,), fresh=True) for task in range(tasks)]


@dataclass(frozen=True)
class Joint:
    """All tasks at once; batches are split equally over them, and training takes as many steps as one by one."""

    def phases(self, tasks: int) -> list[Phase]:
        """A single phase."""
        return [Phase(tuple(range(tasks)), fresh=True)]
