"""What the measures come to: exponents in the size of a condition, the law, and what predicts forgetting."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from real_data_study.design import Config
from wmcl.labels import label
from wmcl.statistics import effects, law, rank_correlations, slope
from wmcl.statistics.association import without_means

OVERLAPS = ("overlap_states_last_step", "overlap_states_all_steps", "overlap_fisher")
BASELINES = ("second_accuracy", "moved")
PREDICTORS = (*OVERLAPS, *BASELINES)
FORGETTING = ("forgetting_loss", "forgetting_accuracy")
TERMS = ("memory_load", "retention", "lead")
WEIGHTS = {"connection": "hh", "statistic": "mean"}
"""importance that the report is about"""
HALVES = {"W_hh": "hh", "W_hh_reverse": "hh_reverse"}
"""recurrent weights, and those that read backwards beside them in networks that read in both directions"""


def halves(results: xr.Dataset) -> dict[str, str]:
    """The connection of each recurrent matrix that the networks have."""
    return {name: connection for name, connection in HALVES.items() if connection in results.connection.values}


def per_of(results: xr.Dataset) -> str:
    """What losses are matched for, and what importances are compared per."""
    return str(results.attrs.get("per", "bit"))  # files from before there was a choice do not say


def add_outcome(results: xr.Dataset, config: Config) -> xr.Dataset:
    """Add exponents, law and correlations, and say what the data are."""
    data = config.data
    results = _demands_of_conditions(results).assign_attrs(
        data=data.data,
        note=data.note,
        per=data.per,
        task_size=data.task_size,
        main_stage=str(config.stages.main_loss),
        smallest=data.smallest or "",
    )
    if lines(results):
        results = results.merge(exponents(results), combine_attrs="override")
    if "pair" in results.dims:
        results["correlation"] = correlations(results)
    units = {"bit": "nats per bit of the answer", "answer": "nats per answer"}[data.per]
    return label(results, **{name: (text, units) for name, text in LOSSES.items()})


def _demands_of_conditions(results: xr.Dataset) -> xr.Dataset:
    """What a condition demands, as coordinates: means over seeds, as pairs of digits differ a little in length."""
    means = {name: ("condition", results[name].mean("seed").values) for name in (*TERMS, "steps")}
    kept = results.drop_vars([*TERMS, "steps", "in_law"])
    return kept.assign_coords(means | {"in_law": ("condition", results.in_law.max("seed").values.astype(int))})


def lines(results: xr.Dataset) -> dict[str, list[int]]:
    """Places of the conditions of each task that grows, from the smallest, which belongs to all, to the largest."""
    tasks, sizes = results.task.values.tolist(), results["task_size"].values.tolist()
    smallest = [k for k, task in enumerate(tasks) if task == results.attrs["smallest"]]
    found = {}
    for name in dict.fromkeys(tasks):
        own = sorted((k for k, task in enumerate(tasks) if task == name), key=lambda k: sizes[k])
        if name != results.attrs["smallest"]:
            found[name] = [*smallest, *own]
    return {name: places for name, places in found.items() if len({sizes[k] for k in places}) > 1}


def exponents(results: xr.Dataset) -> xr.Dataset:
    """Slopes of the logarithm of importance and dimension on that of the size, within each seed, of each task.

    Returns:
        ``importance_exponent`` (line, stage, seed, kind, connection, per) of the means over weights, and
        ``importance_exponent_without_smallest``, without the condition that all lines share,
        ``components_exponent`` and the like (line, stage, seed, phase). NaN for a seed that missed the loss in one of
        the conditions.
    """
    by_line = lines(results)
    measures = {
        "importance_exponent": results.importance.sel(statistic="mean", drop=True),
        "components_exponent": results.components,
        "participation_ratio_exponent": results.participation_ratio,
        "effective_rank_exponent": results.effective_rank,
        "iterations_exponent": results.iteration.sel(side="after", drop=True),
    }
    found = {
        name: xr.concat([_slope(values.isel(condition=places)) for places in by_line.values()], "line")
        for name, values in measures.items()
    }
    importance = measures["importance_exponent"]
    larger = [_slope(importance.isel(condition=places[1:])) for places in by_line.values()]
    found["importance_exponent_without_smallest"] = xr.concat(larger, "line")
    return xr.Dataset(found, {"line": list(by_line)})


def _slope(values: xr.DataArray) -> xr.DataArray:
    """Slope of log values on log size; NaN for a single size."""
    plain = values.drop_vars([name for name, each in values.coords.items() if "condition" in each.dims])
    sizes = xr.DataArray(np.log(values["task_size"].values.astype(float)), dims="condition")
    return slope(xr.ufuncs.log(plain.where(plain > 0).astype(float)), sizes, "condition")


def law_effects(results: xr.Dataset, stage: str, kind: str = "sampled") -> xr.Dataset:
    """Exponents of an importance of W_hh per bit in load, retention and lead, over the conditions of the law.

    See :func:`wmcl.statistics.effects`.
    """
    at = results.isel(condition=results.in_law.values.astype(bool)).sel(stage=stage)
    return effects(at.importance.sel(kind=kind, per=per_of(results), **WEIGHTS), law(*TERMS), (), reached=at.reached)


def remove_pairs(values: xr.DataArray) -> xr.DataArray:
    """Deviations of each network from the mean over seeds of its pair.

    NaN with fewer than three seeds: the deviations of two are each other's negatives, so they agree whatever they say.
    """
    return values - values.mean("seed") if values.sizes["seed"] > 2 else values * np.nan


CHANGES: Mapping[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "nothing": lambda values: values,
    "means of tasks": lambda values: without_means(values, ("first", "second"), "pair"),
    "means of pairs": remove_pairs,
}
"""what is taken off before ranks are compared"""


def correlations(results: xr.Dataset) -> xr.DataArray:
    """Spearman's over the pairs of tasks, of each seed, between each predictor and each forgetting."""
    return xr.concat([_correlations(results, change) for change in CHANGES.values()], "removed").assign_coords(
        removed=list(CHANGES)
    )


