"""The options of the study, and the presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt

from length_study.conditions import WIDTH, Conditions, Factorial, Training, grid, task_of
from wmcl.stages.importance import ImportanceKind
from wmcl.studies import Run
from wmcl.studies.constraints import FINITE, GIVEN, ONCE, Count, Must, Share
from wmcl.studies.network import Network
from wmcl.studies.training import TrainingLoop
from wmcl.tasks import Task
from wmcl.training import Stop

AtLeastTwo = Annotated[int, Ge(2)]
Samples = Annotated[int, Ge(0)]
ENOUGH_TO_DECODE = Must(
    lambda samples: samples == 0 or samples >= 64,
    "decoders need at least 64, so that every bit takes both values; 0 leaves them out",
)
ENOUGH_NEIGHBOURS = Must(
    lambda rows: rows == 0 or rows >= 21, "the estimates look at 20 neighbours and need at least 21; 0 leaves them out"
)
Preset = Literal["smoke", "quick", "controls", "ladder", "paper"]


@dataclass(frozen=True)
class Stages:
    """Stages of training at which networks are measured."""

    losses: Annotated[tuple[Annotated[float, Gt(0), FINITE], ...], GIVEN] = (0.2, 0.1, 0.05)
    """validation losses to match, in nats a scored bit"""
    final_loss: float | None = 0.01
    """validation loss at which training ends: the late stage; None trains for all iterations"""
    iterations: int = 3000
    """training steps at the most"""


@dataclass(frozen=True)
class Measures:
    """Measures; a number of samples of 0 leaves the measure out."""

    kinds: Annotated[tuple[ImportanceKind, ...], GIVEN, ONCE] = ("empirical", "sampled", "SI total", "SI task", "MAS")
    """importances at every stage"""
    validation_samples: Count = 512
    """sequences that decide when a loss is reached"""
    test_samples: AtLeastTwo = 1000
    """sequences for accuracy and dimensionality"""
    fisher_samples: Count = 256
    """sequences for Fisher and MAS"""
    exact_samples: Samples = 32
    """sequences for the exact Fisher beside the sampled one, at the lowest matched loss"""
    decoder_samples: Annotated[Samples, ENOUGH_TO_DECODE] = 1000
    """sequences that decoders of the pattern bits are fitted to, at the lowest matched loss"""
    perturbed_samples: Samples = 32
    """sequences for the effect of moving weights, at the lowest matched loss"""
    nonlinear_rows: Annotated[Samples, ENOUGH_NEIGHBOURS] = 1000
    """states for kernel PCA and intrinsic dimension, at the lowest matched loss; needs the extra 'intrinsic'"""
    variance: Share = 0.75
    """share of the variance that the counted components hold"""
    details: bool = True
    """whether to keep arrays a step pair (reuse) and a component (cumulative variance)"""

    def task(self, condition: Mapping[str, Any]) -> Task:
        """The task of a condition, with its validation and test sets."""
        return task_of(condition, validation_samples=self.validation_samples, test_samples=self.test_samples)


@dataclass(frozen=True)
class Config:
    """All options of the study."""

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
    run: Run = field(default_factory=lambda: Run(output=Path("results/importance_vs_length.nc")))

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
    """Refuse what no single field can tell, with a ValueError that names the field."""
    if config.factorial.input_lengths:
        for name in ("factorial_leads", "factorial_bits"):
            if not getattr(config.factorial, name):
                raise ValueError(f"{name} is empty: give at least one, or no input_lengths")
    if not config.grid:
        raise ValueError("conditions and factorial are both empty: give at least one length")
    for condition in config.grid:
        task_of(condition)
    for initialisation in config.variants.initialisations:
        config.network.build(WIDTH + 1, WIDTH, initialisation)
    stages, measures, training = config.stages, config.measures, config.training
    Stop(stages.iterations)
    if stages.final_loss is not None and not 0 < stages.final_loss <= min(stages.losses):
        raise ValueError(
            f"final_loss is {stages.final_loss:g}: it must be positive and at most the lowest of losses,"
            f" {min(stages.losses):g}"
        )
    if measures.decoder_samples and measures.test_samples < 64:
        raise ValueError(f"test_samples is {measures.test_samples}: {ENOUGH_TO_DECODE.words} (decoder_samples)")
    if measures.nonlinear_rows and find_spec("skdim") is None:
        raise ValueError(
            f"nonlinear_rows is {measures.nonlinear_rows}: it needs scikit-dimension, pip install 'wmcl[intrinsic]'; or"
            " take 0 to leave the measure out"
        )
    _ = training.options  # which refuses what makes no sense
    if training.reduction != TrainingLoop().reduction:
        raise ValueError(f"reduction is {training.reduction!r}: name it in reductions")
    if training.precision != "float32" and (config.run.device == "cpu" or not torch.cuda.is_available()):
        raise ValueError(f"precision is {training.precision!r}: it must be 'float32' where there is no GPU")
