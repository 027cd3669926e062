"""The options of the study of linear networks, and the presets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from wmcl.networks.initialisation import Initialisation
from wmcl.studies import Run
from wmcl.studies.constraints import FALLING, GIVEN, ONCE, Count, Seeds
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
    pattern_lengths: Annotated[tuple[int, ...], GIVEN, ONCE] = (2, 4, 8)
    """steps that show numbers; the load is channels times this"""
    retentions: Annotated[tuple[int, ...], GIVEN, ONCE] = (8, 16, 32)
    """steps that each number is held"""
    leads: Annotated[tuple[int, ...], GIVEN, ONCE] = (0, 16)
    """blank steps before the pattern"""
    biases: Annotated[tuple[Biases, ...], GIVEN, ONCE] = ("zero", "drawn")
    """how biases start: at zero, or as the initialisation draws them; students start at zero"""

    @property
    def conditions(self) -> list[dict[str, int | str]]:
        """The condition of every network that recalls."""
        return [
            {"pattern_length": p, "retention": retention, "lead": lead, "biases": biases}
            for biases, p, retention, lead in product(self.biases, self.pattern_lengths, self.retentions, self.leads)
        ]

    def layout(self, condition: Mapping[str, Any]) -> RecallLayout:
        """Of the sequences of a condition."""
        return RecallLayout(self.channels, *(condition[name] for name in ("pattern_length", "retention", "lead")))


@dataclass(frozen=True)
class Teachers:
    """Students and their teachers."""

    memories: Annotated[tuple[int, ...], GIVEN, ONCE] = (2, 4, 8, 16)
    """dimensions of the subspaces in which teachers remember"""
    students: Annotated[tuple[Student, ...], GIVEN, ONCE] = ("linear", "elman")
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

    @property
    def conditions(self) -> list[dict[str, int | str]]:
        """The condition of every student."""
        return [{"cell": cell, "memory": memory} for cell, memory in product(self.students, self.memories)]

    def teacher(self, memory: int) -> Teacher:
        """The teacher of the first student; another seed draws another one."""
        return Teacher(
            memory, self.teacher_units, self.teacher_channels, self.shown_steps, self.delay, self.scored_steps, seed=0
        )


@dataclass(frozen=True)
class Training:
    """Networks and their training."""

    hidden: Count = 64
    """recurrent units"""
    initialisation: Initialisation = "orthogonal"
    """of all networks"""
    errors: Annotated[tuple[Annotated[float, Gt(0), Lt(1)], ...], GIVEN, ONCE, FALLING] = (0.2, 0.02)
    """mean squared errors on validation data to match; targets have unit variance"""
    iterations: Count = 3000
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

    def of(self, cell: Student) -> "Training":
        """The same, with the options of a cell for all: networks do not depend on those of another cell."""
        rate, every = self.learning_rate, self.validate_every
        if cell == "elman":
            rate, every = self.elman_learning_rate, self.elman_validate_every
        return replace(
            self, learning_rate=rate, elman_learning_rate=rate, validate_every=every, elman_validate_every=every
        )

    @property
    def options(self) -> Options:
        """Return the options of training, of linear networks unless they are :meth:`of` another cell."""
        rate, every = self.learning_rate, self.validate_every
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

    validation_samples: Annotated[int, Ge(2)] = 256
    """that decide when an error is reached"""
    test_samples: Annotated[int, Ge(2)] = 1000
    """for the error of a network and the dimensions of its states"""
    fisher_samples: Annotated[int, Ge(2)] = 128
    """for measured importances"""


@dataclass(frozen=True)
class Config:
    """All options of the study."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: 64 units, 10 seeds, in minutes; paper: 256 units, a larger design"""
    seeds: Seeds = 10
    """networks a condition, with seeds 0, 1, ...; each student has a teacher of its own"""
    recall: Recall = field(default_factory=Recall)
    teachers: Teachers = field(default_factory=Teachers)
    training: Training = field(default_factory=Training)
    samples: Samples = field(default_factory=Samples)
    run: Run = field(default_factory=lambda: Run(output=Path("results/linear_rnn.nc")))


PRESETS: dict[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        seeds=3,
        recall=Recall(channels=1, pattern_lengths=(1, 2), retentions=(3, 6), leads=(0, 2)),
        teachers=Teachers(memories=(1, 2, 4), teacher_units=16, teacher_channels=2, shown_steps=4, scored_steps=4),
        training=Training(hidden=16, errors=(0.2, 0.05), learning_rate=1e-3, elman_learning_rate=3e-3),
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
    """Refuse what no single field can tell, with a ValueError that names the field."""
    for condition in config.recall.conditions:
        config.recall.layout(condition)
    for memory in config.teachers.memories:
        config.teachers.teacher(memory)
        if memory > config.training.hidden:
            raise ValueError(f"memories has {memory}: it must be at most hidden, {config.training.hidden}")
    for cell in config.teachers.students:
        _ = config.training.of(cell).options  # refuses what training does not take
