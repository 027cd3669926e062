"""From losses and accuracies to fronts and hypervolumes, with dimensions setting, approach, seed and strength.

A *setting* is a condition of the tasks, whatever method learns them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from front_study.design import VARIED
from front_study.matching import Values, values_along
from wmcl.statistics import hypervolume
from wmcl.training import Reason


def setting_name(values: Values) -> str:
    """Return the name of a setting, for display."""
    return "b={} i={} lead={} r={}".format(*values)


def by_setting(results: xr.Dataset) -> xr.Dataset:
    """Arrange the conditions of a sweep by setting and approach; NaN where a method lacks a setting."""
    keys = values_along(results)
    settings, parts = list(dict.fromkeys(keys)), []
    for method in dict.fromkeys(results.approach.values.tolist()):
        rows = np.flatnonzero(results.approach.values == method)
        part = results.isel(condition=rows).drop_vars([*VARIED, "approach"]).rename(condition="setting")
        places = [settings.index(keys[row]) for row in rows]
        parts.append(part.assign_coords(setting=places).expand_dims(approach=[method]))
    found = xr.concat(parts, "approach", join="outer", combine_attrs="override").reindex(setting=range(len(settings)))
    own: dict[str, Any] = {
        name: ("setting", [values[place] for values in settings]) for place, name in enumerate(VARIED)
    }
    return found.assign_coords(own | {"setting": [setting_name(values) for values in settings]})


def add_fronts(found: xr.Dataset) -> xr.Dataset:
    """Add points, hypervolumes and the choice by validation data."""
    points = points_of(found)
    return found.assign(choice(points, found)).assign(points=points, hypervolume=hypervolumes(points))


def information(loss: xr.DataArray) -> xr.DataArray:
    """Compute the fraction of a fair bit that is known, max(0, 1 - loss / ln 2), with the loss in nats a bit."""
    return (1 - loss / np.log(2)).clip(min=0)


def points_of(found: xr.Dataset) -> xr.DataArray:
    """Compute (retained, learned) of every front: task 1 and task 2 after task 2, each from 0 to 1.

    The speed is the steps that the same network needed for task 1, when it was new, over those for task 2: at most 1,
    0 if task 2 never reached the criterion, and NaN where task 1 did not.
    """
    after = found.sel(trained_task=1, drop=True)
    each = {"information": information(after.loss), "accuracy": (2 * after.accuracy - 1).clip(min=0)}
    pairs = {
        name: (value.sel(evaluated_task=0, drop=True), value.sel(evaluated_task=1, drop=True))
        for name, value in each.items()
    }
    first = pairs["information"][0]
    new = found.steps.sel(trained_task=0, drop=True)
    speed = (new.clip(min=1) / after.steps.clip(min=1)).fillna(0).clip(max=1).where(new.notnull())
    pairs["speed"] = first, xr.broadcast(speed, first)[0].where(first.notnull())
    fronts = [xr.concat(pair, "axis").assign_coords(axis=["retained", "learned"]) for pair in pairs.values()]
    return xr.concat(fronts, "front").assign_coords(front=list(pairs))


def hypervolumes(points: xr.DataArray) -> xr.DataArray:
    """Compute the hypervolume of the points of all strengths."""
    return xr.apply_ufunc(hypervolume, points, input_core_dims=[["strength", "axis"]])


def choice(points: xr.DataArray, found: xr.Dataset) -> dict[str, xr.DataArray]:
    """Choose the strength with the largest retained + learned information on validation data.

    Returns:
        The strength, and its point on test data.
    """
    seen = points.sel(front="information", drop=True)
    total = seen.sel(data="validation", drop=True).sum("axis", skipna=False)
    known = total.notnull().any("strength")
    place = total.fillna(-1).argmax("strength")
    at = seen.sel(data="test", drop=True).isel(strength=place).where(known)
    return {
        "chosen_strength": found.strength.isel(strength=place).drop_vars("strength").where(known),
        "chosen_retained": at.sel(axis="retained", drop=True).drop_vars("strength"),
        "chosen_learned": at.sel(axis="learned", drop=True).drop_vars("strength"),
    }


def broken(results: xr.Dataset) -> Sequence[str]:
    """List methods with networks that had a non-finite loss, and how many."""
    counts = (results.reason == Reason.nonfinite).any("trained_task").sum(["setting", "seed", "strength"])
    return [f"{name} ({int(count)})" for name, count in zip(counts.approach.values, counts, strict=True) if count]
