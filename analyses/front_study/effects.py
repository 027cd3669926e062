"""How a number of every setting and network depends on the tasks: slopes and paired differences within each network."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from front_study.methods import IMPORTANCES, MULTITASK
from wmcl.statistics.least_squares import fit

TERMS = ("memory_load", "retention", "lead")


def slopes(values: xr.DataArray) -> xr.DataArray:
    """Change from the lowest to the highest load, retention and lead, by least squares over the settings without xor.

    For each seed, y = β_0 + Σ_k β_k x_k with x_k = (log z_k - min log z_k) / (max - min) and z the load, the retention
    and 1 + lead. With two levels of each, all crossed, β_k is the mean paired difference of high and low.

    Args:
        values: with dimensions setting and seed and the coordinates of :mod:`front_study.outcome`.

    Returns:
        With dimensions term and seed; NaN for a term that does not vary or cannot be told from others.
    """
    plain = values.isel(setting=values.xor.values == 0)
    columns = {name: _from_low_to_high(plain[name].values + (name == "lead")) for name in TERMS}
    varying = [name for name in TERMS if np.ptp(columns[name]) > 0]
    result = xr.DataArray(
        np.full((len(TERMS), plain.sizes["seed"]), np.nan), {"term": list(TERMS), "seed": plain.seed}, ("term", "seed")
    )
    if varying:
        design = np.column_stack([columns[name] for name in varying])
        found = fit(plain.transpose("seed", "setting").values, design)[:, 1:]
        result.loc[{"term": varying}] = found.T
    return result


def xor_differences(values: xr.DataArray) -> xr.DataArray:
    """With r permutations minus without, the mean over all pairs of settings that are equal else.

    Returns:
        With dimensions term (``xor 1``, …) and seed; no terms if nothing is asked for by exclusive or.
    """
    others = ("independent_bits", "input_length", "lead")
    places = {
        tuple(int(values[name].values[k]) for name in ("xor", *others)): k for k in range(values.sizes["setting"])
    }
    found = {}
    for r in sorted({key[0] for key in places} - {0}):
        pairs = [(k, places[0, *key[1:]]) for key, k in places.items() if key[0] == r and (0, *key[1:]) in places]
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
    """Hypervolume of learning both tasks at once minus that of each other method: what learning one by one costs.

    Nothing without multitask.
    """
    if MULTITASK not in volume.approach.values:
        return None
    others = [name for name in volume.approach.values.tolist() if name != MULTITASK]
    return volume.sel(approach=MULTITASK, drop=True) - volume.sel(approach=others)


def advantages(volume: xr.DataArray, row: str) -> Mapping[str, xr.DataArray]:
    """Hypervolume of a row minus that of each importance method on shared weights, and of the best of them.

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
    place = _best(volume, others)
    best = among.isel(approach=place)
    against = {"the best of them": best.drop_vars("approach")}
    against |= {name: among.sel(approach=name, drop=True) for name in others}
    return {name: own - other for name, other in against.items()}


def best_names(volume: xr.DataArray) -> list[str]:
    """Which importance method is the best of each setting."""
    others = [name for name in IMPORTANCES if name in volume.approach.values]
    return [others[int(k)] for k in _best(volume, others)]


def _best(volume: xr.DataArray, methods: list[str]) -> xr.DataArray:
    """Place of the best of some methods in each setting."""
    return volume.sel(approach=methods, data="validation").mean("seed").fillna(-1).argmax("approach")


def _from_low_to_high(values: np.ndarray) -> np.ndarray:
    logs = np.log(values)
    span = np.ptp(logs)
    return np.asarray((logs - logs.min()) / span if span > 0 else np.zeros_like(logs))
