"""The options of the comparison of methods, and the presets of a benchmark."""

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark_tasks import HERE, REGISTERED

from wmcl.methods import Measures
from wmcl.studies import Run
from wmcl.studies.benchmark import Benchmark, Comparison, Hyperparameters, TaskOptions
from wmcl.studies.constraints import Count
from wmcl.studies.network import Network
from wmcl.studies.rows import PUBLISHED_PRESETS, as_seen, check_hyperparameters, checked_tasks, network_of, rows
from wmcl.studies.starting_values import SMALL_MEASURES

Preset = Literal["smoke", "quick", "published", "paper"]


@dataclass(frozen=True)
class Search:
    """Search for hyperparameters."""

    search: bool = False
    """choose hyperparameters on validation data, and write them to the file that quick reads, instead of comparing"""
    search_seeds: Count = 1
    """networks a candidate, with seeds 1000, 1001, ..."""
    chosen: Path | None = None
    """file of the chosen hyperparameters; None takes none into account"""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All options of the comparison."""

    preset: Preset = "quick"
    """smoke: tiny, to see that it works; quick: small networks or few tasks, trained to the end; published:
    as the published runs, with fewer iterations; paper: the same at full length, for a large machine"""
    benchmark: str = "copy"
    """copy: the Permuted Copy Task; smnist: Split Stroke-MNIST; sequential_smnist: Sequential Stroke-MNIST, m digits;
    audioset: Split AudioSet; pos: part-of-speech tagging in one language after the other; or one of your own, such as
    mine.py:BENCHMARK"""
    comparison: Comparison = field(default_factory=Comparison)
    task: TaskOptions
    network: Network = field(default_factory=Network)
    measures: Measures = field(default_factory=Measures)
    selection: Search = field(default_factory=Search)
    run: Run = field(default_factory=Run)


def config_class(task: type[TaskOptions], network: type[Network]) -> type[Config]:
    """The options of the comparison with those of the tasks and of the network of a benchmark."""
    return make_dataclass("Config", [("task", task), ("network", network)], bases=(Config,), frozen=True, kw_only=True)


def presets_of(benchmark: Benchmark, name: str) -> dict[str, Config]:
    """The presets of a benchmark, as ``--benchmark`` names it."""
    smaller = {
        "comparison": Comparison(tasks=min(2, benchmark.tasks), seeds=2, iterations=10),
        "network": type(benchmark.network)(cell="lstm", hidden=12),
        "measures": SMALL_MEASURES,
    }
    groups: Mapping[str, Mapping[str, Any]] = {"quick": {}, "smoke": smaller, **benchmark.presets}
    kind = config_class(type(benchmark.task), type(benchmark.network))
    usual = {"comparison": Comparison(tasks=benchmark.tasks), "task": benchmark.task, "network": benchmark.network}
    found = {}
    for preset, own in groups.items():
        of_benchmark = "" if name == "copy" else f"_{benchmark.name}"
        stem = f"method_comparison{of_benchmark}{'' if preset == 'quick' else f'_{preset}'}"
        chosen = None if preset in PUBLISHED_PRESETS else Path(f"results/{stem}_chosen.json")
        if preset == "quick" and name in REGISTERED:
            chosen = HERE / f"chosen_{benchmark.name}.json"
        files = {"selection": Search(chosen=chosen), "run": Run(output=Path(f"results/{stem}.nc"))}
        found[preset] = kind(**{"preset": preset, "benchmark": name, **usual, **files, **own})
    return found


def rows_of(benchmark: Benchmark, config: Config) -> dict[str, Hyperparameters]:
    """The rows of the comparison with their hyperparameters; a search starts from those that nothing has chosen.

    Raises:
        ValueError: if there is no such row, or if the file of chosen hyperparameters cannot be used.
    """
    chosen = None if config.selection.search else config.selection.chosen
    wanted = config.comparison
    return rows(benchmark, config.preset, config.task, wanted.methods, wanted.iterations, chosen)


def check(benchmark: Benchmark, config: Config) -> None:
    """Refuse what no single field can tell, with a ValueError that names the field."""
    if config.selection.search and config.preset in PUBLISHED_PRESETS:
        raise ValueError(
            f"search is on with the preset {config.preset!r}: its hyperparameters are given; it must be quick or smoke"
        )
    chosen, usual = config.selection.chosen, presets_of(benchmark, config.benchmark)[config.preset].selection.chosen
    if chosen is not None and chosen != usual and not config.selection.search and not chosen.exists():
        raise ValueError(f"chosen is {chosen}: there is no such file; --search writes it")
    if config.selection.search and config.selection.chosen is None:
        raise ValueError("chosen is None: a search writes its choice there; name a file")
    number = config.comparison.tasks
    table = rows_of(benchmark, config)
    tasks = checked_tasks(config.task, number)
    for name, hyperparameters in table.items():
        check_hyperparameters(name, hyperparameters)
        network_of(config.network, config.task, number, hyperparameters, as_seen(tasks, hyperparameters)[0])
