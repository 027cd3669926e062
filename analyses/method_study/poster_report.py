"""Own results beside those of the poster, as Markdown."""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from method_study.poster import MEASURES, Ordered, orders
from wmcl.studies.tables import ABSENT, interval, interval_of, number, table_head, table_row


def poster_lines(at: xr.Dataset) -> list[str]:
    """A table of both, and which of the poster's orders are found here; nothing without numbers of a poster.

    Args:
        at: results of one set of data.
    """
    if "poster_final" not in at or not bool(at.poster_final.notnull().any()):
        return []
    rows = np.flatnonzero(at.poster_final.notnull())
    lines = table_head(
        ["method", "n", "during, %", "poster, mean ± as printed", "final, %", "poster, mean ± as printed"]
    )
    lines += [table_row(_row(at.isel(condition=row))) for row in rows]
    return [*lines, "", *(_sentence(orders(at, measure)) for measure in MEASURES), ""]


def _row(at: xr.Dataset) -> list[str]:
    cells = [str(at.approach.item()), str(int(at.final.count()))]
    for measure in MEASURES:
        cells.append(interval_of(at[measure], ".2f", scale=100))
        mean, spread = (100 * float(at[f"poster_{measure}{end}"]) for end in ("", "_plus_minus"))
        cells.append(ABSENT if np.isnan(mean) else f"{mean:.2f} ± {number(spread, '.2f')}")
    return cells


def _sentence(found: Sequence[Ordered]) -> str:
    """How many orders are found, and all of which that cannot be said, with their intervals."""
    if not found:
        return "No two of these methods have an order on the poster."
    parts = [f"confirmed {sum(each.outcome == 'confirmed' for each in found)}"]
    for outcome, words in (("contradicted", "contradicted"), ("open", "left open")):
        those = [each for each in found if each.outcome == outcome]
        parts.append(f"{words} {len(those)}" + (f" ({_names(those)})" if those else ""))
    pairs = "pair" if len(found) == 1 else "pairs"
    return (
        f"Order of {found[0].measure} accuracy on the poster, {len(found)} {pairs} of methods whose ± do not overlap"
        f" there: {'; '.join(parts)}. In brackets, how far the first one is ahead here, in points: mean over networks"
        " of the difference and 95 % t interval, simultaneous for these pairs. It is said of networks of these tasks"
        " with these settings, and no further."
    )


def _names(found: Iterable[Ordered]) -> str:
    return ", ".join(
        f"{each.better} > {each.worse}:"
        f" {interval('+.2f', *(100 * value for value in (each.ahead, each.low, each.high)))}"
        for each in found
    )
