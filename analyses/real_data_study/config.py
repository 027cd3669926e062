"""All numbers of the analysis, and the presets."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from common.running import Run, check_run
from common.training import TrainingLoop

from real_data_study.benchmark import Benchmark
from wmcl import networks
from wmcl.networks.initialisation import Initialisation
from wmcl.networks.network import Direction
from wmcl.stages.importance import ImportanceKind
from wmcl.tasks import DataTask
from wmcl.tasks.task import check_counts
from wmcl.training import Stop

BenchmarkName = Literal["sequential_smnist", "audioset", "pos"]
Preset = Literal["smoke", "quick", "paper"]


@dataclass(frozen=True)
class Study:
    """What is studied."""

    benchmark: BenchmarkName = "sequential_smnist"
    """sequential_smnist: digits one after the other; audioset: sounds, other ones in each task; pos: parts of speech,
    in several languages. Options of the data depend on it: ask for them with --benchmark NAME --help"""
    seeds: int = 6
    """networks a condition, and a pair of tasks, with seeds 0, 1, ..."""


@dataclass(frozen=True)
class Network:
    """Network: a long short-term memory."""

    hidden: int = 64
    """recurrent units"""
    initialisation: Initialisation = "orthogonal"
    """of the weights; orthogonal concerns the recurrent ones"""
    forget_bias: float = 4.0
    """constant in the forget gates; without, digits are forgotten before learning begins"""

    def build(self, task: DataTask, heads: int = 1) -> networks.LSTM:
        """The network for a task."""
        return networks.LSTM(
            task.inputs,
            self.hidden,
            task.outputs,
            heads=heads,
            initialisation=self.initialisation,
            forget_bias=self.forget_bias,
        )


@dataclass(frozen=True)
class DirectedNetwork(Network):
    """Network: a long short-term memory, or one for each direction of reading."""

    direction: Direction = "bidirectional"
    """in which sequences are read; bidirectional has so many units for each direction"""

    def build(self, task: DataTask, heads: int = 1) -> networks.LSTM:
        """The network for a task."""
        return replace(super().build(task, heads), direction=self.direction)


@dataclass(frozen=True)
class Stages:
    """Stages of training at which networks are measured."""

    losses: tuple[float, ...] = (0.2, 0.1)
    """validation losses to match, from high to low; training ends at the last one. In nats a bit of the answer where
    conditions differ in the bits that they ask for (sequential_smnist), in nats an answer elsewhere"""
    main_loss: float = 0.2
    """the one of them that the report begins with and the figure shows"""
    iterations: int = 1500
    """training steps at the most"""


@dataclass(frozen=True)
class Measures:
    """Measures of the networks of a condition."""

    kinds: tuple[ImportanceKind, ...] = ("sampled", "exact", "SI total", "SI task", "MAS")
    """importances at every stage"""
    importance_samples: int = 128
    """sequences for Fisher and MAS"""
    variance: float = 0.75
    """share of the variance that the counted components hold"""


@dataclass(frozen=True)
class InTurn:
    """Two tasks that are learned one after the other."""

    turn_iterations: int = 200
    """training steps a task"""
    state_samples: int = 256
    """sequences of each task for its hidden states"""
    fisher_samples: int = 128
    """sequences of each task for its Fisher"""
    shared_components: int = 8
    """principal directions of the first task in which the variance of the second is taken"""


@dataclass(frozen=True, kw_only=True)
class Config(ABC):
    """All numbers of the analysis, but for those of the data: each benchmark has a class of its own."""

    preset: Preset = "quick"
    """smoke: tiny, on data that stand in for the real ones; quick: small networks, in minutes; paper: full-size
    networks, for a large machine"""
    study: Study = field(default_factory=Study)
    network: Network = field(default_factory=Network)
    training: TrainingLoop = field(
        default_factory=lambda: TrainingLoop(batch=32, learning_rate=3e-3, validate_every=10, watch_every=2)
    )
    stages: Stages = field(default_factory=Stages)
    measures: Measures = field(default_factory=Measures)
    in_turn: InTurn = field(default_factory=InTurn)
    run: Run = field(default_factory=lambda: output("importance_on_real_data"))

    @property
    @abstractmethod
    def benchmark(self) -> Benchmark:
        """The data, and what is asked of them."""


def output(name: str) -> Run:
    """A run that writes a file of this name."""
    return Run(output=Path(f"results/{name}.nc"))


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    for name, value, allowed in (
        ("preset", config.preset, get_args(Preset)),
        ("benchmark", config.study.benchmark, get_args(BenchmarkName)),
    ):
        if value not in allowed:
            raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(allowed)}")
    check_counts(seeds=config.study.seeds)
    _check_stages(config.stages)
    _check_measures(config)
    options, usual = config.training.options, TrainingLoop()
    if options.reduction != usual.reduction or options.precision != usual.precision:
        raise ValueError(
            f"reduction is {options.reduction!r} and precision {options.precision!r}: they must be"
            f" {usual.reduction!r} and {usual.precision!r}, as losses are matched for an answer"
        )
    check_run(config.run)
    config.benchmark.check()
    config.network.build(config.benchmark.task(config.benchmark.conditions[0], 0))


def _check_stages(stages: Stages) -> None:
    losses = stages.losses
    if not losses or not all(0 < loss < float("inf") for loss in losses) or sorted(set(losses))[::-1] != list(losses):
        raise ValueError(f"losses is {losses}: give at least one, all positive and finite, from high to low")
    if stages.main_loss not in losses:
        raise ValueError(f"main_loss is {stages.main_loss:g}: it must be one of losses, {losses}")
    Stop(stages.iterations)


def _check_measures(config: Config) -> None:
    measures, in_turn = config.measures, config.in_turn
    kinds = measures.kinds
    if not kinds or not set(kinds) <= set(get_args(ImportanceKind)) or len(set(kinds)) < len(kinds):
        raise ValueError(f"kinds is {kinds}: give at least one of {', '.join(get_args(ImportanceKind))}, each once")
    check_counts(
        importance_samples=measures.importance_samples,
        turn_iterations=in_turn.turn_iterations,
        fisher_samples=in_turn.fisher_samples,
        shared_components=in_turn.shared_components,
    )
    check_counts(2, state_samples=in_turn.state_samples)
    if not 0 < measures.variance <= 1:
        raise ValueError(f"variance is {measures.variance:g}: it must be above 0 and at most 1")
    if in_turn.shared_components > config.network.hidden:
        raise ValueError(
            f"shared_components is {in_turn.shared_components}: it must be at most the {config.network.hidden} units"
        )
