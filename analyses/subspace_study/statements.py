"""What the study says about each question, as means with t intervals over networks of the same seeds."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from wmcl.statistics import mean_interval

WEIGHT_METHOD, GENERATED = "online EWC", "HNET (chunked)"
"""whose shares of variance in the subspace of task 1 are compared"""


class Estimate(NamedTuple):
    """Mean over networks with its t interval."""

    mean: float
    low: float
    high: float
    n: int


class Statement(NamedTuple):
    """A quantity of a method, what it would be if there were no effect, and what was found."""

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
    found = [*_growth(results), *_joint(results), *_inside(results), *_heads(results), *_distance(results)]
    return [each for each in found if each.found.n]


def _methods(results: xr.Dataset) -> Iterator[tuple[str, xr.Dataset]]:
    for row, name in enumerate(results.method.values.tolist()):
        yield name, results.isel(condition=row, drop=True)


def _growth(results: xr.Dataset) -> Iterator[Statement]:
    """Differences of logarithms: exp(slope) is the factor a task."""
    if "accumulated_growth" not in results:
        return
    question = "Does importance grow with the number of tasks?"
    at = results.sel(kind="sampled", statistic="mean")
    for name, one in _methods(at):
        for connection in one.connection.values.tolist():
            for variable, text in (("accumulated_growth", "accumulated"), ("importance_growth", "each task's own")):
                quantity = f"{text} Fisher of W_{connection}, slope of its log"
                per_seed = one[variable].sel(connection=connection)
                yield Statement(question, name, quantity, "per task", 0.0, estimate(per_seed))


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
    chance, by_name = float(results.share_by_chance), dict(_methods(results))
    texts = {"first": "right after it was learned", "now": "in the present network"}
    for name, one in by_name.items():
        for directions, text in texts.items():
            share = estimate(one.share_inside.sel(directions=directions))
            yield Statement(question, name, f"share in directions of task 1 {text}", "1", chance, share)
    if {GENERATED, WEIGHT_METHOD} <= by_name.keys():
        for directions, text in texts.items():
            difference = (by_name[GENERATED].share_inside - by_name[WEIGHT_METHOD].share_inside).sel(
                directions=directions
            )
            quantity = f"the same share {text}, difference within seeds"
            both = f"{GENERATED} minus {WEIGHT_METHOD}"
            yield Statement(question, both, quantity, "1", 0.0, estimate(difference))


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


def verdict(statement: Statement) -> str:
    """Where the interval lies to the value without an effect."""
    found, null = statement.found, statement.null
    if np.isnan(found.low):
        return "no interval"
    if found.low > null:
        return "above"
    return "below" if found.high < null else "not told apart"
