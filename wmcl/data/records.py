"""Hold records of different length, end to end in one array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Int, Int64, Shaped


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """Records are sequences of different length with a label each. No memory is spent on padding.

    Raises:
        ValueError: if the three do not fit together.
    """

    rows: Shaped[np.ndarray, "row *feature"]
    """the steps of all records, one record after the other"""
    offsets: Int64[np.ndarray, "boundary"]
    """boundaries of the records: record n has the rows from ``offsets[n]`` up to ``offsets[n + 1]``"""
    labels: Int[np.ndarray, "record"]
    classes: tuple[str, ...] = ()
    """names of the classes 0, 1, … that labels number, if they have any"""

    def __post_init__(self) -> None:
        ends = self.offsets[:1].tolist() + self.offsets[-1:].tolist()
        if ends != [0, len(self.rows)] or bool((np.diff(self.offsets) < 1).any()):
            raise ValueError(
                f"offsets go from {ends[:1]} to {ends[1:]}: they must rise from 0 to the {len(self.rows)} rows, by at"
                " least one row a record"
            )
        if len(self.labels) != len(self.offsets) - 1:
            raise ValueError(
                f"labels are {len(self.labels)} for {len(self.offsets) - 1} records: there must be one each"
            )

    def __repr__(self) -> str:
        shown = f"Records({len(self):,} sequences, {len(self.rows):,} rows of {self.rows.shape[1:]} {self.rows.dtype}"
        return f"{shown}, {len(self.classes)} classes)" if self.classes else f"{shown})"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, record: int | np.integer) -> Shaped[np.ndarray, "step *feature"]:
        """Return the rows of a record."""
        return self.rows[self.offsets[record] : self.offsets[record + 1]]

    @cached_property
    def lengths(self) -> Int64[np.ndarray, "record"]:
        """Return the number of steps of each record."""
        return np.diff(self.offsets)

    def take(self, chosen: Int[np.ndarray, "chosen"]) -> "Records":
        """Return the chosen records, in this order; one may be chosen more than once."""
        lengths = self.lengths[chosen]
        offsets = ended(lengths)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return replace(self, rows=self.rows[rows], offsets=offsets, labels=self.labels[chosen])


def ended(lengths: Sequence[int] | Int[np.ndarray, "record"]) -> Int64[np.ndarray, "boundary"]:
    """Return the offsets of records of these lengths."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
