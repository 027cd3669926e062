"""Let somebody watch how far the training of this thread is, such as the parent of a worker.

A worker of a cluster may run several jobs at once, in a thread each.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a training run is."""

    step: int
    """training steps made in this session"""
    steps: int
    """training steps of the session, at the most"""
    session: int
    """which session of the run it is, from 1: the tasks that are learned one after the other"""
    sessions: int
    """sessions of the run"""

    @property
    def fraction(self) -> float:
        """Of all steps of all sessions."""
        done = self.step / self.steps if self.steps else 1.0
        return (self.session - 1 + done) / self.sessions

    def continues(self, before: "Progress") -> bool:
        """Tell whether it may be of the same session as an earlier one, and not of another run."""
        is_same = (self.steps, self.session, self.sessions) == (before.steps, before.session, before.sessions)
        return is_same and self.step >= before.step


Watcher = Callable[[Progress], None]


_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_SESSION: ContextVar[tuple[int, int]] = ContextVar("session", default=(1, 1))


@contextmanager
def watched_by(watcher: Watcher | None) -> Iterator[None]:
    """Call a function with the progress of every training step of this thread."""
    before = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(before)


@contextmanager
def in_session(number: int, sessions: int) -> Iterator[None]:
    """Say which session of a run is trained in this thread, from 1."""
    before = _SESSION.set((number, sessions))
    try:
        yield
    finally:
        _SESSION.reset(before)


def steps_watched(iterations: Iterable[int], steps: int) -> Iterable[int]:
    """Return the iterations of a session of so many steps, which are reported if anybody watches."""
    watcher = _WATCHER.get()
    return iterations if watcher is None else _reported(iterations, steps, watcher)


def _reported(iterations: Iterable[int], steps: int, watcher: Watcher) -> Iterator[int]:
    session, sessions = _SESSION.get()
    for iteration in iterations:
        watcher(Progress(iteration, steps, session, sessions))
        yield iteration
