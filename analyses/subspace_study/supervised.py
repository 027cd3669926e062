"""The smallest linear subspace of the hidden state with which all tasks so far are still solved.

Where tasks have weights of their own (masks, hypernetworks, networks from scratch) the paper has no such dimension, and
it is NaN here, too; that of the task just learned is measured for every method.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from subspace_study.config import Measures
from subspace_study.networks import Answering, have_same_weights
from wmcl.dimensionality import joint_supervised_subspace


def supervised(every: list[Answering], just_learned: Sequence[int], seeds: Sequence[int], measures: Measures) -> xr.Dataset:
    """Both dimensions (NaN where the largest number of columns is too few) and the accuracy by number of columns.

    Args:
        every: tasks so far.
        just_learned: numbers of the tasks of the phase; if there are several, none of them is looked at alone.
        seeds: of the networks.
        measures: how to grow a subspace.

    Returns:
        ``supervised_dimension`` (seed), ``own_supervised_dimension`` (seed) and ``supervised_accuracy`` (seed, column)
        of all tasks together, NaN from the column on that follows the first to meet the criterion.
    """
    unknown = np.full(len(seeds), np.nan)
    own, joint = unknown, unknown
    accuracy = np.full((len(seeds), measures.supervised_largest), np.nan)
    alone = [each for each in every if [each.number] == list(just_learned)]
    if alone:
        own, own_accuracy = _grow(alone, seeds, measures)
    if len(every) == 1 and alone:
        joint, accuracy = own, own_accuracy
    elif have_same_weights(every):
        joint, accuracy = _grow(every, seeds, measures)
    return xr.Dataset(
        {
            "supervised_dimension": ("seed", joint),
            "own_supervised_dimension": ("seed", own),
            "supervised_accuracy": (("seed", "column"), accuracy),
        },
        {"column": np.arange(1, measures.supervised_largest + 1)},
    )


def _grow(every: list[Answering], seeds: Sequence[int], measures: Measures) -> tuple[np.ndarray, np.ndarray]:
    found = joint_supervised_subspace(
        [each.network for each in every],
        [each.task for each in every],
        every[0].weights,
        seeds,
        measures.supervised_largest,
        criterion=measures.supervised_criterion,
        iterations=measures.supervised_iterations,
        samples=measures.supervised_samples,
    )
    dimension = found.dimension(measures.supervised_criterion).cpu().numpy()
    accuracy = np.full((len(seeds), measures.supervised_largest), np.nan)
    accuracy[:, : found.accuracy.shape[1]] = found.accuracy.cpu().numpy()
    beyond = np.arange(1, measures.supervised_largest + 1) > dimension[:, None]  # others of the ensemble may go on
    return dimension, np.where(beyond, np.nan, accuracy)
