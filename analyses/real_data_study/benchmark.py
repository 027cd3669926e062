"""What a benchmark of recorded data gives: named conditions with a task each, and tasks that are learned in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from wmcl.tasks import DataTask

Per = Literal["bit", "answer"]
Condition = Mapping[str, Any]
"""``task``, what is asked for, and ``task_size``, how large what grows in its sequences is"""


@dataclass(frozen=True)
class MemoryDemand:
    """What a condition asks a network to do; steps are means over sequences."""

    memory_load: float
    """bits of the answer, L"""
    retention: float
    """steps from the first one of what is asked for up to the answer, mean over the bits; NaN if that is not known"""
    lead: float
    """steps before anything that is asked for; NaN if that is not known"""
    in_law: bool
    """whether it is one of the conditions that the law of load, retention and lead is about"""


class Benchmark(Protocol):
    """A benchmark; each is a module of its own."""

    @property
    def data(self) -> str:
        """Return whose sequences these are."""

    @property
    def note(self) -> str:
        """What a reader of the report has to know of it; empty if there is nothing."""

    @property
    def per(self) -> Per:
        """What losses are matched for, in nats: a bit of the answer, or an answer."""

    @property
    def task_size(self) -> str:
        """What the size of a condition counts, with its symbol; empty if no condition grows out of another."""

    @property
    def conditions(self) -> Sequence[Condition]:
        """Return every condition once."""

    @property
    def smallest(self) -> str | None:
        """The ``task`` of the condition from which all others grow; ``None`` if there is none."""

    def check(self) -> None:
        """Refuse what makes no sense with a ValueError, and data that are not on this machine."""

    def task(self, condition: Condition, seed: int) -> DataTask:
        """The task that a network with this seed learns in a condition."""

    def load(self, condition: Condition) -> float:
        """Return the number of bits of the answer."""

    def memory_demand(self, condition: Condition, task: DataTask) -> MemoryDemand:
        """What the task of a condition asks for."""

    def sequence(self) -> Sequence[DataTask]:
        """Tasks that are learned one after the other; empty if there are none."""

    @property
    def condition_configuration(self) -> Mapping[str, Any]:
        """What the task of a condition depends on, beside the condition and the seed, as JSON values."""

    @property
    def sequence_configuration(self) -> Mapping[str, Any]:
        """What a task that is learned in turn depends on, beside its number, as JSON values."""


def entropy(task: DataTask) -> float:
    """Of the answers of the training sequences, in bits: what is not known of an answer before anything is seen.

    H = -Σ p log2 p over the shares p of the classes.
    """
    _, counts = np.unique(task.draw.train.targets, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())
