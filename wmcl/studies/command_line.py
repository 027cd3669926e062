"""From a command line to a configuration, and from errors to sentences."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

import tyro

from wmcl.studies.run import Run

INTERRUPTED = 130
"""exit status of a program that Ctrl-C ended, as shells have it"""


class CannotGoOnError(RuntimeError):
    """A study cannot go on, for a reason that its options can change."""


class Configuration(Protocol):
    """All options of a study."""

    @property
    def run(self) -> Run:
        """Return the options that say how to run."""


C = TypeVar("C", bound=Configuration)


def configuration(
    presets: Mapping[str, C], completed: Callable[[C], C], check: Callable[[C], None], description: str
) -> C:
    """Read the configuration from the command line: a preset, and options that change it.

    Args:
        presets: by name; ``--preset`` chooses one, ``quick`` if it is not given.
        completed: fills in options that depend on others.
        check: refuses a configuration that makes no sense with a ValueError.
        description: for ``--help``.

    Raises:
        SystemExit: with a sentence, if the configuration makes no sense.
    """
    preset = presets[chosen_word("preset", "quick", presets)]
    try:
        given = tyro.cli(type(preset), description=description, default=preset, config=(tyro.conf.OmitArgPrefixes,))
        given = completed(given)
        check(given)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    return given


def chosen_word(option: str, usual: str, allowed: Iterable[str] | None = None) -> str:
    """The word that the command line gives for an option on which all other options depend.

    Raises:
        SystemExit: if the word is none of those allowed; None allows all.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(f"--{option}", choices=None if allowed is None else tuple(allowed), default=usual)
    return str(vars(parser.parse_known_args()[0])[option])


@contextmanager
def errors_as_sentences(run: Run) -> Iterator[None]:
    """End with a sentence where a study is interrupted, or cannot write or reach what it was told to."""
    try:
        yield
    except ConnectionError as error:
        raise SystemExit(f"error: cluster is {run.cluster}: {error}") from error
    except OSError as error:
        raise SystemExit(f"error: output is {run.output}: {error}") from error
    except CannotGoOnError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        print("\nInterrupted. Finished networks are kept: the same command goes on from there.", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
