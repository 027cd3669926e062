"""Split AudioSet: which of some sounds is heard, others in each task.

All sequences have ten steps, and every step shows a second of the sound. In the study of importances each task is a
condition. Nothing grows, and nobody knows which second tells a sound, so there are no exponents and no retention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal, cast

from wmcl.data import audioset, stand_in_audioset
from wmcl.data.audioset import AudioSet
from wmcl.published import poster_means, published_runs
from wmcl.published.runs import Published
from wmcl.studies.benchmark import Benchmark, Comparison, Grid, Hyperparameters, TaskOptions, Value
from wmcl.studies.conditions import InTurn, Measured, OneATask, Recurrent, Stages
from wmcl.studies.network import Network
from wmcl.studies.starting_values import HYPERFAN, REPLAYED, SMALL_MEASURES, Scenario, hyperparameters_with
from wmcl.studies.training import TrainingLoop
from wmcl.tasks import DataTask, Task, split_audioset_tasks

Sounds = Literal["audioset", "audioset-reduced", "stand-in"]

NAMES: Mapping[Sounds, str] = {
    "audioset": "Split AudioSet",
    "audioset-reduced": "Split AudioSet (reduced: balanced and evaluation parts)",
    "stand-in": "Split stand-in AudioSet",
}
DIFFERENCES = (
    "Unlike there, coresets keep the last weights instead of those of the best validation; 1,000 sequences of each"
    " class are divided by another draw; from scratch starts each task from the same weights."
)


@dataclass(frozen=True)
class SplitAudioSet(TaskOptions):
    """Split AudioSet."""

    sounds: Sounds = "audioset-reduced"
    """audioset: the data set, 2.4 GB to download; audioset-reduced: the 13,126 sequences of its two balanced parts
    alone, about a seventh, for which no number was published; stand-in: embeddings drawn at random, to try things
    out. See wmcl data"""
    scenario: Scenario = "task-incremental"
    """what a network is told: the task, by a head of its own; nothing, and the classes of all tasks share one
    head (domain-incremental); nothing, and it has to tell the classes of all tasks apart (class-incremental)"""
    classes: int = 10
    """classes of each task"""
    scaled: bool = True
    """whether networks get numbers from -1 to 1, or those from 0 to 255 that are stored, as in the paper's code"""
    validation: float = 1 / 16
    """fraction of the training sequences of each class that is kept from training"""
    class_seed: int = 0
    """of the order of the classes, and of the sequences for validation"""

    answers: ClassVar[str] = "sequences"

    @property
    def title(self) -> str:
        """The data and the scenario."""
        return f"{NAMES[self.sounds]}, {self.classes} classes a task ({self.scenario})"

    @property
    def one_head(self) -> bool:
        """Of both scenarios that do not tell the task."""
        return self.scenario != "task-incremental"

    def tasks(self, number: int) -> list[Task]:
        """The tasks in their order."""
        return list(_tasks(self, number))

    def published(self) -> tuple[Published, ...]:
        """The published runs, all task-incremental with ten classes a task; none beside what stands in for the data."""
        is_other = self.one_head or self.classes != 10 or self.sounds == "stand-in"
        return () if is_other else published_runs("split audioset")


@lru_cache(maxsize=2)
def _sounds(sounds: Sounds) -> AudioSet:
    return stand_in_audioset() if sounds == "stand-in" else audioset(reduced=sounds == "audioset-reduced")


@lru_cache(maxsize=2)
def _tasks(options: SplitAudioSet, number: int) -> tuple[Task, ...]:
    return tuple(
        split_audioset_tasks(
            _sounds(options.sounds),
            number,
            options.classes,
            labels="all tasks" if options.scenario == "class-incremental" else "task",
            validation=options.validation,
            scaled=options.scaled,
            seed=options.class_seed,
        )
    )


COMMON: Mapping[str, Value] = {"batch": 64, "iterations": 300, "learning_rate": 3e-3}


_hyperparameters = hyperparameters_with(COMMON)


_MASKED: Mapping[str, Value] = {"fraction_off": 0.5}
_LONGER: Mapping[str, Value] = {"iterations": 600}
_DECAYING: Mapping[str, Value] = {**HYPERFAN, "iterations": 800, "learning_rate": 1e-3, "weight_decay": 0.01}
"""of hypernetworks: without decay they overfit, to a test loss above chance; with it they need stronger protection, and
at the rate of the others some tasks were not learned under that"""
_SIZE: Mapping[str, Value] = {"chunk": 2000, "hidden": (10, 10)}
"""of the published hypernetwork"""
_REPLAYED: Mapping[str, Value] = {**REPLAYED, "decoder_hidden": 32, "distillation_strength": 10.0}
_CHUNK = 300
"""of hypernetworks whose hidden layers have 50 units: with more, they would be larger than the network"""

