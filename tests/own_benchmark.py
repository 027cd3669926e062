"""Gestures of several persons, to compare continual-learning methods on: a benchmark of one's own in a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wmcl.studies.benchmark import Benchmark, TaskOptions
from wmcl.tasks import Task, data_task, labelled


@dataclass(frozen=True)
class Gestures(TaskOptions):
    """Gestures."""

    folder: Path = Path("gestures")
    """has a file for each person, such as person1.npz, with the arrays inputs, lengths and gestures"""

    def tasks(self, number: int) -> list[Task]:
        """One task a person, in their order."""
        return [self.task(f"person{k}") for k in range(1, number + 1)]

    def task(self, person: str) -> Task:
        """Which gesture it is, at the last step."""
        if not (self.folder / f"{person}.npz").exists():
            raise ValueError(f"folder is {self.folder}: there is no file {person}.npz in it")
        arrays = np.load(self.folder / f"{person}.npz")
        sequences = labelled(arrays["inputs"], arrays["gestures"], lengths=arrays["lengths"])
        return data_task(f"gestures of {person}", *sequences.split(validation=0.2, test=0.2))


BENCHMARK = Benchmark(Gestures(), tasks=3)
