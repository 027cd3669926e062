"""Read Stroke MNIST from text.

The files are ``trainimg-0-inputdata.txt`` and so on, a row a line, ``trainlabels.txt``, and ``test`` alike.

A digit is known by the number in the name of its file, so the files may come in any order.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Int, Int8

from wmcl.data.data_set import Splits
from wmcl.data.files import Member
from wmcl.data.published import Published, check_published
from wmcl.data.records import Records, ended
from wmcl.data.strokes import SPLITS, Split, as_int8, check_labels, check_strokes, refuse_first

TEXT = re.compile(r"(train|test)(?:img-(\d+)-inputdata|labels)\.txt")
_LONGEST = 1 << 16  # bytes of a digit: a hundred times the usual
_LABELS = 1 << 20


def read_stroke_text(members: Iterator[Member], expected: Mapping[Split, Published]) -> Splits:
    """Read the digits of both splits.

    Args:
        members: files whose names match ``TEXT``.
        expected: what the records must be.

    Raises:
        ValueError: naming the file.
    """
    digits: dict[str, dict[int, np.ndarray]] = {split: {} for split in SPLITS}
    labels: dict[str, np.ndarray] = {}
    for member in members:
        split, number = re.fullmatch(TEXT, member.name).groups()  # type: ignore[union-attr]  # others do not come
        if (split in labels) if number is None else (int(number) in digits[split]):
            raise ValueError(f"{member.where}: there are two files of this name")
        if number is None:
            labels[split] = _numbers(member, _LABELS)
        else:
            digits[split][int(number)] = _digit(member)
    return {split: _in_order(digits[split], labels.get(split), split, expected[split]) for split in SPLITS}


def _in_order(digits: dict[int, np.ndarray], labels: np.ndarray | None, split: Split, expected: Published) -> Records:
    def place(number: int) -> str:
        return f"{split}img-{number}-inputdata.txt"

    if labels is None:
        raise ValueError(f"{split}labels.txt is missing")
    check_labels(labels, expected.count, f"{split}labels.txt")
    numbers = range(expected.count)
    refuse_first([number for number in numbers if number not in digits], "is missing", place)
    refuse_first(sorted(digits.keys() - set(numbers)), f"is beyond the last of {expected.count} digits", place)
    rows, offsets = np.concatenate([digits[n] for n in numbers]), ended([len(digits[n]) for n in numbers])
    check_strokes(rows, offsets, place)
    records = Records(rows, offsets, labels.astype(np.int8))
    check_published(records, expected, place)
    return records


def _digit(member: Member) -> Int8[np.ndarray, "row 4"]:
    values = _numbers(member, _LONGEST)
    if not values.size or values.size % 4:
        raise ValueError(f"{member.where} has {values.size} numbers: it must have 4 a row, and at least one row")
    return as_int8(values.reshape(-1, 4), lambda _: member.where)


def _numbers(member: Member, most: int) -> Int[np.ndarray, "number"]:
    words = member.content(most).split()
    try:
        return np.array([int(word) for word in words], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{member.where} is not made of whole numbers: {error}") from None
