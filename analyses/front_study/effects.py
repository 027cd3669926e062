"""How a number of every setting and network depends on the tasks and the importance, within each network."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from front_study.design import VARIED
from front_study.matching import values_along
from front_study.methods import IMPORTANCES, MULTITASK
from wmcl import statistics

TERMS = ("memory_load", "retention", "lead")
PREDICTORS = ("level", "effective_fraction", "overlap")


def slopes(values: xr.DataArray) -> xr.DataArray:
    """Estimate the change from the lowest to the highest load, retention and lead over the settings without xor.

    For each seed, y = β_0 + Σ_k β_k x_k is fitted by least squares, with x_k = (log z_k - min log z_k) / (max - min)
    and z the load, the retention and 1 + lead. With two levels of each, all crossed, β_k is the mean paired difference
    of high and low.

    Args:
        values: with dimensions setting and seed and the coordinates of the settings.

    Returns:
        With dimensions term and seed; NaN for a term that does not vary or cannot be told from others.
    """
    plain = values.isel(setting=values.xor.values == 0)
    columns = {name: _from_low_to_high(plain[name] + (name == "lead")) for name in TERMS}
    return statistics.slopes(plain.transpose("seed", "setting"), columns, "setting")


def xor_differences(values: xr.DataArray) -> xr.DataArray:
    """Compute the difference between r permutations and none, the mean over all pairs of otherwise equal settings.

    Returns:
        With dimensions term (``xor 1``, …) and seed; no terms if no target has an exclusive or.
    """
    places = {key: k for k, key in enumerate(values_along(values))}
    found, last = {}, VARIED.index("xor")
    for r in sorted({key[last] for key in places} - {0}):
        partners = {k: (*key[:last], 0) for key, k in places.items() if key[last] == r}
        pairs = [(k, places[other]) for k, other in partners.items() if other in places]
        if pairs:
            own, partner = (values.isel(setting=list(side)).drop_vars("setting") for side in zip(*pairs, strict=True))
            found[f"xor {r}"] = (own - partner.assign_coords(own.coords)).mean("setting", skipna=False)
    if not found:
        nothing = np.zeros((0, values.sizes["seed"]))
        return xr.DataArray(nothing, {"term": np.array([], str), "seed": values.seed}, ("term", "seed"))
    return xr.concat([each.reset_coords(drop=True) for each in found.values()], "term").assign_coords(term=list(found))


def all_effects(values: xr.DataArray) -> xr.DataArray:
    """Return slopes and differences together."""
    parts = [slopes(values).reset_coords(drop=True), xor_differences(values)]
    return xr.concat([part for part in parts if part.sizes["term"]], "term", join="exact")


def shortfalls(volume: xr.DataArray) -> xr.DataArray | None:
    """Compute the hypervolume of multitask minus that of each other method; None without multitask."""
    if MULTITASK not in volume.approach.values:
        return None
    others = [name for name in volume.approach.values.tolist() if name != MULTITASK]
    return volume.sel(approach=MULTITASK, drop=True) - volume.sel(approach=others)


def advantages(volume: xr.DataArray, row: str) -> Mapping[str, xr.DataArray]:
    """Compute the hypervolume of a row minus that of each importance method, and of the best of them.

    The best is that of a setting: with the largest mean hypervolume over seeds on validation data.

    Args:
        volume: with dimensions setting, approach, seed and data.
        row: a hypernetwork.

    Returns:
        By name, with dimensions setting and seed, on test data; nothing where rows are missing.
    """
    others = [name for name in IMPORTANCES if name in volume.approach.values]
    if row not in volume.approach.values or not others:
        return {}
    test = volume.sel(data="test", drop=True)
    own, among = test.sel(approach=row, drop=True), test.sel(approach=others)
    best = among.isel(approach=_best(volume, others))
    against = {"the best of them": best.drop_vars("approach")}
    against |= {name: among.sel(approach=name, drop=True) for name in others}
    return {name: own - other for name, other in against.items()}


def best_names(volume: xr.DataArray) -> list[str]:
    """Name the best importance method of each setting."""
    others = [name for name in IMPORTANCES if name in volume.approach.values]
    return [others[int(k)] for k in _best(volume, others)]


def predictors_of(results: xr.Dataset) -> xr.DataArray:
    """Return what may predict a hypervolume, of every setting, method and seed; the level as its logarithm."""
    logs = np.log(results.level.where(results.level > 0))
    columns = {"level": logs, "effective_fraction": results.effective_fraction, "overlap": results.overlap}
    parts = [columns[name].reset_coords(drop=True) for name in PREDICTORS]
    return xr.concat(parts, "predictor").assign_coords(predictor=list(PREDICTORS))


def _best(volume: xr.DataArray, methods: list[str]) -> xr.DataArray:
    """Find the place of the best of some methods in each setting."""
    return volume.sel(approach=methods, data="validation").mean("seed").fillna(-1).argmax("approach")


def _from_low_to_high(values: xr.DataArray) -> xr.DataArray:
    logs: xr.DataArray = xr.apply_ufunc(np.log, values)
    span = float(logs.max() - logs.min())
    return (logs - logs.min()) / span if span > 0 else 0 * logs
