"""Record where a result comes from: versions, source revision, device, configuration and command."""

import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import torch

import wmcl

_WITHOUT = "test", "docs"
"""extras of which no number depends"""


def provenance(device: str) -> dict[str, str]:
    """Return what computed a result: versions, source revision, device and date.

    Take it before the work, so that it describes the code that did it.
    """
    return {
        "versions": json.dumps({"python": platform.python_version(), **versions()}),
        "source_revision": source_revision(),
        "device": describe_device(device),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@cache
def versions() -> dict[str, str]:
    """Return the version of this package, and of every package that it needs or can use and that is installed."""
    try:
        needed = requires("wmcl") or []
    except PackageNotFoundError:  # it lies in the path, and nobody installed it
        needed = []
    names = {re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in needed if not any(f'"{no}"' in each for no in _WITHOUT)}
    found = {}
    for name in sorted(names | {"torch", "numpy"}):
        with suppress(PackageNotFoundError):  # an extra that was not asked for
            found[name] = version(name)
    return {"wmcl": wmcl.__version__, **found}


def invocation(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return the configuration and the command of a result, with paths as seen from the current folder."""
    return {
        "configuration": json.dumps(configuration, sort_keys=True, default=_from_here),
        "command": shlex.join(["python", *(_shorten(word) for word in sys.argv)]),
    }


def source_revision() -> str:
    """Return the commit of the checkout that this package lies in, with ``-dirty`` if it was changed.

    ``unknown`` where the package is no tracked part of a checkout, e.g. installed below somebody else's.
    """
    file = Path(__file__).resolve()
    try:
        _git(file.parent, "ls-files", "--error-unmatch", file.name)
        return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=12")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _shorten(word: str) -> str:
    """Show paths below the current folder relative to it, so that files hold no private paths."""
    path = Path(word)
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else word


def _from_here(value: object) -> str:
    """Show an absolute path relative to the current folder, so that a file tells nothing of its machine."""
    return os.path.relpath(value) if isinstance(value, Path) and value.is_absolute() else str(value)


def describe_device(device: str) -> str:
    """Return the name of the GPU or CPU behind ``cuda`` or ``cpu``, on this machine."""
    if device.startswith("cuda"):
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"cpu: {_processor()}"


def _processor() -> str:
    """Return the model name of the CPU, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
