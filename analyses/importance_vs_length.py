"""What makes RNN weights important: pattern length or input length?

Trains Elman networks on the basic (p = i) and the padded (p fixed, i grows) Copy Task, and measures at matched
validation loss how important their weights are and how many dimensions their hidden states fill. Writes one
netCDF file; draw it with figures/importance_vs_length.py.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import tyro
import xarray as xr

from wmcl import sweeps
from wmcl.networks import Elman, Initialisation
from wmcl.provenance import invocation, provenance
from wmcl.stages import dimensionality_at, importance_at, performance_at, stage_names, stages, training_at
from wmcl.statistics import mean_interval
from wmcl.tasks import copy_task
from wmcl.training import Milestone, Options, Reason, Stop, train

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Conditions:
    """Conditions."""

    basic: tuple[int, ...] = (2, 5, 10, 15, 20)
    """lengths of the basic Copy Task, p = i"""
    padded_pattern: int = 5
    """pattern length p of the padded Copy Task"""
    padded: tuple[int, ...] = (10, 15, 20, 30)
    """input lengths i of the padded Copy Task"""
    seeds: int = 5
    """networks a condition, with seeds 0, 1, ..."""


@dataclass(frozen=True)
class Network:
    """Network."""

    hidden: int = 256
    """recurrent units"""
    initialisation: Initialisation = "orthogonal"
    """of the weights; orthogonal concerns the recurrent ones"""
    output_stage: bool = True
    """the layer y = tanh(W_ho h + b_ho) before the read-out"""


@dataclass(frozen=True)
class Stages:
    """Stages of training at which networks are measured."""

    losses: tuple[float, ...] = (0.2, 0.1, 0.05)
    """validation losses to match, in nats a scored bit"""
    final_loss: float = 0.01
    """validation loss at which training ends: the late stage"""
    iterations: int = 3000
    """training steps at the most"""


@dataclass(frozen=True)
class Measures:
    """Measures."""

    validation_samples: int = 512
    """sequences that decide when a loss is reached"""
    test_samples: int = 1000
    """sequences for accuracy and dimensionality"""
    fisher_samples: int = 512
    """sequences for the Fisher diagonals"""
    variance: float = 0.75
    """share of the variance that the counted components hold"""


@dataclass(frozen=True)
class Run:
    """How to run."""

    output: Path = Path("results/importance_vs_length.nc")
    """file to write; finished cells are kept beside it in a folder of the same name, and used again"""
    jobs: int | None = None
    """processes at once, one thread each; None takes 2, or 1 on a GPU"""
    members: int | None = None
    """networks of a condition trained together as one ensemble; None takes 1, or all on a GPU"""
    device: Device = "auto"
    """auto takes a GPU if there is one"""


@dataclass(frozen=True)
class Config:
    """All numbers of the analysis."""

    preset: Literal["smoke", "quick"] = "quick"
    """smoke: tiny, to see that it works; quick: full-size networks, in minutes"""
    conditions: Conditions = field(default_factory=Conditions)
    network: Network = field(default_factory=Network)
    training: Options = field(default_factory=Options)
    stages: Stages = field(default_factory=Stages)
    measures: Measures = field(default_factory=Measures)
    run: Run = field(default_factory=Run)


PRESETS = {
    "quick": Config(),
    "smoke": Config(
        preset="smoke",
        conditions=Conditions(basic=(2, 3), padded_pattern=2, padded=(3, 4), seeds=2),
        network=Network(hidden=64),
        stages=Stages(losses=(0.2, 0.1), final_loss=0.05, iterations=600),
        measures=Measures(validation_samples=128, test_samples=256, fisher_samples=64),
        run=Run(output=Path("results/importance_vs_length_smoke.nc")),
    ),
}


def grid(conditions: Conditions) -> list[dict[str, int]]:
    """The (p, i) of every condition, each once."""
    pairs = [(p, p) for p in conditions.basic] + [(conditions.padded_pattern, i) for i in conditions.padded]
    return [{"pattern_length": p, "input_length": i} for p, i in dict.fromkeys(pairs)]


def check(config: Config) -> None:
    """Refuse what makes no sense before any work starts, with a ValueError that names the field."""
    for condition in grid(config.conditions):
        task = copy_task(**condition)
        Elman(task.inputs, outputs=task.outputs, **asdict(config.network))
    Stop(config.stages.iterations)
    if not grid(config.conditions):
        raise ValueError("basic and padded are both empty: give at least one length")
    counts = {"seeds": config.conditions.seeds, "jobs": config.run.jobs, "members": config.run.members}
    counts |= {name: value for name, value in asdict(config.measures).items() if name.endswith("samples")}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")
    if config.measures.test_samples < 2:
        raise ValueError(f"test_samples is {config.measures.test_samples}: a covariance needs at least 2")
    if not 0 < config.measures.variance <= 1:
        raise ValueError(f"variance is {config.measures.variance:g}: it must be above 0 and at most 1")
    losses, final = config.stages.losses, config.stages.final_loss
    if not losses or not all(0 < loss < float("inf") for loss in losses):
        raise ValueError(f"losses is {losses}: give at least one, all positive and finite")
    if not 0 < final <= min(losses):
        raise ValueError(
            f"final_loss is {final:g}: it must be positive and at most the lowest of losses, {min(losses):g}"
        )
    if isinstance(config.training.learning_rate, tuple):
        raise ValueError(f"learning_rate is {config.training.learning_rate}: all networks of this analysis share one")
    if config.run.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda: there is no GPU that PyTorch can use; take cpu or auto")
    output = config.run.output
    if output.suffix != ".nc" or output.is_dir():
        raise ValueError(f"output is {output}: it must be the name of a file that ends in .nc")


def measure(config: Config, device: str, condition: Mapping[str, Any], seeds: Sequence[int]) -> xr.Dataset:
    """Train the networks of a condition and measure them at every stage."""
    samples = config.measures
    task = copy_task(**condition, validation_samples=samples.validation_samples, test_samples=samples.test_samples)
    network = Elman(task.inputs, outputs=task.outputs, **asdict(config.network))
    stop = Stop(config.stages.iterations, loss=config.stages.final_loss)
    losses = config.stages.losses
    trained = train(network, task, seeds, stop, config.training, losses, device=device, progress=False)
    test, probe = (s.to(device) for s in (task.test, task.fixed_set("fisher", samples.fisher_samples)))

    measures: dict[str, Callable[[Milestone], xr.Dataset]] = {
        "importance": lambda stage: importance_at(stage, network, task, seeds, probe).to_dataset(name="importance"),
        "dimensionality": lambda stage: dimensionality_at(stage, network, test, samples.variance),
        "performance": lambda stage: performance_at(stage, network, task, test).merge(training_at(stage, trained)),
    }
    seconds = {"training": trained.seconds}
    parts = []
    for name, function in measures.items():
        began = time.perf_counter()
        parts.append(xr.concat([function(stage) for stage in stages(trained)], "stage"))
        seconds[name] = time.perf_counter() - began
    reached = xr.DataArray(np.stack([stage.reached for stage in stages(trained)]), dims=("stage", "seed"))
    result = (
        xr.merge(parts)
        .where(reached)
        .assign(
            reached=reached.astype(float),
            stop_reason=("seed", np.array(trained.reason, dtype=float)),
            training_iterations=("seed", trained.iterations.astype(float)),
            scored_bits=("seed", np.full(len(seeds), float(test.scored_bits().mean()))),
            seconds=(("seed", "part"), np.tile([s / len(seeds) for s in seconds.values()], (len(seeds), 1))),
        )
    )
    return result.assign_coords(stage=stage_names(trained), seed=list(seeds), part=list(seconds))


def describe(results: xr.Dataset) -> xr.Dataset:
    """Long names and units of every variable."""
    for name, (long_name, units) in DESCRIPTIONS.items():
        results[name].attrs = {"long_name": long_name, "units": units}
    results.stop_reason.attrs |= {
        "flag_values": [int(r) for r in Reason],
        "flag_meanings": " ".join(r.name for r in Reason),
    }
    return results


DESCRIPTIONS = {
    "pattern_length": ("pattern length p", "steps"),
    "input_length": ("input length i: steps from the first step of the pattern to the stop flag", "steps"),
    "seed": ("seed of the network: initialisation and batches", "1"),
    "stage": ("matched validation loss in nats a scored bit, or the end of training", "1"),
    "step": ("step of the sequence", "steps"),
    "output_step": ("step after the stop flag, from 0", "steps"),
    "component": ("number of principal components", "1"),
    "importance": (
        "Fisher diagonal over the weights of a connection",
        "nats^2 per squared unit of the weight",
    ),
    "components": ("principal components that hold the configured share of the variance of h_t", "1"),
    "participation_ratio": ("participation ratio of h_t", "1"),
    "cumulative_variance": ("share of the pooled variance in the first components", "1"),
    "components_by_step": ("principal components that hold the configured share, at each step alone", "1"),
    "participation_ratio_by_step": ("participation ratio of h_t, at each step alone", "1"),
    "loss": ("test loss just after the matched loss was reached", "nats per scored bit"),
    "accuracy": ("test accuracy; chance is 0.5", "fraction of scored bits"),
    "accuracy_by_step": ("test accuracy at each output step", "fraction of scored bits"),
    "output_variance": ("mean p (1 - p) of the scored bits", "1"),
    "iteration": ("training steps at the validations before and after the matched loss", "steps"),
    "validation_loss": ("validation loss before and after the matched loss", "nats per scored bit"),
    "distance_moved": ("distance from the initial weights, relative to their norm", "1"),
    "clipped": ("fraction of training steps whose gradient was clipped", "1"),
    "reached": ("whether the network reached the matched loss; 0 is censored", "1"),
    "stop_reason": ("why training stopped", "1"),
    "training_iterations": ("training steps in all", "steps"),
    "scored_bits": ("scored bits of a sequence", "bits"),
    "seconds": ("wall time of a network by part of the work", "s"),
}


def table(results: xr.Dataset) -> str:
    """Importance and dimensionality of every condition at the last matched loss, with 95 % t intervals over seeds."""
    stage = results.stage.values[-2]
    at = results.sel(stage=stage)
    weights = at.importance.sel(connection="hh", statistic="mean", per="scored bit")
    lines = [
        f"At a validation loss of {stage} nats a scored bit (geometric mean and 95 % t interval over networks):",
        f"{'p':>3} {'i':>3} {'n':>5} {'steps':>6} {'accuracy':>9}  {'sampled F of W_hh per bit':<30}"
        f"  {'empirical':<30}  components (output phase)",
    ]
    present = results.scored_bits.notnull().any("seed").stack(condition=("pattern_length", "input_length"))
    for p, i in present.condition[present.values].values:
        here, w = at.sel(pattern_length=p, input_length=i), weights.sel(pattern_length=p, input_length=i)
        n, missing = int(here.reached.sum()), int((here.reached == 0).sum())
        count = f"{n}/{n + missing}" if missing else f"{n}"
        if n == 0:
            lines.append(f"{p:>3} {i:>3} {count:>5} no network reached this loss")
            continue
        dims = mean_interval(here.components.sel(phase="output", centre="pooled"))
        lines.append(
            f"{p:>3} {i:>3} {count:>5} {float(here.iteration.sel(side='after').mean()):>6.0f}"
            f" {float(here.accuracy.mean()):>9.4f}"
            f"  {_interval(mean_interval(w.sel(kind='sampled'), log=True), '.2e'):<30}"
            f"  {_interval(mean_interval(w.sel(kind='empirical'), log=True), '.2e'):<30}  {_interval(dims, '.1f')}"
        )
    return "\n".join(lines)


def _interval(summary: xr.Dataset, form: str) -> str:
    low, high = float(summary.low), float(summary.high)
    return f"{float(summary['mean']):{form}} [{low:{form}}, {high:{form}}]"


def resolve(config: Config) -> Config:
    """Fill in what depends on the machine: device, processes and ensemble size."""
    device: Device = config.run.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    jobs, members = (2, 1) if device == "cpu" else (1, config.conditions.seeds)
    here = replace(config.run, device=device, jobs=config.run.jobs or jobs, members=config.run.members or members)
    return replace(config, run=here)


def run(config: Config) -> xr.Dataset:
    """Run the analysis, or what is missing of it, and write its file."""
    began = time.perf_counter()
    config = resolve(config)
    device = config.run.device
    origin = provenance(device)
    settings = {name: value for name, value in asdict(config).items() if name not in ("preset", "conditions", "run")}
    results = sweeps.run(
        partial(measure, config, device),
        grid(config.conditions),
        range(config.conditions.seeds),
        name="importance vs length",
        settings=settings | {"device": device},
        origin=origin,
        folder=config.run.output.with_suffix(".cells"),
        jobs=config.run.jobs or 1,
        members=config.run.members or 1,
        cost=lambda condition: float(condition["pattern_length"]) + float(condition["input_length"]) + 1,
    )
    results = describe(results).assign_attrs(invocation(asdict(config)), wall_seconds=time.perf_counter() - began)
    sweeps.save_whole(results, config.run.output)
    return results


def main() -> None:
    """Command line."""
    choice = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    choice.add_argument("--preset", choices=PRESETS, default="quick")
    preset = choice.parse_known_args()[0].preset
    try:
        config = tyro.cli(Config, description=__doc__, default=PRESETS[preset], config=(tyro.conf.OmitArgPrefixes,))
        check(config)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    try:
        results = run(config)
    except OSError as error:
        raise SystemExit(f"error: output is {config.run.output}: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted. Finished networks are kept: the same command goes on from there.") from None
    print(table(results))
    if results.attrs["failed_cells"]:
        print(f"Given up, because they killed their process twice: {results.attrs['failed_cells']}")
    print(f"Wrote {config.run.output} in {results.attrs['wall_seconds']:.0f} s.")


if __name__ == "__main__":
    main()