STARTING_VALUES: Mapping[str, Hyperparameters] = {
    "online EWC": _hyperparameters("online EWC", strength=3e1, kind="empirical"),
    "online EWC (sampled)": _hyperparameters("online EWC", strength=1e1, kind="sampled"),
    "online EWC (exact)": _hyperparameters("online EWC", strength=1e1, kind="exact"),
    "online EWC + task identity": replace(_hyperparameters("online EWC", strength=3e1), task_identity=True),
    "EWC": _hyperparameters("EWC", strength=3e1, kind="empirical"),
    "SI": _hyperparameters("SI", strength=0.1),
    "MAS": _hyperparameters("MAS", strength=0.1),
    "masking": _hyperparameters("masking", **_MASKED),
    "masking + SI": _hyperparameters("masking + SI", **_MASKED, strength=0.1),
    "masking + online EWC": _hyperparameters("masking + online EWC", **_MASKED, strength=3e1),
    "masking + MAS": _hyperparameters("masking + MAS", **_MASKED, strength=0.1),
    "HNET": _hyperparameters("HNET", **{**_DECAYING, "weight_decay": 0.03}, strength=1.0),
    "HNET (chunked)": _hyperparameters("HNET (chunked)", **_DECAYING, **_SIZE, strength=1.0),
    "HNET + coresets": _hyperparameters("HNET + coresets", **_DECAYING, **_SIZE, samples=100, strength=0.1),
    "coresets": _hyperparameters("coresets", samples=100, strength=1.0),
    "generative replay": _hyperparameters("generative replay", **_LONGER, **_REPLAYED),
    "HNET + replay": _hyperparameters("HNET + replay", **_LONGER, **_REPLAYED, chunk=_CHUNK),
}
"""where a search has not chosen yet. A sequence has one answer, so the loss is that of the paper's code, and strengths
have its units."""

GRIDS: Mapping[str, Grid] = {
    "online EWC": {"strength": (3.0, 1e1, 3e1, 1e2)},
    "online EWC (sampled)": {"strength": (1.0, 3.0, 1e1, 3e1)},
    "online EWC (exact)": {"strength": (1.0, 3.0, 1e1, 3e1)},
    "online EWC + task identity": {"strength": (3.0, 1e1, 3e1, 1e2)},
    "EWC": {"strength": (3.0, 1e1, 3e1, 1e2)},
    "SI": {"strength": (0.01, 0.03, 0.1, 0.3)},
    "MAS": {"strength": (0.01, 0.1, 1.0)},
    "masking": {"fraction_off": (0.5, 0.8)},
    "masking + SI": {"strength": (0.03, 0.1, 0.3, 1.0)},
    "masking + online EWC": {"strength": (1e1, 3e1, 1e2)},
    "masking + MAS": {"strength": (0.01, 0.1, 1.0)},
    "HNET": {"strength": (0.1, 1.0, 10.0)},
    "HNET (chunked)": {"weight_decay": (0.003, 0.01), "strength": (0.3, 1.0)},
    "HNET + coresets": {"strength": (0.01, 0.1)},
    "coresets": {"strength": (1.0, 10.0)},
    "generative replay": {"distillation_strength": (1.0, 10.0)},
    "HNET + replay": {"distillation_strength": (1.0, 10.0)},
}


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
        """Whose sounds these are."""
        return f"{NAMES[self.sounds]}, {self.classes} classes a task"

    @property
    def note(self) -> str:
        """The sounds of each task."""
        names = "; ".join(each.name.rsplit(" of ", 1)[0] for each in self.made)
        return f"Networks of a task differ in their initial weights and batches alone. Classes of tasks {names}."

    @property
    def names(self) -> Sequence[str]:
        """The numbers of the tasks, which have no other names."""
        return [f"task {k + 1}" for k in range(self.measured)]

    @property
    def made(self) -> list[DataTask]:
        """The tasks of the comparison of methods, but for their validation sets."""
        made = SplitAudioSet(sounds=self.sounds, classes=self.classes, validation=self.validation).tasks(self.measured)
        return cast(list[DataTask], made)


_AS_PUBLISHED = SplitAudioSet(sounds="audioset", scaled=False)
"""what is measured on less than this has no difference from the published numbers"""

AUDIOSET = Benchmark(
    task=SplitAudioSet(),
    tasks=10,
    network=Network(cell="lstm", hidden=32),
    presets={
        "quick": {"comparison": Comparison(tasks=10, seeds=5)},
        "smoke": {
            "task": SplitAudioSet(sounds="stand-in", classes=3),
            "comparison": Comparison(tasks=2, seeds=2, iterations=10),
            "network": Network(cell="lstm", hidden=12),
            "measures": SMALL_MEASURES,
        },
        "published": {"task": _AS_PUBLISHED, "comparison": Comparison(tasks=10, seeds=3, iterations=2000)},
        "paper": {"task": _AS_PUBLISHED, "comparison": Comparison(tasks=10, seeds=10)},
    },
    starting_values=STARTING_VALUES,
    grids=GRIDS,
    common=COMMON,
    training_sequences=7500,
    differences=DIFFERENCES,
    poster=poster_means(),
    conditions=Sound(),
    importance_presets={
        "quick": {
            "network": Recurrent(hidden=32, forget_bias=0.0),
            "training": TrainingLoop(batch=64, learning_rate=3e-3, validate_every=10, watch_every=2),
            "stages": Stages(losses=(1.4, 1.2), main_loss=1.2, iterations=300),
        },
        "smoke": {
            "seeds": 2,
            "data": Sound(sounds="stand-in", measured=3, classes=3, tasks=3),
            "network": Recurrent(hidden=12, forget_bias=0.0),
            "training": TrainingLoop(batch=16, learning_rate=2e-2, validate_every=10),
            "stages": Stages(losses=(0.8, 0.6), main_loss=0.8, iterations=60),
            "measures": Measured(importance_samples=16),
            "in_turn": InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        },
        "paper": {
            "seeds": 10,
            "data": Sound(sounds="audioset", tasks=10),
            "network": Recurrent(hidden=256, forget_bias=0.0),
            "training": TrainingLoop(batch=128, learning_rate=1e-3, validate_every=25, watch_every=5),
            "stages": Stages(losses=(1.4, 1.2), main_loss=1.2, iterations=5000),
            "measures": Measured(importance_samples=512),
            "in_turn": InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        },
    },
)
