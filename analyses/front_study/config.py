"""All numbers of the analysis, and the presets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Literal

from common.running import Run, check_run

from front_study.methods import ROWS, Rows
from wmcl.methods import Hypernetwork
from wmcl.networks import Elman
from wmcl.tasks import Task, copy_task_sequence
from wmcl.training import Adam, Options, Stop

Preset = Literal["smoke", "quick", "paper"]
Condition = dict[str, int]
"""values of :data:`VARIED`"""

VARIED = ("independent_bits", "input_length", "lead", "xor")
"""what conditions differ in"""
SEARCH_SEEDS_FROM = 1000
"""seeds of the search for the length of training begin here, so that no network is both searched with and reported"""


@dataclass(frozen=True)
class Tasks:
    """Two Permuted Copy Tasks, in every condition."""

    pattern_length: int = 5
    """steps of the pattern, p"""
    width: int = 4
    """channels"""
    independent_bits: tuple[int, ...] = (1, 4)
    """of a pattern step, b: these vary the load, and neither steps nor scored bits"""
    input_lengths: tuple[int, ...] = (5, 10)
    """steps from the pattern's first step to the stop flag, i: these vary the retention"""
    leads: tuple[int, ...] = (0, 10)
    """blank steps before the pattern"""
    xor: tuple[int, ...] = (0, 1, 5)
    """permutations whose exclusive or with the pattern is asked for, r; 0 asks for the permuted pattern"""
    xor_everywhere: bool = False
    """whether exclusive ors are asked for in all conditions, or where the other three are smallest alone"""
    permutation_seed: int = 96
    """of the permutations; with this one, no bit that is asked for is constant at p = 5 with r = 1 and 5, and the two
    tasks have the same load"""
    validation_samples: int = 128
    test_samples: int = 500


@dataclass(frozen=True)
class Study:
    """What is trained."""

    methods: tuple[str, ...] = ()
    """rows; none named takes all"""
    seeds: int = 5
    """networks a condition, method and strength, with seeds 0, 1, ..."""
    strengths: tuple[float, ...] = (0.0, 0.01, 0.1, 0.18, 0.32, 0.56, 1.0, 1.8, 3.2, 5.6, 10.0, 18.0, 32.0, 100.0)
    """of every method alike, in nats a scored bit by squared weight; one of them is 0"""
    search_seeds: int = 2
    """networks that the length of training is chosen with"""
    criterion: float = 0.99
    """validation accuracy that a new network has to reach"""
    factor: float = 1.5
    """a task is trained for so many times the steps that new networks of the kind need to the criterion"""
    search_iterations: int = 2000
    """steps after which a new network that has not reached the criterion never does"""
    search_validate_every: int = 5
    """iterations between validations of new networks"""
    speed_criterion: float = 0.9
    """validation accuracy at which the speed of learning is taken"""


@dataclass(frozen=True)
class Training:
    """Training, the same for all methods."""

    hidden: int = 64
    """recurrent units"""
    batch: int = 64
    learning_rate: float = 5e-3
    clip: float = 1.0
    orthogonality: float = 0.01
    validate_every: int = 10
    """iterations between validations: the resolution of steps to the criterion"""


@dataclass(frozen=True)
class Config:
    """All numbers of the analysis."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: 10 conditions of small networks; paper: everything crossed, for a large
    machine"""
    study: Study = field(default_factory=Study)
    tasks: Tasks = field(default_factory=Tasks)
    training: Training = field(default_factory=Training)
    rows: Rows = field(default_factory=Rows)
    run: Run = field(default_factory=lambda: Run(output=Path("results/stability_plasticity.nc")))

    @property
    def options(self) -> Options:
        """Return the options of the training loop."""
        each = self.training
        return Options(
            batch=each.batch,
            optimiser=Adam(each.learning_rate),
            clip=each.clip,
            orthogonality=each.orthogonality,
            validate_every=each.validate_every,
        )


QUICK = Config()
PRESETS: Mapping[str, Config] = {
    "quick": QUICK,
    "smoke": Config(
        preset="smoke",
        study=Study(
            seeds=2,
            strengths=(0.0, 0.01, 10.0),
            search_seeds=1,
            criterion=0.6,
            factor=1.2,
            search_iterations=200,
            speed_criterion=0.55,
        ),
        tasks=Tasks(
            width=2, independent_bits=(1, 2), input_lengths=(5,), leads=(0,), validation_samples=64, test_samples=64
        ),
        training=Training(hidden=24, batch=32, learning_rate=1e-2, validate_every=5),
        rows=Rows(importance_samples=8, chunk=100, large_chunk=200),
        run=Run(output=Path("results/stability_plasticity_smoke.nc")),
    ),
    "paper": Config(
        preset="paper",
        study=replace(
            QUICK.study,
            seeds=10,
            strengths=(0.0, *(round(10.0 ** (k / 4), 6) for k in range(-16, 11))),
            search_seeds=3,
            search_iterations=10_000,
        ),
        tasks=Tasks(
            width=7,
            independent_bits=(1, 2, 4, 7),
            input_lengths=(5, 10, 15, 25),
            leads=(0, 10, 25),
            xor_everywhere=True,
            validation_samples=512,
            test_samples=1000,
        ),
        training=Training(hidden=256, batch=128, learning_rate=2e-3),
        rows=Rows(
            importance_samples=200,
            fraction_off=0.8,
            chunk=2500,
            hyper_hidden=(50, 50),
            large_chunk=6000,
            large_hyper_hidden=(50, 50),
        ),
        run=Run(output=Path("results/stability_plasticity_paper.nc")),
    ),
}


