"""Find the folders of data on this machine."""

import os
from pathlib import Path

from platformdirs import user_cache_dir

from wmcl.data.data_set import DataSet

VARIABLE = "WMCL_DATA"


def folder() -> Path:
    """Return the folder of the environment variable ``WMCL_DATA``, or else the cache folder of the platform.

    Raises:
        ValueError: if something else than a folder is there.
    """
    chosen = os.environ.get(VARIABLE)
    found = Path(chosen).expanduser() if chosen else Path(user_cache_dir("wmcl")) / "data"
    if found.exists() and not found.is_dir():
        raise ValueError(f"{VARIABLE} is {found}: it must be a folder")
    return found


def originals_of(data_set: DataSet) -> Path:
    """Return the folder of the files as they were downloaded."""
    return folder() / "originals" / data_set.name


def prepared_file(data_set: DataSet) -> Path:
    """Return the path of the file that is read; another one for each version of the preparation."""
    return folder() / "prepared" / f"{data_set.name}-{data_set.preparation}.safetensors"
