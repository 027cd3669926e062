"""All numbers of the analysis of linear networks, and the presets."""

import math
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal, get_args

from common.running import Run, check_run

from wmcl.networks.initialisation import Initialisation
from wmcl.tasks import Teacher
from wmcl.tasks.recall import RecallLayout
from wmcl.training import Adam, Options, Stop

Preset = Literal["smoke", "quick", "paper"]
Student = Literal["linear", "elman"]
Biases = Literal["zero", "drawn"]
NO_ERROR = 0.5 * math.log(2 * math.pi)
"""nats a scored output of a network without error: the entropy of a Gaussian of unit variance, less a half"""


@dataclass(frozen=True)
class Recall:
    """The recall task, with load, retention and lead crossed."""

    channels: int = 2
    """numbers of a step"""
    pattern_lengths: tuple[int, ...] = (2, 4, 8)
    """steps that show numbers; the load is channels times this"""
    retentions: tuple[int, ...] = (8, 16, 32)
    """steps that each number is held"""
    leads: tuple[int, ...] = (0, 16)
    """blank steps before the pattern"""
    biases: tuple[Biases, ...] = ("zero", "drawn")
    """how biases start: at zero, or as the initialisation draws them; students start at zero"""


@dataclass(frozen=True)
class Teachers:
    """Students and their teachers."""

    memories: tuple[int, ...] = (2, 4, 8, 16)
    """dimensions of the subspaces in which teachers remember"""
    students: tuple[Student, ...] = ("linear", "elman")
    """cells of the students; an elman student is h = tanh(...), without output stage"""
    teacher_units: int = 64
    """units of a teacher"""
    teacher_channels: int = 4
    """inputs and outputs of a teacher"""
    shown_steps: int = 16
    """steps of input"""
    delay: int = 2
    """blank steps between input and output"""
    scored_steps: int = 16
    """steps of output"""


@dataclass(frozen=True)
class Training:
    """Networks and their training."""

    hidden: int = 64
    """recurrent units"""
    initialisation: Initialisation = "orthogonal"
    """of all networks"""
    seeds: int = 10
    """networks a condition, with seeds 0, 1, ...; each student has a teacher of its own"""
    errors: tuple[float, ...] = (0.2, 0.02)
    """mean squared errors on validation data to match; targets have unit variance"""
    iterations: int = 3000
    """training steps at the most"""
    learning_rate: float = 3e-4
    """of Adam, for linear networks"""
    elman_learning_rate: float = 1e-3
    """of Adam, for elman students"""
    batch: int = 64
    """sequences a step"""
    validate_every: int = 2
    """iterations between validations of linear networks"""
    elman_validate_every: int = 10
    """iterations between validations of elman students, which train for longer"""

    def options(self, cell: Student) -> Options:
        """Return the options of training."""
        rate, every = self.learning_rate, self.validate_every
        if cell == "elman":
            rate, every = self.elman_learning_rate, self.elman_validate_every
        return Options(batch=self.batch, optimiser=Adam(rate), validate_every=every, watch_every=every)

    @property
    def losses(self) -> tuple[float, ...]:
        """The validation losses at these errors, in nats a scored output: e / 2 + ½ log 2π."""
        return tuple(error / 2 + NO_ERROR for error in self.errors)

    @property
    def stop(self) -> Stop:
        """Return the rules that stop training at the lowest error."""
        return Stop(self.iterations, loss=min(self.losses))


@dataclass(frozen=True)
class Samples:
    """Sequences."""

    validation_samples: int = 256
    """that decide when an error is reached"""
    test_samples: int = 1000
    """for the error of a network and the dimensions of its states"""
    fisher_samples: int = 128
    """for measured importances"""


