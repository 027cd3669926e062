"""Check records against those that were published once: these, in this order, with these labels."""

import hashlib
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt16

from wmcl.data.records import Records
from wmcl.data.strokes import Place, refuse_first


@dataclass(frozen=True)
class Published:
    """This identifies some records."""

    count: int
    digest: str
    """SHA-256 of all rows, offsets and labels"""
    checksums: UInt16[np.ndarray, "record"]
    """checksum of each record with its label: not to detect that records differ, but to name those that do"""


def check_published(records: Records, expected: Published, place: Place) -> None:
    """Refuse records that are not those that were published.

    Raises:
        ValueError: naming the first that differs, and how many there are.
    """
    if _digest(records) == expected.digest:
        return
    differ = np.flatnonzero(_checksums(records) != expected.checksums)
    refuse_first(differ, "differs from the published record of this number, in its rows or its label", place)
    raise ValueError(f"{place(0)} or one after it differs from the published record of its number")


def _digest(records: Records) -> str:
    total = hashlib.sha256()
    for values in (records.rows, records.offsets, records.labels):
        total.update(f"{values.shape} {values.dtype.newbyteorder('<').str}".encode())
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()


def _checksums(records: Records) -> UInt16[np.ndarray, "record"]:
    pairs = zip(records.labels.tolist(), map(records.__getitem__, range(len(records))), strict=True)
    return np.array([zlib.crc32(rows.tobytes(), label) & 0xFFFF for label, rows in pairs], dtype=np.uint16)
