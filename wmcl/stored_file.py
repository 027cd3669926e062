"""Store arrays and their description in one file, which is complete and sound, or else refused.

The format is safetensors, of which nothing can be executed: a header in JSON, then the bytes of the arrays. The header
holds a description, also in JSON, and the SHA-256 digest of the file itself (computed with zeros in its own place), so
that no byte of the file can change unseen.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from wmcl.atomic_file import write_atomically

_DIGEST = re.compile(rb'"digest":"([0-9a-f]{64})"')
_BLANK = "0" * 64
_LENGTH = 8  # bytes that hold the length of the header
_KINDS = {
    "BOOL": "bool",
    "C": "complex",
    "F": "float",
    "I": "int",
    "U": "uint",
}  # of numbers, as the format spells them


def write(
    path: Path, kind: str, version: int, arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]
) -> None:
    """Write a file that appears complete or not at all.

    Args:
        path: of the file; its folder is made.
        kind: what the file is, e.g. ``checkpoint``.
        version: of its layout.
        arrays: by name.
        description: JSON values (infinities and NaN are allowed).

    Raises:
        OSError: names the file and the reason, e.g. a full disk.
    """
    header = {
        "kind": f"wmcl {kind}",
        "version": str(version),
        "names": json.dumps(list(arrays)),  # the format sorts them
        "description": json.dumps(description),
        "digest": _BLANK,
    }
    content = bytearray(save({name: _as_stored(values) for name, values in arrays.items()}, header))
    start, stop = _place_of_digest(content)
    content[start:stop] = hashlib.sha256(content).hexdigest().encode()
    write_atomically(content, path)


def read(path: Path, kind: str, version: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read the arrays of a file, in the order in which they were written, and its description.

    The arrays share the memory that the file was read into: there is no other copy.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is no file, of another kind or version, or damaged in any way. The digest says nothing of who
            wrote the file, so what it holds is not believed either.
    """
    content = _content(path)
    try:
        start, stop = _place_of_digest(content)
    except ValueError:
        raise ValueError(f"{path} is no {kind} of wmcl, or its header is damaged") from None
    digest, content[start:stop] = content[start:stop].decode(), _BLANK.encode()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} is damaged: its content does not match its digest")
    with well_formed(path, kind):
        entries = json.loads(content[_LENGTH : _end_of_header(content)])
        header = dict(entries["__metadata__"])
    if header.get("kind") != f"wmcl {kind}":
        raise ValueError(f"{path} is a {header.get('kind')} file: it must be a wmcl {kind}")
    if header.get("version") != str(version):
        raise ValueError(f"{path} has version {header.get('version')}: this wmcl reads version {version} of a {kind}")
    with well_formed(path, kind):
        first = _end_of_header(content)
        arrays = {str(name): _array(content, first, entries[name]) for name in json.loads(header["names"])}
        return arrays, dict(json.loads(header["description"]))


@contextmanager
def well_formed(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever goes wrong while a file is taken apart into a ValueError that names the file."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path} is no sound {kind} of wmcl: {what}") from error


def _as_stored(values: np.ndarray) -> np.ndarray:
    """Return an array as the format takes it: in order, and in the order of bytes of this machine."""
    return np.asarray(values, values.dtype.newbyteorder("="), order="C")


def _content(path: Path) -> bytearray:
    if path.exists() and not path.is_file():  # to read a pipe would wait for a writer
        raise ValueError(f"{path} is no file")
    with path.open("rb") as file:
        content = bytearray(os.fstat(file.fileno()).st_size)
        del content[file.readinto(content) :]
    return content


def _array(content: bytearray, first: int, entry: Mapping[str, Any]) -> np.ndarray:
    """Return the array of an entry of the header: numbers of a type, in a shape, at a place after the header."""
    if not all(type(length) is int and length >= 0 for length in (*entry["shape"], *entry["data_offsets"])):
        raise ValueError(f"an array has the shape {entry['shape']} at the places {entry['data_offsets']}")
    kind = entry["dtype"].rstrip("0123456789")
    dtype = np.dtype(_KINDS[kind] + entry["dtype"][len(kind) :])
    place = first + entry["data_offsets"][0]
    return np.frombuffer(content, dtype, math.prod(entry["shape"]), place).reshape(entry["shape"])


def _place_of_digest(content: bytearray) -> tuple[int, int]:
    """Return where in the header the digest stands."""
    header = content[_LENGTH : _end_of_header(content)]
    found = _DIGEST.search(header)
    if found is None:
        raise ValueError("no digest")
    return _LENGTH + found.start(1), _LENGTH + found.end(1)


def _end_of_header(content: bytearray) -> int:
    return _LENGTH + int.from_bytes(content[:_LENGTH], "little")
