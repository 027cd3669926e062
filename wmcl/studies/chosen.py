"""The file of hyperparameters that a search has chosen: a choice a row, with where it comes from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wmcl.atomic_file import write_atomically


def read_chosen(path: Path) -> dict[str, dict[str, Any]]:
    """The chosen values of each row; nothing if there is no file yet.

    Raises:
        ValueError: if the file is none of this kind.
    """
    return {row: choice["chosen"] for row, choice in _choices(path).items()}


def searched_design(path: Path) -> dict[str, dict[str, Any]]:
    """Tasks and network that each row was searched with, where its choice tells."""
    return {row: choice["design"] for row, choice in _choices(path).items() if "design" in choice}


def add_chosen(path: Path, choices: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the choices of some rows, and leave those of the others as they are."""
    merged = {**_choices(path), **choices}
    text = json.dumps({row: merged[row] for row in sorted(merged)}, indent=1)
    write_atomically(f"{text}\n".encode(), path)


def _choices(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        choices = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"chosen is {path}: it must be a file that a search wrote ({error})") from None
    if not isinstance(choices, dict) or not all(isinstance(e, dict) and "chosen" in e for e in choices.values()):
        raise ValueError(f"chosen is {path}: it must be a file that a search wrote")
    return choices
