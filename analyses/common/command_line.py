"""From a command line to a configuration, and from errors to sentences."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import tyro
import xarray as xr

from common.running import Run

C = TypeVar("C")


def configuration(presets: Mapping[str, C], settle: Callable[[C], C], description: str | None) -> C:
    """The configuration that a command line asks for: a preset, and options that change it.

    Args:
        presets: by name; ``--preset`` chooses one, ``quick`` if it is not given.
        settle: completes a configuration, and refuses one that makes no sense with a ValueError.
        description: for ``--help``.

    Raises:
        SystemExit: with a sentence, if the configuration makes no sense.
    """
    choice = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    choice.add_argument("--preset", choices=presets, default="quick")
    preset = presets[choice.parse_known_args()[0].preset]
    try:
        given = tyro.cli(type(preset), description=description, default=preset, config=(tyro.conf.OmitArgPrefixes,))
        return settle(given)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None


@contextmanager
def errors_as_sentences(run: Run) -> Iterator[None]:
    """End with a sentence where an analysis is interrupted, or cannot write or reach what it was told to."""
    try:
        yield
    except ConnectionError as error:
        raise SystemExit(f"error: cluster is {run.cluster}: {error}") from error
    except OSError as error:
        raise SystemExit(f"error: output is {run.output}: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted. Finished networks are kept: the same command goes on from there.") from None


def print_given_up(results: xr.Dataset) -> None:
    """Name the cells of a sweep that could not be computed, if there are any."""
    if results.attrs["failed_cells"]:
        print(f"Given up, because they killed their process twice: {results.attrs['failed_cells']}")
