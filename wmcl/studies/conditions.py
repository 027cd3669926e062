"""The study of importances on recorded sequences: conditions that grow or stand beside each other, and its options."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt

from wmcl import networks
from wmcl.likelihoods import Categorical
from wmcl.networks.initialisation import Initialisation
from wmcl.networks.network import Direction
from wmcl.stages.importance import ImportanceKind
from wmcl.studies.benchmark import TaskOptions
from wmcl.studies.constraints import FALLING, FINITE, GIVEN, ONCE, Count, Share
from wmcl.studies.rows import checked_tasks
from wmcl.tasks import DataTask

Per = Literal["bit", "answer"]
Condition = Mapping[str, Any]
"""``task``, what is learned, and ``task_size``, how large what grows in its sequences is"""


@dataclass(frozen=True)
class Demand:
    """What a condition demands of a network; steps are means over sequences."""

    memory_load: float
    """bits of the answer, L"""
    retention: float
    """steps from the first one that the answer depends on up to the answer, mean over the bits; NaN if not known"""
    lead: float
    """steps before anything that the answer depends on; NaN if not known"""
    in_law: bool
    """whether it is one of the conditions that the law of load, retention and lead is about"""


class ConditionOptions(ABC):
    """Options of the conditions of a benchmark, and of the tasks that are learned in turn."""

    per: ClassVar[Per] = "answer"
    """what losses are matched for, in nats: a bit of the answer, or an answer"""
    task_size: ClassVar[str] = ""
    """what the size of a condition counts, with its symbol; empty if no condition grows out of another"""
    smallest: ClassVar[str | None] = None
    """the ``task`` of the condition from which all others grow; None if there is none"""

    @property
    @abstractmethod
    def data(self) -> str:
        """Whose sequences these are."""

    @property
    def note(self) -> str:
        """What a reader of the report has to know of it; empty if there is nothing."""
        return ""

    @property
    @abstractmethod
    def conditions(self) -> Sequence[Condition]:
        """Every condition once."""

    def check(self) -> None:
        """Refuse what makes no sense with a ValueError, and data that are not on this machine."""
        self.sequence()

    @abstractmethod
    def task(self, condition: Condition, seed: int) -> DataTask:
        """The task that a network with this seed learns in a condition."""

    @abstractmethod
    def load(self, condition: Condition) -> float:
        """The number of bits of the answer."""

    @abstractmethod
    def demand(self, condition: Condition, task: DataTask) -> Demand:
        """What the task of a condition demands."""

    @abstractmethod
    def sequence(self) -> Sequence[DataTask]:
        """Tasks that are learned one after the other; empty if there are none."""

    def of_conditions(self) -> "ConditionOptions":
        """The same without what no single condition depends on, such as how many there are."""
        return self


class OneATask(ConditionOptions):
    """Each task is a condition: nothing grows, and load alone is known of what a task demands."""

    tasks: int
    """the first so many tasks are learned in turn, two at a time; 0 leaves that part out"""

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """The names of the conditions, in the order of the tasks."""

    @property
    @abstractmethod
    def made(self) -> list[DataTask]:
        """The tasks of the conditions."""

    @property
    def conditions(self) -> Sequence[Condition]:
        """One condition for each task."""
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
        return self.made[list(self.names).index(condition["task"])]

    def load(self, condition: Condition) -> float:
        """Entropy of the answers: at most log2 of the number of classes, and less where some are more frequent."""
        return entropy(self.task(condition, 0))

    def demand(self, condition: Condition, task: DataTask) -> Demand:
        """Nobody knows on which steps the answer depends."""
        return Demand(memory_load=entropy(task), retention=float("nan"), lead=float("nan"), in_law=False)

    def sequence(self) -> Sequence[DataTask]:
        """The first tasks, in their order."""
        return self.made[: self.tasks]

    def of_conditions(self) -> "OneATask":
        """The same, however many tasks are learned in turn."""
        return replace(self, tasks=0)  # type: ignore[type-var]


@dataclass(frozen=True)
class EachTask(OneATask):
    """Each task of a benchmark is a condition."""

    options: TaskOptions
    """of the tasks"""
    measured: Count = 3
    """tasks of the first part"""
    tasks: int = 2
    """the first so many tasks are learned in turn, two at a time; 0 leaves that part out"""

    @property
    def data(self) -> str:
        """The title of the benchmark."""
        return self.options.title

    @property
    def names(self) -> Sequence[str]:
        """The numbers of the tasks."""
        return [f"task {k + 1}" for k in range(self.measured)]

    @property
    def made(self) -> list[DataTask]:
        """The tasks of the comparison of methods."""
        return [task for task in self.options.tasks(self.measured) if isinstance(task, DataTask)]

    def check(self) -> None:
        """Refuse tasks that are not of data, that have no classes, or that one network cannot learn."""
        for task in checked_tasks(self.options, self.measured, "measured"):
            if not isinstance(task, DataTask) or not isinstance(task.likelihood, Categorical):
                raise ValueError(
                    f"benchmark has the task {task.name!r}, a {type(task).__name__} with the likelihood"
                    f" {task.likelihood}: it must be made by wmcl.tasks.data_task, and its targets must be classes"
                )
        super().check()


def entropy(task: DataTask) -> float:
    """Of the answers of the training sequences, in bits: what is not known of an answer before anything is seen.

    H = -Σ p log2 p over the shares p of the classes.
    """
    _, counts = np.unique(task.draw.train.targets, return_counts=True)
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


@dataclass(frozen=True)
class Recurrent:
    """Network: a long short-term memory."""

    hidden: Count = 64
    """recurrent units"""
    initialisation: Initialisation = "orthogonal"
    """of the weights; orthogonal concerns the recurrent ones"""
    forget_bias: float = 4.0
    """constant in the forget gates; without, digits are forgotten before learning begins"""

    def build(self, task: DataTask, heads: int = 1) -> networks.LSTM:
        """The network for a task."""
        return networks.LSTM(
            task.inputs,
            self.hidden,
            task.outputs,
            heads=heads,
            initialisation=self.initialisation,
            forget_bias=self.forget_bias,
        )


@dataclass(frozen=True)
class DirectedRecurrent(Recurrent):
    """Network: a long short-term memory, or one for each direction of reading."""

    direction: Direction = "bidirectional"
    """in which sequences are read; bidirectional has so many units for each direction"""

    def build(self, task: DataTask, heads: int = 1) -> networks.LSTM:
        """The network for a task."""
        return replace(super().build(task, heads), direction=self.direction)


@dataclass(frozen=True)
class Stages:
    """Stages of training at which networks are measured."""

    losses: Annotated[tuple[Annotated[float, Gt(0), FINITE], ...], GIVEN, ONCE, FALLING] = (0.2, 0.1)
    """validation losses to match, from high to low; training ends at the last one. In nats a bit of the answer where
    conditions differ in the bits that they ask for (sequential_smnist), in nats an answer elsewhere"""
    main_loss: float = 0.2
    """the one of them that the report begins with and the figure shows"""
    iterations: int = 1500
    """training steps at the most"""


@dataclass(frozen=True)
class Measured:
    """Measures of the networks of a condition."""

    kinds: Annotated[tuple[ImportanceKind, ...], GIVEN, ONCE] = ("sampled", "exact", "SI total", "SI task", "MAS")
    """importances at every stage"""
    importance_samples: Count = 128
    """sequences for Fisher and MAS"""
    variance: Share = 0.75
    """share of the variance that the counted components hold"""


@dataclass(frozen=True)
class InTurn:
    """Two tasks that are learned one after the other."""

    turn_iterations: Count = 200
    """training steps a task"""
    state_samples: Annotated[int, Ge(2)] = 256
    """sequences of each task for its hidden states"""
    fisher_samples: Count = 128
    """sequences of each task for its Fisher"""
    shared_components: Count = 8
    """principal directions of the first task in which the variance of the second is taken"""
