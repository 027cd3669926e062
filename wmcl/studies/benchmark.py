"""A benchmark: a sequence of tasks as options of the command line, and how each method is trained on it.

A benchmark of your own needs its tasks alone; everything else has a default::

    @dataclass(frozen=True)
    class MyTasks(TaskOptions):
        file: Path = Path("recordings.npz")

        def tasks(self, number):
            ...  # return so many tasks, such as those of wmcl.tasks.data_task

    BENCHMARK = Benchmark(MyTasks(), tasks=3)
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from wmcl.identity import Described, described
from wmcl.likelihoods import Categorical
from wmcl.networks.initialisation import Initialisation
from wmcl.published.poster import PosterMean
from wmcl.published.runs import Published
from wmcl.studies.constraints import ONCE, Count
from wmcl.studies.network import Network
from wmcl.tasks import DataTask, Task
from wmcl.training import Adam, Options
from wmcl.training.loss import Reduction

Value = float | int | str | tuple[int, ...]
Grid = Mapping[str, tuple[Value, ...]]
"""values that a search crosses, by the name of the hyperparameter"""

RATES = (1e-3, 3e-3)
"""learning rates that a search crosses for a row without a grid"""


@dataclass(frozen=True)
class Chance:
    """The accuracy that needs no look at the inputs, mean over tasks."""

    accuracy: float
    name: str = "chance"
    """what it is: not chance where classes are not equally frequent"""


@dataclass(frozen=True)
class TaskOptions(ABC):
    """Options of a sequence of tasks. A class of your own overrides :meth:`tasks`, and what else differs."""

    answers: ClassVar[str] = "answers"
    """what accuracy is a fraction of"""
    published_leaves_open: ClassVar[tuple[str, ...]] = ()
    """options that may have any value without being others than those of the published runs"""

    @property
    def title(self) -> str:
        """What the tasks are, and which data they are made of."""
        return type(self).__name__

    @property
    def one_head(self) -> bool:
        """Whether one head answers all tasks; else hyperparameters say whether each has its own."""
        return False

    @property
    def refused_methods(self) -> tuple[str, ...]:
        """Methods of the catalogue that cannot learn these tasks."""
        return ()

    @abstractmethod
    def tasks(self, number: int) -> list[Task]:
        """The tasks in their order.

        Raises:
            ValueError: if an option, or the number of tasks, makes no sense.
        """

    def chance(self, tasks: Sequence[Task]) -> Chance:
        """The share of the most frequent class, or 0.5 for bits."""
        if isinstance(tasks[0].likelihood, Categorical):
            return Chance(most_frequent(tasks, self.one_head), "the share of the most frequent class")
        return Chance(0.5)

    def note(self, tasks: Sequence[Task]) -> str:
        """What the title leaves out, as a sentence for the report; empty if there is nothing."""
        return ""

    def published(self) -> tuple[Published, ...]:
        """The published runs on these tasks."""
        return ()

    def content(self, number: int) -> Described:
        """Describe the sequences of the tasks, so that results on other data are told apart."""
        return [content_of(task) for task in self.tasks(number)]


def content_of(task: Task) -> Described:
    """Describe the sequences of a task: all of those that are recorded, or some of those that are drawn.

    No test sequence is drawn, as a search has to do without.
    """
    sequences = task.draw if isinstance(task, DataTask) else (task.validation, task.batch([0], 0, 1))
    return described([task.name, sequences], f"the task {task.name}")


def most_frequent(tasks: Sequence[Task], one_answer: bool) -> float:
    """Accuracy on the test sets, mean over tasks, of the class that gives the highest.

    Args:
        tasks: with a choice among classes.
        one_answer: the same class in all tasks, as by a network that is not told the task; else one of each task.
    """
    shares = torch.stack([class_shares(task) for task in tasks])
    return float(shares.mean(0).max() if one_answer else shares.max(1).values.mean())


def class_shares(task: Task) -> Float64[Tensor, " output"]:
    """Share of each class in the scored steps of the test set."""
    test = task.test
    counts = (test.targets.double() * test.scored[..., None]).sum((0, 1, 2))
    return counts / counts.sum()


@dataclass(frozen=True)
class Hyperparameters:
    """How a row of a comparison is trained: a method of the catalogue, its hyperparameters, and those of training."""

    method: str
    """in the catalogue"""
    of_method: Mapping[str, Value] = field(default_factory=dict)
    """of the method, by the names of the catalogue"""
    batch: int = 128
    iterations: int = 300
    learning_rate: float = 1e-3
    clip: float | None = 1.0
    orthogonality: float = 0.0
    weight_decay: float = 0.0
    reduction: Reduction = "scored bit"
    initialisation: Initialisation = "orthogonal"
    multi_head: bool = True
    task_identity: bool = False
    """whether inputs say which task it is"""

    @property
    def options(self) -> Options:
        """For the training loop. Nothing stops early, so validation is but a curve."""
        return Options(
            batch=self.batch,
            optimiser=Adam(self.learning_rate, weight_decay=self.weight_decay),
            clip=self.clip,
            orthogonality=self.orthogonality,
            reduction=self.reduction,
            validate_every=50,
        )

    def changed(self, values: Mapping[str, Value]) -> "Hyperparameters":
        """Change values of training or, by any other name, hyperparameters of the method."""
        own = {name: value for name, value in values.items() if name in TRAINING}
        others = {name: value for name, value in values.items() if name not in TRAINING}
        return replace(self, of_method={**self.of_method, **others}, **own)  # type: ignore[arg-type]


TRAINING = frozenset(each.name for each in fields(Hyperparameters)) - {"method", "of_method"}


@dataclass(frozen=True)
class Comparison:
    """What is compared."""

    methods: Annotated[tuple[str, ...], ONCE] = ()
    """rows of the comparison; none named takes all that the preset has hyperparameters for"""
    tasks: Count = 3
    """number of tasks, K"""
    seeds: Count = 3
    """networks a method, with seeds 0, 1, ..."""
    iterations: int | None = None
    """training steps a task, of every method; None takes those of its hyperparameters"""


@dataclass(frozen=True)
class Benchmark:
    """Tasks, and how methods are trained on them. All of it is data."""

    task: TaskOptions
    """the tasks, with the options of the preset quick"""
    name: str = ""
    """in the names of files"""
    tasks: int = 3
    """number of tasks that are learned one after the other"""
    network: Network = field(default_factory=lambda: Network(cell="lstm", hidden=64, forget_bias=2.0))
    """of the preset quick"""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """of the comparison of methods: groups of options by name, where they differ from those of quick"""
    starting_values: Mapping[str, Hyperparameters] = field(default_factory=dict)
    """of rows that no search has chosen; rows that are a variant of a method of the catalogue stand here, too. None
    takes values that suit recorded sequences with one answer each"""
    smaller: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """what the preset smoke takes instead, by row"""
    grids: Mapping[str, Grid] = field(default_factory=dict)
    """what a search crosses, by row"""
    common: Mapping[str, Value] = field(default_factory=dict)
    """hyperparameters of the rows that have no starting values here"""
    differences: str = ""
    """what no option changes in comparison with the published runs"""
    training_sequences: int = 0
    """of a task, in the published runs"""
    poster: tuple[PosterMean, ...] = ()
    """means that were published beside the runs"""
    conditions: Any = None
    """options of the conditions whose importances are compared; None takes each task as a condition"""
    importance_presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """of the study of importances: groups of options by name, where they differ from its defaults"""
