"""The schedule says which tasks are trained when: it is the fourth of the four parts of a method."""

from dataclasses import dataclass
from typing import ClassVar

from wmcl.training.parts import Offer


@dataclass(frozen=True)
class Session:
    """A session is a stretch of training with one optimiser."""

    tasks: tuple[int, ...]
    """tasks whose sequences are in every batch"""
    fresh: bool
    """whether the session begins with new networks instead of those of the session before"""


@dataclass(frozen=True)
class Schedule:
    """Train one task after the other, each in a session of its own."""

    offers: ClassVar[frozenset[Offer]] = frozenset({Offer.earlier_tasks})

    def sessions(self, tasks: int) -> list[Session]:
        """Return the sessions of a run over so many tasks."""
        return [Session((task,), fresh=task == 0) for task in range(tasks)]


@dataclass(frozen=True)
class FromScratch(Schedule):
    """Train a new network for each task, all from the same start."""

    offers: ClassVar[frozenset[Offer]] = frozenset()

    def sessions(self, tasks: int) -> list[Session]:
        """Return a session for each task."""
        return [Session((task,), fresh=True) for task in range(tasks)]


@dataclass(frozen=True)
class Multitask(Schedule):
    """Train all tasks at once: batches are split equally over them, for as many steps as one by one."""

    offers: ClassVar[frozenset[Offer]] = frozenset()

    def sessions(self, tasks: int) -> list[Session]:
        """Return a single session."""
        return [Session(tuple(range(tasks)), fresh=True)]
