"""All numbers of the comparison, and the presets."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from common.network import Network
from common.running import Run, check_run

from method_study.chosen import read_chosen
from method_study.settings import SMALLER, STARTING_VALUES, Settings, published_settings
from wmcl import networks
from wmcl.methods import CATALOGUE, Measures, named
from wmcl.tasks import InputsOfTasks, Task, TaskDraws, copy_task_sequence, with_task_identity
from wmcl.training import Stop

Benchmark = Literal["copy"]
Preset = Literal["smoke", "quick", "published", "paper"]

HERE = Path(__file__).parent
SEARCH_SEEDS_FROM = 1000
"""seeds of a search begin here, so that no network is both searched with and reported"""


@dataclass(frozen=True)
class Comparison:
    """What is compared."""

    methods: tuple[str, ...] = ()
    """rows of the comparison; none named takes all that the preset has settings for"""
    tasks: int = 3
    """number of tasks, K"""
    seeds: int = 3
    """networks a method, with seeds 0, 1, ..."""
    iterations: int | None = None
    """training steps a task, of every method; None takes those of its settings"""


@dataclass(frozen=True)
class PermutedCopy:
    """The Permuted Copy Task."""

    pattern_length: int = 5
    """steps of the pattern, p"""
    input_length: int | None = None
    """steps from the pattern's first step to the stop flag, i; None takes p"""
    inputs: InputsOfTasks = "independent"
    """whether tasks show other patterns, or (identical) the same ones"""
    permutations: TaskDraws = "addressed"
    """where permutations come from: of this package, or (reference) of the paper's code"""
    permutation_seed: int = 0
    """of the permutations; the paper's code takes 42"""
    validation_samples: int = 512
    """sequences of the validation set of each task"""
    test_samples: int = 1000
    """sequences of the test set of each task"""


@dataclass(frozen=True)
class Search:
    """Search for hyperparameters."""

    search: bool = False
    """choose hyperparameters on validation data, and write them to the file that quick reads, instead of comparing"""
    search_seeds: int = 1
    """networks a candidate, with seeds 1000, 1001, ..."""
    chosen: Path | None = HERE / "chosen_copy.json"
    """file of the chosen hyperparameters; None takes none into account"""


@dataclass(frozen=True)
class Config:
    """All numbers of the comparison."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: full-size networks and three tasks, in half an hour; published: as the
    published runs, with fewer iterations; paper: the same at full length, for a large machine"""
    benchmark: Benchmark = "copy"
    """copy: the Permuted Copy Task"""
    comparison: Comparison = field(default_factory=Comparison)
    task: PermutedCopy = field(default_factory=PermutedCopy)
    network: Network = field(default_factory=Network)
    measures: Measures = field(default_factory=Measures)
    selection: Search = field(default_factory=Search)
    run: Run = field(default_factory=lambda: Run(output=Path("results/method_comparison.nc")))

    @property
    def uses_published_settings(self) -> bool:
        """Whether tasks, networks and all settings but the length of training are those of the published runs."""
        usual = PRESETS[self.preset]
        same = (self.task, self.network, self.comparison.tasks) == (usual.task, usual.network, usual.comparison.tasks)
        return self.preset in ("published", "paper") and same and self.selection.chosen is None


def _output(name: str) -> Run:
    return Run(output=Path(f"results/method_comparison_{name}.nc"))


PAPER = Config(
    preset="paper",
    comparison=Comparison(tasks=5, seeds=10),
    task=PermutedCopy(permutations="reference", permutation_seed=42),
    selection=Search(chosen=None),
    run=_output("paper"),
)

PRESETS: Mapping[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        comparison=Comparison(tasks=2, seeds=2, iterations=30),
        task=PermutedCopy(pattern_length=3, validation_samples=64, test_samples=64),
        network=Network(hidden=24),
        measures=Measures(importance_samples=8, state_samples=16, shared_components=5),
        selection=Search(search_seeds=1, chosen=Path("results/method_comparison_smoke_chosen.json")),
        run=_output("smoke"),
    ),
    "published": replace(
        PAPER,
        preset="published",
        comparison=Comparison(tasks=5, seeds=3, iterations=2000),
        run=_output("published"),
    ),
    "paper": PAPER,
}


