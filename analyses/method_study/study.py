"""Which continual-learning method protects a recurrent network best, and what does it cost?

Trains networks on tasks one after the other with every method of the catalogue, and measures after each task how well
all of them are solved, how important the weights are and how many dimensions the hidden states fill. Writes a netCDF
file and a Markdown table; figures/method_comparison.py draws it. With --search it chooses hyperparameters on the
validation set instead. Options of the tasks depend on the benchmark: ask for them with --benchmark NAME --help.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import xarray as xr
from benchmark_tasks import chosen_benchmark

from method_study import search
from method_study.design import Config, check, presets_of, rows_of
from method_study.outcome import add_outcome, design_of
from method_study.report import report
from wmcl.methods import Measures, measure_run
from wmcl.provenance import invocation, provenance
from wmcl.studies import Part, Study, Sweep
from wmcl.studies.benchmark import Benchmark, Hyperparameters
from wmcl.studies.chosen import add_chosen
from wmcl.studies.rows import rows_part
from wmcl.studies.study import described, ready
from wmcl.sweeps import save_atomically

Table = Mapping[tuple[str, ...], Hyperparameters]
"""hyperparameters by the values of a condition"""


def study_of(benchmark: Benchmark, name: str) -> Study[Config]:
    """The comparison of methods on a benchmark, as ``--benchmark`` names it."""
    return Study(
        about=__doc__ or "",
        presets=presets_of(benchmark, name),
        results=partial(compare, benchmark),
        report=report,
        check=partial(check, benchmark),
        labels=LABELS,
    )


def compare(benchmark: Benchmark, config: Config, sweep: Sweep) -> xr.Dataset:
    """Every row on the test and validation sets, with what its accuracies come to."""
    hyperparameters = rows_of(benchmark, config)
    table: Table = {(row,): each for row, each in hyperparameters.items()}
    found = sweep(_part(config, table, ("approach",), config.measures, range(config.comparison.seeds)))
    return add_outcome(found, benchmark, config, hyperparameters)


def choose(benchmark: Benchmark, config: Config, sweep: Sweep) -> str:
    """Try the candidates of every row, add the best ones to the file of chosen values, and return a table of all."""
    hyperparameters = rows_of(benchmark, config)
    known = search.candidates(benchmark, hyperparameters)
    table: Table = {(row, text): hyperparameters[row].changed(values) for (row, text), values in known.items()}
    origin = provenance(config.run.device)
    seeds = range(search.SEARCH_SEEDS_FROM, search.SEARCH_SEEDS_FROM + config.selection.search_seeds)
    found = sweep(_part(config, table, ("approach", "candidate"), search.MEASURES, seeds, "search.entries"))
    save_atomically(described(found, LABELS, config), config.run.output.with_suffix(".search.nc"))
    where = {name: origin[name] for name in ("source_revision", "created")} | {"command": invocation({})["command"]}
    made = search.choices(found, known, hyperparameters, design_of(config), where)
    assert config.selection.chosen is not None  # checked
    add_chosen(config.selection.chosen, made)
    return search.summary(made)


def _part(
    config: Config, table: Table, names: Sequence[str], measures: Measures, seeds: range, folder: str = "entries"
) -> Part:
    return rows_part(
        "method comparison",
        config.task,
        config.comparison.tasks,
        config.network,
        partial(measure_run, measures=measures),
        table,
        names,
        seeds,
        folder,
    )


LABELS = {
    "candidate": ("values that a search tries", "1"),
    "is_searched": ("whether hyperparameters were chosen by a search", "1"),
    "searched_otherwise": ("what hyperparameters were searched with and is another here", "1"),
    "is_told_the_task": ("whether it answers with weights or inputs of the task, whatever its head", "1"),
    "during_f1": ("weighted F1: mean over tasks, right after each", "1"),
    "final_f1": ("weighted F1: mean over all tasks after the last one", "1"),
    "published_during": ("during accuracy of the published run", "fraction of scored answers"),
    "published_final": ("final accuracy of the published run", "fraction of scored answers"),
    "published_iterations": ("training steps a task of the published run", "steps"),
    "published_source": ("where the published run is listed, in the paper's code", "1"),
    "poster_during": ("during accuracy on the poster", "fraction of scored answers"),
    "poster_during_plus_minus": ("what stands after ± there", "fraction of scored answers"),
    "poster_final": ("final accuracy on the poster", "fraction of scored answers"),
    "poster_final_plus_minus": ("what stands after ± there", "fraction of scored answers"),
    "has_published_hyperparameters": (
        "whether the hyperparameters, but for the length of training, are those of the published run",
        "1",
    ),
}


def main() -> None:
    """Read the command line, and compare or search."""
    name, benchmark = chosen_benchmark("copy")
    study = study_of(benchmark, name)
    config = study.configuration()
    if not config.selection.search:
        study.carry_out(config)
        return
    with study.errors(config):
        print(choose(benchmark, *ready(config)))
    print(f"\nWrote {config.selection.chosen}.")