@dataclass(frozen=True)
class Config:
    """All numbers of the analysis."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: 64 units, 10 seeds, in minutes; paper: 256 units, a larger design"""
    recall: Recall = field(default_factory=Recall)
    teachers: Teachers = field(default_factory=Teachers)
    training: Training = field(default_factory=Training)
    samples: Samples = field(default_factory=Samples)
    run: Run = field(default_factory=lambda: Run(output=Path("results/linear_rnn.nc")))

    @property
    def recall_grid(self) -> list[dict[str, int | str]]:
        """The condition of every network that recalls."""
        each = self.recall
        return [
            {"pattern_length": p, "retention": retention, "lead": lead, "biases": biases}
            for biases, p, retention, lead in product(each.biases, each.pattern_lengths, each.retentions, each.leads)
        ]

    @property
    def student_grid(self) -> list[dict[str, int | str]]:
        """The condition of every student."""
        each = self.teachers
        return [{"cell": cell, "memory": memory} for cell, memory in product(each.students, each.memories)]

    def layout(self, pattern_length: int, retention: int, lead: int) -> RecallLayout:
        """Of the sequences of a condition."""
        return RecallLayout(self.recall.channels, pattern_length, retention, lead)

    def teacher(self, memory: int, seed: int) -> Teacher:
        """The teacher of a student."""
        t = self.teachers
        return Teacher(memory, t.teacher_units, t.teacher_channels, t.shown_steps, t.delay, t.scored_steps, seed)


PRESETS: dict[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        recall=Recall(channels=1, pattern_lengths=(1, 2), retentions=(3, 6), leads=(0, 2)),
        teachers=Teachers(memories=(1, 2, 4), teacher_units=16, teacher_channels=2, shown_steps=4, scored_steps=4),
        training=Training(hidden=16, seeds=3, errors=(0.2, 0.05), learning_rate=1e-3, elman_learning_rate=3e-3),
        samples=Samples(validation_samples=64, test_samples=100, fisher_samples=32),
        run=Run(output=Path("results/linear_rnn_smoke.nc")),
    ),
    "paper": Config(
        preset="paper",
        recall=Recall(channels=4, pattern_lengths=(2, 4, 8, 16), retentions=(16, 32, 64, 128), leads=(0, 16, 64)),
        teachers=Teachers(memories=(2, 4, 8, 16, 32, 64), teacher_units=256, shown_steps=32, scored_steps=32),
        training=Training(hidden=256, learning_rate=1e-4, elman_learning_rate=3e-4, iterations=20_000),
        samples=Samples(validation_samples=512, fisher_samples=256),
        run=Run(output=Path("results/linear_rnn_paper.nc")),
    ),
}


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    _check_lists(config)
    training, samples = config.training, config.samples
    for name, value in (("seeds", training.seeds), ("hidden", training.hidden), ("iterations", training.iterations)):
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")
    if training.initialisation not in get_args(Initialisation):
        allowed = ", ".join(get_args(Initialisation))
        raise ValueError(f"initialisation is {training.initialisation!r}: it must be one of {allowed}")
    if not all(0 < error < 1 for error in training.errors):
        raise ValueError(f"errors is {training.errors}: they must be above 0 and below 1, the variance of the targets")
    if list(training.errors) != sorted(set(training.errors), reverse=True):
        raise ValueError(f"errors is {training.errors}: each may occur once, the largest first")
    for name in ("validation_samples", "test_samples", "fisher_samples"):
        if getattr(samples, name) < 2:
            raise ValueError(f"{name} is {getattr(samples, name)}: it must be at least 2")
    recall = config.recall
    for each in product(recall.pattern_lengths, recall.retentions, recall.leads):
        config.layout(*each)
    for memory in config.teachers.memories:
        config.teacher(memory, 0)
        if memory > training.hidden:
            raise ValueError(f"memories has {memory}: it must be at most hidden, {training.hidden}")
    for cell in get_args(Student):
        training.options(cell)
    check_run(config.run)


def _check_lists(config: Config) -> None:
    recall, teachers = config.recall, config.teachers
    lists: dict[str, tuple[object, ...]] = {
        "pattern_lengths": recall.pattern_lengths,
        "retentions": recall.retentions,
        "leads": recall.leads,
        "biases": recall.biases,
        "memories": teachers.memories,
        "students": teachers.students,
        "errors": config.training.errors,
    }
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name} is {values}: give at least one, each once")
    choices = (("students", teachers.students, get_args(Student)), ("biases", recall.biases, get_args(Biases)))
    for name, chosen, allowed in choices:
        if not set(chosen) <= set(allowed):
            raise ValueError(f"{name} is {chosen}: they must be of {', '.join(allowed)}")
    if config.preset not in PRESETS:
        raise ValueError(f"preset is {config.preset!r}: it must be one of {', '.join(PRESETS)}")
