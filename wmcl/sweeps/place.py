"""What a worker offers to the measure that it computes: a place for checkpoints, and somebody who watches.

A measure that trains for long hands the place on::

    train(..., checkpoint=sweeps.checkpoint(), checkpoint_every=sweeps.CHECKPOINT_EVERY)

so that a job that is killed goes on where it was half a minute before. Shorter jobs write nothing.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from wmcl.progress import Progress, Watcher, watched_by

CHECKPOINT_EVERY = timedelta(seconds=30)
"""time between two saves of a job"""
REPORT_EVERY = 1.0
"""seconds between two reports of a job"""


@dataclass(frozen=True)
class Place:
    """Where a job keeps what it has done so far, and where it says how far it is."""

    name: str
    """of the job, which no other job has"""
    folder: Path | None
    """of the sweep; None where workers have no disk in common with the parent"""
    reports: Path | str | None
    """folder of files that the parent reads, or topic of messages on a cluster; None reports nothing"""

    @property
    def checkpoints(self) -> Path | None:
        """Return the folder of the checkpoints of the job."""
        return None if self.folder is None else self.folder / f"{self.name}.checkpoint"


_CHECKPOINTS: ContextVar[Path | None] = ContextVar("checkpoints", default=None)
"""folder of the checkpoints of the job that this thread computes"""
_GIVEN: ContextVar[set[str]] = ContextVar("given")
"""names of the trainings of that job so far"""


def checkpoint(name: str = "training") -> Path | None:
    """Return where the running measure may keep the checkpoints of a training run.

    Args:
        name: tells apart several runs of one measure.

    Returns:
        None outside of a sweep, and where workers have no disk in common with the process that runs the sweep.

    Raises:
        ValueError: if the running measure has used the name before: two trainings in one place would be taken for one.
    """
    folder = _CHECKPOINTS.get()
    if folder is None:
        return None
    given = _GIVEN.get()
    if name in given:
        raise ValueError(f"name is {name!r}: another training of this measure has that name; give each one of its own")
    given.add(name)
    return folder / name


@contextmanager
def working_at(place: Place) -> Iterator[None]:
    """Offer a place to the measure that is called meanwhile, and report how far it is."""
    before, given = _CHECKPOINTS.set(place.checkpoints), _GIVEN.set(set())
    try:
        with watched_by(_reporter(place)):
            yield
    finally:
        _CHECKPOINTS.reset(before)
        _GIVEN.reset(given)


def _reporter(place: Place) -> Watcher | None:
    if place.reports is None:
        return None
    send = _to_file(place.reports / place.name) if isinstance(place.reports, Path) else _to_topic(place.reports)
    return Reporter(place.name, send)


@dataclass
class Reporter:
    """Say about once a second how far a job is, and how fast."""

    name: str
    """of the job"""
    send: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _began: tuple[float, Progress] | None = None
    _last: float = -math.inf

    def __call__(self, progress: Progress) -> None:
        """Take in the progress of a step."""
        now = self.clock()
        if self._began is None or not progress.continues(self._began[1]):
            self._began = now, progress
        since, first = self._began
        if now - self._last >= REPORT_EVERY:
            self._last = now
            speed = (progress.step - first.step) / (now - since) if now > since else 0.0
            self.send(json.dumps({"job": self.name, "speed": speed, **asdict(progress)}))


def _to_file(path: Path) -> Callable[[str], None]:
    def send(text: str) -> None:
        part = path.with_suffix(".part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path.with_suffix(".json"))
        except OSError:
            pass  # nobody's result depends on it: the disk is full, or the parent has ended

    return send


def _to_topic(topic: str) -> Callable[[str], None]:
    def send(text: str) -> None:
        from distributed import get_worker

        get_worker().log_event(topic, text)

    return send
