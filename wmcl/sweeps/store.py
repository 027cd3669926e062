"""Keep one netCDF file an entry, written whole or not at all, and never believed without a check.

A file is called ``<digest of the configuration>.<digest of the content>.nc``. A truncated or altered file does not
match its own name; it is reported, removed and computed again. Several runs may share a folder: a file appears in one
step, under a name that only its own content fits, and the times of files are never looked at.

Ctrl-C waits until a file is written or read. It would lose a finished entry, and worse: one that falls between the lock
of the netCDF library and its release leaves xarray waiting for that lock for ever.
"""

import fcntl
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import xarray as xr

from wmcl.atomic_file import write_atomically
from wmcl.interrupt import Interrupt
from wmcl.sweeps.grid import digest

_CONFIGURATION = "entry_configuration"


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

        Every run holds a shared lock on the folder, which ends with its process. Where the file system knows no locks
        on folders, half-written files stay; they are never read.
        """
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # somebody else writes here, or there are no locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for part in self.folder.glob("*.part"):
                    part.unlink()
            with suppress(OSError):  # there are no locks
                fcntl.flock(handle, fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)

    def read(self, key: str) -> xr.Dataset | None:
        """Read the result of an entry, or nothing if it is missing or damaged (which is reported)."""
        for path in sorted(self.folder.glob(f"{digest(key.encode())}.*.nc")):
            if not path.is_file():
                continue
            with suppress(FileNotFoundError):  # another run removed the same damaged file
                result = _believed(path.name, path.read_bytes(), key)
                result = self._remove(path, key) if result is None else result
                if result is not None:
                    return result
        return None

    def _remove(self, path: Path, key: str) -> xr.Dataset | None:
        """Remove a damaged file, unless another run has meanwhile put a good one in its place."""
        aside = path.with_name(f"{uuid4().hex}.part")
        path.rename(aside)
        result = _believed(path.name, aside.read_bytes(), key)
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
        """
        with Interrupt(held=True):
            content = _netcdf(result.assign_attrs({_CONFIGURATION: key}))
            write_atomically(content, self.folder / f"{digest(key.encode())}.{digest(content)}.nc")


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


def _believed(name: str, content: bytes, key: str) -> xr.Dataset | None:
    """Read the result in a file, if the name fits its content and its content the entry."""
    if name.split(".")[-2] != digest(content):
        return None
    try:
        with Interrupt(held=True), xr.open_dataset(content, engine="netcdf4", cache=False) as stored:
            result = stored.load()
    except OSError:  # whoever gave this file its name, it holds no netCDF
        return None
    return result if result.attrs.pop(_CONFIGURATION, None) == key else None