def conditions(config: Config) -> list[Condition]:
    """All conditions, those without exclusive ors first."""
    tasks = config.tasks
    axes = (tasks.independent_bits, tasks.input_lengths, tasks.leads)
    smallest = tuple(min(axis) for axis in axes)
    return [
        dict(zip(VARIED, (*values, r), strict=True))
        for r in tasks.xor
        for values in product(*axes)
        if r == 0 or tasks.xor_everywhere or values == smallest
    ]


def tasks_of(config: Config, condition: Mapping[str, int]) -> list[Task]:
    """The two tasks of a condition."""
    tasks = config.tasks
    return copy_task_sequence(
        2,
        tasks.pattern_length,
        condition["input_length"],
        width=tasks.width,
        lead=condition["lead"],
        independent_bits=condition["independent_bits"],
        xor=condition["xor"] or None,
        order="permuted time",
        seed=tasks.permutation_seed,
        validation_samples=tasks.validation_samples,
        test_samples=tasks.test_samples,
    )


def network_of(config: Config, task: Task) -> Elman:
    """The network, with a head for each of the two tasks."""
    return Elman(task.inputs, config.training.hidden, task.outputs, initialisation="orthogonal", heads=2)


def compression(config: Config, row: str) -> float:
    """Values of a hypernetwork over the weights that it generates; NaN for other rows."""
    parametrisation = config.rows.parametrisation(ROWS[row])
    if not isinstance(parametrisation, Hypernetwork):
        return math.nan
    return parametrisation.compression(network_of(config, tasks_of(config, conditions(config)[0])[0]), 2)


def methods_of(config: Config) -> tuple[str, ...]:
    """Return the names of the rows that are compared."""
    return config.study.methods or tuple(ROWS)


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    study, tasks = config.study, config.tasks
    if config.preset not in PRESETS:
        raise ValueError(f"preset is {config.preset!r}: it must be one of {', '.join(PRESETS)}")
    for name, whole in (("seeds", study.seeds), ("search_seeds", study.search_seeds)):
        if whole < 1:
            raise ValueError(f"{name} is {whole}: it must be at least 1")
    for name, values in (
        ("methods", study.methods),
        ("strengths", study.strengths),
        ("independent_bits", tasks.independent_bits),
        ("input_lengths", tasks.input_lengths),
        ("leads", tasks.leads),
        ("xor", tasks.xor),
    ):
        if len(set(values)) < len(values) or (not values and name != "methods"):
            raise ValueError(f"{name} is {values}: give at least one, and each once")
    for name in study.methods:
        if name not in ROWS:
            raise ValueError(f"methods has {name!r}: it must be of {', '.join(ROWS)}")
    if not all(math.isfinite(value) for value in study.strengths):
        raise ValueError(f"strengths is {study.strengths}: all must be finite")
    if min(study.strengths) != 0:
        raise ValueError(f"strengths is {study.strengths}: 0 must be one of them, and none may be below")
    if min(tasks.xor) != 0:
        raise ValueError(f"xor is {tasks.xor}: 0 must be one of them, and none may be below")
    if not study.factor >= 1:
        raise ValueError(f"factor is {study.factor}: it must be at least 1")
    if study.search_validate_every < 1:
        raise ValueError(f"search_validate_every is {study.search_validate_every}: it must be at least 1")
    if not 0 < study.speed_criterion <= study.criterion:
        raise ValueError(f"speed_criterion is {study.speed_criterion}: it must be above 0 and at most the criterion")
    Stop(study.search_iterations, accuracy=study.criterion)
    _ = config.options  # refuses what training does not take
    for condition in conditions(config):
        _check_tasks(condition, tasks_of(config, condition))
    for name in methods_of(config):
        compression(config, name)
        config.rows.method(name, study.strengths)
    check_run(config.run)


def _check_tasks(condition: Condition, tasks: list[Task]) -> None:
    """Refuse targets that are the same in every sequence: the network need not remember anything for them."""
    for task in tasks:
        targets = task.validation.targets[0, task.validation.window]
        if bool((targets.amax(1) == targets.amin(1)).any()):
            raise ValueError(
                f"permutation_seed gives a target that is constant, with xor {condition['xor']}: it must be another"
            )
