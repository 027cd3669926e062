"""Draw the accuracy on each task after each task."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from wmcl.methods import Measures, TrainedSession, measure_run
from wmcl.plotting.data import alone, pick, require
from wmcl.plotting.draw import accuracy_bar, axes_of
from wmcl.plotting.style import MAP

NUMBERED = 5
"""tasks up to which cells have room for their numbers"""


def plot_accuracy_matrix(
    run_or_results: Iterable[TrainedSession] | xr.Dataset, *, ax: Axes | None = None, bar: bool = True, **chosen: Any
) -> Axes:
    """Draw the accuracy on each task (columns) after each task (rows), the mean over networks.

    Colours go from chance, where the Dataset tells it in its attribute ``chance``, to 100 %. Cells that were not
    measured are grey. The label says so if networks were told the task by more than a head of its own.

    Args:
        run_or_results: a run of :func:`wmcl.methods.train_sequence`, which is consumed, or a Dataset with ``accuracy``
            and the dimensions ``trained_task`` and ``evaluated_task``, as of :func:`wmcl.methods.measure_run`.
        ax: axes to draw on; a new figure by default.
        bar: whether to add the colour bar.
        **chosen: labels of other dimensions and values of coordinates, e.g. ``approach="SI"``; the test set by default.

    Returns:
        The axes.

    Raises:
        ValueError: if the Dataset has no such accuracy, or if a dimension remains of which nothing is chosen.

    Examples:
        >>> import xarray as xr
        >>> after = [[0.9, 0.5], [0.6, 0.8]]
        >>> results = xr.Dataset({"accuracy": (("trained_task", "evaluated_task"), after)}, attrs={"chance": 0.5})
        >>> ax = plot_accuracy_matrix(results)
        >>> [text.get_text() for text in ax.texts]
        ['90', '50', '60', '80']
    """
    if isinstance(run_or_results, xr.Dataset):
        results = run_or_results
    else:
        results = measure_run(run_or_results, Measures(data=("test",), importance_samples=0, state_samples=0))
    require(results, "accuracy")
    given = {"data": "test"} if "data" in results.accuracy.dims else {}
    values = pick(results.accuracy, **given | chosen)
    mean = 100 * alone(values.mean("seed") if "seed" in values.dims else values, "trained_task", "evaluated_task")
    chance = results.attrs.get("chance")
    axes, tasks = axes_of(ax), mean.sizes["trained_task"]
    low = 0.0 if chance is None else 100 * float(chance)
    image = axes.imshow(np.ma.masked_invalid(mean.values), vmin=low, vmax=100, cmap=MAP)
    _cells(axes, mean.values, bright_from=(low + 100) / 2)
    marked = range(tasks) if tasks <= NUMBERED else [0, tasks - 1]
    names = [str(task + 1) for task in marked]
    axes.set_xticks(marked, names)
    axes.set_yticks(marked, names)
    axes.tick_params(length=0, pad=1)
    axes.spines[:].set_visible(False)
    told = str(results.attrs.get("told_the_task_by", ""))
    mark = f"\n(told the task by {told})" if told not in ("", "head") else ""
    axes.set(xlabel=f"accuracy on task{mark}", ylabel="after task")
    if bar:
        accuracy_bar(image, axes, chance, str(results.attrs.get("answers", "answers")))
    return axes


def _cells(axes: Axes, values: np.ndarray, bright_from: float) -> None:
    """Write the value in each cell where there is room for it, and leave grey what was not measured."""
    for (y, x), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="0.93", edgecolor="white", linewidth=0.5))
        elif len(values) <= NUMBERED:
            colour = "black" if value > bright_from else "white"
            axes.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=7, color=colour)
