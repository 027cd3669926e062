"""Read segments of AudioSet: ten seconds of a video as embeddings of a second each, with their labels."""

import math
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from wmcl.data.files import Member
from wmcl.data.sequence_example import SequenceExample, Values, sequence_example
from wmcl.data.tfrecord import tfrecords

STEPS = 10
"""seconds of a segment that is complete"""
FEATURES = 128
LABELS = 527
"""number of labels that segments can have"""
_LARGEST = 1 << 26  # bytes of a file: fifty times the usual

T = TypeVar("T", bytes, float, int)


class Segment(NamedTuple):
    """This is a segment as the source has it."""

    video: str
    start: float
    """seconds after the beginning of the video"""
    labels: frozenset[int]
    """numbers from 0 to 526"""
    embedding: bytes
    """128 bytes a second, of up to ten seconds"""

    @property
    def is_complete(self) -> bool:
        """Tell whether the segment has all ten seconds."""
        return len(self.embedding) == STEPS * FEATURES


def segments(member: Member) -> Iterator[Segment]:
    """Read the segments in a file.

    Raises:
        ValueError: naming the file and the record, counted from 0, if it is damaged or no segment of AudioSet.
    """
    for number, record in enumerate(tfrecords(member.content(_LARGEST), member.where)):
        try:
            yield _segment(sequence_example(record))
        except ValueError as error:
            raise ValueError(f"{member.where}, record {number}: {error}") from error


def _segment(example: SequenceExample) -> Segment:
    video = _one(example, "video_id", bytes)
    start, end = _one(example, "start_time_seconds", float), _one(example, "end_time_seconds", float)
    if not (math.isfinite(end) and 0 <= start < end):
        raise ValueError(f"it goes from {start:g} to {end:g} seconds: it must start at 0 or later, and then end")
    labels = _values(example, "labels", int)
    wrong = [label for label in labels if not 0 <= label < LABELS]
    if wrong:
        raise ValueError(f"its label {wrong[0]} is unknown: labels go from 0 to {LABELS - 1}")
    return Segment(video.decode(), start, frozenset(labels), _embedding(example))


def _embedding(example: SequenceExample) -> bytes:
    steps = example.lists.get("audio_embedding", [])
    if not 1 <= len(steps) <= STEPS:
        raise ValueError(f"its audio_embedding has {len(steps)} steps: it must have 1 to {STEPS}")
    for number, values in enumerate(steps):
        sizes = [len(value) if isinstance(value, bytes) else None for value in values]
        if sizes != [FEATURES]:
            raise ValueError(f"step {number} of its audio_embedding is not of {FEATURES} bytes")
    return b"".join(value for (value,) in steps if isinstance(value, bytes))


def _one(example: SequenceExample, name: str, kind: type[T]) -> T:
    values = _values(example, name, kind)
    if len(values) != 1:
        raise ValueError(f"its {name} has {len(values)} values: it must have one")
    return values[0]


def _values(example: SequenceExample, name: str, kind: type[T]) -> list[T]:
    values: Values = example.context.get(name, [])
    if not values:
        raise ValueError(f"it has no {name}")
    if not all(isinstance(value, kind) for value in values):
        raise ValueError(f"its {name} is not of type {kind.__name__}")
    return [value for value in values if isinstance(value, kind)]
