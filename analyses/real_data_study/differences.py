"""How far conditions differ of which none grows out of another, such as tasks or languages."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from real_data_study.outcome import halves, per_of
from wmcl.statistics import agreement, mean_interval


@dataclass(frozen=True)
class Difference:
    """How far the means of a quantity differ between conditions, and whether networks agree on their order."""

    quantity: str
    """what is compared, in words"""
    form: str
    """of its numbers"""
    lowest: float
    highest: float
    lowest_condition: str
    highest_condition: str
    agreement: float
    """Kendall's W"""
    p: float
    n: int
    """seeds that reached the loss in all conditions"""


def differences(results: xr.Dataset, stage: str) -> list[Difference]:
    """Compare the conditions in every importance, in training steps and in dimensions.

    Importances have geometric means over the networks that reached the loss. Conditions in which no network reached it
    are left out, and so are quantities that no network has.
    """
    at = results.sel(stage=stage)
    at = at.isel(condition=np.flatnonzero(at.reached.sum("seed") > 0))
    per = per_of(results)
    importances = [
        (f"{kind} of {name} per {per}", ".2e", at.importance.sel(kind=kind, per=per, connection=each, statistic="mean"))
        for kind in results.kind.values.tolist()
        for name, each in halves(results).items()
    ]
    others = [
        ("steps to the loss", ".0f", at.iteration.sel(side="after")),
        ("components, last step", ".1f", at.components.sel(phase="output")),
        ("components, all steps", ".1f", at.components.sel(phase="all")),
        ("effective rank, all steps", ".1f", at.effective_rank.sel(phase="all")),
    ]
    return [
        _difference(text, form, values.transpose("condition", "seed"), log)
        for quantities, log in ((importances, True), (others, False))
        for text, form, values in quantities
        if bool(values.notnull().any())
    ]


def _difference(quantity: str, form: str, values: xr.DataArray, log: bool) -> Difference:
    plain = values.reset_coords(drop=True)
    means = mean_interval(plain.where(plain > 0) if log else plain, log=log)["average"]
    low, high = (int(place) for place in (means.argmin("condition"), means.argmax("condition")))
    complete = plain.values[:, np.isfinite(plain.values).all(0)]
    found, p = agreement(complete.T)
    return Difference(
        quantity,
        form,
        lowest=float(means[low]),
        highest=float(means[high]),
        lowest_condition=str(values.task.values[low]),
        highest_condition=str(values.task.values[high]),
        agreement=found,
        p=p,
        n=complete.shape[1],
    )
