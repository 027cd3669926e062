"""Read what a figure is told on the command line, and write it as two files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import xarray as xr
from matplotlib.figure import Figure

from wmcl.plotting.style import house_style, save_figure


@dataclass(frozen=True)
class FileOptions:
    """Tell a figure what to read and where to write."""

    dataset: Annotated[Path, tyro.conf.Positional]
    """netCDF file of the analysis"""
    output: Path = Path("results")
    """folder of the PDF and the PNG, whose names begin like the dataset"""


@dataclass(frozen=True)
class StageOptions(FileOptions):
    """Tell a figure which importances to draw."""

    stage: str | None = None
    """of training: a matched loss as in the dataset, or final; None takes the lowest matched loss"""
    connection: Literal["ih", "hh", "ho", "out"] = "hh"
    """whose weights are averaged"""
    per: Literal["sequence", "scored bit"] = "scored bit"
    """what the importance is divided by"""


@dataclass(frozen=True)
class ImportanceOptions(StageOptions):
    """Tell a figure which single importance to draw."""

    kind: str = "sampled"
    """of importance, as in the dataset"""


Suffix = str | Callable[[Any], str]
"""what the name of a figure ends in, which may depend on its options"""


def write(draw: Callable[[xr.Dataset, Any], Figure], options: FileOptions, suffix: Suffix) -> list[Path]:
    """Draw the dataset of the options and save the figure, called like the dataset with a suffix.

    Raises:
        OSError: if the dataset cannot be read or the figure not be written.
        ValueError: if the dataset lacks what is drawn, or if an option does not fit it.
    """
    end = suffix if isinstance(suffix, str) else suffix(options)
    with xr.open_dataset(options.dataset) as results, house_style():
        return save_figure(draw(results.load(), options), options.output, options.dataset.stem + end)


def figure_command(
    draw: Callable[[xr.Dataset, Any], Figure], options: type[FileOptions], description: str | None, suffix: Suffix
) -> None:
    """Run the command line of a figure: options in, the names of the written files out, an error as a sentence."""
    chosen = tyro.cli(options, description=description)
    try:
        paths = write(draw, chosen, suffix)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    print("\n".join(f"Wrote {path}" for path in paths))
