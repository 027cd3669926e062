"""Which dimensions the hidden states of tasks fill, which of them heads read, and which suffice to solve the tasks.

The supervised dimension is that of the smallest linear subspace of the hidden state with which all tasks so far are
still solved. Where tasks have weights of their own (masks, hypernetworks, networks from scratch) the paper has no such
dimension, and it is NaN here, too; that of the first and of the last task alone is measured for every method. A network
that does not solve the tasks itself, because it did not learn or has forgotten them, has none either.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from subspace_study.design import Measures
from subspace_study.networks import Answering, have_same_weights
from wmcl.dimensionality import (
    components_for_variance,
    covariance_spectrum,
    hidden_states,
    participation_ratio,
    shared_variance,
    states,
)
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.dimensionality.row_spaces import compare_row_spaces
from wmcl.dimensionality.supervised import joint_supervised_subspace

PHASES = ["output", "all"]
DIRECTIONS = ["first", "now"]
"""whose principal directions of task 1: of the network right after task 1, or of the present one"""
States = dict[str, Float[Tensor, "member row unit"]]
"""by phase"""


def states_of(answering: Answering, samples: int) -> States:
    """h_t of the output phase, and of all steps."""
    probe = answering.sequences("states", samples)
    hidden = hidden_states(answering.network, answering.weights, probe)
    return {phase: states(hidden, probe, phase) for phase in PHASES}


def dimensions(found: States, variance: float) -> xr.Dataset:
    """``components`` for a share of the variance and ``participation_ratio``, around the common mean of the rows."""
    spectra = torch.stack([covariance_spectrum(found[phase]) for phase in PHASES], 1)
    measures = {
        "components": components_for_variance(spectra, variance).double(),
        "participation_ratio": participation_ratio(spectra),
    }
    return xr.Dataset(
        {name: (("seed", "phase"), value.cpu().numpy()) for name, value in measures.items()}, {"phase": PHASES}
    )


def joined(every: list[States]) -> States:
    """The states of several tasks, as one set."""
    return {phase: torch.cat([each[phase] for each in every], 1) for phase in PHASES}


def shared(first: States, now: States, found: States) -> xr.Dataset:
    """Shares of the variance in the output phase, for k = 1, 2, … directions.

    Args:
        first: states of task 1 right after it was learned.
        now: states of task 1 in the present network.
        found: states whose variance is taken, around their own mean.

    Returns:
        ``variance_inside`` (seed, directions, component): of the found states in principal directions of task 1, and
        ``own_variance`` (seed, component): in their own, which no other directions exceed.
    """
    inside = torch.stack([shared_variance(each["output"], found["output"]) for each in (first, now)], 1)
    own = cumulative_variance(covariance_spectrum(found["output"]))
    return xr.Dataset(
        {
            "variance_inside": (("seed", "directions", "component"), inside.cpu().numpy()),
            "own_variance": (("seed", "component"), own.cpu().numpy()),
        },
        {"directions": DIRECTIONS, "component": np.arange(1, own.shape[1] + 1)},
    )


def heads(every: list[Answering]) -> xr.Dataset:
    """Of all pairs of tasks: ``head_overlap``, ``head_norm`` and ``head_chance`` (seed, evaluated_task, other_task).

    NaN where both tasks are answered by the same rows of the head.
    """
    members, tasks = len(every[0].weights["W_out"]), len(every)
    found = np.full((3, members, tasks, tasks), np.nan)
    for one in every:
        for other in every:
            if one.number != other.number and one.network.heads > 1:
                a, b = (each.weights["W_out"][:, each.network.head_rows] for each in (one, other))
                found[:, :, one.number, other.number] = np.stack([x.cpu() for x in compare_row_spaces(a, b)])
    dims = ("seed", "evaluated_task", "other_task")
    names = ("head_overlap", "head_norm", "head_chance")
    return xr.Dataset(
        {name: (dims, value) for name, value in zip(names, found, strict=True)},
        {"evaluated_task": range(tasks), "other_task": range(tasks)},
    )


class Grown(NamedTuple):
    """What was found for each network."""

    dimension: Float[np.ndarray, "seed"]
    accuracy: Float[np.ndarray, "seed column"]


def supervised(
    every: list[Answering],
    accuracy: Float[np.ndarray, "seed task"],
    seeds: Sequence[int],
    tasks: int,
    measures: Measures,
) -> xr.Dataset:
    """Both dimensions, and the accuracy by number of columns.

    Args:
        every: tasks so far.
        accuracy: of the networks on each of them.
        seeds: of the networks.
        tasks: K; the task just learned is looked at alone if it is the first or the last.
        measures: how to grow a subspace.

    Returns:
        ``supervised_dimension`` (seed) of all tasks so far, ``own_supervised_dimension`` (seed) of the last of them,
        and ``supervised_accuracy`` (seed, column), the mean over all tasks so far, up to the dimension; NaN where there
        is none, and where the largest number of columns is too few.
    """
    nothing = Grown(np.full(len(seeds), np.nan), np.full((len(seeds), measures.supervised_largest), np.nan))
    own = joint = nothing
    if len(every) in (1, tasks):
        own = _grow(every[-1:], accuracy[:, -1:], seeds, measures)
    if len(every) == 1:
        joint = own
    elif have_same_weights(every):
        joint = _grow(every, accuracy, seeds, measures)
    return xr.Dataset(
        {
            "supervised_dimension": ("seed", joint.dimension),
            "own_supervised_dimension": ("seed", own.dimension),
            "supervised_accuracy": (("seed", "column"), joint.accuracy),
        },
        {"column": np.arange(1, measures.supervised_largest + 1)},
    )


def _grow(
    every: list[Answering], accuracy: Float[np.ndarray, "seed task"], seeds: Sequence[int], measures: Measures
) -> Grown:
    """For the networks that solve these tasks without a projection."""
    columns = np.arange(1, measures.supervised_largest + 1)
    dimension, by_column = np.full(len(seeds), np.nan), np.full((len(seeds), len(columns)), np.nan)
    solving = np.flatnonzero(accuracy.mean(1) >= measures.supervised_criterion).tolist()
    if not solving:
        return Grown(dimension, by_column)
    found = joint_supervised_subspace(
        [each.network for each in every],
        {name: value[solving] for name, value in every[-1].weights.items()},
        [each.task for each in every],
        [seeds[k] for k in solving],
        measures.supervised_largest,
        criterion=measures.supervised_criterion,
        iterations=measures.supervised_iterations,
        samples=measures.supervised_samples,
    )
    dimension[solving] = found.dimension(measures.supervised_criterion).cpu().numpy()
    by_column[solving, : found.accuracy.shape[1]] = found.accuracy.cpu().numpy()
    by_column[columns > dimension[:, None]] = np.nan  # where others of the ensemble need more
    return Grown(dimension, by_column)
