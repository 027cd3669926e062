"""Stroke MNIST: two digits a task, or sequences of m digits.

In the study of importances, digits grow load, retention and length in turn, as the controls of the Copy Task do:

- ``sequences``: all m digits, a class for each of the 2^m sequences. Load, retention and length grow.
- ``first digit``: one bit, held while m - 1 more digits are drawn. Retention and length grow.
- ``last digit``: one bit, after m - 1 other digits. Length grows.
- ``blank lead``: one bit, after as many steps without input. Length grows.
- ``two classes``: whether the sequence is one of a random half of them, as in the paper. Of two digits, most halves
  depend on one alone.

With one digit all of them are the same task, ``one digit``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Annotated, ClassVar, Literal

from wmcl.data import stand_in_strokes, stroke_mnist
from wmcl.data.strokes import Strokes
from wmcl.published import published_runs
from wmcl.published.runs import Published
from wmcl.studies.benchmark import Benchmark, Chance, Comparison, TaskOptions
from wmcl.studies.conditions import Condition, ConditionOptions, Demand, InTurn, Measured, Per, Recurrent, Stages
from wmcl.studies.constraints import ONCE
from wmcl.studies.network import Network
from wmcl.studies.starting_values import COMMON, SMALL_MEASURES, STARTING_VALUES, Scenario
from wmcl.studies.training import TrainingLoop
from wmcl.tasks import DataTask, Task, sequential_stroke_tasks, split_stroke_tasks
from wmcl.tasks.stroke_tasks import PAIRS, SequenceLabels
from wmcl.tasks.task import check_counts

Digits = Literal["stroke-mnist", "stand-in"]

_BOTH = (
    " Coresets distil at the last step, not at the one before it; generated sequences take their length from training"
    " sequences, not from what is generated; a decoder starts from ±1/√fan_in, not ±1/√units; from scratch starts each"
    " task from the same weights."
)
SPLIT_DIFFERENCES = f"Unlike there, batches hold sequences of about the same length for their class.{_BOTH}"
SEQUENTIAL_DIFFERENCES = (
    "Unlike there, batches hold sequences of about the same length for their class; digits, sequences and random halves"
    f" are other draws, and at m = 2 most halves depend on one of the two digits alone.{_BOTH}"
)


@dataclass(frozen=True)
class SplitStrokes(TaskOptions):
    """Split Stroke-MNIST."""

    digits: Digits = "stroke-mnist"
    """stroke-mnist: the data set, see wmcl data; stand-in: a few lines drawn by hand with noise, to try things out"""
    scenario: Scenario = "task-incremental"
    """what a network is told: the task, by a head of its own; nothing, and the two classes of all tasks share one
    head (domain-incremental); nothing, and it has to tell all digits apart (class-incremental)"""
    validation_samples: int = 500
    """digits of each task that are kept from training"""

    answers: ClassVar[str] = "sequences"
    published_leaves_open: ClassVar[tuple[str, ...]] = ("validation_samples",)

    @property
    def title(self) -> str:
        """The data and the scenario."""
        return f"Split {_name(self.digits)} ({self.scenario})"

    @property
    def one_head(self) -> bool:
        """Of both scenarios that do not tell the task."""
        return self.scenario != "task-incremental"

    def tasks(self, number: int) -> list[Task]:
        """The tasks in their order."""
        return list(_split(self, number))

    def chance(self, tasks: Sequence[Task]) -> Chance:
        """Of classes that are equally frequent."""
        return Chance(1 / tasks[0].outputs)

    def published(self) -> tuple[Published, ...]:
        """The published runs, all task-incremental; none beside what stands in for the data."""
        return () if self.one_head or self.digits == "stand-in" else published_runs("split stroke-mnist")


@dataclass(frozen=True)
class SequentialStrokes(TaskOptions):
    """Sequential Stroke-MNIST."""

    digits: Digits = "stroke-mnist"
    """stroke-mnist: the data set, see wmcl data; stand-in: a few lines drawn by hand with noise, to try things out"""
    scenario: Literal["task-incremental", "domain-incremental"] = "task-incremental"
    """what a network is told: the task, by a head of its own; or nothing, and one head answers all tasks"""
    sequence_digits: int = 2
    """digits in a sequence, m"""
    labels: SequenceLabels = "two classes"
    """two classes: a random half of the 2^m sequences is class 1; sequences: a class a sequence"""
    training_samples: int = 12_000
    """sequences to train on, in each task"""
    validation_samples: int = 1000
    """sequences of the validation set of each task"""
    test_samples: int = 2000
    """sequences of the test set of each task"""
    sequence_seed: int = 0
    """of the halves and of the sequences"""

    answers: ClassVar[str] = "sequences"
    published_leaves_open: ClassVar[tuple[str, ...]] = ("sequence_digits", "validation_samples")

    @property
    def title(self) -> str:
        """The data and the number of digits."""
        return f"Sequential {_name(self.digits)} (m = {self.sequence_digits}, labels: {self.labels}, {self.scenario})"

    @property
    def one_head(self) -> bool:
        """Where the task is not told."""
        return self.scenario != "task-incremental"

    def tasks(self, number: int) -> list[Task]:
        """The tasks in their order."""
        return list(_sequential(self, number))

    def chance(self, tasks: Sequence[Task]) -> Chance:
        """Of classes that are equally frequent."""
        return Chance(1 / tasks[0].outputs)

    def published(self) -> tuple[Published, ...]:
        """The published runs: task-incremental, with two classes; none beside what stands in for the data."""
        if self.one_head or self.digits == "stand-in" or (self.labels != "two classes" and self.sequence_digits > 1):
            return ()
        return published_runs("sequential stroke-mnist", f"m = {self.sequence_digits}")


def _name(digits: Digits) -> str:
    return "Stroke-MNIST" if digits == "stroke-mnist" else "stand-in strokes"


@lru_cache(maxsize=2)
def _strokes(digits: Digits) -> Strokes:
    return stroke_mnist() if digits == "stroke-mnist" else stand_in_strokes()


@lru_cache(maxsize=2)
def _split(options: SplitStrokes, number: int) -> tuple[Task, ...]:
    return tuple(
        split_stroke_tasks(
            _strokes(options.digits),
            number,
            labels="all tasks" if options.scenario == "class-incremental" else "task",
            validation=options.validation_samples,
        )
    )


@lru_cache(maxsize=2)
def _sequential(options: SequentialStrokes, number: int) -> tuple[Task, ...]:
    return tuple(
        sequential_stroke_tasks(
            _strokes(options.digits),
            number,
            options.sequence_digits,
            labels=options.labels,
            train=options.training_samples,
            validation=options.validation_samples,
            test=options.test_samples,
            seed=options.sequence_seed,
        )
    )


ONE = "one digit"
KINDS: dict[str, SequenceLabels] = {
    "sequences": "sequences",
    "first digit": "first digit",
    "last digit": "last digit",
    "blank lead": "last digit",
    "two classes": "two classes",
}
"""labels of each kind of condition"""
STAND_IN = (1200, 400)
"""digits to train and to test on"""


@dataclass(frozen=True)
class StrokeSequences(ConditionOptions):
    """Sequential Stroke-MNIST."""

    source: Digits = "stroke-mnist"
    """of the digits; stand-in: a few lines drawn by hand and bent at random, to try things out"""
    digits: Annotated[tuple[int, ...], ONCE] = (1, 2, 3, 4)
    """digits of a sequence, m; 1 must be one of them"""
    pairs: tuple[int, ...] = (1, 4)
    """pairs of digits that take turns with the seed, of 0 and 1, 2 and 3, …, 8 and 9, numbered from 1: those that few
    training steps tell apart"""
    two_classes: Annotated[tuple[int, ...], ONCE] = ()
    """m of the two random classes of sequences; with two digits, most halves of the sequences depend on one of them"""
    train_samples: int = 12_000
    """sequences to train on"""
    validation_samples: int = 500
    """sequences that decide when a loss is reached, and of each task that is learned in turn"""
    test_samples: int = 1000
    """sequences for accuracy and dimensionality"""
    tasks: int = 5
    """tasks of two digits each that are learned in turn; 0 leaves that part out"""

    per: ClassVar[Per] = "bit"
    task_size: ClassVar[str] = "digits of a sequence, m"
    smallest: ClassVar[str] = ONE

    @property
    def data(self) -> str:
        """Whose digits these are."""
        return self._strokes.name

    def of_conditions(self) -> "StrokeSequences":
        """The same, however many conditions and tasks there are."""
        return replace(self, digits=(1,), two_classes=(), tasks=0)

    @property
    def _strokes(self) -> Strokes:
        return _strokes_of(self.source)

    @property
    def conditions(self) -> Sequence[Condition]:
        """One digit, then each kind with its numbers of digits."""
        longer = [m for m in self.digits if m > 1]
        wanted = dict.fromkeys(KINDS, longer) | {"two classes": [m for m in self.two_classes if m > 1]}
        every: list[Condition] = [{"task": ONE, "task_size": 1}]
        return every + [{"task": kind, "task_size": m} for kind, sizes in wanted.items() for m in sizes]

    def check(self) -> None:
        """Refuse what makes no sense, and data that are not on this machine."""
        if 1 not in self.digits or len(set(self.digits)) < max(2, len(self.digits)):
            raise ValueError(f"digits is {self.digits}: it must hold 1, and at least one more, each once")
        if len(set(self.two_classes)) < len(self.two_classes):
            raise ValueError(f"two_classes is {self.two_classes}: each may occur once")
        for name, most in (("digits", 8), ("two_classes", 8), ("pairs", len(PAIRS))):
            for number in getattr(self, name):
                if not 1 <= number <= most:
                    raise ValueError(f"{name} has {number}: it must lie between 1 and {most}")
        if not self.pairs or len(set(self.pairs)) < len(self.pairs):
            raise ValueError(f"pairs is {self.pairs}: it must hold at least one, each once")
        check_counts(train_samples=self.train_samples, validation_samples=self.validation_samples)
        check_counts(2, test_samples=self.test_samples)
        if self.tasks not in (0, *range(2, len(PAIRS) + 1)):
            raise ValueError(f"tasks is {self.tasks}: it must be 0, or from 2 to {len(PAIRS)}")
        self.sequence()

    def task(self, condition: Condition, seed: int) -> DataTask:
        """Pairs of digits take turns with the seed."""
        pair = self.pairs[seed % len(self.pairs)]
        return sequential_stroke_tasks(
            self._strokes,
            pair,
            condition["task_size"],
            labels=KINDS.get(condition["task"], "sequences"),
            blank_lead=condition["task"] == "blank lead",
            train=self.train_samples,
            validation=self.validation_samples,
            test=self.test_samples,
            seed=seed // len(self.pairs),
        )[-1]

    def load(self, condition: Condition) -> int:
        """M for sequences, else 1."""
        return condition["task_size"] if condition["task"] == "sequences" else 1

    def demand(self, condition: Condition, task: DataTask) -> Demand:
        """A digit takes a fraction 1 / m of the steps, whatever its place, as all sequences are equally many."""
        m, kind = condition["task_size"], condition["task"]
        steps = float(task.test.lengths.double().mean()) / m
        places = {"first digit": [1], "last digit": [m], "blank lead": [m]}.get(kind, range(1, m + 1))
        return Demand(
            memory_load=self.load(condition),
            retention=steps * sum(m + 1 - place for place in places) / len(places),
            lead=steps * (min(places) - 1),
            in_law=kind not in ("last digit", "two classes"),
        )

    def sequence(self) -> Sequence[DataTask]:
        """Split Stroke-MNIST: which of two digits it is, with another pair in each task."""
        if not self.tasks:
            return ()
        return split_stroke_tasks(self._strokes, self.tasks, validation=min(self.validation_samples, 500))


@cache
def _strokes_of(source: Digits) -> Strokes:
    return stroke_mnist() if source == "stroke-mnist" else stand_in_strokes(*STAND_IN)


LONGER = 700
"""training steps a task of sequences of digits, some of which have to be held while others are drawn"""

_FULL = Network(cell="lstm", hidden=256)
_SMOKE: Mapping[str, object] = {
    "comparison": Comparison(tasks=2, seeds=2, iterations=10),
    "network": Network(cell="lstm", hidden=12),
    "measures": SMALL_MEASURES,
}
_PUBLISHED: Mapping[str, object] = {"comparison": Comparison(tasks=5, iterations=2000), "network": _FULL}
_PAPER: Mapping[str, object] = {"comparison": Comparison(tasks=5, seeds=10), "network": _FULL}
_AS_PUBLISHED = SplitStrokes(validation_samples=100)

SPLIT = Benchmark(
    task=SplitStrokes(),
    tasks=5,
    presets={
        "smoke": {"task": SplitStrokes(digits="stand-in", validation_samples=40), **_SMOKE},
        "published": {"task": _AS_PUBLISHED, **_PUBLISHED},
        "paper": {"task": _AS_PUBLISHED, **_PAPER},
    },
    training_sequences=12_000,
    differences=SPLIT_DIFFERENCES,
)

SEQUENTIAL = Benchmark(
    task=SequentialStrokes(),
    tasks=5,
    presets={
        "smoke": {
            "task": SequentialStrokes(digits="stand-in", training_samples=400, validation_samples=40, test_samples=60),
            **_SMOKE,
        },
        "published": _PUBLISHED,
        "paper": _PAPER,
    },
    starting_values={row: replace(each, iterations=LONGER) for row, each in STARTING_VALUES.items()},
    common={**COMMON, "iterations": LONGER},
    training_sequences=12_000,
    differences=SEQUENTIAL_DIFFERENCES,
    conditions=StrokeSequences(),
    importance_presets={
        "quick": {},
        "smoke": {
            "seeds": 2,
            "data": StrokeSequences(
                source="stand-in",
                digits=(1, 2),
                train_samples=400,
                validation_samples=40,
                test_samples=64,
                tasks=3,
            ),
            "network": Recurrent(hidden=12),
            "training": TrainingLoop(batch=16, learning_rate=2e-2, validate_every=20),
            "stages": Stages(losses=(0.5, 0.3), main_loss=0.5, iterations=60),
            "measures": Measured(importance_samples=16),
            "in_turn": InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        },
        "paper": {
            "seeds": 10,
            "data": StrokeSequences(
                pairs=(1, 2, 3, 4, 5), two_classes=(2, 3, 4), validation_samples=1000, test_samples=2000
            ),
            "network": Recurrent(hidden=256),
            "training": TrainingLoop(batch=64, learning_rate=1e-3, validate_every=25, watch_every=5),
            "stages": Stages(losses=(0.2, 0.1, 0.05), main_loss=0.1, iterations=20_000),
            "measures": Measured(importance_samples=512),
            "in_turn": InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        },
    },
)
