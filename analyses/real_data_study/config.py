"""All numbers of the analysis, and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from common.running import Run, check_run

from real_data_study.benchmark import Benchmark
from real_data_study.sequential_smnist import StrokeSequences
from wmcl import networks
from wmcl.networks import Initialisation
from wmcl.stages import ImportanceKind
from wmcl.tasks import DataTask, check_counts
from wmcl.training import Options, Stop

BenchmarkName = Literal["sequential_smnist"]
Preset = Literal["smoke", "quick", "paper"]


@dataclass(frozen=True)
class Study:
    """What is studied."""

    benchmark: BenchmarkName = "sequential_smnist"
    """sequential_smnist: digits one after the other"""
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
class Stages:
    """Stages of training at which networks are measured."""

    losses: tuple[float, ...] = (0.2, 0.1)
    """validation losses to match, in nats a bit of the answer, from high to low; training ends at the last one"""
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


@dataclass(frozen=True)
class Config:
    """All numbers of the analysis."""

    preset: Preset = "quick"
    """smoke: tiny, on digits that stand in for the real ones; quick: small networks, in minutes; paper: full-size
    networks, for a large machine"""
    study: Study = field(default_factory=Study)
    strokes: StrokeSequences = field(default_factory=StrokeSequences)
    network: Network = field(default_factory=Network)
    training: Options = field(
        default_factory=lambda: Options(batch=32, learning_rate=3e-3, validate_every=10, watch_every=2)
    )
    stages: Stages = field(default_factory=Stages)
    measures: Measures = field(default_factory=Measures)
    in_turn: InTurn = field(default_factory=InTurn)
    run: Run = field(default_factory=lambda: _output("importance_on_real_data"))

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark that was chosen."""
        return {"sequential_smnist": self.strokes}[self.study.benchmark]


def _output(name: str) -> Run:
    return Run(output=Path(f"results/{name}.nc"))


PRESETS: Mapping[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        study=Study(seeds=2),
        strokes=StrokeSequences(
            source="stand-in",
            digits=(1, 2),
            train_samples=400,
            validation_samples=40,
            test_samples=64,
            tasks=3,
        ),
        network=Network(hidden=12),
        training=Options(batch=16, learning_rate=2e-2, validate_every=20),
        stages=Stages(losses=(0.5, 0.3), main_loss=0.5, iterations=60),
        measures=Measures(importance_samples=16),
        in_turn=InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        run=_output("importance_on_real_data_smoke"),
    ),
    "paper": Config(
        preset="paper",
        study=Study(seeds=10),
        strokes=StrokeSequences(
            pairs=(1, 2, 3, 4, 5), two_classes=(2, 3, 4), validation_samples=1000, test_samples=2000
        ),
        network=Network(hidden=256),
        training=Options(batch=64, learning_rate=1e-3, validate_every=25, watch_every=5),
        stages=Stages(losses=(0.2, 0.1, 0.05), main_loss=0.1, iterations=20_000),
        measures=Measures(importance_samples=512),
        in_turn=InTurn(turn_iterations=2000, state_samples=1000, fisher_samples=512, shared_components=20),
        run=_output("importance_on_real_data_paper"),
    ),
}


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    for name, value, allowed in (
        ("preset", config.preset, tuple(PRESETS)),
        ("benchmark", config.study.benchmark, get_args(BenchmarkName)),
    ):
        if value not in allowed:
            raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(allowed)}")
    check_counts(seeds=config.study.seeds)
    _check_stages(config.stages)
    _check_measures(config)
    options = config.training
    if isinstance(options.learning_rate, tuple):
        raise ValueError(f"learning_rate is {options.learning_rate}: all networks of this analysis share one")
    if options.reduction != Options().reduction or options.precision != Options().precision:
        raise ValueError(
            f"reduction is {options.reduction!r} and precision {options.precision!r}: they must be"
            f" {Options().reduction!r} and {Options().precision!r}, as a sequence has one answer"
        )
    check_run(config.run)
    config.strokes.check()
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
