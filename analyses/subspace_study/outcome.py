"""What the measures come to for each network, and what everything is called."""

import numpy as np
import xarray as xr
from common.results import describe

from subspace_study.config import Config, rows, same_states, tasks_of
from wmcl.tasks import distances


def add_outcome(results: xr.Dataset, config: Config) -> xr.Dataset:
    """Add what the statements of the report are about, a number a network, and say what everything is."""
    steps = np.stack([distances(task) for task in tasks_of(config)])
    results = results.assign_coords(distance=(("evaluated_task", "output_step"), steps))
    found = {
        "accuracy_slope": _over_distance(results.accuracy_by_step, results.distance),
        "loss_slope": _over_distance(results.loss_by_step, results.distance),
    }
    if "importance" in results:
        found |= _importance(results)
    if "components" in results:
        found |= _dimensions(results)
        found |= _shares(results, config.measures.shared_components)
        table = rows(config)
        same = [same_states(table[name]) for name in results.approach.values.tolist()]
        found["same_states"] = xr.DataArray(same, dims="condition")
    found |= _heads(results)
    return describe(results.assign(found), DESCRIPTIONS)


def just_learned(values: xr.DataArray) -> xr.DataArray:
    """Of each task, right after it was learned, without ``trained_task``; NaN if tasks were learned at once."""
    found = values.where(values.trained_task == values.evaluated_task).sum("trained_task", min_count=1)
    return found.where(found.notnull().all("evaluated_task"))


def slope(values: xr.DataArray, against: xr.DataArray, dims: list[str]) -> xr.DataArray:
    """Least-squares slope over the entries that exist, Σ (x - x̄)(y - ȳ) / Σ (x - x̄)²; NaN if x does not vary."""
    x = against.where(values.notnull())
    centred = x - x.mean(dims)
    spread = (centred**2).sum(dims)
    products = (centred * (values - values.mean(dims))).sum(dims)
    return products / spread.where(spread > 0)


def _over_distance(values: xr.DataArray, distance: xr.DataArray) -> xr.DataArray:
    """Within each network, over all output steps of all tasks.

    The mean distance is i + 1 in every task, so how well whole tasks are solved does not enter the slope.
    """
    moments = xr.concat([just_learned(values), values.isel(trained_task=-1, drop=True)], "moment")
    found = slope(moments, distance.astype(float), ["evaluated_task", "output_step"])
    return found.assign_coords(moment=["during", "final"])


def _importance(results: xr.Dataset) -> dict[str, xr.DataArray]:
    """Slopes of log importance over the number of tasks, within each network."""
    number = results.trained_task + 1.0
    own = just_learned(results.importance).rename(evaluated_task="trained_task")
    return {
        "accumulated_growth": slope(xr.ufuncs.log(results.accumulated_importance), number, ["trained_task"]),
        "importance_growth": slope(xr.ufuncs.log(own), number, ["trained_task"]),
    }


def _dimensions(results: xr.Dataset) -> dict[str, xr.DataArray]:
    """The sum of the dimensions of single tasks beside the joint one, and how fast this grows at the two ends.

    Of two tasks, the second is the last one: there are no two ends to compare.
    """
    total = results.components.sum("evaluated_task", min_count=1)
    joint = results.joint_components
    last, middle, first = (joint.isel(trained_task=k, drop=True) for k in (-1, -2, 0))
    second = joint.isel(trained_task=1, drop=True)
    return {
        "sum_of_components": total,
        "joint_to_sum": (joint / total.where(total > 0)).isel(trained_task=-1, drop=True),
        "first_increase": second - first,
        "last_increase": (last - middle).where(results.sizes["trained_task"] > 2),
    }


def _shares(results: xr.Dataset, components: int) -> dict[str, xr.DataArray]:
    """Mean over later tasks of the share of their variance in directions of task 1, in the end, and what to compare."""
    end = results.isel(trained_task=-1, drop=True).sel(component=components, drop=True)
    later = end.isel(evaluated_task=slice(1, None))
    units = results.sizes["component"]
    return {
        "share_inside": later.variance_inside.mean("evaluated_task"),
        "share_of_own": later.own_variance.mean("evaluated_task"),
        "share_of_task_1": end.own_variance.isel(evaluated_task=0, drop=True),
        "share_by_chance": xr.DataArray(components / units),
    }


def _heads(results: xr.Dataset) -> dict[str, xr.DataArray]:
    """Mean over pairs of tasks, in the end, of the overlap above chance."""
    end = results.isel(trained_task=-1, drop=True)
    excess = end.head_overlap - end.head_chance
    return {"head_excess": excess.mean(["evaluated_task", "other_task"])}


_FISHER = "nats^2 by weight^2"
_BITS = "fraction of scored bits"
DESCRIPTIONS = {
    "approach": ("continual-learning method", "1"),
    "hyperparameters": ("how the method was trained, as JSON", "1"),
    "seed": ("seed of the network: initialisation and batches", "1"),
    "trained_task": ("the task that was learned last, from 0", "1"),
    "evaluated_task": ("the task that is looked at, from 0", "1"),
    "other_task": ("the task that it is compared with, from 0", "1"),
    "kind": ("of the Fisher: where its targets come from", "1"),
    "connection": ("hidden to hidden, or the output stage", "1"),
    "statistic": ("over the weights of a connection, or over its weights and biases", "1"),
    "phase": ("steps whose hidden states are taken", "1"),
    "directions": ("principal directions of task 1 right after it was learned (first), or in the present network", "1"),
    "component": ("number of principal directions", "1"),
    "column": ("columns of the supervised subspace", "1"),
    "output_step": ("position in the answer, from 1", "steps"),
    "distance": ("from the step that shows what an output step asks for to that output step", "steps"),
    "moment": ("right after each task was learned, or after the last task", "1"),
    "accuracy": ("test accuracy; chance is 0.5", _BITS),
    "loss": ("test loss", "nats per scored bit"),
    "accuracy_by_step": ("test accuracy of each output step", _BITS),
    "loss_by_step": ("test loss of each output step", "nats per scored bit"),
    "accuracy_slope": ("change of accuracy with distance, within a network", "fraction of scored bits per step"),
    "loss_slope": ("change of the loss with distance, within a network", "nats per scored bit per step"),
    "importance": ("Fisher of a task at the present weights", _FISHER),
    "effective_fraction": ("(sum F)^2 / (n sum F^2) of it over the n weights", "1"),
    "accumulated_importance": ("Fisher of all tasks so far, each when it was learned, added up", _FISHER),
    "accumulated_effective_fraction": ("(sum F)^2 / (n sum F^2) of it over the n weights", "1"),
    "importance_growth": ("slope of the log Fisher of each task, when it was learned, over their number", "1 per task"),
    "accumulated_growth": ("slope of the log of the Fishers added up over the number of tasks", "1 per task"),
    "components": ("principal components that hold the configured share of the variance of h_t in a task", "1"),
    "participation_ratio": ("(sum of eigenvalues)^2 / sum of their squares, of the covariance of h_t in a task", "1"),
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
    "supervised_accuracy": ("mean accuracy over all tasks so far through a subspace of so many columns", _BITS),
    "reason": ("why a phase ended", "1"),
}