def rows(config: Config) -> dict[str, Settings]:
    """The rows of the comparison, with their settings.

    Raises:
        ValueError: if there is no such row, or if the file of chosen hyperparameters cannot be used.
    """
    found = {name: settings for name, settings in _every_row(config).items() if settings.method in CATALOGUE}
    if config.selection.chosen is not None and not config.selection.search:
        for name, values in read_chosen(config.selection.chosen).items():
            if name in found:
                found[name] = found[name].changed(values)
    for name in config.comparison.methods:
        if name not in found:
            why = "has no published settings" if name in CATALOGUE else "is unknown"
            raise ValueError(f"methods has {name!r}, which {why}: it must be of {', '.join(found)}")
    if config.comparison.iterations is not None:
        found = {name: replace(each, iterations=config.comparison.iterations) for name, each in found.items()}
    return {name: found[name] for name in (config.comparison.methods or found)}


def _every_row(config: Config) -> dict[str, Settings]:
    if config.preset in ("published", "paper"):
        return published_settings()
    usual = {name: STARTING_VALUES.get(name, Settings(name)) for name in CATALOGUE}
    variants = {name: each for name, each in STARTING_VALUES.items() if name not in usual}
    every = _beside(usual, variants)
    if config.preset != "smoke":
        return every
    return {name: each.changed(SMALLER.get(name, {})) for name, each in every.items()}


def _beside(usual: dict[str, Settings], variants: dict[str, Settings]) -> dict[str, Settings]:
    """Variants of a method directly after it."""
    every = {}
    for name, each in usual.items():
        every[name] = each
        every |= {other: variant for other, variant in variants.items() if variant.method == name}
    return every


def tasks_of(config: Config) -> list[Task]:
    """The tasks in their order."""
    task = config.task
    return copy_task_sequence(
        config.comparison.tasks,
        task.pattern_length,
        task.input_length,
        inputs=task.inputs,
        seed=task.permutation_seed,
        task_draws=task.permutations,
        order="permuted time",
        validation_samples=task.validation_samples,
        test_samples=task.test_samples,
    )


def tasks_of_row(config: Config, settings: Settings) -> list[Task]:
    """The tasks as a row sees them, with their identity among the inputs if it asks for that."""
    return with_task_identity(tasks_of(config)) if settings.task_identity else tasks_of(config)


def network_of(config: Config, settings: Settings, task: Task) -> networks.Network:
    """The network of a row, with a read-out a task if it asks for that."""
    network = config.network.build(task.inputs, task.outputs, settings.initialisation)
    return replace(network, heads=config.comparison.tasks if settings.multi_head else 1)


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    for name, allowed in (("benchmark", get_args(Benchmark)), ("preset", tuple(PRESETS))):
        if getattr(config, name) not in allowed:
            raise ValueError(f"{name} is {getattr(config, name)!r}: it must be one of {', '.join(allowed)}")
    for name, value in (("seeds", config.comparison.seeds), ("search_seeds", config.selection.search_seeds)):
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")
    if len(set(config.comparison.methods)) < len(config.comparison.methods):
        raise ValueError(f"methods is {', '.join(config.comparison.methods)}: each may occur once")
    if config.selection.search and config.preset in ("published", "paper"):
        raise ValueError(
            f"search is on with the preset {config.preset!r}: its settings are given; it must be quick or smoke"
        )
    if config.selection.search and config.selection.chosen is None:
        raise ValueError("chosen is None: a search writes its choice there; name a file")
    for name, settings in rows(config).items():
        check_settings(name, settings)
        network_of(config, settings, tasks_of_row(config, settings)[0])
    check_run(config.run)


def check_settings(name: str, settings: Settings) -> None:
    """Refuse settings that the method or the training does not take."""
    Stop(settings.iterations)
    _ = settings.options  # refuses what training does not take
    needed = inspect.signature(CATALOGUE[settings.method]).parameters.values()
    missing = [p.name for p in needed if p.default is p.empty and p.name not in settings.hyperparameters]
    if missing:
        raise ValueError(f"settings of {name!r} lack {' and '.join(missing)}: the method has no default for it")
    try:
        named(settings.method, **settings.hyperparameters)
    except ValueError as error:
        raise ValueError(f"settings of {name!r}: {error}") from None
