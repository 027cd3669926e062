"""Read TFRecords: bytes of any kind, one record after the other, with checksums of its length and of its content.

A record is its length (8 bytes), the masked checksum of these (4), its content, and the masked checksum of that (4), in
little-endian order. The checksum is CRC32C; masked, it is turned right by 15 bits and a constant is added.
"""

import struct
from collections.abc import Iterator

from google_crc32c import value as crc32c

_HEAD, _FOOT = struct.Struct("<Q4s"), struct.Struct("<4s")
_DELTA = 0xA282EAD8
_WORD = 0xFFFFFFFF


def masked_crc32c(content: bytes) -> bytes:
    """Return the four bytes that stand behind such a content."""
    plain = crc32c(content)
    turned = (plain >> 15 | plain << 17) + _DELTA
    return (turned & _WORD).to_bytes(4, "little")


def tfrecords(content: bytes, where: str) -> Iterator[bytes]:
    """Read the records in the content of a file.

    Args:
        content: of the whole file.
        where: the name of the file, for messages.

    Raises:
        ValueError: naming the file and the record, counted from 0, if the file ends in it or a checksum is wrong.
    """
    place, number = 0, 0
    while place < len(content):
        start = place + _HEAD.size
        if start > len(content):
            raise ValueError(f"{where} ends in record {number}")
        length, checksum = _HEAD.unpack_from(content, place)
        if masked_crc32c(content[place : place + 8]) != checksum:
            raise ValueError(f"{where}, record {number}: its length does not match its checksum")
        stop = start + length
        if stop + _FOOT.size > len(content):
            raise ValueError(f"{where} ends in record {number}")
        record = content[start:stop]
        if _FOOT.unpack_from(content, stop) != (masked_crc32c(record),):
            raise ValueError(f"{where}, record {number}: its content does not match its checksum")
        yield record
        place, number = stop + _FOOT.size, number + 1
