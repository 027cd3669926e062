"""All numbers of the analysis, and the presets."""

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import torch
from common.network import CellName, Network
from common.running import Run, check_run
from common.training import TrainingLoop

from length_study.conditions import WIDTH, Conditions, Factorial, Training, grid, task_of
from wmcl.networks.initialisation import Initialisation
from wmcl.stages.importance import ImportanceKind
from wmcl.training import Stop
from wmcl.training.loss import Reduction

Preset = Literal["smoke", "quick", "controls", "ladder", "paper"]


@dataclass(frozen=True)
class Stages:
    """Stages of training at which networks are measured."""

    losses: tuple[float, ...] = (0.2, 0.1, 0.05)
    """validation losses to match, in nats a scored bit"""
    final_loss: float | None = 0.01
    """validation loss at which training ends: the late stage; None trains for all iterations"""
    iterations: int = 3000
    """training steps at the most"""


@dataclass(frozen=True)
class Measures:
    """Measures; a number of samples of 0 leaves the measure out."""

    kinds: tuple[ImportanceKind, ...] = ("empirical", "sampled", "SI total", "SI task", "MAS")
    """importances at every stage"""
    validation_samples: int = 512
    """sequences that decide when a loss is reached"""
    test_samples: int = 1000
    """sequences for accuracy and dimensionality"""
    fisher_samples: int = 256
    """sequences for Fisher and MAS"""
    exact_samples: int = 32
    """sequences for the exact Fisher beside the sampled one, at the lowest matched loss"""
    decoder_samples: int = 1000
    """sequences that decoders of the pattern bits are fitted to, at the lowest matched loss"""
    perturbed_samples: int = 32
    """sequences for the effect of moving weights, at the lowest matched loss"""
    nonlinear_rows: int = 1000
    """states for kernel PCA and intrinsic dimension, at the lowest matched loss; needs the extra 'intrinsic'"""
    variance: float = 0.75
    """share of the variance that the counted components hold"""
    details: bool = True
    """whether to keep arrays a step pair (reuse) and a component (cumulative variance)"""


@dataclass(frozen=True)
class Config:
    """All numbers of the analysis."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: full-size networks, in minutes; controls: load, retention and lead
    crossed, with 10 seeds; ladder: from the paper's settings to ours; paper: lengths to 50, for a large machine"""
    conditions: Conditions = field(default_factory=Conditions)
    factorial: Factorial = field(default_factory=Factorial)
    variants: Training = field(default_factory=Training)
    network: Network = field(default_factory=Network)
    training: TrainingLoop = field(default_factory=TrainingLoop)
    stages: Stages = field(default_factory=Stages)
    measures: Measures = field(default_factory=Measures)
    run: Run = field(default_factory=Run)

    @property
    def grid(self) -> list[dict[str, int | str]]:
        """The condition of every network."""
        return grid(self.conditions, self.factorial, self.variants)


def _output(name: str) -> Run:
    return Run(output=Path(f"results/importance_vs_length_{name}.nc"))


NOTHING = Conditions(basic=(), padded=(), equal_length_patterns=(), leads=(), bits=())

PRESETS: dict[str, Config] = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        conditions=Conditions(
            basic=(2, 3),
            padded_pattern=2,
            padded=(3, 4),
            equal_length=7,
            equal_length_patterns=(2,),
            control_length=2,
            leads=(3,),
            bits=(1,),
            seeds=2,
        ),
        network=Network(hidden=64),
        stages=Stages(losses=(0.2, 0.1), final_loss=0.05, iterations=600),
        measures=Measures(
            validation_samples=128,
            test_samples=256,
            fisher_samples=64,
            exact_samples=16,
            decoder_samples=256,
            perturbed_samples=16,
            nonlinear_rows=0,
        ),
        run=_output("smoke"),
    ),
    "controls": Config(
        preset="controls",
        conditions=replace(NOTHING, seeds=10),
        factorial=Factorial(input_lengths=(5, 10, 20)),
        variants=Training(initialisations=("orthogonal", "xavier")),
        stages=Stages(losses=(0.1, 0.05), final_loss=0.02, iterations=1500),
        measures=Measures(exact_samples=0, perturbed_samples=0, nonlinear_rows=0, details=False),
        run=_output("controls"),
    ),
    "ladder": Config(
        preset="ladder",
        conditions=replace(NOTHING, basic=(3, 5, 8), padded=(8, 12), seeds=10),
        variants=Training(("fan_in", "orthogonal"), ("sequence", "scored bit")),
        stages=Stages(losses=(0.05,), final_loss=None, iterations=500),
        measures=Measures(
            kinds=("empirical", "sampled"),
            exact_samples=0,
            decoder_samples=0,
            perturbed_samples=0,
            nonlinear_rows=0,
            details=False,
        ),
        run=_output("ladder"),
    ),
    "paper": Config(
        preset="paper",
        conditions=Conditions(
            basic=(5, 10, 15, 20, 25, 30, 35, 40, 45, 50),
            padded=(10, 15, 20, 25, 30, 35, 40, 45, 50),
            equal_length=51,
            equal_length_patterns=(5, 10, 15, 20, 25),
            seeds=10,
        ),
        variants=Training(("orthogonal", "fan_in"), ("scored bit", "sequence")),
        stages=Stages(final_loss=None, iterations=20_000),
        measures=Measures(fisher_samples=512),
        run=_output("paper"),
    ),
}


