"""The options of the study of stability and plasticity, and the presets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from front_study.methods import ROWS, Rows
from wmcl.methods import Hypernetwork
from wmcl.networks import Elman
from wmcl.studies import Run
from wmcl.studies.constraints import FINITE, GIVEN, ONCE, Count, Must, Share
from wmcl.tasks import Task, copy_task_sequence
from wmcl.training import Adam, Options

Preset = Literal["smoke", "quick", "paper"]
HAS_ZERO = Must(lambda values: 0 in values, "0 must be one of them")
VARIED = ("independent_bits", "input_length", "lead", "xor")
"""what conditions differ in"""
SEARCH_SEEDS_FROM = 1000
"""seeds of the search for the length of training begin here, so that no network is both searched with and reported"""


@dataclass(frozen=True)
class Conditions:
    """Conditions of the tasks."""

    independent_bits: Annotated[tuple[int, ...], GIVEN, ONCE] = (1, 4)
    """of a pattern step, b: these vary the load, and neither steps nor scored bits"""
    input_lengths: Annotated[tuple[int, ...], GIVEN, ONCE] = (5, 10)
    """steps from the pattern's first step to the stop flag, i: these vary the retention"""
    leads: Annotated[tuple[int, ...], GIVEN, ONCE] = (0, 10)
    """blank steps before the pattern"""
    xor: Annotated[tuple[Annotated[int, Ge(0)], ...], ONCE, HAS_ZERO] = (0, 1, 5)
    """permutations whose exclusive or with the pattern is the target, r; with 0 the target is the permuted pattern"""
    xor_everywhere: bool = False
    """whether all conditions have exclusive ors, or only the one where load, retention and lead are smallest"""

    @property
    def all(self) -> list[dict[str, int]]:
        """Return all conditions as values of VARIED, those without exclusive ors first."""
        axes = (self.independent_bits, self.input_lengths, self.leads)
        smallest = tuple(map(min, axes))
        return [
            dict(zip(VARIED, (*values, r), strict=True))
            for r in self.xor
            for values in product(*axes)
            if r == 0 or self.xor_everywhere or values == smallest
        ]


@dataclass(frozen=True)
class Tasks:
    """Two Permuted Copy Tasks, in every condition."""

    pattern_length: Count = 5
    """steps of the pattern, p"""
    width: Count = 4
    """channels"""
    permutation_seed: Annotated[int, Ge(0)] = 96
    """of the permutations; with this one, no bit of a target is constant at p = 5 with r = 1 and 5, and the two tasks
    have the same load"""
    validation_samples: Count = 128
    """sequences a task, for validation"""
    test_samples: Count = 500
    """sequences a task, for the results"""

    def of(self, condition: Mapping[str, Any]) -> list[Task]:
        """Return the two tasks of a condition."""
        return copy_task_sequence(
            2,
            self.pattern_length,
            condition["input_length"],
            width=self.width,
            lead=condition["lead"],
            independent_bits=condition["independent_bits"],
            xor=condition["xor"] or None,
            order="permuted time",
            seed=self.permutation_seed,
            validation_samples=self.validation_samples,
            test_samples=self.test_samples,
        )


@dataclass(frozen=True)
class Study:
    """What is trained."""

    methods: Annotated[
        tuple[Annotated[str, Must(ROWS.__contains__, f"it must be of {', '.join(ROWS)}")], ...], ONCE
    ] = ()
    """rows; none named takes all"""
    seeds: Annotated[int, Ge(1), Le(SEARCH_SEEDS_FROM)] = 5
    """networks a condition, method and strength, with seeds 0, 1, ..."""
    strengths: Annotated[tuple[Annotated[float, Ge(0), FINITE], ...], ONCE, HAS_ZERO] = (
        *(0.0, 0.01, 0.1, 0.18, 0.32, 0.56, 1.0, 1.8, 3.2, 5.6, 10.0, 18.0, 32.0, 100.0),
    )
    """of every method alike, in nats a scored bit by squared weight; one of them is 0"""
    search_seeds: Count = 2
    """networks with which the length of training is chosen"""
    criterion: Share = 0.99
    """validation accuracy that a new network has to reach"""
    factor: Annotated[float, Ge(1), FINITE] = 1.5
    """a task is trained for so many times the steps that new networks of the kind need to the criterion"""
    search_iterations: Count = 2000
    """steps after which the search gives up on a new network that has not reached the criterion"""
    search_validate_every: Count = 5
    """iterations between validations of new networks"""
    speed_criterion: Annotated[float, Gt(0)] = 0.9
    """validation accuracy at which the speed of learning is taken"""

    @property
    def rows(self) -> tuple[str, ...]:
        """Return the names of the methods that are compared."""
        return self.methods or tuple(ROWS)


