"""What makes weights important on real data, and does the overlap of tasks' subspaces predict forgetting?

Trains recurrent networks on tasks of recorded sequences, and measures at matched validation loss how important their
weights are and how many dimensions their hidden states fill. On digits, tasks grow load, retention and length in turn;
on sounds and languages, each task is measured by itself. Then lets networks learn two tasks one after the other, and
compares how much they forget with how far the tasks overlap. Writes a netCDF file and a Markdown report;
figures/importance_on_real_data.py draws it. Options of the data depend on the benchmark: ask for them with
--benchmark NAME --help.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import xarray as xr
from common.command_line import analysis_command, chosen_word
from common.results import write
from common.running import settled
from real_data_study import conditions, pairs
from real_data_study.benchmarks import BENCHMARKS
from real_data_study.config import Config, check
from real_data_study.outcome import add_outcome
from real_data_study.report import report

from wmcl import sweeps
from wmcl.provenance import invocation, provenance

Measure = Callable[[Config, str, Mapping[str, Any], Sequence[int]], xr.Dataset]


def analyse(config: Config) -> xr.Dataset:
    """Run the analysis, or what is missing of it, and write its file and its report."""
    began = time.perf_counter()
    config = replace(config, run=settled(config.run, lambda: config.study.seeds))
    device = config.run.device
    found = _sweep(
        config,
        "importance on real data",
        conditions.measure,
        config.benchmark.conditions,
        conditions.configuration_of_entries(config, device),
        conditions.cost,
    )
    if in_turn := pairs.pairs_of(config):
        configuration = pairs.configuration_of_entries(config, device)
        of_pairs = _sweep(config, "forgetting on real data", pairs.measure, in_turn, configuration)
        found = _together(found, of_pairs)
    results = add_outcome(found.assign_attrs(invocation(asdict(config))), config)
    return write(results, config.run, began, report)


def _sweep(
    config: Config,
    name: str,
    measure: Measure,
    every: Sequence[Mapping[str, Any]],
    configuration: Mapping[str, Any],
    cost: Callable[[Mapping[str, Any]], float] = lambda condition: 1.0,
) -> xr.Dataset:
    """All conditions, or pairs, with all seeds, cached beside the output."""
    run = config.run
    return sweeps.run(
        partial(measure, config, run.device),
        every,
        range(config.study.seeds),
        name=name,
        configuration=configuration,
        origin=provenance(run.device),
        folder=run.output.with_suffix(".entries"),
        jobs=run.jobs,
        members=run.members or 1,
        cost=cost,
        cluster=run.cluster,
    )


def _together(found: xr.Dataset, of_pairs: xr.Dataset) -> xr.Dataset:
    """Both parts in one file, with what either says of itself."""
    attributes = {
        name: "; ".join(dict.fromkeys(text for each in (found, of_pairs) if (text := str(each.attrs.get(name, "")))))
        for name in {**found.attrs, **of_pairs.attrs}
    }
    merged = found.merge(of_pairs.rename(condition="pair"), join="outer", combine_attrs="drop")
    return merged.assign_attrs(attributes)


def main() -> None:
    """Read the command line and run the analysis."""
    presets = BENCHMARKS[chosen_word("benchmark", BENCHMARKS, "sequential_smnist")]
    analysis_command(presets, check, analyse, report, __doc__)


if __name__ == "__main__":
    main()
