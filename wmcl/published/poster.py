"""Read the means on Split AudioSet that the authors of the paper print on its poster.

Ehret et al., ICLR 2021. Beside each mean stands a ±; the table says neither what it is nor over how many networks. From
scratch and multitask have one number each, which stands under the final accuracy. What is called HNET there is the
chunked hypernetwork of the published runs. Learning rates and the like are not among the numbers;
:func:`wmcl.published.published_runs` has those of single runs.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files

FILE = "audioset_poster.csv"


@dataclass(frozen=True)
class PosterMean:
    """Hold what the poster prints of a method, as fractions; ``None`` where it prints nothing."""

    method: str
    """in the words of :data:`wmcl.methods.CATALOGUE`"""
    during: float | None
    """accuracy right after each task was learned"""
    during_plus_minus: float | None
    final: float | None
    """accuracy on all tasks after the last one"""
    final_plus_minus: float | None


def poster_means() -> tuple[PosterMean, ...]:
    """Read the table of the poster, in its order.

    Example:
        >>> [(each.final, each.final_plus_minus) for each in poster_means() if each.method == "SI"]
        [(0.6692, 0.0004)]
    """
    lines = files("wmcl.published").joinpath(FILE).read_text(encoding="utf-8").splitlines()
    return tuple(
        PosterMean(
            row["method"],
            *(
                fraction(row[name])
                for name in ("during_percent", "during_plus_minus", "final_percent", "final_plus_minus")
            ),
        )
        for row in csv.DictReader(lines)
    )


def fraction(percent: str) -> float | None:
    """Turn percent into a fraction of the printed digits, so that 98.66 is 0.9866 and not its neighbour."""
    return round(float(percent) / 100, 6) if percent else None
