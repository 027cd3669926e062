"""Read AudioSet: sounds in ten seconds of a video (Gemmeke et al., 2017), as embeddings of a second each.

Its source offers all of it in one archive; ``audioset-reduced`` are its two small balanced parts alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from wmcl.data.audioset_classes import (
    HELD_OUT,
    LABEL_FILE,
    ONTOLOGY_FILE,
    QUALITY_FILE,
    Candidates,
    candidates,
    choose_classes,
    members_of_classes,
    train_and_test,
)
from wmcl.data.audioset_segments import FEATURES, STEPS, Segment, segments
from wmcl.data.data_set import DataSet, Form, Original, Splits
from wmcl.data.files import Member
from wmcl.data.prepare import load_or_name
from wmcl.data.records import Records, ended
from wmcl.data.strokes import SPLITS, Split

CLASSES = 100
MOST = 1000
"""sequences of a class, at the most"""

Counts = Mapping[str, range]
"""numbers of segments that each part may have"""

_BALANCED = {"bal_train": range(22_160, 22_161), "eval": range(20_371, 20_372)}
_ALL = {**_BALANCED, "unbal_train": range(2_000_000, 2_100_000)}
_TEXTS = LABEL_FILE, ONTOLOGY_FILE, QUALITY_FILE
_LARGEST_TEXT = 1 << 22  # bytes: ten times the usual


@dataclass(frozen=True, repr=False)
class AudioSet:
    """AudioSet has sequences of ten embeddings, numbers from 0 to 255, of one class each, to train and to test on."""

    name: str
    """name of the data set"""
    train: Records
    test: Records

    def __repr__(self) -> str:
        sequences = f"{len(self.train):,} and {len(self.test):,} sequences"
        return f"AudioSet({self.name!r}: {sequences}, {len(self.classes)} classes)"

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the names of the classes."""
        return self.train.classes


def audioset(reduced: bool = False) -> AudioSet:
    """Read the sequences, from the prepared file or from originals in the folder of the data set.

    Args:
        reduced: take those of the two balanced parts alone, ``audioset-reduced``.

    Raises:
        ValueError: if they are not on this machine, in a sentence that says how to get them.
    """
    if reduced:
        return AudioSet("reduced AudioSet", **load_or_name(AUDIOSET_REDUCED, AUDIOSET, "wmcl.data.audioset()"))
    return AudioSet("AudioSet", **load_or_name(AUDIOSET, AUDIOSET_REDUCED, "wmcl.data.audioset(reduced=True)"))


def read_audioset(members: Iterator[Member], counts: Counts, classes: int = CLASSES, most: int = MOST) -> Splits:
    """Return the sequences of both splits, which do not depend on the order of files and segments.

    Args:
        members: the three files on labels, and then those of segments, from folders named after the parts.
        counts: how many segments each part must have; other parts are left out.
        classes: how many to choose.
        most: sequences of a class, at the most.

    Raises:
        ValueError: naming the file and the record.
    """
    known, found = _complete(members, counts)
    if len(known.labels) < classes:
        raise ValueError(f"candidates for classes are {len(known.labels)}: there must be at least {classes}")
    found.sort(key=lambda each: (each.video, each.start))
    bears = np.zeros((len(found), len(known.labels)), dtype=bool)  # of a million segments: lists would take gigabytes
    for row, each in zip(bears, found, strict=True):
        row[:] = [label in each.labels for label in known.labels]
    chosen = choose_classes(bears, classes)
    parts: dict[Split, list[np.ndarray]] = {split: [] for split in SPLITS}
    for candidate, own in zip(chosen, members_of_classes(bears[:, chosen]), strict=True):
        if len(own) < HELD_OUT:
            raise ValueError(
                f"the class {known.names[candidate]} has {len(own)} segments: it must have at least {HELD_OUT}"
            )
        train, test = train_and_test(own, known.labels[candidate], most)
        parts["train"].append(train)
        parts["test"].append(test)
    names = tuple(known.names[candidate] for candidate in chosen)
    return {split: _records([[found[n] for n in part] for part in parts[split]], names) for split in SPLITS}