@dataclass(frozen=True)
class Training:
    """Training, the same for all methods."""

    hidden: Count = 64
    """recurrent units"""
    batch: Count = 64
    """sequences a step"""
    learning_rate: float = 5e-3
    """of Adam"""
    clip: float = 1.0
    """largest norm of a network's gradient"""
    orthogonality: float = 0.01
    """strength of the penalty for a W_hh that is not orthogonal"""
    validate_every: Count = 10
    """iterations between validations: the resolution of steps to the criterion"""

    @property
    def options(self) -> Options:
        """Return the options of the training loop."""
        return Options(
            batch=self.batch,
            optimiser=Adam(self.learning_rate),
            clip=self.clip,
            orthogonality=self.orthogonality,
            validate_every=self.validate_every,
        )

    def network(self, task: Task) -> Elman:
        """Return the network, with a head for each of the two tasks."""
        return Elman(task.inputs, self.hidden, task.outputs, initialisation="orthogonal", heads=2)


@dataclass(frozen=True)
class Config:
    """All options of the study."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: 10 conditions of small networks; paper: everything crossed, for a large
    machine"""
    study: Study = field(default_factory=Study)
    conditions: Conditions = field(default_factory=Conditions)
    tasks: Tasks = field(default_factory=Tasks)
    training: Training = field(default_factory=Training)
    rows: Rows = field(default_factory=Rows)
    run: Run = field(default_factory=lambda: Run(output=Path("results/stability_plasticity.nc")))


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
        conditions=Conditions(independent_bits=(1, 2), input_lengths=(5,), leads=(0,)),
        tasks=Tasks(width=2, validation_samples=64, test_samples=64),
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
        conditions=Conditions(
            independent_bits=(1, 2, 4, 7), input_lengths=(5, 10, 15, 25), leads=(0, 10, 25), xor_everywhere=True
        ),
        tasks=Tasks(width=7, validation_samples=512, test_samples=1000),
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


def compression(config: Config, row: str) -> float:
    """Compute how many values a hypernetwork has over the weights that it generates; NaN for other rows."""
    parametrisation = config.rows.parametrisation(ROWS[row])
    if not isinstance(parametrisation, Hypernetwork):
        return math.nan
    return parametrisation.compression(config.training.network(config.tasks.of(config.conditions.all[0])[0]), 2)


def check(config: Config) -> None:
    """Refuse what no single field can tell, with a ValueError that names the field."""
    study = config.study
    if study.speed_criterion > study.criterion:
        raise ValueError(
            f"speed_criterion is {study.speed_criterion:g}: it must be at most the criterion, {study.criterion:g}"
        )
    _ = config.training.options  # refuses what training does not take
    for condition in config.conditions.all:
        _check_tasks(condition, config.tasks.of(condition))
    for row in study.rows:
        compression(config, row)
        config.rows.method(row, study.strengths)


def _check_tasks(condition: Mapping[str, int], tasks: list[Task]) -> None:
    """Refuse targets that are the same in every sequence, for which a network need not remember anything."""
    for task in tasks:
        targets = task.validation.targets[0, task.validation.window]
        if bool((targets.amax(1) == targets.amin(1)).any()):
            raise ValueError(
                f"permutation_seed gives a target that is constant, with xor {condition['xor']}: it must be another"
            )
