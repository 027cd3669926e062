"""Read SequenceExamples, the messages of TensorFlow that hold sequences, without TensorFlow.

They are protocol buffers, of which these are the fields that are read, with their numbers:
SequenceExample {1: context = Features, 2: feature_lists = FeatureLists}; Features {1: entries {1: key, 2: Feature}};
FeatureLists {1: entries {1: key, 2: FeatureList}}; FeatureList {1: Features in turn}; Feature {1: list of bytes,
2: of 32-bit floats, 3: of 64-bit integers}; each list {1: its values}. Numbers in a list may stand together ("packed")
or one by one. Other fields are passed over.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # types of fields on the wire
_SIZES = {_EIGHT: 8, _FOUR: 4}
_LONGEST = 70  # bits in the ten bytes of the longest varint

Values = list[bytes] | list[float] | list[int]


@dataclass(frozen=True)
class SequenceExample:
    """A sequence example holds the content of a message, by the names of the features."""

    context: dict[str, Values]
    lists: dict[str, list[Values]]


def sequence_example(message: bytes) -> SequenceExample:
    """Take a message apart.

    Raises:
        ValueError: if it is none, in a sentence that says why.
    """
    context: dict[str, Values] = {}
    lists: dict[str, list[Values]] = {}
    for number, part in _messages(message):
        if number == 1:
            context |= {key: _feature(value) for key, value in _entries(part)}
        elif number == 2:
            lists |= {key: [_feature(each) for _, each in _messages(value)] for key, value in _entries(part)}
    return SequenceExample(context, lists)


def _entries(message: bytes) -> Iterator[tuple[str, bytes]]:
    """Return the keys of a map and what belongs to them."""
    for number, entry in _messages(message):
        if number == 1:
            fields = dict(_messages(entry))
            yield fields.get(1, b"").decode(), fields.get(2, b"")


def _feature(message: bytes) -> Values:
    for number, part in _messages(message):
        if number == 1:
            return [value for _, value in _messages(part)]
        if number == 2:
            return [value for kind, field in _lists(part) for value in _floats(kind, field)]
        if number == 3:
            return [value for kind, field in _lists(part) for value in _integers(kind, field)]
    return []


def _lists(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the values of a list, as they stand: one by one, or many together."""
    return ((kind, value) for number, kind, value in _fields(message) if number == 1)


def _floats(kind: int, field: bytes) -> tuple[float, ...]:
    if kind not in (_BYTES, _FOUR) or len(field) % 4:
        raise ValueError("a list of floats holds something else")
    return struct.unpack(f"<{len(field) // 4}f", field)


def _integers(kind: int, field: bytes) -> Iterator[int]:
    if kind not in (_BYTES, _VARINT):
        raise ValueError("a list of integers holds something else")
    place = 0
    while place < len(field):
        unsigned, place = _varint(field, place)
        yield unsigned - (1 << 64) if unsigned >> 63 else unsigned


def _messages(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Return numbers and contents of the fields that hold bytes, texts or further messages."""
    return ((number, value) for number, kind, value in _fields(message) if kind == _BYTES)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Return number, type on the wire and bytes of each field."""
    place = 0
    while place < len(message):
        tag, start = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            _, stop = _varint(message, start)
        elif kind == _BYTES:
            length, start = _varint(message, start)
            stop = start + length
        elif kind in _SIZES:
            stop = start + _SIZES[kind]
        else:
            raise ValueError(f"a field has the unknown type {kind}")
        if stop > len(message):
            raise ValueError("it ends within a field")
        yield tag >> 3, kind, message[start:stop]
        place = stop


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while place < len(message) and shift < _LONGEST:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value & (1 << 64) - 1, place
    raise ValueError("it ends within a number, or has one that is too long")
