"""Choose which of the 527 labels of AudioSet are classes, and which segments belong to one of them alone.

The choice is that of Ehret et al. (2021), after Kemker et al. (2018): candidates are labels without parts of their own
in the ontology, which it does not call abstract or otherwise restrict, and which at least 70 % of the segments that
experts looked at bear rightly. Of these, the classes are the ones with the most complete segments that have no other
candidate as a label; and then all complete segments that have one of the *classes* as a label, and no other, belong to
them.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from wmcl.data.audioset_segments import LABELS
from wmcl.randomness import generator

LABEL_FILE = "class_labels_indices.csv"
ONTOLOGY_FILE = "ontology.json"
QUALITY_FILE = "confidence_data.csv"
LEAST_QUALITY = 70
"""least share, in percent, of segments that bear a label rightly"""
HELD_OUT = 5
"""number of sequences of a class of which one is for testing"""
_QUALITY_COLUMNS = 10


@dataclass(frozen=True)
class Candidates:
    """Candidates are labels that may become classes, in the order of their numbers."""

    labels: tuple[int, ...]
    names: tuple[str, ...]


def candidates(texts: Mapping[str, str]) -> Candidates:
    """Find the candidates.

    Args:
        texts: the content of the three files, by their names.

    Raises:
        ValueError: naming a file that is not what it must be.
    """
    names, ontology = _labels(texts[LABEL_FILE]), _ontology(texts[ONTOLOGY_FILE])
    quality = _quality(texts[QUALITY_FILE])
    for number, (key, name) in enumerate(names):
        if key not in ontology:
            raise ValueError(f"{ONTOLOGY_FILE} has no {key}, which is label {number} of {LABEL_FILE}, {name}")
    good = [n for n, (key, name) in enumerate(names) if ontology[key] and quality.get(name, 0) >= LEAST_QUALITY]
    return Candidates(tuple(good), tuple(names[n][1] for n in good))


def _labels(text: str) -> list[tuple[str, str]]:
    """Return the key in the ontology and the name of each label."""
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or rows[0] != ["index", "mid", "display_name"]:
        raise ValueError(f"{LABEL_FILE} does not begin with index,mid,display_name")
    numbers = [row[0] if len(row) == 3 else None for row in rows[1:]]
    if numbers != [str(n) for n in range(LABELS)]:
        raise ValueError(f"{LABEL_FILE} does not have the labels 0 to {LABELS - 1} with key and name, one a line")
    return [(row[1], row[2]) for row in rows[1:]]


def _ontology(text: str) -> dict[str, bool]:
    """Return for each entry, by its key, whether it has neither parts nor restrictions."""
    try:
        return {each["id"]: not each["child_ids"] and not each["restrictions"] for each in json.loads(text)}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{ONTOLOGY_FILE} is not the ontology of AudioSet: {error!r}") from error


def _quality(text: str) -> dict[str, int]:
    """Return the percentage of segments that bear a label rightly; the lowest, where a name is there twice."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines()):
        name, *values = line.split("\t")
        estimate = values[0] if len(values) == _QUALITY_COLUMNS - 1 else ""
        percent = int(estimate[:-1]) if re.fullmatch(r"\d{1,3}%", estimate) else -1
        if estimate != "-" and not 0 <= percent <= 100:
            raise ValueError(
                f"{QUALITY_FILE}, record {number}: it must have ten columns, with percent or - in the second"
            )
        if estimate != "-":  # where there is none, nobody looked
            found[name] = min(percent, found.get(name, 100))
    return found


def choose_classes(bears: Bool[np.ndarray, "segment candidate"], classes: int) -> Int64[np.ndarray, "class"]:
    """Choose the candidates with the most segments of their own, in the order of their numbers.

    Of candidates with equally many, those with the lower numbers are taken.

    Args:
        bears: whether a segment has a candidate as a label.
        classes: how many to take.
    """
    counts = bears[bears.sum(1) == 1].sum(0)
    return np.sort(np.argsort(-counts, kind="stable")[:classes]).astype(np.int64)


def members_of_classes(bears: Bool[np.ndarray, "segment class"]) -> list[Int64[np.ndarray, "member"]]:
    """Return for each class the segments that have it as a label and no other class."""
    alone = bears.sum(1) == 1
    return [np.flatnonzero(alone & each) for each in bears.T]


def train_and_test(
    members: Int64[np.ndarray, "member"], label: int, most: int
) -> tuple[Int64[np.ndarray, "train"], Int64[np.ndarray, "test"]]:
    """Draw at most so many of the segments of a class: four fifths to train on, one fifth to test on.

    The draw depends on the number of the label alone.
    """
    kept = generator(0, "AudioSet: train and test", label).permutation(members)[:most]
    held_out = len(kept) // HELD_OUT
    return kept[held_out:], kept[:held_out]
