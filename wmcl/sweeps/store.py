"""Keep one file an entry, written whole or not at all, and never believed without a check.

A file is called ``<digest of the key>.safetensors``. It holds the key, the numbers, and the names, labels and
attributes of an :class:`xarray.Dataset`, as :mod:`wmcl.stored_file` writes them: a netCDF file takes some thirty times
as long to read. A truncated or altered file does not match the digest in it, and the file of another entry has another
key: either is reported, removed and computed again. Several runs may share a folder: a file appears in one step, and
the times of files are never looked at.

Ctrl-C waits until a file is written, as a finished entry would be lost. An interrupt of the netCDF library would do
worse: one that falls between its lock and the release leaves xarray waiting for that lock for ever.
"""

import tempfile
import warnings
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import xarray as xr
from filelock import FileLock, Timeout

from wmcl import stored_file
from wmcl.atomic_file import write_atomically
from wmcl.interrupt import Interrupt
from wmcl.sweeps.grid import digest

ENTRY_VERSION = 1
"""of the layout of a file; raise RESULTS_VERSION with it, so that files of another layout are not looked for"""


class Store:
    """Keep the finished entries of a folder.

    Raises:
        OSError: if the folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # now, and not when the first network has been trained
            pass

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Remove what runs that were killed left half written, unless another run writes here at this moment.

        Every run holds a lock on a file of its own, which ends with its process. What lay half written before the
        others were looked at belongs to none that began later. Where the file system knows no locks, half-written files
        stay; they are never read.
        """
        own = FileLock(self.folder / f"{uuid4().hex}.running")
        try:
            own.acquire(timeout=0)
        except (OSError, NotImplementedError):  # there are no locks
            yield
            return
        try:
            parts, others = list(self.folder.glob("*.part")), set(self.folder.glob("*.running"))
            if all(_is_left(other) for other in others - {Path(own.lock_file)}):
                for part in parts:
                    part.unlink(missing_ok=True)
            yield
        finally:
            own.release()
            Path(own.lock_file).unlink(missing_ok=True)

    def read(self, key: str) -> xr.Dataset | None:
        """Read the result of an entry, or nothing if it is missing or damaged (which is reported)."""
        path = self._path(key)
        if not path.is_file():
            return None
        with suppress(FileNotFoundError):  # another run removed the same damaged file
            result = _believed(path, key)
            return self._remove(path, key) if result is None else result
        return None

    def _remove(self, path: Path, key: str) -> xr.Dataset | None:
        """Remove a damaged file, unless another run has meanwhile put a good one in its place."""
        aside = path.with_name(f"{uuid4().hex}.part")
        path.rename(aside)
        result = _believed(aside, key)
        if result is not None:
            aside.rename(path)
            return result
        warnings.warn(f"{path} is damaged: removed, and its entry is computed again", UserWarning, stacklevel=3)
        aside.unlink()
        return None

    def write(self, key: str, result: xr.Dataset) -> None:
        """Store the result of an entry.

        Raises:
            OSError: names the file and the reason, e.g. a full disk.
            TypeError: if a variable holds neither numbers nor text, or if an attribute is neither, nor a list of these.
        """
        with Interrupt(held=True):
            arrays, description = _encode(result)
            stored_file.write(self._path(key), "entry", ENTRY_VERSION, arrays, {"key": key, **description})

    def _path(self, key: str) -> Path:
        return self.folder / f"{digest(key.encode())}.safetensors"


def _is_left(lock_file: Path) -> bool:
    """Tell whether the run that locked a file has ended, and remove the file then."""
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    lock_file.unlink(missing_ok=True)
    return True


def save_atomically(dataset: xr.Dataset, path: Path) -> None:
    """Write a netCDF file that appears complete or not at all.

    Raises:
        OSError: names the file and the reason, e.g. a full disk.
    """
    with Interrupt(held=True):
        content = _netcdf(dataset)
        write_atomically(content, path)


def _netcdf(dataset: xr.Dataset) -> bytes:
    """Write in memory first: when a disk is full, the netCDF library tells neither the file nor the reason."""
    encoding = {name: {"zlib": True, "complevel": 4} for name in dataset.data_vars if dataset[name].ndim}
    return bytes(dataset.to_netcdf(None, engine="netcdf4", encoding=encoding))


def _believed(path: Path, key: str) -> xr.Dataset | None:
    """Read the result in a file, if the file is sound and belongs to the key."""
    try:
        arrays, description = stored_file.read(path, "entry", ENTRY_VERSION)
        with stored_file.well_formed(path, "entry"):
            return _decode(arrays, description) if description.get("key") == key else None
    except ValueError:
        return None


def _encode(result: xr.Dataset) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Take a result apart: the arrays that hold numbers, and what JSON can tell of all variables."""
    arrays, variables = {}, {}
    for name, variable in result.variables.items():
        values = variable.values
        told = {
            "dims": variable.dims,
            "attributes": _plain(name, variable.attrs),
            "type": values.dtype.newbyteorder("=").str,
        }
        if values.dtype.kind in "biufmM":
            arrays[str(name)] = values.view(np.int64) if values.dtype.kind in "mM" else values
        elif values.dtype.kind in "UO" and all(isinstance(value, str) for value in values.flat):
            told["text"] = values.tolist()
        else:
            raise TypeError(f"{name} has type {values.dtype}: it must hold numbers, dates or text")
        variables[str(name)] = told
    coordinates = [name for name in variables if name in result.coords]
    whole = {"variables": variables, "coordinates": coordinates, "attributes": _plain("the result", result.attrs)}
    return arrays, whole


def _decode(arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> xr.Dataset:
    """Put a result together again, without indexes: they would take two thirds of the time, and nothing needs them."""
    variables = {
        name: (
            told["dims"],
            np.array(told["text"], told["type"]) if "text" in told else arrays[name].view(told["type"]),
            told["attributes"],
        )
        for name, told in description["variables"].items()
    }
    coordinates = {name: variables.pop(name) for name in description["coordinates"]}
    return xr.Dataset(variables, xr.Coordinates(coordinates, indexes={}), description["attributes"])


def _plain(owner: Hashable, attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as JSON values.

    Raises:
        TypeError: if one would not fit into a netCDF file either.
    """
    found = {}
    for name, value in attributes.items():
        plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        every = plain if isinstance(plain, list | tuple) else [plain]
        if not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in every):
            raise TypeError(f"attribute {name} of {owner} is {value!r}: it must be text, a number or a list of these")
        found[str(name)] = plain
    return found
