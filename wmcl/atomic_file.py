"""Write files that appear complete or not at all, whatever happens meanwhile."""

import os
from pathlib import Path
from uuid import uuid4


def write_atomically(content: bytes | bytearray, path: Path) -> None:
    """Write a file, and its folder if there is none, by way of a temporary file beside it that is renamed at the end.

    Raises:
        OSError: names the file and the reason, e.g. a full disk.
    """
    part = path.with_name(f"{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Force the new name of a file to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
