"""One netCDF file a cell; written whole or not at all, and never believed without a check.

A file is called ``<digest of the configuration>.<digest of the content>.nc``. A truncated or altered file does not
match its own name; it is reported, removed and computed again.
"""

import os
import tempfile
import warnings
from pathlib import Path

import xarray as xr

from wmcl.sweeps.grid import digest

_CONFIGURATION = "cell_configuration"


class Store:
    """The finished cells of a folder.

    Raises:
        OSError: if the folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, key: str) -> xr.Dataset | None:
        """The result of a cell, or nothing if it is missing or damaged (which is reported)."""
        for path in self.folder.glob(f"{digest(key.encode())}.*.nc"):
            content = path.read_bytes()
            if path.suffixes[-2] == f".{digest(content)}":
                with xr.open_dataset(path, engine="netcdf4") as stored:
                    result = stored.load()
                if result.attrs.pop(_CONFIGURATION) == key:
                    return result
            warnings.warn(f"{path} is damaged: removed, and its cell is computed again", UserWarning, stacklevel=2)
            path.unlink()
        return None

    def write(self, key: str, result: xr.Dataset) -> None:
        """Store the result of a cell: a temporary file in the same folder, then a rename."""
        handle, name = tempfile.mkstemp(suffix=".part", dir=self.folder)
        os.close(handle)
        part = Path(name)
        try:
            save(result.assign_attrs({_CONFIGURATION: key}), part)
            part.replace(self.folder / f"{digest(key.encode())}.{digest(part.read_bytes())}.nc")
        finally:
            part.unlink(missing_ok=True)


def save(dataset: xr.Dataset, path: Path) -> None:
    """Write a compressed netCDF file."""
    encoding = {name: {"zlib": True, "complevel": 4} for name in dataset.data_vars if dataset[name].ndim}
    dataset.to_netcdf(path, engine="netcdf4", encoding=encoding)


def save_whole(dataset: xr.Dataset, path: Path) -> None:
    """Write a netCDF file that appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        save(dataset, part)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
