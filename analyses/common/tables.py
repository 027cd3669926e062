"""Pieces of Markdown tables."""

import math
from collections.abc import Sequence

ABSENT = "–"
"""in a cell without a number"""


def table_row(cells: Sequence[str]) -> str:
    """Return one row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def table_head(names: Sequence[str]) -> list[str]:
    """The names of the columns, all but the first aligned to the right."""
    return [table_row(names), table_row(["---", *["---:"] * (len(names) - 1)])]


def number(value: float, form: str) -> str:
    """A number in a format, if there is one."""
    return ABSENT if math.isnan(value) else f"{value:{form}}"


def interval(form: str, mean: float, low: float, high: float) -> str:
    """A mean with its interval, as far as there are such."""
    return number(mean, form) if math.isnan(low) else f"{mean:{form}} [{low:{form}}, {high:{form}}]"
