"""What the study says about each question, as means with t intervals over networks of the same seeds."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import xarray as xr

from wmcl.statistics import mean_interval, slope

WEIGHT_METHOD, GENERATED = "online EWC", "HNET (chunked)"
"""whose shares of variance in the subspace of task 1 are compared"""
DIRECTIONS = {"first": "right after it was learned", "now": "in the present network"}


class Estimate(NamedTuple):
    """Mean over networks with its t interval."""

    mean: float
    low: float
    high: float
    n: int


class Statement(NamedTuple):
    """A quantity of a method, what it would be without an effect (NaN if that says nothing), and what was found."""

    question: str
    method: str
    quantity: str
    unit: str
    null: float
    found: Estimate
    by_construction: str = ""
    """what the design alone gives, so that there is nothing to test (the value without an effect is NaN); empty if it
    is a finding"""


def estimate(per_seed: xr.DataArray) -> Estimate:
    """Of one number a network, NaN where a network has none."""
    found = mean_interval(per_seed)
    return Estimate(float(found["average"]), float(found["low"]), float(found["high"]), int(found["n"]))


def statements(results: xr.Dataset) -> list[Statement]:
    """All of them, in the order of the questions; without those that no network has a number for."""
    parts = (_growth, _joint, _inside, _inside_compared, _heads, _distance)
    return [each for part in parts for each in part(results) if each.found.n]


def _methods(results: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    for row, name in enumerate(results.approach.values.tolist()):
        yield name, results.isel(condition=row, drop=True)


def _stated(question: str, method: str, quantity: str, null: float, found: Estimate, by_construction: str) -> Statement:
    """A number without a unit, which is tested only if the design leaves it open."""
    return Statement(question, method, quantity, "1", math.nan if by_construction else null, found, by_construction)


def _growth(results: xr.Dataset) -> Iterator[Statement]:
    """Slopes of logarithms: exp(slope) is the factor a task. A sum grows anyhow, also if all tasks add the same."""
    if "accumulated_growth" not in results:
        return
    question = "Does importance grow with the number of tasks?"
    at = results.sel(kind="sampled", statistic="mean")
    number = at.trained_task + 1.0
    equal = float(slope(xr.ufuncs.log(number), number, "trained_task"))
    parts = (("accumulated_growth", "accumulated", equal), ("importance_growth", "each task's own", 0.0))
    for name, one in _methods(at):
        for connection in one.connection.values.tolist():
            for variable, text, null in parts:
                quantity = f"{text} Fisher of W_{connection}, slope of its log"
                per_seed = one[variable].sel(connection=connection)
                yield Statement(question, name, quantity, "per task", null, estimate(per_seed))


def _joint(results: xr.Dataset) -> Iterator[Statement]:
    """Saturation: whether the last task adds fewer components than the second did, in the same network."""
    if "joint_to_sum" not in results:
        return
    question = "Is the joint dimension below the sum of those of single tasks, and does it saturate?"
    for name, one in _methods(results):
        by_design = ("", "")
        if one.same_states:
            by_design = (f"by construction about 1/{results.sizes['trained_task']}", "drift by construction")
        for phase in one.phase.values.tolist():
            at = one.sel(phase=phase)
            steps = "output phase" if phase == "output" else "all steps"
            ratio, less = estimate(at.joint_to_sum), estimate(at.last_increase - at.first_increase)
            yield _stated(question, name, f"joint over sum of components, {steps}", 1.0, ratio, by_design[0])
            text = f"components that the last task adds, minus those that the second added, {steps}"
            yield _stated(question, name, text, 0.0, less, by_design[1])


def _inside(results: xr.Dataset) -> Iterator[Statement]:
    if "share_inside" not in results:
        return
    question = "Does the variance of later tasks lie in the subspace of task 1?"
    chance = float(results.share_by_chance)
    for name, one in _methods(results):
        by_design = _shares_by_construction(one)
        for directions, text in DIRECTIONS.items():
            share = estimate(one.share_inside.sel(directions=directions))
            quantity = f"share in directions of task 1 {text}"
            yield _stated(question, name, quantity, chance, share, by_design.get(directions, ""))
        own = estimate(one.share_of_own)
        yield Statement(question, name, "share in as many directions of its own, the ceiling", "1", math.nan, own)


def _shares_by_construction(one: xr.Dataset) -> dict[str, str]:
    """By directions. States that are the same in all tasks have the subspace of task 1, in the network of that time."""
    if not one.same_states:
        return {}
    at_once = bool(one.accuracy.isel(trained_task=0).isnull().all())
    ceiling = "by construction the ceiling"
    return {"first": ceiling if at_once else "drift by construction", "now": ceiling}


def _inside_compared(results: xr.Dataset) -> Iterator[Statement]:
    """Says something about tasks only if states may differ between tasks in both methods."""
    by_name = dict(_methods(results))
    if "share_inside" not in results or not {GENERATED, WEIGHT_METHOD} <= by_name.keys():
        return
    difference = by_name[GENERATED].share_inside - by_name[WEIGHT_METHOD].share_inside
    both = f"{GENERATED} minus {WEIGHT_METHOD}"
    by_design = _shares_by_construction(by_name[WEIGHT_METHOD])
    for directions, text in DIRECTIONS.items():
        question = f"Does that share differ between {GENERATED} and {WEIGHT_METHOD}?"
        quantity = f"difference within seeds, directions of task 1 {text}"
        found = estimate(difference.sel(directions=directions))
        why = f"{WEIGHT_METHOD}: {by_design[directions]}" if by_design else ""
        yield _stated(question, both, quantity, 0.0, found, why)


def _heads(results: xr.Dataset) -> Iterator[Statement]:
    question = "Are heads more alike than by chance?"
    for name, one in _methods(results):
        yield Statement(question, name, "overlap above chance, mean over pairs", "1", 0.0, estimate(one.head_excess))


def _distance(results: xr.Dataset) -> Iterator[Statement]:
    question = "Does accuracy fall with the steps that back-propagation has to bridge?"
    for name, one in _methods(results):
        for moment, text in (("during", "right after learning"), ("final", "in the end")):
            at = one.sel(moment=moment)
            accuracy = 100 * at.accuracy_slope
            yield Statement(question, name, f"accuracy, {text}", "points per step", 0.0, estimate(accuracy))
            yield Statement(question, name, f"loss, {text}", "nats per step", 0.0, estimate(at.loss_slope))


def excludes_null(statement: Statement) -> bool:
    """Whether the interval leaves out the value without an effect; no interval leaves out none."""
    return statement.found.low > statement.null or statement.found.high < statement.null
