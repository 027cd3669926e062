"""The options of the study of importances, subspaces and heads over a sequence of tasks, and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge
from benchmark_tasks import HERE
from benchmark_tasks.copy import COPY, PermutedCopy

from wmcl.methods import FromScratch, named
from wmcl.studies import Run
from wmcl.studies.benchmark import Hyperparameters
from wmcl.studies.constraints import GIVEN, ONCE, Count, Must, Seeds, Share
from wmcl.studies.network import Network
from wmcl.studies.rows import check_hyperparameters, network_of, rows, tasks_of_row
from wmcl.tasks import distances

Preset = Literal["smoke", "quick", "paper"]
Samples = Annotated[int, Ge(0)]

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
class Learning:
    """Who learns what."""

    methods: Annotated[tuple[str, ...], GIVEN, ONCE] = METHODS
    """methods that are studied; multitask and from scratch are references"""
    tasks: Annotated[int, Ge(2)] = 5
    """number of tasks, K"""
    seeds: Seeds = 5
    """networks a method, with seeds 0, 1, ..."""
    iterations: Count | None = 600
    """training steps a task, of every method; None takes those of its hyperparameters"""
    batch: Count | None = 64
    """sequences a training step, of every method; None takes those of its hyperparameters"""
    chosen: Path | None = HERE / "chosen_copy.json"
    """file of hyperparameters that a search has chosen; None takes none into account"""
    task_identity: bool = False
    """whether the inputs of every method tell the task; without, states under shared weights are the same in all"""


@dataclass(frozen=True)
class Measures:
    """What to measure; a number of samples, or of columns, of 0 leaves the measure out."""

    importance_samples: Samples = 128
    """sequences for the Fisher of each task"""
    state_samples: Annotated[Samples, Must(lambda n: n != 1, "a covariance needs at least 2, and 0 leaves it out")] = (
        256
    )
    """sequences of each task for its hidden states"""
    variance: Share = 0.75
    """share of the variance that the counted components hold"""
    shared_components: Count = 20
    """principal directions of task 1 of which the report tells the variance of other tasks; the file has all numbers"""
    supervised_largest: Samples = 80
    """columns of a supervised subspace at most; networks that need more have none"""
    supervised_criterion: Share = 0.97
    """mean accuracy over the tasks at which a supervised subspace is large enough; networks below it have none"""
    supervised_iterations: Count = 30
    """training steps of each column of a supervised subspace"""
    supervised_samples: Count = 32
    """sequences of each task in such a step"""


@dataclass(frozen=True)
class Config:
    """All options of the study."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: five tasks of few steps each; paper: full size, for a large machine"""
    study: Learning = field(default_factory=Learning)
    task: PermutedCopy = field(default_factory=PermutedCopy)
    network: Network = field(default_factory=Network)
    measures: Measures = field(default_factory=Measures)
    run: Run = field(default_factory=lambda: Run(output=Path("results/task_subspaces.nc")))


PRESETS: Mapping[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        study=Learning(tasks=3, seeds=2, iterations=25, batch=16),
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
        study=Learning(seeds=10, iterations=None, batch=None, chosen=None),
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


def rows_of(config: Config) -> dict[str, Hyperparameters]:
    """The methods, with the hyperparameters of the comparison of methods but for the length and size of training.

    Raises:
        ValueError: if there is no such method, or if the file of chosen hyperparameters cannot be used.
    """
    study = config.study
    found = rows(COPY, config.preset, config.task, study.methods, study.iterations, study.chosen)
    if study.task_identity:
        found = {name: replace(each, task_identity=True) for name, each in found.items()}
    if study.batch is not None:
        found = {name: replace(each, batch=study.batch) for name, each in found.items()}
    return found


def same_states(hyperparameters: Hyperparameters) -> bool:
    """Whether h_t has the same distribution in all tasks by construction.

    Permuted Copy Tasks differ in their targets alone. So one set of weights, without inputs that tell the task, answers
    all of them with the same states, and only their heads differ.
    """
    method = named(hyperparameters.method, **hyperparameters.of_method)
    one_network = not isinstance(method.schedule, FromScratch)
    return method.parametrisation.is_shared and one_network and not hyperparameters.task_identity


def check(config: Config) -> None:
    """Refuse what no single field can tell, with a ValueError that names the field."""
    study, units = config.study, config.network.hidden
    if study.batch is not None and study.batch < study.tasks:
        raise ValueError(f"batch is {study.batch} with {study.tasks} tasks: it must have a sequence of each")
    for name in ("shared_components", "supervised_largest"):
        if getattr(config.measures, name) > units:
            raise ValueError(f"{name} is {getattr(config.measures, name)}: it must be at most the {units} units")
    for name, hyperparameters in rows_of(config).items():
        check_hyperparameters(name, hyperparameters)
        tasks = tasks_of_row(config.task, study.tasks, hyperparameters)
        network_of(config.network, config.task, study.tasks, hyperparameters, tasks[0])
        for task in tasks:
            distances(task)
