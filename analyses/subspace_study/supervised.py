"""The smallest linear subspace of the hidden state with which all tasks so far are still solved.

Where tasks have weights of their own (masks, hypernetworks, networks from scratch) the paper has no such dimension, and
it is NaN here, too; that of the first and of the last task alone is measured for every method. A network that does not
solve the tasks itself, because it did not learn or has forgotten them, has none either.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from subspace_study.config import Measures
from subspace_study.networks import Answering, have_same_weights
from wmcl.dimensionality.supervised import joint_supervised_subspace


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