def with_own_output(config: Config) -> Config:
    """The same; with another cell, a file that nobody named gets the cell into its name, so that none is replaced."""
    usual = PRESETS[config.preset].run.output
    if config.network.cell == "elman" or config.run.output != usual:
        return config
    return replace(config, run=replace(config.run, output=usual.with_stem(f"{usual.stem}_{config.network.cell}")))


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    _check_design(config)
    if not config.grid:
        raise ValueError("conditions and factorial are both empty: give at least one length")
    for condition in config.grid:
        task_of(condition)
    if config.network.cell not in get_args(CellName):
        raise ValueError(f"cell is {config.network.cell!r}: it must be one of {', '.join(get_args(CellName))}")
    for initialisation in config.variants.initialisations:
        config.network.build(WIDTH + 1, WIDTH, initialisation)
    Stop(config.stages.iterations)
    _check_stages(config.stages)
    _check_measures(config.measures)
    if config.conditions.seeds < 1:
        raise ValueError(f"seeds is {config.conditions.seeds}: it must be at least 1")
    _ = config.training.options  # which refuses what makes no sense
    if config.training.reduction != TrainingLoop().reduction:
        raise ValueError(f"reduction is {config.training.reduction!r}: name it in reductions")
    if config.training.precision != "float32" and (config.run.device == "cpu" or not torch.cuda.is_available()):
        raise ValueError(f"precision is {config.training.precision!r}: it must be 'float32' where there is no GPU")
    check_run(config.run)


def _check_design(config: Config) -> None:
    """What a grid cannot be made of."""
    _check_choices("initialisations", config.variants.initialisations, get_args(Initialisation))
    _check_choices("reductions", config.variants.reductions, get_args(Reduction))
    if config.factorial.input_lengths:
        for name in ("factorial_leads", "factorial_bits"):
            if not getattr(config.factorial, name):
                raise ValueError(f"{name} is (): give at least one, or no input_lengths")


def _check_choices(name: str, values: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    if not values or not set(values) <= set(allowed):
        raise ValueError(f"{name} is {values}: give at least one of {', '.join(allowed)}")


def _check_stages(stages: Stages) -> None:
    losses, final = stages.losses, stages.final_loss
    if not losses or not all(0 < loss < float("inf") for loss in losses):
        raise ValueError(f"losses is {losses}: give at least one, all positive and finite")
    if final is not None and not 0 < final <= min(losses):
        raise ValueError(
            f"final_loss is {final:g}: it must be positive and at most the lowest of losses, {min(losses):g}"
        )


def _check_measures(measures: Measures) -> None:
    least = {
        "validation_samples": 1,
        "fisher_samples": 1,
        "test_samples": 2,
        "exact_samples": 0,
        "decoder_samples": 0,
        "perturbed_samples": 0,
        "nonlinear_rows": 0,
    }
    for name, lowest in least.items():
        if getattr(measures, name) < lowest:
            why = ": a covariance needs at least 2" if name == "test_samples" else f": it must be at least {lowest}"
            raise ValueError(f"{name} is {getattr(measures, name)}{why}")
    if measures.decoder_samples:
        for name in ("decoder_samples", "test_samples"):
            if getattr(measures, name) < 64:
                raise ValueError(
                    f"{name} is {getattr(measures, name)}: decoders need at least 64, so that every bit takes both"
                    " values; decoder_samples of 0 leaves them out"
                )
    if 0 < measures.nonlinear_rows < 21:
        raise ValueError(
            f"nonlinear_rows is {measures.nonlinear_rows}: the estimates look at 20 neighbours and need at least 21; 0"
            " leaves them out"
        )
    _check_choices("kinds", measures.kinds, get_args(ImportanceKind))
    if len(set(measures.kinds)) < len(measures.kinds):
        raise ValueError(f"kinds is {measures.kinds}: each may occur once")
    if not 0 < measures.variance <= 1:
        raise ValueError(f"variance is {measures.variance:g}: it must be above 0 and at most 1")
    if measures.nonlinear_rows and find_spec("skdim") is None:
        raise ValueError(
            f"nonlinear_rows is {measures.nonlinear_rows}: it needs scikit-dimension, pip install 'wmcl[intrinsic]'; or"
            " take 0 to leave the measure out"
        )