def _complete(members: Iterator[Member], counts: Counts) -> tuple[Candidates, list[Segment]]:
    """Return the candidates, and the complete segments that have any of them as a label."""
    texts: dict[str, str] = {}
    known: Candidates | None = None
    found: list[Segment] = []
    seen: set[tuple[str, float]] = set()
    total = dict.fromkeys(counts, 0)
    for member in members:
        if member.name in _TEXTS:
            texts[member.name] = _text(member)
        elif member.folder in counts:
            known = known or candidates(texts)
            wanted = frozenset(known.labels)
            for segment in segments(member):
                key = segment.video, segment.start
                if key in seen:
                    raise ValueError(f"{member.where}: video {key[0]} is there twice from {key[1]:g} seconds on")
                seen.add(key)
                total[member.folder] += 1
                if segment.is_complete and wanted & segment.labels:
                    found.append(segment)
    for part, allowed in counts.items():
        if total[part] not in allowed:
            numbers = f"{allowed[0]:,}" if len(allowed) == 1 else f"{allowed[0]:,} to {allowed[-1]:,}"
            raise ValueError(f"{part} has {total[part]:,} segments: it must have {numbers}")
    return known or candidates(texts), found


def _text(member: Member) -> str:
    try:
        return member.content(_LARGEST_TEXT).decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{member.where} is not text in UTF-8: {error}") from error


def _records(members: list[list[Segment]], names: tuple[str, ...]) -> Records:
    """Return the records of the segments of each class."""
    together = b"".join(each.embedding for own in members for each in own)
    labels = np.repeat(np.arange(len(members)), [len(own) for own in members]).astype(np.int8)
    rows = np.frombuffer(together, np.uint8).reshape(-1, FEATURES)
    return Records(rows, ended(np.full(len(labels), STEPS)), labels, names)


_STORAGE = "https://storage.googleapis.com/us_audioset/youtube_corpus/v1"
_REPOSITORIES = "https://raw.githubusercontent.com"
_ON_LABELS = (
    Original(
        LABEL_FILE,
        f"{_STORAGE}/csv/{LABEL_FILE}",
        re.escape(LABEL_FILE),
        "cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    ),
    Original(ONTOLOGY_FILE, f"{_REPOSITORIES}/audioset/ontology/master/{ONTOLOGY_FILE}", re.escape(ONTOLOGY_FILE)),
    Original(
        QUALITY_FILE,
        f"{_REPOSITORIES}/mariacer/cl_in_rnns/8dbda5338fe3e5de199f6d52523ac2ad5017f85b/datasets/sequential/audioset/{QUALITY_FILE}",
        re.escape(QUALITY_FILE),
        "ab44e90fc2b6eb17a6fb103f11971d93e9c0ecde9fc2987941ac814e49715aec",
    ),
)
_RECORDS = r".*\.tfrecord"


def _form(archive: str, url: str | None, counts: Counts) -> Form:
    return Form(
        originals=(*_ON_LABELS, Original(archive, url, _RECORDS, needs_archive=True)),
        read=partial(read_audioset, counts=counts),
        most_bytes=6_000_000_000,
    )


_FEATURES = "features.tar.gz", f"{_STORAGE}/features/features.tar.gz"

AUDIOSET = DataSet(
    name="audioset",
    title="AudioSet: sounds of 100 classes, ten seconds each, as embeddings of a second",
    preparation=1,
    page="https://research.google.com/audioset/",
    licence=(
        "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); its ontology CC BY-SA 4.0"
        " (https://creativecommons.org/licenses/by-sa/4.0/)"
    ),
    citation=(
        'Jort F. Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", ICASSP 2017;'
        ' the embeddings: Shawn Hershey et al., "CNN architectures for large-scale audio classification", ICASSP 2017.'
    ),
    forms={"full": _form(*_FEATURES, counts=_ALL)},
)
AUDIOSET_REDUCED = replace(
    AUDIOSET,
    name="audioset-reduced",
    title="AudioSet, reduced: the same, of its two balanced parts alone (bal_train and eval)",
    forms={
        "full": _form(*_FEATURES, counts=_BALANCED),
        "reduced": _form("audioset_v1_embeddings_bal_train_eval.tar.gz", None, counts=_BALANCED),
    },
)
