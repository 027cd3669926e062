"""What the study says about each question, as means with t intervals over networks of the same seeds."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import xarray as xr

from subspace_study.outcome import slope
from wmcl.statistics import mean_interval

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


def estimate(per_seed: xr.DataArray) -> Estimate:
    """Of one number a network, NaN where a network has none."""
    found = mean_interval(per_seed)
    return Estimate(float(found["mean"]), float(found["low"]), float(found["high"]), int(found["n"]))


def statements(results: xr.Dataset) -> list[Statement]:
    """All of them, in the order of the questions; without those that no network has a number for."""
    parts = (_growth, _joint, _inside, _inside_compared, _heads, _distance)
    return [each for part in parts for each in part(results) if each.found.n]


def _methods(results: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    for row, name in enumerate(results.method.values.tolist()):
        yield name, results.isel(condition=row, drop=True)


def _growth(results: xr.Dataset) -> Iterator[Statement]:
    """Slopes of logarithms: exp(slope) is the factor a task. A sum grows anyhow, also if all tasks add the same."""
    if "accumulated_growth" not in results:
        return
    question = "Does importance grow with the number of tasks?"
    at = results.sel(kind="sampled", statistic="mean")
    number = at.trained_task + 1.0
    equal = float(slope(xr.ufuncs.log(number), number, ["trained_task"]))
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
        for phase in one.phase.values.tolist():
            at = one.sel(phase=phase)
            steps = "output phase" if phase == "output" else "all steps"
            ratio, less = estimate(at.joint_to_sum), estimate(at.last_increase - at.first_increase)
            yield Statement(question, name, f"joint over sum of components, {steps}", "1", 1.0, ratio)
            text = f"components that the last task adds, minus those that the second added, {steps}"
            yield Statement(question, name, text, "1", 0.0, less)


def _inside(results: xr.Dataset) -> Iterator[Statement]:
    if "share_inside" not in results:
        return
    question = "Does the variance of later tasks lie in the subspace of task 1?"
    chance = float(results.share_by_chance)
    for name, one in _methods(results):
        for directions, text in DIRECTIONS.items():
            share = estimate(one.share_inside.sel(directions=directions))
            yield Statement(question, name, f"share in directions of task 1 {text}", "1", chance, share)
        own = estimate(one.share_of_own)
        yield Statement(question, name, "share in as many directions of its own, the ceiling", "1", math.nan, own)


def _inside_compared(results: xr.Dataset) -> Iterator[Statement]:
    by_name = dict(_methods(results))
    if "share_inside" not in results or not {GENERATED, WEIGHT_METHOD} <= by_name.keys():
        return
    difference = by_name[GENERATED].share_inside - by_name[WEIGHT_METHOD].share_inside
    both = f"{GENERATED} minus {WEIGHT_METHOD}"
    for directions, text in DIRECTIONS.items():
        question = f"Does that share differ between {GENERATED} and {WEIGHT_METHOD}?"
        quantity = f"difference within seeds, directions of task 1 {text}"
        yield Statement(question, both, quantity, "1", 0.0, estimate(difference.sel(directions=directions)))


def _heads(results: xr.Dataset) -> Iterator[Statement]:
    question = "Are read-outs more alike than by chance?"
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
