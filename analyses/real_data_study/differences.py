"""How far conditions differ of which none grows out of another, such as tasks or languages."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from real_data_study.outcome import halves, per_of
from wmcl.statistics import agreement, mean_interval


@dataclass(frozen=True)
class Quantity:
    """One of which the conditions are compared."""

    values: Callable[[xr.Dataset], xr.DataArray]
    """of every condition and seed, at a stage"""
    form: str


QUANTITIES = {
    "steps to the loss": Quantity(lambda at: at.iteration.sel(side="after"), ".0f"),
    "components, last step": Quantity(lambda at: at.components.sel(phase="output"), ".1f"),
    "components, all steps": Quantity(lambda at: at.components.sel(phase="all"), ".1f"),
    "effective rank, all steps": Quantity(lambda at: at.effective_rank.sel(phase="all"), ".1f"),
}
"""beside the importances"""


def differences(results: xr.Dataset, stage: str) -> xr.Dataset:
    """The range of the means of the conditions, and whether networks agree on their order.

    Importances have geometric means over the networks that reached the loss. Conditions that no network
    brought there are left out, and so is what no network has.

    Returns:
        ``lowest`` and ``highest`` (quantity), means, with ``lowest_condition`` and ``highest_condition``; ``agreement``
        and ``p`` (quantity), see :func:`agreement`; ``n`` (quantity), seeds that reached the loss in all conditions.
    """
    at = results.sel(stage=stage)
    at = at.isel(condition=np.flatnonzero(at.reached.sum("seed") > 0))
    per = per_of(results)
    measured = {
        f"{kind} of {name} per {per}": at.importance.sel(kind=kind, per=per, connection=connection, statistic="mean")
        for kind in results.kind.values.tolist()
        for name, connection in halves(results).items()
    }
    measured |= {name: quantity.values(at) for name, quantity in QUANTITIES.items()}
    rows = [
        _range(values.transpose("condition", "seed"), name not in QUANTITIES).expand_dims(quantity=[name])
        for name, values in measured.items()
        if bool(values.notnull().any())
    ]
    return xr.concat(rows, "quantity") if rows else xr.Dataset(coords={"quantity": []})


def _range(values: xr.DataArray, log: bool) -> xr.Dataset:
    plain = values.reset_coords(drop=True)
    means = mean_interval(plain.where(plain > 0) if log else plain, log=log)["average"]
    low, high = (int(place) for place in (means.argmin("condition"), means.argmax("condition")))
    complete = plain.values[:, np.isfinite(plain.values).all(0)]
    found, p = agreement(complete.T)
    return xr.Dataset(
        {
            "lowest": means.isel(condition=low, drop=True),
            "highest": means.isel(condition=high, drop=True),
            "lowest_condition": str(values.task.values[low]),
            "highest_condition": str(values.task.values[high]),
            "agreement": found,
            "p": p,
            "n": complete.shape[1],
        }
    )
