"""Whether the heads of two tasks look at the same directions of what they read."""

import numpy as np
import xarray as xr

from subspace_study.networks import Answering
from wmcl.dimensionality.row_spaces import compare_row_spaces


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
