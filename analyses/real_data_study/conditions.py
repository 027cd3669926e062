"""One entry of the first part: networks that learn a condition, measured at every matched loss."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import xarray as xr

from real_data_study.config import Config
from wmcl.importance import PathIntegral
from wmcl.provenance import describe_device
from wmcl.stages import dimensionality_at, importance_at, performance_at, training_at
from wmcl.tasks import DataTask
from wmcl.training import Stop, Trained, train
from wmcl.training.milestones import Milestone

CONNECTIONS = ["ih", "ih_reverse", "hh", "hh_reverse", "out"]
"""whose importance is kept, of those that a network has: networks that read in both directions have all"""
PHASES = ["output", "input", "all"]
KEPT_DIMENSIONALITY = ["components", "participation_ratio", "effective_rank"]


def measure(config: Config, device: str, condition: Mapping[str, Any], seeds: Sequence[int]) -> xr.Dataset:
    """Train the networks of a condition and measure them, one by one, as each has a task of its own."""
    found = xr.concat([_one(config, device, condition, seed) for seed in seeds], "seed")
    return found.assign_attrs(device=describe_device(device))


def _one(config: Config, device: str, condition: Mapping[str, Any], seed: int) -> xr.Dataset:
    benchmark, losses = config.benchmark, config.stages.losses
    task, load = benchmark.task(condition, seed), benchmark.load(condition)
    scale = load if benchmark.per == "bit" else 1.0
    network = config.network.build(task)
    trained = train(
        network,
        task,
        [seed],
        Stop(config.stages.iterations, loss=losses[-1] * scale),
        config.training.options,
        [loss * scale for loss in losses],
        device=device,
        progress=False,
        observer=PathIntegral(),
    )
    began = time.perf_counter()
    parts = [_at(trained, stage, config, task, device, load, scale) for stage in trained.milestones]
    once = asdict(benchmark.memory_demand(condition, task)) | {
        "steps": float(task.test.lengths.double().mean()),
        "stop_reason": float(trained.reason[0]),
        "training_iterations": float(trained.iterations[0]),
    }
    result = xr.concat(parts, "stage").assign({name: ("seed", [float(value)]) for name, value in once.items()})
    result["seconds"] = (("seed", "part"), [[trained.seconds, time.perf_counter() - began]])
    return result.assign_coords(
        stage=[str(loss) for loss in losses], seed=[seed], part=["training", "measures"]
    ).transpose("seed", ...)


def _at(
    trained: Trained,
    stage: Milestone,
    config: Config,
    task: DataTask,
    device: str,
    load: float,
    scale: float,
) -> xr.Dataset:
    """Every measure at a stage, losses over their scale; NaN for a network that missed it, but for its training."""
    m, test = config.measures, task.test.to(device)
    probe = task.fixed_set("fisher", m.importance_samples).to(device)
    importance = importance_at(trained, stage, probe, m.kinds).drop_dims("probability")
    connections = [name for name in CONNECTIONS if name in importance.connection]
    importance = importance.sel(per="scored bit", connection=connections, drop=True)  # an answer is a scored bit
    by_answer = importance.importance
    importance["importance"] = xr.concat([by_answer, by_answer / load], "per").assign_coords(per=["answer", "bit"])
    dimensionality = _dimensionality(dimensionality_at(trained, stage, test, m.variance), task)
    performance = performance_at(trained, stage, test).drop_dims("output_step")
    performance = performance.assign(loss=performance.loss / scale)
    training = training_at(trained, stage).sel(connection=connections)
    training = training.assign(validation_loss=training.validation_loss / scale)
    measured = xr.merge([importance, dimensionality, performance, training], join="exact")
    reached = xr.DataArray(stage.reached, dims="seed")
    return measured.where(reached).assign(reached=reached.astype(float))


def _dimensionality(found: xr.Dataset, task: DataTask) -> xr.Dataset:
    """By phase; NaN in those that sequences do not have. Where every step is answered, there is no last step."""
    if task.draw.test.at_every_step:
        found = found.sel(phase=["all"])
    return found[KEPT_DIMENSIONALITY].sel(centre="pooled", drop=True).reindex(phase=PHASES)


def configuration_of_entries(config: Config, device: str) -> dict[str, Any]:
    """What the numbers of an entry depend on, beside its condition and seed."""
    own = dict(config.benchmark.condition_configuration)
    parts = {name: asdict(config)[name] for name in ("network", "training", "measures")}
    stages = {"losses": list(config.stages.losses), "iterations": config.stages.iterations}
    return {"benchmark": config.study.benchmark, "data": own, **parts, "stages": stages, "device": device}


def cost(condition: Mapping[str, Any]) -> float:
    """Relative time: sequences of a size are as much longer, and what grows with them takes more of them."""
    return float(condition["task_size"]) ** 2 * (2.0 if condition["task"] == "sequences" else 1.0)
