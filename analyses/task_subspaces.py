"""What happens to importances, hidden states and heads as a network learns one task after the other?

Trains networks on Permuted Copy Tasks with several continual-learning methods, and measures after each task how
important the weights are, how many dimensions the hidden states of one task and of all tasks fill, how much of them
lies in the subspace of the first task, whether heads look at the same directions, which subspace is needed to solve
all tasks, and how accuracy depends on the steps that back-propagation has to bridge. Writes a netCDF file and a
Markdown report; figures/task_subspaces.py draws it.
"""

import json
import time
from dataclasses import asdict, replace
from functools import partial

import xarray as xr
from common.command_line import analysis_command
from common.results import write
from common.running import settled
from subspace_study.config import PRESETS, Config, check, rows
from subspace_study.measure import configuration_of_entries, cost, measure
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
        [{"approach": row} for row in table],
        range(config.study.seeds),
        name="task subspaces",
        configuration=configuration_of_entries(config, run.device),
        origin=provenance(run.device),
        folder=run.output.with_suffix(".entries"),
        jobs=run.jobs,
        members=run.members or 1,
        cost=cost(config),
        cluster=run.cluster,
    )
    found = found.assign_attrs(invocation(asdict(config)))
    texts = [json.dumps(asdict(table[row]), sort_keys=True) for row in found.approach.values.tolist()]
    results = add_outcome(found.assign_coords(hyperparameters=("condition", texts)), config)
    return write(results, run, began, report)


def main() -> None:
    """Read the command line and run the analysis."""
    analysis_command(PRESETS, check, study, report, __doc__)


if __name__ == "__main__":
    main()
