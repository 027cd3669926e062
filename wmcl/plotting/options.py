"""Read what a figure is told on the command line, and write it as two files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import xarray as xr
from matplotlib.figure import Figure

from wmcl.console import any_console
from wmcl.plotting.data import MissingError
from wmcl.plotting.style import house_style, save_figure


@dataclass(frozen=True)
class FileOptions:
    """Tell a figure what to read and where to write."""

    dataset: Annotated[Path, tyro.conf.Positional]
    """netCDF file of the analysis"""
    output: Path = Path("results")
    """folder of the PDF and the PNG, whose names begin like the dataset"""

    @property
    def choice(self) -> str:
        """Name what was chosen by options, as a part of the names of files."""
        return ""


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


Figures = Mapping[str, Callable[[xr.Dataset, Any], Figure]]
"""what draws each figure of a script, by what the names of its files end in"""


def write(figures: Figures, options: FileOptions) -> list[Path]:
    """Draw the dataset of the options, and save each figure that it can supply.

    Files are called like the dataset, with the choice of the options and the ending of the figure.

    Raises:
        MissingError: if the dataset can supply none of the figures; it tells what the first one lacks.
        OSError: if the dataset cannot be read or a figure not be written.
        ValueError: if an option does not fit the dataset.
    """
    written, missing = list[Path](), list[MissingError]()
    results = _read(options.dataset)
    with house_style():
        for ending, draw in figures.items():
            try:
                figure = draw(results, options)
            except MissingError as error:
                missing.append(error)
            else:
                written += save_figure(figure, options.output, options.dataset.stem + options.choice + ending)
    if not written:
        raise missing[0]
    return written


def _read(path: Path) -> xr.Dataset:
    if path.exists() and not path.is_file():  # to read a pipe would wait for a writer
        raise ValueError(f"dataset is {path}: it must be a file")
    try:
        with xr.open_dataset(path, engine="netcdf4") as stored:
            return stored.load()
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"dataset is {path}: it must be a netCDF file of an analysis ({error})") from error


def figure_command(figures: Figures, options: type[FileOptions], description: str | None) -> None:
    """Run the command line of a figure: options in, the names of the written files out, an error as a sentence."""
    any_console()
    chosen = tyro.cli(options, description=description)
    try:
        paths = write(figures, chosen)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    print("\n".join(f"Wrote {path}" for path in paths))
