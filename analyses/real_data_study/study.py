"""What makes weights important on real data, and does the overlap of tasks' subspaces predict forgetting?

Trains recurrent networks on tasks of recorded sequences, and measures at matched validation loss how important their
weights are and how many dimensions their hidden states fill. On digits, tasks grow load, retention and length in turn;
on sounds and languages, each task is measured by itself. Then lets networks learn two tasks one after the other, and
compares how much they forget with how far the tasks overlap. Writes a netCDF file and a Markdown report;
figures/importance_on_real_data.py draws it. Options of the data depend on the benchmark: ask for them with
--benchmark NAME --help.
"""

from functools import partial

import xarray as xr
from benchmark_tasks import chosen_benchmark

from real_data_study.design import BENCHMARKS, Config, check, presets_of
from real_data_study.measure import cost, measure
from real_data_study.outcome import LABELS, add_outcome
from real_data_study.pairs import measure_pair, pairs_of
from real_data_study.report import report
from wmcl.studies import Part, Study, Sweep, together
from wmcl.studies.benchmark import Benchmark, content_of


def study_of(benchmark: Benchmark, name: str) -> Study[Config]:
    """The study of importances on a benchmark, as ``--benchmark`` names it."""
    presets = presets_of(benchmark, name)
    return Study(about=__doc__ or "", presets=presets, results=results, report=report, check=check, labels=LABELS)


def results(config: Config, sweep: Sweep) -> xr.Dataset:
    """Networks that learn one condition, and beside them networks that learn two tasks in turn."""
    data, seeds = config.data.of_conditions(), range(config.seeds)
    conditions = config.data.conditions
    of_conditions = Part(
        "importance on real data",
        partial(
            measure,
            data=data,
            network=config.network,
            training=config.training,
            losses=config.stages.losses,
            iterations=config.stages.iterations,
            measures=config.measures,
        ),
        conditions,
        seeds,
        given=lambda condition: {"content": content_of(data.task(condition, 0))},
        cost=cost,
    )
    found = sweep(of_conditions)
    if tasks := config.data.sequence():
        of_pairs = Part(
            "forgetting on real data",
            partial(
                measure_pair,
                data=config.data,
                network=config.network,
                training=config.training,
                in_turn=config.in_turn,
            ),
            pairs_of(tasks),
            seeds,
            given=lambda pair: {"content": [content_of(tasks[pair[name] - 1]) for name in ("first", "second")]},
            ignored=("data",),  # of which two tasks are given by what they hold
            dimension="pair",
        )
        found = together(found, sweep(of_pairs))
    return add_outcome(found, config)


def main() -> None:
    """Read the command line and run the study."""
    name, benchmark = chosen_benchmark("sequential_smnist", BENCHMARKS)
    study_of(benchmark, name).main()
