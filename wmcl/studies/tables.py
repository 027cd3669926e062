"""Pieces of Markdown tables."""

import math
from collections.abc import Sequence

import xarray as xr

from wmcl.statistics import mean_interval

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


def interval_of(values: xr.DataArray, form: str, log: bool = False, scale: float = 1.0) -> str:
    """Mean and 95 % t interval over networks, times a scale; nothing where no network has a number.

    Args:
        values: along ``seed``; NaN where a network has none.
        form: of the numbers.
        log: whether to take the geometric mean, of the positive values.
        scale: such as 100 for per cent.
    """
    plain = values.where(values > 0) if log else values
    if not bool(plain.notnull().any()):
        return ABSENT
    found = mean_interval(plain.reset_coords(drop=True), log=log)
    return interval(form, *(scale * float(found[name]) for name in ("average", "low", "high")))


def interval(form: str, mean: float, low: float, high: float) -> str:
    """A mean with its interval, as far as there are such."""
    return number(mean, form) if math.isnan(low) else f"{mean:{form}} [{low:{form}}, {high:{form}}]"
