"""What happens to importances, hidden states and heads as a network learns one task after the other?

Trains networks on Permuted Copy Tasks with several continual-learning methods, and measures after each task how
important the weights are, how many dimensions the hidden states of one task and of all tasks fill, how much of them
lies in the subspace of the first task, whether heads look at the same directions, which subspace is needed to solve
all tasks, and how accuracy depends on the steps that back-propagation has to bridge. Writes a netCDF file and a
Markdown report; figures/task_subspaces.py draws it.
"""

import json
from dataclasses import asdict
from functools import partial

import numpy as np
import xarray as xr

from subspace_study.design import PRESETS, Config, check, rows_of, same_states
from subspace_study.measure import measure_run
from subspace_study.outcome import add_outcome
from subspace_study.report import report
from wmcl.labels import ANSWERS
from wmcl.studies import Study, Sweep
from wmcl.studies.rows import rows_part
from wmcl.tasks import distances


def results(config: Config, sweep: Sweep) -> xr.Dataset:
    """Every method, measured after each task, with what the statements of the report are about."""
    table, number = rows_of(config), config.study.tasks
    found = sweep(
        rows_part(
            "task subspaces",
            config.task,
            number,
            config.network,
            partial(measure_run, measures=config.measures),
            {(name,): each for name, each in table.items()},
            ("approach",),
            range(config.study.seeds),
        )
    )
    rows = [table[name] for name in found.approach.values.tolist()]
    steps = np.stack([distances(task) for task in config.task.tasks(number)])
    found = found.assign_coords(
        hyperparameters=("condition", [json.dumps(asdict(row), sort_keys=True) for row in rows]),
        distance=(("evaluated_task", "output_step"), steps),
    )
    if "components" in found:
        found = found.assign(same_states=("condition", [same_states(row) for row in rows]))
    return add_outcome(found, config.measures.shared_components)


FISHER = "nats^2 by weight^2"
LABELS = {
    "other_task": ("the task that it is compared with, from 0", "1"),
    "directions": ("principal directions of task 1 right after it was learned (first), or in the present network", "1"),
    "column": ("columns of the supervised subspace", "1"),
    "distance": ("from the step that shows the target of an output step to that output step", "steps"),
    "moment": ("right after each task was learned, or after the last task", "1"),
    "accuracy_slope": ("change of accuracy with distance, within a network", "fraction of scored answers per step"),
    "loss_slope": ("change of the loss with distance, within a network", "nats per scored answer per step"),
    "importance": ("Fisher of a task at the present weights", FISHER),
    "accumulated_importance": ("Fisher of all tasks so far, each when it was learned, added up", FISHER),
    "accumulated_effective_fraction": ("(sum F)^2 / (n sum F^2) of it over the n weights", "1"),
    "importance_growth": ("slope of the log Fisher of each task, when it was learned, over their number", "1 per task"),
    "accumulated_growth": ("slope of the log of the Fishers added up over the number of tasks", "1 per task"),
    "joint_components": ("components of h_t in all tasks so far together", "1"),
    "joint_participation_ratio": ("participation ratio of h_t in all tasks so far together", "1"),
    "sum_of_components": ("components of each task so far, added up", "1"),
    "joint_to_sum": ("joint components over the sum of those of single tasks, after the last task", "1"),
    "first_increase": ("joint components that the second task adds", "1"),
    "last_increase": ("joint components that the last of three or more tasks adds", "1"),
    "same_states": ("whether h_t has the same distribution in all tasks by construction", "1"),
    "variance_inside": ("share of the variance of h_t in the output phase in principal directions of task 1", "1"),
    "own_variance": ("share of that variance in as many of its own principal directions", "1"),
    "share_inside": ("variance of later tasks in the configured number of directions of task 1, in the end", "1"),
    "share_of_own": ("variance of later tasks in as many of their own directions, in the end", "1"),
    "share_of_task_1": ("variance of task 1 in as many of its own directions, in the end", "1"),
    "share_by_chance": ("expected share of the variance in as many random directions", "1"),
    "head_overlap": ("overlap of the row spaces of two heads, 0 to 1", "1"),
    "head_norm": ("Frobenius norm of the product of orthonormal bases of two heads", "1"),
    "head_chance": ("expected overlap of random row spaces", "1"),
    "head_excess": ("overlap of heads above chance, mean over pairs, in the end", "1"),
    "supervised_dimension": ("smallest linear subspace of h_t found that solves all tasks so far", "1"),
    "own_supervised_dimension": ("smallest linear subspace of h_t found that solves the task just learned", "1"),
    "supervised_accuracy": ("mean accuracy over all tasks so far through a subspace of so many columns", ANSWERS),
}

STUDY = Study(about=__doc__, presets=PRESETS, results=results, report=report, check=check, labels=LABELS)
