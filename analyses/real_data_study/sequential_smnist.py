"""Sequential Stroke-MNIST: digits one after the other, of which all, the first or the last are asked for.

Digits grow load, retention and length in turn, as the controls of the Copy Task do:

- ``sequences``: all m digits, a class for each of the 2^m sequences. Load, retention and length grow.
- ``first digit``: one bit, held while m - 1 more digits are drawn. Retention and length grow.
- ``last digit``: one bit, after m - 1 other digits. Length grows.
- ``blank lead``: one bit, after as many steps without input. Length grows.
- ``two classes``: whether the sequence is one of a random half of them, as in the paper. Of two digits, most halves
  depend on one alone.

With one digit all of them are the same task, ``one digit``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal

from common.training import TrainingLoop

from real_data_study.benchmark import Condition, MemoryDemand, Per
from real_data_study.config import Config, InTurn, Measures, Network, Stages, Study, output
from wmcl.data import stand_in_strokes, stroke_mnist
from wmcl.data.strokes import Strokes
from wmcl.tasks import DataTask, sequential_stroke_tasks, split_stroke_tasks
from wmcl.tasks.stroke_tasks import PAIRS, SequenceLabels
from wmcl.tasks.task import check_counts

Source = Literal["stroke-mnist", "stand-in"]

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
class StrokeSequences:
    """Sequential Stroke-MNIST."""

    source: Source = "stroke-mnist"
    """of the digits; stand-in: a few lines drawn by hand and bent at random, to try things out"""
    digits: tuple[int, ...] = (1, 2, 3, 4)
    """digits of a sequence, m; 1 must be one of them"""
    pairs: tuple[int, ...] = (1, 4)
    """pairs of digits that take turns with the seed, of 0 and 1, 2 and 3, …, 8 and 9, numbered from 1: those that few
    training steps tell apart"""
    two_classes: tuple[int, ...] = ()
    """m of the two random classes of sequences; with two digits, most halves of the sequences depend on one of them"""
    train_samples: int = 12_000
    """sequences to train on"""
    validation_samples: int = 500
    """sequences that decide when a loss is reached, and of each task that is learned in turn"""
    test_samples: int = 1000
    """sequences for accuracy and dimensionality"""
    tasks: int = 5
    """tasks of two digits each that are learned in turn; 0 leaves that part out"""

    note: ClassVar[str] = ""
    per: ClassVar[Per] = "bit"
    task_size: ClassVar[str] = "digits of a sequence, m"
    smallest: ClassVar[str] = ONE

    @property
    def data(self) -> str:
        """Return whose digits these are."""
        return self._strokes.name

    @property
    def condition_configuration(self) -> Mapping[str, Any]:
        """All but how many conditions and tasks there are."""
        return {name: value for name, value in asdict(self).items() if name not in ("digits", "two_classes", "tasks")}

    @property
    def sequence_configuration(self) -> Mapping[str, Any]:
        """Which digits, and how they are divided."""
        return {"source": self.source, "validation_samples": self.validation_samples}

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

    def memory_demand(self, condition: Condition, task: DataTask) -> MemoryDemand:
        """A digit takes a fraction 1 / m of the steps, whatever its place, as all sequences are equally many."""
        m, kind = condition["task_size"], condition["task"]
        steps = float(task.test.lengths.double().mean()) / m
        places = {"first digit": [1], "last digit": [m], "blank lead": [m]}.get(kind, range(1, m + 1))
        return MemoryDemand(
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
def _strokes_of(source: Source) -> Strokes:
    return stroke_mnist() if source == "stroke-mnist" else stand_in_strokes(*STAND_IN)


@dataclass(frozen=True, kw_only=True)
class StrokeConfig(Config):
    """All numbers of the analysis of Sequential Stroke-MNIST."""

    strokes: StrokeSequences = field(default_factory=StrokeSequences)

    @property
    def benchmark(self) -> StrokeSequences:
        """Return the benchmark of digits."""
        return self.strokes


PRESETS: Mapping[str, StrokeConfig] = {
    "quick": StrokeConfig(),
    "smoke": StrokeConfig(
        preset="smoke",
        study=Study(seeds=2),
        strokes=StrokeSequences(
            source="stand-in",
            digits=(1, 2),
            train_samples=400,
            validation_samples=40,
            test_samples=64,
            tasks=3,
        ),
        network=Network(hidden=12),
        training=TrainingLoop(batch=16, learning_rate=2e-2, validate_every=20),
        stages=Stages(losses=(0.5, 0.3), main_loss=0.5, iterations=60),
        measures=Measures(importance_samples=16),
        in_turn=InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        run=output("importance_on_real_data_smoke"),
    ),
    "paper": StrokeConfig(
        preset="paper",
        study=Study(seeds=10),
        strokes=StrokeSequences(
            pairs=(1, 2, 3, 4, 5), two_classes=(2, 3, 4), validation_samples=1000, test_samples=2000
        ),
        network=Network(hidden=256),
        training=TrainingLoop(batch=64, learning_rate=1e-3, validate_every=25, watch_every=5),
        stages=Stages(losses=(0.2, 0.1, 0.05), main_loss=0.1, iterations=20_000),
        measures=Measures(importance_samples=512),
        in_turn=InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        run=output("importance_on_real_data_paper"),
    ),
}
