"""Stroke MNIST: two digits a task, or sequences of m digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal

from benchmark_tasks.recorded import COMMON, SMALL_MEASURES, STARTING_VALUES, Scenario
from wmcl.data import stand_in_strokes, stroke_mnist
from wmcl.data.strokes import Strokes
from wmcl.published import published_runs
from wmcl.published.runs import Published
from wmcl.studies.benchmark import Benchmark, Chance, Comparison, TaskOptions
from wmcl.studies.network import Network
from wmcl.tasks import Task, sequential_stroke_tasks, split_stroke_tasks
from wmcl.tasks.stroke_tasks import SequenceLabels

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
    common=COMMON,
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
)
