"""Draw importances against what conditions, tasks or stages differ in."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from wmcl.plotting.data import alone, choice, pick, require, stage_of
from wmcl.plotting.draw import Label, axes_of, label_beside, line_with_interval
from wmcl.plotting.style import COLOURS
from wmcl.plotting.text import axis_text, count_text, importance_label, value_text

USUAL = {"kind": ("sampled",), "connection": ("hh",), "statistic": ("mean",), "per": ("scored bit", "bit", "answer")}
"""what is drawn of a dimension of which nothing is chosen: the first of these that there is"""


def plot_importance(
    results: xr.Dataset,
    x: str = "input_length",
    hue: str | None = "pattern_length",
    *,
    ax: Axes | None = None,
    **chosen: Any,
) -> Axes:
    """Draw the mean importance of weights as lines with 95 % t intervals over networks.

    The importance is the sampled Fisher of W_hh per scored bit at the lowest matched loss, unless another kind,
    connection, unit or stage is chosen. Where all importances are positive, the mean is geometric and the axis
    logarithmic.

    Args:
        results: a Dataset with ``importance`` and the dimension ``seed``, of a sweep or of
            :func:`wmcl.methods.measure_run`.
        x: a coordinate of the conditions, or a dimension, e.g. ``trained_task``.
        hue: what tells lines apart; ``None`` draws one line.
        ax: axes to draw on; a new figure by default.
        **chosen: labels of dimensions and values of coordinates, e.g. ``kind="MAS"``, ``lead=0``.

    Returns:
        The axes.

    Raises:
        ValueError: if the Dataset has no importance, if a name or a value is not in it, or if a point is not
            determined by what is chosen.

    Examples:
        >>> import numpy as np, xarray as xr
        >>> coordinates = {"pattern_length": ("condition", [5, 5, 10]), "input_length": ("condition", [5, 10, 10])}
        >>> values = np.arange(1.0, 7.0).reshape(3, 2)
        >>> results = xr.Dataset({"importance": (("condition", "seed"), values)}, coordinates)
        >>> ax = plot_importance(results, x="input_length", hue="pattern_length")
        >>> ax.containers[0].lines[0].get_ydata().round(2)
        array([1.41, 3.46])
    """
    require(results, "importance")
    values, usual = results.importance, dict[str, Any]()
    for name, labels in USUAL.items():
        there = values[name].values.tolist() if name in values.dims else []
        usual[name] = next((label for label in (results.attrs.get(name), *labels) if label in there), None)
    if "stage" in values.dims and "stage" not in chosen:
        usual["stage"] = stage_of(results, results.attrs.get("main_stage"))
    usual = {name: label for name, label in usual.items() if label is not None and name not in (x, hue)}
    values = pick(values, ("condition", x), **usual | chosen)
    axes = axes_of(ax)
    draw_lines(axes, values, x, hue, bool((values > 0).where(values.notnull(), True).all()))
    axes.set_ylabel(importance_label(values))
    return axes


def draw_lines(axes: Axes, values: xr.DataArray, x: str, hue: str | None, log: bool) -> None:
    """Draw a line for each value of hue, with its label at its end and the number of networks above the axes.

    Raises:
        ValueError: if x or hue is no coordinate of the values, or does not determine each point.
    """
    known = [str(name) for name in values.coords if values[name].ndim == 1 and name != "seed"]
    if x not in known:
        raise ValueError(f"x is {x!r}: it must be one of {', '.join(known) or 'no coordinate of this dataset'}")
    if hue is not None and hue not in known:
        raise ValueError(f"hue is {hue!r}: it must be None or one of {', '.join(known)}")
    labels = list[Label]()
    for style, (label, own) in enumerate([("", values)] if hue is None else _groups(values, hue)):
        line = alone(own, "seed", *map(str, own[x].dims))
        _refuse_repeats(line, x)
        end = line_with_interval(axes, line.sortby(x), x, style, log)
        labels.append((label, end, COLOURS[style % len(COLOURS)]))
    if log:
        axes.set_yscale("log")
    axes.set_xlabel(axis_text(values[x]))
    if values[x].dtype.kind in "iu":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    n = values.count("seed")
    axes.set_title(f"{count_text(n.where(n > 0, n.max()))} networks", loc="left", fontsize=7)
    label_beside(axes, labels)


def _groups(values: xr.DataArray, hue: str) -> list[tuple[str, xr.DataArray]]:
    """Return the values of each line with its label."""
    (along,), every = values[hue].dims, values[hue].values
    unique = np.unique(every).tolist() if every.dtype.kind in "iuf" else list(dict.fromkeys(every.tolist()))
    groups = [values.isel({along: np.flatnonzero(every == value)}) for value in unique]
    if hue in values.dims:
        groups = [group.squeeze(along) for group in groups]
    return [(value_text(hue, value), group) for value, group in zip(unique, groups, strict=True)]


def _refuse_repeats(line: xr.DataArray, x: str) -> None:
    """Refuse a line with several points at one x, and name what tells these apart."""
    (along,), at = line[x].dims, line[x].values
    for value in np.unique(at):
        both = line.isel({along: np.flatnonzero(at == value)})
        if both.sizes[along] > 1:
            raise ValueError(f"{both.sizes[along]} conditions have {x} {value}: {choice(both, str(along))}")
