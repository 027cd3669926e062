"""Benchmarks in which each task is a condition: nothing grows, and load alone is known of what a task demands."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from real_data_study.benchmark import Condition, MemoryDemand, Per, entropy
from wmcl.tasks import DataTask


class OneATask(ABC):
    """What such benchmarks share; conditions and tasks are in the same order."""

    per: ClassVar[Per] = "answer"
    task_size: ClassVar[str] = ""
    smallest: ClassVar[None] = None

    tasks: int
    """the first so many tasks are learned in turn, two at a time; 0 leaves that part out"""

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the names of the conditions."""

    @property
    @abstractmethod
    def made(self) -> list[DataTask]:
        """Return the tasks of the conditions."""

    @property
    def conditions(self) -> Sequence[Condition]:
        """Return one condition for each task."""
        return [{"task": name, "task_size": 1} for name in self.names]

    def check(self) -> None:
        """Refuse what makes no sense, and data that are not on this machine."""
        count = len(self.made)
        if self.tasks not in (0, *range(2, count + 1)):
            raise ValueError(
                f"tasks is {self.tasks}, the number of tasks that are learned in turn: it must be 0, or from 2 to the"
                f" {count} that are measured"
            )

    def task(self, condition: Condition, seed: int) -> DataTask:
        """The same with every seed."""
        return self.made[self.names.index(condition["task"])]

    def load(self, condition: Condition) -> float:
        """Entropy of the answers: at most log2 of the number of classes, and less where some are more frequent."""
        return entropy(self.task(condition, 0))

    def memory_demand(self, condition: Condition, task: DataTask) -> MemoryDemand:
        """Nobody knows at which steps stands what is asked for."""
        return MemoryDemand(memory_load=entropy(task), retention=float("nan"), lead=float("nan"), in_law=False)

    def sequence(self) -> Sequence[DataTask]:
        """Return the first tasks, in their order."""
        return self.made[: self.tasks]
