"""What is measured of the networks of one condition."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

from length_study.design import Config, Measures, Stages
from wmcl.importance import PathIntegral, Perturbations
from wmcl.provenance import describe_device
from wmcl.stages import (
    dimensionality_at,
    importance_at,
    memory_at,
    performance_at,
    reuse_at,
    stage_names,
    training_at,
)
from wmcl.stages import stages as stages_of
from wmcl.stages.dimensionality import nonlinear_dimensionality_at
from wmcl.stages.importance import exact_at, exact_check_at, path_integrals_at, perturbation_at
from wmcl.studies.network import Network
from wmcl.studies.training import TrainingLoop
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint
from wmcl.tasks import Sequences
from wmcl.training import Stop, Trained, members_that_fit, train
from wmcl.training.milestones import Milestone
from wmcl.training.options import reason_variable

Measure = Callable[[Milestone], xr.Dataset]


def measure(
    condition: Mapping[str, Any],
    seeds: Sequence[int],
    network: Network,
    training: TrainingLoop,
    stages: Stages,
    measures: Measures,
    device: str,
) -> xr.Dataset:
    """Train the networks of a condition and measure them at every stage, and in depth at the lowest matched loss."""
    task = measures.task(condition)
    observer = PathIntegral() if any(kind.startswith("SI") for kind in measures.kinds) else None
    trained = train(
        network.build(task.inputs, task.outputs, condition["initialisation"]),
        task,
        seeds,
        Stop(stages.iterations, loss=stages.final_loss),
        replace(training, reduction=condition["reduction"]).options,
        stages.losses,
        device=device,
        progress=False,
        observer=observer,
        checkpoint=checkpoint(),
        checkpoint_every=CHECKPOINT_EVERY,
    )
    always, deep = _measures(measures, condition, trained, device)
    seconds = {"training": trained.seconds}
    points = stages_of(trained)
    parts = [_timed(seconds, name, function, points) for name, function in always.items()]
    parts += [_timed(seconds, name, function, points[-2:-1]).isel(stage=0) for name, function in deep.items()]
    reached = xr.DataArray(np.stack([stage.reached for stage in points]), dims=("stage", "seed"))
    result = xr.merge([part.where(reached if "stage" in part.dims else reached[-2]) for part in parts])
    result = result.assign(
        reached=reached.astype(float),
        stop_reason=reason_variable(trained.reason),
        training_iterations=("seed", trained.iterations.astype(float)),
        seconds=(("seed", "part"), np.tile([s / len(seeds) for s in seconds.values()], (len(seeds), 1))),
    )
    labelled = result.assign_coords(stage=stage_names(trained), seed=list(seeds), part=list(seconds))
    return labelled.assign_attrs(device=describe_device(device))  # here, as on a cluster it is not the caller's


def members_in(config: Config, memory: int) -> int:
    """Networks of the longest condition that fit into so many bytes, but no more than a condition has.

    Measures take two to three times as much as the training (states of 1000 test sequences, in float64), so that
    training may use a quarter.
    """
    longest = max(config.grid, key=lambda condition: config.measures.task(condition).test.steps)
    task = config.measures.task(longest)
    network = config.network.build(task.inputs, task.outputs, config.variants.initialisations[0])
    milestones = len(config.stages.losses)
    fit = members_that_fit(network, task, config.training.options, memory // 4, milestones, PathIntegral())
    return min(fit, config.conditions.seeds)


def _timed(seconds: dict[str, float], name: str, function: Measure, points: Sequence[Milestone]) -> xr.Dataset:
    began = time.perf_counter()
    found = xr.concat([function(stage) for stage in points], "stage")
    seconds[name] = time.perf_counter() - began
    return found


def _measures(
    m: Measures, condition: Mapping[str, Any], trained: Trained, device: str
) -> tuple[dict[str, Measure], dict[str, Measure]]:
    """Those of every stage, and those of the lowest matched loss alone."""
    task = trained.task
    test = task.test.to(device)

    def sequences(purpose: str, samples: int) -> Sequences:
        return task.fixed_set(purpose, samples).to(device)

    probe = sequences("fisher", m.fisher_samples)

    def dimensionality(stage: Milestone) -> xr.Dataset:
        found = dimensionality_at(trained, stage, test, m.variance)
        return found if m.details else found.drop_dims("component")

    def reuse(stage: Milestone) -> xr.Dataset:
        found = reuse_at(trained, stage, probe)
        return found if m.details else found.drop_dims("other_step")

    always: dict[str, Measure] = {
        "importance": lambda stage: importance_at(trained, stage, probe, m.kinds),
        "dimensionality": dimensionality,
        "performance": lambda stage: performance_at(trained, stage, test).merge(training_at(trained, stage)),
    }
    if trained.observed:
        always["path integrals"] = lambda stage: path_integrals_at(trained, stage)
    deep: dict[str, Measure] = {"reuse": reuse}
    exact = cache(lambda samples: exact_at(trained, stages_of(trained)[-2], sequences("fisher", samples)))
    if m.exact_samples:
        few = sequences("fisher", m.exact_samples)
        deep["exact Fisher"] = lambda stage: exact_check_at(trained, stage, few, exact(m.exact_samples))
    if m.decoder_samples:
        fit, bits = sequences("decoder", m.decoder_samples), condition["independent_bits"]
        deep["decoders"] = lambda stage: memory_at(trained, stage, fit, test, bits)
    if m.nonlinear_rows:
        deep["nonlinear"] = lambda stage: nonlinear_dimensionality_at(
            trained, stage, test, threshold=m.variance, rows=m.nonlinear_rows
        )
    if m.perturbed_samples:
        moved, how = sequences("fisher", m.perturbed_samples), Perturbations(repetitions=4)
        deep["perturbation"] = lambda stage: perturbation_at(
            trained, stage, probe, moved, exact(m.perturbed_samples), how
        )
    return always, deep
