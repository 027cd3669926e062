r"""This module measures what a run over K tasks kept, lost and gained, from the accuracies after each of them.

``accuracy`` is A with the dimensions ``trained_task`` and ``evaluated_task``, both 0, 1, …, K - 1 in the order of
training, and any others, such as ``seed``: A[l, j] is the accuracy on task j right after task l was learned.

Nothing is left out silently: a measure is NaN if any entry that it needs is. So of a method that learns all tasks at
once, whose A has its last row alone, only the final accuracy is defined. Training from scratch has no network of a task
before that task, so nothing above the diagonal: its forward transfer is NaN, and as networks stay as they are, its
forgetting and backward transfer are 0. With a single task there is nothing to forget or to transfer.
"""

import xarray as xr

from wmcl.check_arguments import checked
from wmcl.labels import ANSWERS, label

ROWS, COLUMNS = "trained_task", "evaluated_task"


@checked
def during(accuracy: xr.DataArray) -> xr.DataArray:
    r"""Return the mean accuracy on tasks right after each was learned, :math:`\frac{1}{K} \sum_j A_{jj}`.

    It is that of Ehret et al. (ICLR 2021).
    """
    return _label(accuracy, _diagonal(accuracy).mean(COLUMNS, skipna=False), "mean over tasks, right after each")


@checked
def final(accuracy: xr.DataArray) -> xr.DataArray:
    r"""Return the mean accuracy on all tasks after the last one, :math:`\frac{1}{K} \sum_j A_{K-1, j}`.

    It is that of Ehret et al. (ICLR 2021), and the average accuracy of Lopez-Paz and Ranzato (NeurIPS 2017).
    """
    return _label(accuracy, _last(accuracy).mean(COLUMNS, skipna=False), "mean over all tasks after the last one")


@checked
def forgetting(accuracy: xr.DataArray) -> xr.DataArray:
    r"""Return how much of the best accuracy of a task is lost in the end, the mean over all tasks but the last.

    .. math::
        \frac{1}{K - 1} \sum_{j < K-1} \left( \max_{j \le l < K-1} A_{lj} - A_{K-1, j} \right)

    It is that of Chaudhry, Dokania, Ajanthan and Torr (ECCV 2018), except that they also look for the maximum before
    task j was learned. Forgetting is negative if tasks gain from later ones.
    """
    best = _earlier(accuracy).max(ROWS, skipna=False)
    found = _mean_of_earlier_tasks(best - _last(accuracy))
    return _label(accuracy, found, "loss since the best moment, mean over earlier tasks")


@checked
def backward_transfer(accuracy: xr.DataArray) -> xr.DataArray:
    r"""Return what later tasks did to earlier ones, :math:`\frac{1}{K-1} \sum_{j<K-1} (A_{K-1,j} - A_{jj})`.

    It is that of Lopez-Paz and Ranzato (NeurIPS 2017), and negative if tasks are forgotten.
    """
    found = _mean_of_earlier_tasks(_last(accuracy) - _diagonal(accuracy))
    return _label(accuracy, found, "gain since a task was learned, mean over earlier tasks")


@checked
def forward_transfer(accuracy: xr.DataArray, untrained: xr.DataArray) -> xr.DataArray:
    r"""Return what earlier tasks gave to later ones, :math:`\frac{1}{K-1} \sum_{j \ge 1} (A_{j-1,j} - b_j)`.

    It is that of Lopez-Paz and Ranzato (NeurIPS 2017). With a head a task, that of task j has not been trained then.

    Args:
        accuracy: A.
        untrained: b, accuracy of the same network before the first task, with the dimension ``evaluated_task``.
    """
    tasks = _tasks(accuracy)
    gains = [accuracy.isel({ROWS: j - 1, COLUMNS: j}) - untrained.isel({COLUMNS: j}) for j in range(1, tasks)]
    found = _mean(gains) if gains else _nothing(accuracy)
    return _label(accuracy, found, "gain over the untrained network before a task is learned, mean over later tasks")


@checked
def intransigence(accuracy: xr.DataArray, from_scratch: xr.DataArray) -> xr.DataArray:
    r"""Return how much less a method learns than training from scratch, :math:`\frac{1}{K} \sum_j (A^*_{jj} - A_{jj})`.

    It follows Chaudhry et al. (ECCV 2018), but with networks of their own (from scratch) as reference A*, where they
    take one that is trained on all tasks up to j at once. Networks of the same seed are compared.

    Args:
        accuracy: A.
        from_scratch: A* of training from scratch; a seed that it lacks gives NaN.
    """
    reference = during(from_scratch)
    if "seed" in accuracy.dims and "seed" in reference.dims:
        reference = reference.reindex(seed=accuracy.seed)
    return _label(accuracy, reference - during(accuracy), "loss against training from scratch, mean over tasks")


def _label(accuracy: xr.DataArray, found: xr.DataArray, text: str) -> xr.DataArray:
    """Say what was made of the accuracy, or of what else was given in its place."""
    quantity, units = accuracy.attrs.get("long_name", "accuracy"), accuracy.attrs.get("units", ANSWERS)
    return label(found).assign_attrs(long_name=f"{quantity}: {text}", units=units)


def _tasks(accuracy: xr.DataArray) -> int:
    for name in (ROWS, COLUMNS):
        if name not in accuracy.dims:
            raise ValueError(f"accuracy has the dimensions {accuracy.dims}: it needs {name}")
    rows, columns = accuracy.sizes[ROWS], accuracy.sizes[COLUMNS]
    if rows != columns:
        raise ValueError(f"accuracy is {rows} x {columns} tasks: it needs as many trained as evaluated ones")
    return rows


def _diagonal(accuracy: xr.DataArray) -> xr.DataArray:
    """Return A[j, j], along the evaluated tasks."""
    entries = [accuracy.isel({ROWS: j, COLUMNS: j}).drop_vars(ROWS, errors="ignore") for j in range(_tasks(accuracy))]
    return xr.concat(entries, COLUMNS)


def _last(accuracy: xr.DataArray) -> xr.DataArray:
    return accuracy.isel({ROWS: _tasks(accuracy) - 1}).drop_vars(ROWS, errors="ignore")


def _earlier(accuracy: xr.DataArray) -> xr.DataArray:
    """Return the rows before the last, with -inf before a task was learned, where no maximum is to be looked for."""
    tasks = _tasks(accuracy)
    row, column = (xr.DataArray(range(tasks), dims=name) for name in (ROWS, COLUMNS))
    known = accuracy.drop_vars([ROWS, COLUMNS], errors="ignore").where(row >= column, float("-inf"))
    found = known.isel({ROWS: slice(0, max(tasks - 1, 1))})
    return found.assign_coords({COLUMNS: accuracy[COLUMNS]}) if COLUMNS in accuracy.coords else found


def _mean_of_earlier_tasks(values: xr.DataArray) -> xr.DataArray:
    tasks = values.sizes[COLUMNS]
    if tasks < 2:
        return values.isel({COLUMNS: 0}, drop=True) * float("nan")
    return values.isel({COLUMNS: slice(0, tasks - 1)}).mean(COLUMNS, skipna=False)


def _nothing(accuracy: xr.DataArray) -> xr.DataArray:
    return accuracy.isel({ROWS: 0, COLUMNS: 0}, drop=True) * float("nan")


def _mean(values: list[xr.DataArray]) -> xr.DataArray:
    bare = [value.drop_vars([ROWS, COLUMNS], errors="ignore") for value in values]
    return xr.concat(bare, "term").mean("term", skipna=False)
