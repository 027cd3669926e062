"""Hold digits as strokes of a pen: rows (dx, dy, end of stroke, end of digit) of small whole numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Int, Int8, Shaped

from wmcl.data.records import Records

FEATURES = ("dx", "dy", "end of stroke", "end of digit")
CLASSES = 10

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Place = Callable[[int], str]
"""function that names a record in a message"""


@dataclass(frozen=True, repr=False)
class Strokes:
    """Strokes are digits drawn by a pen, to train and to test on.

    The first row of a digit is where the pen starts, counted from the upper left corner of 28 x 28 pixels, y downwards;
    each other one is a movement. A stroke ends in a row without movement.
    """

    name: str
    """name of the data set"""
    train: Records
    test: Records

    def __repr__(self) -> str:
        return f"Strokes({self.name!r}: {len(self.train):,} and {len(self.test):,} digits)"


def check_strokes(rows: Int[np.ndarray, "row 4"], offsets: Int[np.ndarray, "boundary"], place: Place) -> None:
    """Refuse rows that are no digits, naming the first record that is none.

    Raises:
        ValueError: if a record is empty, holds numbers that are no movement or no flag, or does not end its last stroke
            and its digit in its last row and nowhere else.
    """
    lengths = np.diff(offsets)
    _check(lengths < 1, "has no rows", place)
    record = np.repeat(np.arange(len(lengths)), lengths)
    flags = rows[:, 2:]

    def first(is_wrong: Any, what: str) -> None:
        _check(np.bincount(record[is_wrong], minlength=len(lengths)) > 0, what, place)

    first((np.abs(rows[:, :2]) > 28).any(1), "moves the pen by more than 28 pixels")
    first(((flags != 0) & (flags != 1)).any(1), "has a flag that is neither 0 nor 1")
    first(~rows.any(1), "has a row of zeros")
    is_last = np.zeros(len(rows), bool)
    is_last[offsets[1:] - 1] = True
    first((flags[:, 1] == 1) & ~is_last, "ends its digit before its last row")
    first(is_last & (flags != 1).any(1), "does not end stroke and digit in its last row")


def check_labels(labels: Int[np.ndarray, "record"], count: int, file: str) -> None:
    """Refuse labels that are not one digit for each of so many records."""
    if len(labels) != count:
        raise ValueError(f"{file} has {len(labels)} labels: there must be {count}")
    wrong = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if wrong.size:
        raise ValueError(f"{file}, record {wrong[0]}: its label is {labels[wrong[0]]}, which is no digit from 0 to 9")


def as_int8(values: Shaped[np.ndarray, "first *rest"], place: Place) -> Int8[np.ndarray, "first *rest"]:
    """Convert small and whole numbers; others are refused, by what stands along the first axis."""
    with np.errstate(invalid="ignore"):
        small = values.astype(np.int8)
    refuse_first(
        np.flatnonzero((small != values).reshape(len(values), -1).any(1)),
        "holds a number that is not small and whole",
        place,
    )
    return small


def refuse_first(records: Sequence[int] | np.ndarray, what: str, place: Place) -> None:
    """Raise a ValueError that names the first of the records, if there is any, and how many there are."""
    if len(records):
        several = f" ({len(records)} do)" if len(records) > 1 else ""
        raise ValueError(f"{place(int(records[0]))} {what}{several}")


def _check(is_wrong: Bool[np.ndarray, "record"], what: str, place: Place) -> None:
    refuse_first(np.flatnonzero(is_wrong), what, place)
