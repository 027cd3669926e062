"""The options of the study of importances on recorded data, and the presets of a benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Any, Literal

from wmcl.studies import Run
from wmcl.studies.benchmark import Benchmark
from wmcl.studies.conditions import ConditionOptions, EachTask, InTurn, Measured, Recurrent, Stages
from wmcl.studies.constraints import Seeds
from wmcl.studies.training import TrainingLoop
from wmcl.training import Stop

Preset = Literal["smoke", "quick", "paper"]
BENCHMARKS = ("sequential_smnist", "audioset", "pos")
"""those of the package that have conditions"""
FILES = {
    "sequential_smnist": "importance_on_real_data",
    "audioset": "importance_on_audioset",
    "pos": "importance_on_pos",
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """All options of the study."""

    preset: Preset = "quick"
    """smoke: tiny, on data that stand in for the real ones; quick: small networks, in minutes; paper: full-size
    networks, for a large machine"""
    benchmark: str = "sequential_smnist"
    """sequential_smnist: digits one after the other; audioset: sounds, other ones in each task; pos: parts of speech,
    in several languages; or one of your own, such as mine.py:BENCHMARK. Options of the data depend on it: ask for them
    with --benchmark NAME --help"""
    seeds: Seeds = 6
    """networks a condition, and a pair of tasks, with seeds 0, 1, ..."""
    data: ConditionOptions
    network: Recurrent = field(default_factory=Recurrent)
    training: TrainingLoop = field(
        default_factory=lambda: TrainingLoop(batch=32, learning_rate=3e-3, validate_every=10, watch_every=2)
    )
    stages: Stages = field(default_factory=Stages)
    measures: Measured = field(default_factory=Measured)
    in_turn: InTurn = field(default_factory=InTurn)
    run: Run = field(default_factory=Run)


def presets_of(benchmark: Benchmark, name: str) -> dict[str, Config]:
    """The presets of a benchmark, as ``--benchmark`` names it; one without conditions takes each task as one."""
    data, groups = benchmark.conditions, benchmark.importance_presets
    if data is None:
        data = EachTask(benchmark.task, benchmark.tasks, benchmark.tasks if benchmark.tasks > 1 else 0)
        groups = _usual_presets(data)
    network = next((own["network"] for own in groups.values() if "network" in own), Recurrent())
    kind = make_dataclass(
        "Config", [("data", type(data)), ("network", type(network))], bases=(Config,), frozen=True, kw_only=True
    )
    file = FILES.get(benchmark.name, f"importance_on_{benchmark.name}")
    found = {}
    for preset, own in groups.items():
        run = Run(output=Path(f"results/{file}{'' if preset == 'quick' else f'_{preset}'}.nc"))
        found[preset] = kind(
            **{"preset": preset, "benchmark": name, "data": data, "network": Recurrent(), "run": run, **own}
        )
    return found


def _usual_presets(data: EachTask) -> Mapping[str, Mapping[str, Any]]:
    """Of a benchmark that names none."""
    return {
        "quick": {"stages": Stages(losses=(0.5, 0.2), main_loss=0.5, iterations=1500)},
        "smoke": {
            "seeds": 2,
            "data": replace(data, measured=min(data.measured, 2), tasks=min(data.tasks, 2)),
            "network": Recurrent(hidden=12),
            "training": TrainingLoop(batch=16, learning_rate=2e-2, validate_every=10),
            "stages": Stages(losses=(0.8, 0.6), main_loss=0.8, iterations=60),
            "measures": Measured(importance_samples=16),
            "in_turn": InTurn(turn_iterations=15, state_samples=32, fisher_samples=16, shared_components=3),
        },
    }


def check(config: Config) -> None:
    """Refuse what no single field can tell, with a ValueError that names the field."""
    stages, shared = config.stages, config.in_turn.shared_components
    if stages.main_loss not in stages.losses:
        raise ValueError(f"main_loss is {stages.main_loss:g}: it must be one of losses, {stages.losses}")
    Stop(stages.iterations)
    if shared > config.network.hidden:
        raise ValueError(f"shared_components is {shared}: it must be at most the {config.network.hidden} units")
    options, usual = config.training.options, TrainingLoop()
    if options.reduction != usual.reduction or options.precision != usual.precision:
        raise ValueError(
            f"reduction is {options.reduction!r} and precision {options.precision!r}: they must be"
            f" {usual.reduction!r} and {usual.precision!r}, as losses are matched for an answer"
        )
    config.data.check()
    config.network.build(config.data.task(config.data.conditions[0], 0))
