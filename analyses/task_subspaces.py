"""What happens to importances, hidden states and read-outs as a network learns one task after the other?

Trains networks on Permuted Copy Tasks with several continual-learning methods, and measures after each task how
important the weights are, how many dimensions the hidden states of one task and of all tasks fill, how much of them
lies in the subspace of the first task, whether read-outs look at the same directions, which subspace is needed to solve
all tasks, and how accuracy depends on the steps that back-propagation has to bridge. Writes a netCDF file and a
Markdown report; figures/task_subspaces.py draws it.
"""

import json
import os
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import xarray as xr
from common.command_line import configuration, errors_as_sentences, print_given_up
from common.running import settled
from subspace_study.config import PRESETS, Config, check, rows
from subspace_study.measure import cost, measure, settings_of_cells
from subspace_study.outcome import add_outcome
from subspace_study.report import report

from wmcl import sweeps
from wmcl.provenance import invocation, provenance


def study(config: Config) -> xr.Dataset:
    """Run the study, or what is missing of it, and write its file and its report."""
    began = time.perf_counter()
    config = replace(config, run=settled(config.run, lambda: config.study.seeds))
    run, table = config.run, rows(config)
    found = sweeps.run(
        partial(measure, config, run.device),
        [{"method": row} for row in table],
        range(config.study.seeds),
        name="task subspaces",
        settings=settings_of_cells(config, run.device),
        origin=provenance(run.device),
        folder=run.output.with_suffix(".cells"),
        jobs=run.jobs,
        members=run.members or 1,
        cost=cost(config),
        cluster=run.cluster,
    )
    found = found.assign_attrs(invocation(asdict(_with_relative_paths(config))))
    texts = [json.dumps(asdict(table[row]), sort_keys=True) for row in found.method.values.tolist()]
    results = add_outcome(found.assign_coords(settings=("condition", texts)), config)
    results.attrs["wall_seconds"] = time.perf_counter() - began
    sweeps.save_whole(results, run.output)
    run.output.with_suffix(".md").write_text(report(results) + "\n", encoding="utf-8")
    return results


def _with_relative_paths(config: Config) -> Config:
    """As seen from the folder of the call, so that a file tells nothing of the machine that made it."""
    chosen = config.study.chosen
    if chosen is None:
        return config
    return replace(config, study=replace(config.study, chosen=Path(os.path.relpath(chosen))))


def _settle(config: Config) -> Config:
    check(config)
    return config


def main() -> None:
    """Command line."""
    config = configuration(PRESETS, _settle, __doc__)
    with errors_as_sentences(config.run):
        results = study(config)
    print(report(results))
    print_given_up(results)
    print(f"\nWrote {config.run.output} and its report in {results.attrs['wall_seconds']:.0f} s.")


if __name__ == "__main__":
    main()
