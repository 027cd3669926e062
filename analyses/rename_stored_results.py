"""Give the stored results of the docs the names of version 0.8, and prove that nothing but names changed.

Names of variables, coordinates and dimensions shadowed those of xarray; some labels have other words. Values, dtypes,
compression and all other attributes stay as they are. Run once, from the root: python analyses/rename_stored_results.py
"""

import json
import re
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from wmcl.whole_file import write_whole

EVERYWHERE = {
    "load": "memory_load",
    "quantile": "probability",
    "count": "dimensions_counted",
    "settings": "hyperparameters",
    "has_published_settings": "has_published_hyperparameters",
}
LENGTHS = {"method": "dimension_estimator", "size": "change"}
REAL_DATA = {"size": "task_size"}
COMPARISONS = {"method": "approach"}
ATTRIBUTES = {"failed_cells": "failed_entries", "cells_computed": "entries_computed", "size": "task_size"}
ROWS = {"HNET+R": "HNET + replay"}
REDUCTIONS = {"reference": "sequence"}
KEYS = {"hyperparameters": "of_method"}
"""in the JSON of a row, which is called hyperparameters itself"""
STORED = ("zlib", "complevel", "shuffle", "chunksizes", "dtype", "contiguous", "fletcher32")


def names_in(path: Path) -> dict[str, str]:
    """The new names of what a file holds, by the old ones."""
    if path.stem.startswith("importance_vs_length"):
        return EVERYWHERE | LENGTHS
    return EVERYWHERE | (REAL_DATA if path.stem.startswith("importance_on") else COMPARISONS)


def renamed(value: Any, name: str = "") -> Any:
    """Labels, and values of JSON, in their new words."""
    if isinstance(value, dict):
        return {KEYS.get(key, key): renamed(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, name) for each in value]
    if not isinstance(value, str):
        return value
    return REDUCTIONS.get(value, value) if name.startswith("reduction") else ROWS.get(value, value)


def text(value: str, name: str) -> str:
    """A label or a text in its new words; JSON keeps its form."""
    if value.startswith("{") and name != "versions":
        record = json.loads(value)
        assert value == json.dumps(record, sort_keys=True), value
        return json.dumps(renamed(record), sort_keys=True)
    return re.sub(r"HNET\+R", "HNET + replay", str(renamed(value, name)))


def new_attributes(attributes: dict[str, Any], names: dict[str, str], old: str = "") -> dict[str, Any]:
    """Attributes of a variable or of a file; ``coordinates`` names variables."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if name == "coordinates":
            found[name] = " ".join(names.get(word, word) for word in value.split(" "))
        elif old:
            found[name] = value.replace("attribute size", "attribute task_size") if isinstance(value, str) else value
        else:
            found[ATTRIBUTES.get(name, name)] = text(value, name) if isinstance(value, str) else value
    return found


def converted(path: Path) -> bytes:
    """The file with its new names, in memory."""
    names = names_in(path)
    with xr.open_dataset(path, decode_cf=False) as stored:
        dataset = stored.load()
    variables, encoding = {}, {}
    for old, variable in dataset.variables.items():
        values = variable.values
        if values.dtype.kind in "OUT":
            values = np.array([text(each, str(old)) for each in values.ravel()], object).reshape(values.shape)
        new = names.get(str(old), str(old))
        dims = [names.get(str(dim), str(dim)) for dim in variable.dims]
        variables[new] = xr.Variable(dims, values, new_attributes(variable.attrs, names, str(old)))
        encoding[new] = {key: variable.encoding[key] for key in STORED if key in variable.encoding}
        if values.dtype.kind in "OUT":
            encoding[new] = {}  # whose dtype is as wide as the old labels
        elif encoding[new].get("contiguous"):
            encoding[new] = {"dtype": variable.encoding["dtype"]}
    made = xr.Dataset(variables, attrs=new_attributes(dataset.attrs, names))
    return bytes(made.to_netcdf(None, engine="netcdf4", encoding=encoding))


def comparable(attributes: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Type and value of each attribute."""
    return {
        name: (
            type(value).__name__ if isinstance(value, str) else np.asarray(value).dtype.str,
            np.asarray(value).tolist(),
        )
        for name, value in attributes.items()
    }


def prove(path: Path, content: bytes) -> int:
    """Compare the old file with the new one below xarray.

    Raises:
        AssertionError: if anything but a name differs.
    """
    names, changed = names_in(path), 0
    with netCDF4.Dataset(path) as old, netCDF4.Dataset("new", memory=content) as new:
        assert {names.get(n, n) for n in old.variables} == set(new.variables)
        assert {names.get(n, n): len(d) for n, d in old.dimensions.items()} == {
            n: len(d) for n, d in new.dimensions.items()
        }
        assert comparable(new_attributes(old.__dict__, names)) == comparable(new.__dict__)
        for name, one in old.variables.items():
            other = new.variables[names.get(name, name)]
            changed += name in names
            for each in (one, other):
                each.set_auto_maskandscale(False)
            assert tuple(names.get(d, d) for d in one.dimensions) == other.dimensions, name
            assert one.dtype == other.dtype and one.filters() == other.filters(), name
            assert one.chunking() == other.chunking() and one.endian() == other.endian(), name
            before, after = new_attributes(one.__dict__, names, name), dict(other.__dict__)
            assert repr(before.pop("_FillValue", None)) == repr(after.pop("_FillValue", None)), name
            assert comparable(before) == comparable(after), name
            a, b = np.asarray(one[...]), np.asarray(other[...])
            if a.dtype.kind in "OUT":
                assert [text(x, name) for x in a.ravel()] == b.ravel().tolist(), name
            else:
                assert a.shape == b.shape and a.tobytes() == b.tobytes(), name
    return changed


def main() -> None:
    """Rewrite every file, each whole or not at all, once all of them are proved."""
    made = {path: converted(path) for path in sorted(Path("docs/results").glob("*.nc"))}
    counts = {path: prove(path, content) for path, content in made.items()}
    for path, content in made.items():
        write_whole(content, path)
        print(f"{path}: {counts[path]} names of variables changed, {len(content)} bytes")


if __name__ == "__main__":
    main()
