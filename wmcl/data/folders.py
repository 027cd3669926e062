"""Where data lie on this machine."""

import os
from pathlib import Path

import pooch

from wmcl.data.data_set import DataSet

VARIABLE = "WMCL_DATA"


def folder() -> Path:
    """The folder of the environment variable ``WMCL_DATA``, or else the cache folder of the platform."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("wmcl")) / "data"


def originals_of(data_set: DataSet) -> Path:
    """The folder of the files as they were downloaded."""
    return folder() / "originals" / data_set.name


def prepared_file(data_set: DataSet) -> Path:
    """The file that is read; another one for each version of the preparation."""
    return folder() / "prepared" / f"{data_set.name}-{data_set.preparation}.safetensors"
