"""Split AudioSet: which of ten sounds is heard. Each task is a condition, and has other sounds.

All sequences have ten steps, and every step shows a second of the sound. Nothing grows, and nobody knows which second
tells a sound, so there are no exponents and no retention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from common.training import TrainingLoop
from method_study.benchmarks.audioset import NAMES, Sounds, SplitAudioSet

from real_data_study.config import Config, InTurn, Measures, Network, Stages, Study, output
from real_data_study.one_a_task import OneATask
from wmcl.tasks import DataTask


@dataclass(frozen=True)
class Sound(OneATask):
    """Split AudioSet."""

    sounds: Sounds = "audioset-reduced"
    """audioset: the data set, 2.4 GB to download; audioset-reduced: its two balanced parts alone, about a seventh;
    stand-in: embeddings drawn at random, to try things out"""
    measured: int = 10
    """tasks of the first part"""
    classes: int = 10
    """classes of each task"""
    validation: float = 0.2
    """fraction of the training sequences of each class that decides when a loss is reached"""
    tasks: int = 5
    """the first so many of them are learned in turn, two at a time; 0 leaves that part out"""

    @property
    def data(self) -> str:
        """Return whose sounds these are."""
        return f"{NAMES[self.sounds]}, {self.classes} classes a task"

    @property
    def note(self) -> str:
        """The sounds of each task."""
        names = "; ".join(each.name.rsplit(" of ", 1)[0] for each in self.made)
        return f"Networks of a task differ in their initial weights and batches alone. Classes of tasks {names}."

    @property
    def condition_configuration(self) -> Mapping[str, Any]:
        """All but how many tasks are learned in turn."""
        return {name: value for name, value in asdict(self).items() if name != "tasks"}

    @property
    def sequence_configuration(self) -> Mapping[str, Any]:
        """Return the configuration of the sequences of tasks, which is that of the conditions."""
        return self.condition_configuration

    @property
    def names(self) -> Sequence[str]:
        """Return the numbers of the tasks, which have no other names."""
        return [f"task {k + 1}" for k in range(self.measured)]

    @property
    def made(self) -> list[DataTask]:
        """The tasks of the comparison of methods, but for their validation sets."""
        made = SplitAudioSet(sounds=self.sounds, classes=self.classes, validation=self.validation).tasks(self.measured)
        return cast(list[DataTask], made)


@dataclass(frozen=True, kw_only=True)
class SoundConfig(Config):
    """All numbers of the analysis of Split AudioSet."""

    sound: Sound = field(default_factory=Sound)

    @property
    def benchmark(self) -> Sound:
        """Return the benchmark of sounds."""
        return self.sound


PRESETS: Mapping[str, SoundConfig] = {
    "quick": SoundConfig(
        study=Study(benchmark="audioset"),
        network=Network(hidden=32, forget_bias=0.0),
        training=TrainingLoop(batch=64, learning_rate=3e-3, validate_every=10, watch_every=2),
        stages=Stages(losses=(1.4, 1.2), main_loss=1.2, iterations=300),
        run=output("importance_on_audioset"),
    ),
    "smoke": SoundConfig(
        preset="smoke",
        study=Study(benchmark="audioset", seeds=2),
        sound=Sound(sounds="stand-in", measured=3, classes=3, tasks=3),
        network=Network(hidden=12, forget_bias=0.0),
        training=TrainingLoop(batch=16, learning_rate=2e-2, validate_every=10),
        stages=Stages(losses=(0.8, 0.6), main_loss=0.8, iterations=60),
        measures=Measures(importance_samples=16),
        in_turn=InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        run=output("importance_on_audioset_smoke"),
    ),
    "paper": SoundConfig(
        preset="paper",
        study=Study(benchmark="audioset", seeds=10),
        sound=Sound(sounds="audioset", tasks=10),
        network=Network(hidden=256, forget_bias=0.0),
        training=TrainingLoop(batch=128, learning_rate=1e-3, validate_every=25, watch_every=5),
        stages=Stages(losses=(1.4, 1.2), main_loss=1.2, iterations=5000),
        measures=Measures(importance_samples=512),
        in_turn=InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        run=output("importance_on_audioset_paper"),
    ),
}
