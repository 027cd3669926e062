"""Which continual-learning method protects a recurrent network best, at which price?

Trains networks on tasks one after the other with every method of the catalogue, and measures after each task how well
all of them are solved, how important the weights are and how many dimensions the hidden states fill. Writes a netCDF
file and a Markdown table; figures/method_comparison.py draws it. With --search it chooses hyperparameters on the
validation set instead. Options of the tasks depend on the benchmark: ask for them with --benchmark NAME --help.
"""

import time
from dataclasses import asdict, replace
from functools import partial

import xarray as xr
from common.command_line import chosen_word, configuration, errors_as_sentences, print_outcome
from common.results import describe, write
from common.running import settled
from method_study.benchmarks import BENCHMARKS
from method_study.chosen import add_chosen
from method_study.config import Config
from method_study.measure import Table, configuration_of_entries, cost, measure
from method_study.outcome import add_outcome, descriptions
from method_study.report import report
from method_study.rows import check, rows
from method_study.search import MEASURES, candidates, choices, seeds_of, summary, table_of

from wmcl import sweeps
from wmcl.methods import Measures
from wmcl.provenance import invocation, provenance


def resolve(config: Config) -> Config:
    """Fill in what depends on the machine: device, processes and ensemble size."""
    networks = config.selection.search_seeds if config.selection.search else config.comparison.seeds
    return replace(config, run=settled(config.run, lambda: networks))


def compare(config: Config) -> xr.Dataset:
    """Run the comparison, or what is missing of it, and write its file and its table."""
    began, config = time.perf_counter(), resolve(config)
    hyperparameters = rows(config)
    table: Table = {(row,): each for row, each in hyperparameters.items()}
    conditions = [{"approach": row} for row in hyperparameters]
    found = _sweep(config, conditions, table, config.measures, range(config.comparison.seeds), "entries")
    results = add_outcome(found, config, hyperparameters)
    return write(results, config.run, began, report)


def search(config: Config) -> str:
    """Try the candidates of every row, add the best ones to the file of chosen values, and return a table of all."""
    config = resolve(config)
    conditions = [{"approach": row, "candidate": text} for row, text in candidates(config)]
    origin = provenance(config.run.device)
    found = _sweep(config, conditions, table_of(config), MEASURES, seeds_of(config), "search.entries")
    sweeps.save_atomically(
        describe(found, descriptions(config.task.answers)), config.run.output.with_suffix(".search.nc")
    )
    command = invocation({})["command"]
    where = {name: origin[name] for name in ("source_revision", "created")} | {"command": command}
    made = choices(found, config, where)
    assert config.selection.chosen is not None  # checked
    add_chosen(config.selection.chosen, made)
    return summary(made)


def _sweep(
    config: Config,
    conditions: list[dict[str, str]],
    table: Table,
    measures: Measures,
    seeds: range,
    suffix: str,
) -> xr.Dataset:
    """All conditions with all seeds, cached beside the output."""
    run = config.run
    found = sweeps.run(
        partial(measure, config, measures, table, run.device),
        conditions,
        seeds,
        name="method comparison",
        configuration=configuration_of_entries(config, measures, table, run.device),
        origin=provenance(run.device),
        folder=run.output.with_suffix(f".{suffix}"),
        jobs=run.jobs,
        members=run.members or 1,
        cost=cost(table),
        cluster=run.cluster,
    )
    return found.assign_attrs(invocation(asdict(config)))


def main() -> None:
    """Read the command line and run the analysis."""
    presets = BENCHMARKS[chosen_word("benchmark", BENCHMARKS, "copy")].presets
    config = configuration(presets, check, __doc__)
    with errors_as_sentences(config.run):
        if config.selection.search:
            print(search(config))
            print(f"\nWrote {config.selection.chosen}.")
            return
        results = compare(config)
    print_outcome(results, report, config.run)


if __name__ == "__main__":
    main()
