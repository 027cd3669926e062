"""Let somebody watch how far the training of this process is, such as the parent of a worker."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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


Watcher = Callable[[Progress], None]


class _Process:
    """What is watched in this process."""

    watcher: Watcher | None = None
    session: tuple[int, int] = (1, 1)


@contextmanager
def watched_by(watcher: Watcher | None) -> Iterator[None]:
    """Call a function with the progress of every training step in this process."""
    before, _Process.watcher = _Process.watcher, watcher
    try:
        yield
    finally:
        _Process.watcher = before


@contextmanager
def in_session(number: int, sessions: int) -> Iterator[None]:
    """Say which session of a run is trained, from 1."""
    before, _Process.session = _Process.session, (number, sessions)
    try:
        yield
    finally:
        _Process.session = before


def steps_watched(iterations: Iterable[int], steps: int) -> Iterable[int]:
    """Return the iterations of a session of so many steps, which are reported if anybody watches."""
    return iterations if _Process.watcher is None else _reported(iterations, steps, _Process.watcher)


def _reported(iterations: Iterable[int], steps: int, watcher: Watcher) -> Iterator[int]:
    session, sessions = _Process.session
    for iteration in iterations:
        watcher(Progress(iteration, steps, session, sessions))
        yield iteration
