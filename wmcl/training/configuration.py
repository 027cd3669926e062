"""What a training run was asked to do, as JSON values that can be stored and compared."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from wmcl.tasks import Sequences
from wmcl.training.plan import Plan


def configuration(plan: Plan) -> dict[str, Any]:
    """Everything that settles the result of a run, as JSON values.

    A task is known by its name and by the content of its validation set, an observer by its class and, if it is a
    dataclass, by its fields.
    """
    task = {"name": plan.task.name, "validation_digest": digest(plan.task.validation)}
    found = {
        "network": described(plan.network),
        "cell": _settings(plan.network.cell),
        "task": task,
        "seeds": plan.seeds,
        "stop": asdict(plan.stop),
        "options": asdict(plan.options),
        "milestones": plan.thresholds,
        "observer": None if plan.observer is None else described(plan.observer),
    }
    return json.loads(json.dumps(found, default=_plain))


def _settings(cell: object) -> dict[str, Any]:
    """Class of a cell and its public numbers and texts: attributes that may differ between cells of one name."""
    public = {name: getattr(cell, name) for name in dir(cell) if not name.startswith("_")}
    return {"class": type(cell).__qualname__} | {k: v for k, v in public.items() if isinstance(v, (int, float, str))}


def described(thing: object) -> dict[str, Any]:
    """Class name and, of a dataclass, fields."""
    fields = asdict(thing) if is_dataclass(thing) and not isinstance(thing, type) else {}
    return {"class": type(thing).__qualname__, **fields}


def differences(stored: Mapping[str, Any], given: Mapping[str, Any], path: str = "") -> dict[str, tuple[Any, Any]]:
    """The fields in which two configurations differ, such as ``{"options.batch": (128, 64)}`` (None: missing)."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in sorted({*stored, *given}):
        old, new = stored.get(name), given.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found |= differences(old, new, f"{path}{name}.")
        elif old != new:
            found[path + name] = (old, new)
    return found


def digest(sequences: Sequences) -> str:
    """SHA-256 of the content of sequences."""
    total = hashlib.sha256(str(sequences.window.indices(sequences.steps)).encode())
    for values in sequences.tensors():
        total.update(f"{tuple(values.shape)} {values.dtype}".encode())
        total.update(values.cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def _plain(value: object) -> Any:
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else repr(value)
