"""Show how far a sweep is: what is finished, what runs, how fast it is, and how long it will take."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from wmcl.progress import Progress
from wmcl.sweeps.grid import Entry
from wmcl.sweeps.pool import Job


@dataclass(frozen=True)
class Report:
    """How far a job is."""

    progress: Progress
    speed: float
    """training steps a second in this session"""

    @classmethod
    def read(cls, text: str) -> tuple[str, "Report"]:
        """Read the name of a job and its report."""
        found = json.loads(text)
        name, speed = found.pop("job"), found.pop("speed")
        return name, cls(Progress(**found), speed)

    def __str__(self) -> str:
        at = self.progress
        task = f"task {at.session} of {at.sessions}, " if at.sessions > 1 else ""
        return f"{task}step {at.step:,} of {at.steps:,}, {self.speed:.3g} steps/s"


@dataclass
class Display:
    """A bar that moves with the steps of running jobs."""

    bar: tqdm
    costs: Mapping[Entry, float]
    names: Mapping[Job, str]
    """of jobs, as in their reports"""
    varying: Sequence[str]
    """names of a condition that tell conditions apart"""
    at_once: int
    """jobs under way"""
    finished: set[Entry]
    running: Sequence[Job] = ()
    reports: dict[str, Report] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)

    def started(self, running: Sequence[Job]) -> None:
        """Say which jobs run from now on."""
        with self.lock:
            self.running = tuple(running)[-self.at_once :] if running else ()
        self.draw()

    def finish(self, entry: Entry) -> None:
        """Say that an entry is stored."""
        with self.lock:
            self.finished.add(entry)
        self.draw()

    def draw(self) -> None:
        """Draw the bar where it is now."""
        with self.lock:
            done = sum(self.costs[entry] for entry in self.finished)
            for job in self.running:
                report = self.reports.get(self.names[job])
                if report is not None:
                    left = sum(self.costs[entry] for entry in job if entry not in self.finished)
                    done += left * report.progress.fraction
            now = "; ".join(self._brief(job) for job in self.running)
            self.bar.set_postfix_str(
                f"{len(self.finished)}/{len(self.costs)} done; now {now}" if now else "", refresh=False
            )
            self.bar.update(max(0.0, done - self.bar.n))

    def _brief(self, job: Job) -> str:
        """Tell what a job is in few characters: the values of the condition that vary, the seeds, and how far it is."""
        values = "/".join(str(value) for name, value in job[0].condition if name in self.varying)
        seeds = f"seed {','.join(str(entry.seed) for entry in job)}"
        report = self.reports.get(self.names[job])
        return " ".join(filter(None, (values, seeds, f"({report})" if report else "")))

    def take(self, text: str) -> None:
        """Take in what a job reports."""
        name, report = Report.read(text)
        self.reports[name] = report


@contextmanager
def refreshed(display: Display, reports: Path | str | None, client: Any) -> Iterator[None]:
    """Draw the display about once a second, with what jobs report to a folder, or to a topic of a cluster."""
    ended = threading.Event()
    interval = 1.0 if sys.stderr.isatty() else 30.0

    def watch() -> None:
        while not ended.wait(interval):
            if isinstance(reports, Path):
                for path in reports.glob("*.json"):
                    display.take(path.read_text(encoding="utf-8"))
            display.draw()
            display.bar.refresh()

    thread = threading.Thread(target=watch, name="progress of a sweep", daemon=True)
    thread.start()
    if isinstance(reports, str):
        client.subscribe_topic(reports, lambda event: display.take(event[1]))
    try:
        yield
    finally:
        if isinstance(reports, str):
            client.unsubscribe_topic(reports)
        ended.set()
        thread.join()
