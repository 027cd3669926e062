"""From losses and accuracies to fronts and hypervolumes, with dimensions setting, approach, seed and strength.

A *setting* is a condition of the tasks, whatever method learns them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from common.results import describe

from front_study.config import VARIED, Config, compression, conditions, methods_of, tasks_of
from front_study.matching import Steps, condition_text, values_of
from front_study.methods import matched
from wmcl.statistics import hypervolume
from wmcl.training import Reason

FRONTS = ("information", "accuracy", "speed")
"""what is retained and learned: bits known, accuracy above chance, or bits known and the speed of learning"""


def add_outcome(results: xr.Dataset, config: Config, steps: Steps, missed: Mapping[tuple[int, ...], int]) -> xr.Dataset:
    """By setting and approach, with points, hypervolumes and the choice by validation data; everything described."""
    methods = list(methods_of(config))
    found = by_setting(results).reindex({"approach": methods})
    found = found.assign_coords(_of_settings(found, config))
    points = points_of(found)
    found = found.assign(choice(points, found)).assign(
        points=points,
        hypervolume=hypervolumes(points),
        training_steps=_training_steps(found, config, steps),
        compression=("approach", [compression(config, name) for name in methods]),
    )
    censored = "; ".join(f"{condition_text(values)} ({count})" for values, count in missed.items())
    return describe(found.assign_attrs(results.attrs, censored_conditions=censored), DESCRIPTIONS)


def by_setting(results: xr.Dataset) -> xr.Dataset:
    """Conditions of a sweep as settings and methods; NaN where a method lacks a setting."""
    keys = list(zip(*(results[name].values.tolist() for name in VARIED), strict=True))
    settings, parts = list(dict.fromkeys(keys)), []
    methods = list(dict.fromkeys(results.approach.values.tolist()))
    for method in methods:
        rows = np.flatnonzero(results.approach.values == method)
        part = results.isel(condition=rows).drop_vars([*VARIED, "approach"]).rename(condition="setting")
        labels = [condition_text(keys[row]) for row in rows]
        parts.append(part.assign_coords(setting=labels).expand_dims(approach=[method]))
    found = xr.concat(parts, "approach", join="outer", combine_attrs="drop")
    found = found.reindex(setting=[condition_text(key) for key in settings])
    own = {name: ("setting", [key[place] for key in settings]) for place, name in enumerate(VARIED)}
    return found.assign_coords(own)


def _of_settings(found: xr.Dataset, config: Config) -> dict[str, tuple[str, list[float]]]:
    """What the tasks of a setting demand, the mean over both."""
    known = {condition_text(values_of(each)): each for each in conditions(config)}
    chosen = [known[label] for label in found.setting.values.tolist()]
    demands = [[task.memory_demand for task in tasks_of(config, each)] for each in chosen]
    return {
        name: ("setting", [float(np.mean([getattr(demand, field) for demand in both])) for both in demands])
        for name, field in (("memory_load", "load"), ("retention", "retention"))
    }


def _training_steps(found: xr.Dataset, config: Config, steps: Steps) -> tuple[tuple[str, str], list[list[float]]]:
    """How long each task is trained."""
    known = {condition_text(values_of(each)): values_of(each) for each in conditions(config)}
    return ("setting", "approach"), [
        [float(steps[known[label], matched(row)]) for row in found.approach.values.tolist()]
        for label in found.setting.values.tolist()
    ]


def information(loss: xr.DataArray) -> xr.DataArray:
    """Fraction of a fair bit that is known, max(0, 1 - loss / ln 2), with the loss in nats a bit."""
    return (1 - loss / np.log(2)).clip(min=0)


def points_of(found: xr.Dataset) -> xr.DataArray:
    """(retained, learned) of every front: task 1 and task 2 after task 2, each from 0 to 1.

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
    """Of the points of all strengths."""
    return xr.apply_ufunc(hypervolume, points, input_core_dims=[["strength", "axis"]])


def choice(points: xr.DataArray, found: xr.Dataset) -> dict[str, xr.DataArray]:
    """The strength with the largest retained + learned information on validation data, and its point on test data."""
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
    """Methods with networks that had a non-finite loss, and how many."""
    counts = (results.reason == Reason.nonfinite).any("trained_task").sum(["setting", "seed", "strength"])
    return [f"{name} ({int(count)})" for name, count in zip(counts.approach.values, counts, strict=True) if count]


_INFORMATION = "fraction of a fair bit"
DESCRIPTIONS = {
    "setting": ("condition of the tasks", "1"),
    "approach": ("row of the analysis", "1"),
    "seed": ("seed of the network: initialisation and batches", "1"),
    "strength": ("weight of the penalty", "nats per scored bit by squared weight"),
    "trained_task": ("the task that was learned last, from 0", "1"),
    "evaluated_task": ("the task that is looked at, from 0", "1"),
    "data": ("set of sequences", "1"),
    "front": ("what retained and learned are measured in", "1"),
    "axis": ("of a front: what is retained of task 1, what is learned of task 2", "1"),
    "independent_bits": ("independent bits of a pattern step", "bits"),
    "input_length": ("steps from the pattern's first step to the stop flag", "steps"),
    "lead": ("blank steps before the pattern", "steps"),
    "xor": ("permutations whose exclusive or with the pattern is asked for", "1"),
    "memory_load": ("independent bits held at once, mean over both tasks", "bits"),
    "retention": ("steps for which a bit is held, mean over both tasks", "steps"),
    "training_steps": ("training steps a task; of multitask, for each of the two", "steps"),
    "accuracy": ("accuracy on a task after another was learned; chance is 0.5", "fraction of scored bits"),
    "loss": ("loss on a task after another was learned", "nats per scored bit"),
    "steps": ("training steps to the criterion of speed on the task that is learned; NaN if never", "steps"),
    "reason": ("why a phase ended", "1"),
    "stored": ("numbers kept for the next task beyond those of one network", "1"),
    "seconds_per_iteration": ("wall time of a training step of one network", "s"),
    "level": ("mean importance of task 1 over W_hh, before it is divided by its mean", "units of the importance"),
    "effective_fraction": ("(sum of importances)^2 / (n sum of their squares) over the n weights of W_hh", "1"),
    "overlap": ("overlap of the importance of task 1 with the sampled Fisher of task 2 without penalty", "1"),
    "points": ("what a strength retains and learns", "1"),
    "hypervolume": ("area below the front over all strengths", "1"),
    "chosen_strength": ("strength with the best sum on validation data", "nats per scored bit by squared weight"),
    "chosen_retained": ("information retained of task 1 at the chosen strength, test data", _INFORMATION),
    "chosen_learned": ("information learned of task 2 at the chosen strength, test data", _INFORMATION),
    "compression": ("values of a hypernetwork over the weights that it generates", "1"),
}
