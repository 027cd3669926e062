"""Draw hidden states in their principal components."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from wmcl.plotting.data import MissingError, one_of
from wmcl.plotting.draw import axes_of
from wmcl.plotting.style import MAP


def plot_states(states: xr.DataArray, *, seed: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the hidden states of a network in the two directions that hold most of their variance.

    A dot is the state of one sequence at one step, its colour is the step, and the line goes through the mean state of
    each step. Where the phases of a sequence are known, the line names each where it begins. A direction points to
    where its largest weight is positive.

    Args:
        states: with the dimensions ``step``, ``sample`` and ``unit``, and ``seed`` if there are several networks, as of
            ``trained.hidden()``.
        seed: whose states; the first by default.
        ax: axes to draw on; a new figure by default.

    Returns:
        The axes.

    Raises:
        ValueError: if a dimension is missing, if the seed is not there, or if states are not finite or do not vary.

    Examples:
        >>> import numpy as np, xarray as xr
        >>> values = np.random.default_rng(0).normal(size=(4, 10, 3)) * [3, 1, 0]
        >>> ax = plot_states(xr.DataArray(values, dims=("step", "sample", "unit")))
        >>> ax.get_xlabel().startswith("first principal component")
        True
    """
    missing = [dim for dim in ("step", "sample", "unit") if dim not in states.dims]
    if missing:
        raise MissingError(f"states have no dimension {' and no '.join(missing)}, which the figure draws")
    if "seed" in states.dims:
        states = states.sel(seed=states.seed.values[0] if seed is None else one_of(states, "seed", seed))
    values = states.transpose("step", "sample", "unit").values.astype(float)
    rows = values.reshape(-1, values.shape[-1])
    if not np.isfinite(rows).all() or min(rows.shape) < 2 or not (rows.std(0) > 0).any():
        raise ValueError("states must be finite, of at least two units, and differ between steps or samples")
    centred = rows - rows.mean(0)
    _, size, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2]
    largest = np.abs(directions).argmax(1)
    directions *= np.sign(directions[[0, 1], largest])[:, None]
    places = (centred @ directions.T).reshape(*values.shape[:2], 2)
    axes, steps = axes_of(ax), np.arange(len(values))
    colours = np.repeat(steps, values.shape[1])
    first, second = places.reshape(-1, 2).T
    dots = axes.scatter(first, second, c=colours, cmap=MAP, s=4, alpha=0.35, linewidths=0)
    mean = places.mean(1)
    axes.plot(*mean.T, color="black", linewidth=0.8)
    _name_phases(axes, states, mean)
    share = 100 * size[:2] ** 2 / (size**2).sum()
    axes.set_xlabel(f"first principal component ({share[0]:.0f} % of the variance)")
    axes.set_ylabel(f"second principal component ({share[1]:.0f} %)")
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(dots, ax=axes, label="step")
    bar.solids.set_alpha(1)  # type: ignore[union-attr]
    return axes


def _name_phases(axes: Axes, states: xr.DataArray, mean: np.ndarray) -> None:
    """Write the name of each phase where the mean trajectory enters it."""
    phases = states["phase"].values.tolist() if "phase" in states.coords else []
    for step, phase in enumerate(phases):
        if step == 0 or phase != phases[step - 1]:
            axes.annotate(str(phase), mean[step], xytext=(3, 3), textcoords="offset points", fontsize=7)
            axes.plot(*mean[step], "o", color="black", markersize=3)