def _correlations(results: xr.Dataset, change: Callable[[xr.DataArray], xr.DataArray]) -> xr.DataArray:
    columns = {name: change(results[name]) for name in (*PREDICTORS, *FORGETTING)}
    predictors = xr.concat([columns[name] for name in PREDICTORS], "predictor", coords="minimal", compat="override")
    predictors = predictors.assign_coords(predictor=list(PREDICTORS))
    found = [rank_correlations(columns[name], predictors, "pair") for name in FORGETTING]
    return xr.concat(found, "forgetting").assign_coords(forgetting=list(FORGETTING))


_OVERLAP = "{} in the network after the first task, before the second is learned"
LOSSES = {
    "stage": "validation loss that networks are compared at",
    "loss": "test loss",
    "validation_loss": "validation loss on either side of the matched loss",
}
LABELS: dict[str, tuple[str, str]] = {
    "task": ("what is learned", "1"),
    "task_size": ("what grows: see the attribute task_size", "1"),
    "seed": ("seed of the network: initialisation and batches, and of digits, which ones are shown", "1"),
    "phase": ("steps that hidden states are taken of; output: the last one, where it alone is scored", "1"),
    "memory_load": ("bits of the answer: the entropy of the classes", "bits"),
    "retention": (
        "steps from the first one that the answer depends on to the answer, mean over bits and sequences",
        "steps",
    ),
    "lead": ("steps before the first one that the answer depends on, mean over sequences", "steps"),
    "steps": ("steps of a sequence, mean over sequences", "steps"),
    "importance": ("importance over the weights of a connection, in the units of its kind", "nats^2 by weight^2"),
    "accuracy": ("test accuracy", "fraction of answers"),
    "output_variance": ("mean p (1 - p) of the outputs", "1"),
    "distance_moved": ("distance from the initial weights over their norm", "1"),
    "stop_reason": ("why training ended", "1"),
    "line": ("what is learned in the conditions that an exponent is taken over", "1"),
    "importance_exponent": ("slope of log importance on log size, mean over weights", "1"),
    "importance_exponent_without_smallest": ("the same without the smallest size, which all tasks share", "1"),
    "components_exponent": ("slope of the log of the number of components on log size", "1"),
    "participation_ratio_exponent": ("slope of the log of the participation ratio on log size", "1"),
    "effective_rank_exponent": ("slope of the log of the effective rank on log size", "1"),
    "iterations_exponent": ("slope of the log of the training steps to the matched loss on log size", "1"),
    "first": ("number of the task that is learned first", "1"),
    "second": ("number of the task that is learned second", "1"),
    "overlap_states_last_step": (_OVERLAP.format("alignment of the states at the last step"), "1"),
    "overlap_states_all_steps": (_OVERLAP.format("alignment of the states at all steps"), "1"),
    "overlap_fisher": (_OVERLAP.format("overlap of the sampled Fishers"), "1"),
    "forgetting_loss": ("test loss on the first task after the second, minus before", "nats per answer"),
    "forgetting_accuracy": ("test accuracy on the first task before the second, minus after", "fraction of answers"),
    "first_loss": ("test loss on the first task right after it was learned", "nats per answer"),
    "first_accuracy": ("test accuracy on the first task right after it was learned", "fraction of answers"),
    "second_accuracy": ("test accuracy on the second task right after it was learned", "fraction of answers"),
    "moved": ("distance moved by the second task over the norm of the weights", "1"),
    "correlation": ("Spearman's rank correlation over pairs of tasks, within a seed", "1"),
    "predictor": ("what may predict forgetting", "1"),
    "forgetting": ("how forgetting is measured", "1"),
    "removed": ("what is taken off both before ranks are compared", "1"),
}
