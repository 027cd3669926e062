"""All numbers of the study, and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from common.network import Network
from common.running import Run
from method_study import rows as comparison
from method_study.benchmarks.permuted_copy import CopyConfig, PermutedCopy
from method_study.config import HERE, Comparison, Search
from method_study.hyperparameters import Hyperparameters

from wmcl.methods import FromScratch, named
from wmcl.tasks import Task, distances
from wmcl.tasks.task import check_counts

Preset = Literal["smoke", "quick", "paper"]

METHODS = (
    "multitask",
    "from scratch",
    "fine-tuning",
    "online EWC",
    "SI",
    "masking + SI",
    "HNET (chunked)",
)


@dataclass(frozen=True)
class Study:
    """Who learns what."""

    methods: tuple[str, ...] = METHODS
    """rows of the study; multitask and from scratch are references"""
    tasks: int = 5
    """number of tasks, K"""
    seeds: int = 5
    """networks a method, with seeds 0, 1, ..."""
    iterations: int | None = 600
    """training steps a task, of every method; None takes those of its hyperparameters"""
    batch: int | None = 64
    """sequences a training step, of every method; None takes those of its hyperparameters"""
    chosen: Path | None = HERE / "chosen_copy.json"
    """file of hyperparameters that a search has chosen; None takes none into account"""
    task_identity: bool = False
    """whether the inputs of every method tell the task; without, states under shared weights are the same in all"""


@dataclass(frozen=True)
class Measures:
    """What to measure; a number of samples, or of columns, of 0 leaves the measure out."""

    importance_samples: int = 128
    """sequences for the Fisher of each task"""
    state_samples: int = 256
    """sequences of each task for its hidden states"""
    variance: float = 0.75
    """share of the variance that the counted components hold"""
    shared_components: int = 20
    """principal directions of task 1 of which the report tells the variance of other tasks; the file has all numbers"""
    supervised_largest: int = 80
    """columns of a supervised subspace at most; networks that need more have none"""
    supervised_criterion: float = 0.97
    """mean accuracy over the tasks at which a supervised subspace is large enough; networks below it have none"""
    supervised_iterations: int = 30
    """training steps of each column of a supervised subspace"""
    supervised_samples: int = 32
    """sequences of each task in such a step"""

    def check(self, units: int) -> None:
        """Refuse numbers outside of their range, with a ValueError that names the field."""
        check_counts(0, importance_samples=self.importance_samples, state_samples=self.state_samples)
        check_counts(0, supervised_largest=self.supervised_largest)
        check_counts(
            shared_components=self.shared_components,
            supervised_iterations=self.supervised_iterations,
            supervised_samples=self.supervised_samples,
        )
        if self.state_samples == 1:
            raise ValueError("state_samples is 1: a covariance needs at least 2; 0 leaves the measure out")
        for name in ("variance", "supervised_criterion"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ValueError(f"{name} is {value:g}: it must be above 0 and at most 1")
        for name in ("shared_components", "supervised_largest"):
            if getattr(self, name) > units:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at most the {units} units")


@dataclass(frozen=True)
class Config:
    """All numbers of the study."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: five tasks of few steps each; paper: full size, for a large machine"""
    study: Study = field(default_factory=Study)
    task: PermutedCopy = field(default_factory=PermutedCopy)
    network: Network = field(default_factory=Network)
    measures: Measures = field(default_factory=Measures)
    run: Run = field(default_factory=lambda: Run(output=Path("results/task_subspaces.nc")))


PRESETS: Mapping[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        study=Study(tasks=3, seeds=2, iterations=25, batch=16),
        task=PermutedCopy(pattern_length=3, validation_samples=32, test_samples=64),
        network=Network(hidden=16),
        measures=Measures(
            importance_samples=8,
            state_samples=16,
            shared_components=4,
            supervised_largest=3,
            supervised_iterations=3,
            supervised_samples=8,
        ),
        run=Run(output=Path("results/task_subspaces_smoke.nc")),
    ),
    "paper": Config(
        preset="paper",
        study=Study(seeds=10, iterations=None, batch=None, chosen=None),
        task=PermutedCopy(permutations="reference", permutation_seed=42),
        measures=Measures(
            importance_samples=1000,
            state_samples=1000,
            supervised_largest=256,
            supervised_iterations=100,
            supervised_samples=64,
        ),
        run=Run(output=Path("results/task_subspaces_paper.nc")),
    ),
}


def rows(config: Config) -> dict[str, Hyperparameters]:
    """The methods, with the hyperparameters of the comparison of methods but for the length and size of training.

    Raises:
        ValueError: if there is no such method, or if the file of chosen hyperparameters cannot be used.
    """
    found = comparison.rows(as_comparison(config))
    if config.study.task_identity:
        found = {name: replace(hyperparameters, task_identity=True) for name, hyperparameters in found.items()}
    if config.study.batch is None:
        return found
    return {name: replace(hyperparameters, batch=config.study.batch) for name, hyperparameters in found.items()}


def same_states(hyperparameters: Hyperparameters) -> bool:
    """Whether h_t has the same distribution in all tasks by construction.

    Permuted Copy Tasks differ in their targets alone. So one set of weights, without inputs that tell the task, answers
    all of them with the same states, and only their heads differ.
    """
    method = named(hyperparameters.method, **hyperparameters.of_method)
    one_network = not isinstance(method.schedule, FromScratch)
    return method.parametrisation.is_shared and one_network and not hyperparameters.task_identity


def tasks_of(config: Config) -> list[Task]:
    """The tasks in their order."""
    return comparison.tasks_of(as_comparison(config))


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    if config.preset not in PRESETS:
        raise ValueError(f"preset is {config.preset!r}: it must be one of {', '.join(PRESETS)}")
    if not config.study.methods:
        raise ValueError("methods is empty: name at least one")
    check_counts(2, tasks=config.study.tasks)
    comparison.check(as_comparison(config))
    if config.study.batch is not None and config.study.batch < config.study.tasks:
        raise ValueError(
            f"batch is {config.study.batch} with {config.study.tasks} tasks: it must have a sequence of each"
        )
    config.measures.check(config.network.hidden)
    for task in tasks_of(config):
        distances(task)


def as_comparison(config: Config) -> CopyConfig:
    """The comparison of methods that trains the same networks."""
    study = config.study
    return CopyConfig(
        preset=config.preset,
        comparison=Comparison(study.methods, study.tasks, study.seeds, study.iterations),
        task=config.task,
        network=config.network,
        selection=Search(chosen=study.chosen),
        run=config.run,
    )
