"""What the measures come to for each network."""

import xarray as xr

from wmcl.statistics import slope


def add_outcome(results: xr.Dataset, components: int) -> xr.Dataset:
    """Add what the statements of the report are about, a number a network.

    Args:
        results: the measures, with ``distance``.
        components: principal directions of task 1 that shares of variance are taken in.
    """
    found = {
        "accuracy_slope": _over_distance(results.accuracy_by_step, results.distance),
        "loss_slope": _over_distance(results.loss_by_step, results.distance),
    }
    if "importance" in results:
        found |= _importance(results)
    if "components" in results:
        found |= _dimensions(results)
        found |= _shares(results, components)
    found |= _heads(results)
    return results.assign(found)


def just_learned(values: xr.DataArray) -> xr.DataArray:
    """Of each task, right after it was learned, without ``trained_task``; NaN if tasks were learned at once."""
    found = values.where(values.trained_task == values.evaluated_task).sum("trained_task", min_count=1)
    return found.where(found.notnull().all("evaluated_task"))


def _over_distance(values: xr.DataArray, distance: xr.DataArray) -> xr.DataArray:
    """Within each network, over all output steps of all tasks.

    The mean distance is i + 1 in every task, so how well whole tasks are solved does not enter the slope.
    """
    moments = xr.concat([just_learned(values), values.isel(trained_task=-1, drop=True)], "moment")
    found = slope(moments, distance.astype(float), ["evaluated_task", "output_step"], skipna=True)
    return found.assign_coords(moment=["during", "final"])


def _importance(results: xr.Dataset) -> dict[str, xr.DataArray]:
    """Slopes of log importance over the number of tasks, within each network."""
    number = results.trained_task + 1.0
    own = just_learned(results.importance).rename(evaluated_task="trained_task")
    return {
        "accumulated_growth": slope(xr.ufuncs.log(results.accumulated_importance), number, "trained_task", skipna=True),
        "importance_growth": slope(xr.ufuncs.log(own), number, "trained_task", skipna=True),
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
