"""A checkpoint keeps a training run on disk: what the run needs to go on, and its configuration."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from wmcl import stored_file
from wmcl.identity import own_code
from wmcl.networks import Network, Parameters
from wmcl.tasks import Sequences
from wmcl.tasks.task import check_counts
from wmcl.training.curves import Curves
from wmcl.training.milestones import Milestone, Snapshot
from wmcl.training.objective import Objective
from wmcl.training.observer import Observer
from wmcl.training.optimisers import OptimiserState
from wmcl.training.options import Reason, Stop
from wmcl.training.state import Moving, Progress, State

CHECKPOINT_VERSION = 2
"""version of the file, raised by hand whenever the layout changes, or the numbers that training gives"""

Arrays = dict[str, np.ndarray]


class UnfitCheckpointError(ValueError):
    """Say that a run cannot go on from a checkpoint: it is damaged, of another version or of another run."""


def configuration(
    objective: Objective, stop: Stop, thresholds: Sequence[float] = (), observer: Observer | None = None
) -> dict[str, Any]:
    """Return everything that settles the result of a run, as JSON values.

    A task is known by its name and by the content of its validation set, a part and an observer by its class and, if it
    is a dataclass, by its fields. Code that belongs to no package, such as a cell of one's own, is known by its digest.
    """
    learner = objective.learner
    parts = (learner.parametrisation, objective.penalty, objective.rehearsal, learner.options, observer)
    code = own_code([learner.network, learner.network.cell, *(task.likelihood for task in learner.tasks), *parts])
    found = {
        "network": network_description(learner.network),
        "cell": _public_attributes(learner.network.cell),
        "tasks": [{"name": task.name, "validation_digest": digest(task.validation)} for task in learner.tasks],
        "session": objective.tasks,
        "parametrisation": described(learner.parametrisation),
        "penalty": described(objective.penalty),
        "rehearsal": described(objective.rehearsal),
        "seeds": learner.seeds,
        "stop": asdict(stop),
        "options": described(learner.options),
        "milestones": thresholds,
        "observer": described(observer),
        **({"code": code} if code else {}),
    }
    return json.loads(json.dumps(found, default=_plain))


class Pace:
    """A Pace says when a run, of one session or several, is saved.

    Args:
        every: iterations between saves, or the time between them. By time, nothing is saved before so much time has
            passed, not even the end of a session: shorter runs leave no file.

    Raises:
        ValueError: if ``every`` is below 1, or no time.
    """

    def __init__(self, every: int | timedelta) -> None:
        if not isinstance(every, timedelta):
            check_counts(checkpoint_every=every)
        elif every < timedelta():
            raise ValueError(f"checkpoint_every is {every}: it must not be negative")
        self.every, self._began = every, time.monotonic()
        self._saved = self._began

    def due(self, iteration: int, since: int) -> bool:
        """Tell whether to save before an iteration, in a session that began, or went on, at the iteration ``since``."""
        if iteration <= since:
            return False
        if isinstance(self.every, timedelta):
            return time.monotonic() - self._saved >= self.every.total_seconds()
        return iteration % self.every == 0

    @property
    def keeps_ends(self) -> bool:
        """Tell whether to save where a session ends."""
        return not isinstance(self.every, timedelta) or time.monotonic() - self._began >= self.every.total_seconds()

    def saved(self) -> None:
        """Note that the run was saved."""
        self._saved = time.monotonic()


class Checkpoint:
    """A Checkpoint is the file in which a training run is kept.

    A run goes on from an existing file only if the file belongs to the same run. ``stop.iterations`` alone may differ,
    as long as it is not below the iterations that were made: nothing that happened before depends on it. It may not
    differ either where another run has begun from the end of this one.

    Args:
        path: of the file.
        pace: when to save.
        configuration: from :func:`configuration`.
        is_followed: whether a file exists that began from the end of this run.
    """

    def __init__(self, path: Path, pace: Pace, configuration: Mapping[str, Any], is_followed: bool = False) -> None:
        check_place(Path(path), "file")
        self.path, self.pace, self._configuration = Path(path), pace, configuration
        self._is_followed = is_followed

    def due(self, iteration: int, since: int) -> bool:
        """Tell whether to save before this iteration, in a run that began, or went on, at the iteration ``since``."""
        return self.pace.due(iteration, since)

    @property
    def keeps_ends(self) -> bool:
        """Tell whether to save where the run ends."""
        return self.pace.keeps_ends

    def save(self, state: State) -> None:
        """Write a state to the file, in place of what was there."""
        arrays, description = encode(state)
        description |= {"configuration": self._configuration}
        stored_file.write(self.path, "checkpoint", CHECKPOINT_VERSION, arrays, description)
        self.pace.saved()

    def load(self, beginning: State) -> State:
        """Return the state in the file, or the beginning of the run if there is no file.

        Raises:
            UnfitCheckpointError: if the file is no checkpoint, damaged, of another version or of another run.
        """
        try:
            arrays, description = stored_file.read(self.path, "checkpoint", CHECKPOINT_VERSION)
            with stored_file.well_formed(self.path, "checkpoint"):
                found = differences(description["configuration"], self._configuration)
                iteration = _count(description["iteration"])
        except FileNotFoundError:
            return beginning
        except ValueError as error:
            raise UnfitCheckpointError(str(error)) from None
        self._check(found, iteration)
        try:
            with stored_file.well_formed(self.path, "checkpoint"):
                state = decode(arrays, description, beginning)
                stored, given = _signature(state.initial), _signature(beginning.initial)
                if stored == given:
                    _check_alike(state, beginning)
        except ValueError as error:
            raise UnfitCheckpointError(str(error)) from error
        if stored != given:  # classes of the same name may still be different networks
            raise UnfitCheckpointError(
                f"network has the parameters {given}: the checkpoint {self.path} was made with {stored}"
            )
        return state

    def _check(self, found: Mapping[str, tuple[Any, Any]], iteration: int) -> None:
        of_code_last = sorted(found.items(), key=lambda item: item[0].partition(".")[0] == "code")
        for field, (stored, given) in of_code_last:
            if field == "stop.iterations" and not self._is_followed:
                continue
            if field.partition(".")[0] == "code":
                what = field.partition(".")[2] or "code of your own"
                raise UnfitCheckpointError(
                    f"{what} is not what it was when the checkpoint {self.path} was made, or what it depends on is"
                    " not: a run goes on with the code that it began with (and the version of Python), so take that"
                    " again, or another file"
                )
            raise UnfitCheckpointError(
                f"{field} is {given!r}: the checkpoint {self.path} was made with {stored!r}; a run goes on with what it"
                " began with, so take the same value or another file"
            )
        iterations = self._configuration["stop"]["iterations"]
        if iterations < iteration:
            raise UnfitCheckpointError(
                f"stop.iterations is {iterations}: the checkpoint {self.path} has made {iteration} iterations already,"
                " so it must be at least that"
            )


def _check_alike(state: State, beginning: State) -> None:
    """Refuse a state whose arrays are not those of the run that it goes on with: nothing in a file is believed."""
    members, moving, wanted = len(beginning.members), state.moving, beginning.moving
    snapshots = [] if state.last is None else [state.last]
    snapshots += [side for milestone in state.found.values() for side in (milestone.before, milestone.after)]
    of_values = [moving.values, *moving.optimiser.moments.values(), *(each.parameters for each in snapshots)]
    of_observed = [moving.observed, *(each.observed for each in snapshots)]
    rows = [values for each in snapshots for values in (each.iteration, each.loss)]
    rows += [milestone.reached for milestone in state.found.values()]
    rows += [*state.curves.validation_loss, *state.curves.validation_accuracy]
    curves = state.curves
    tables = [*curves.loss, *curves.clipped]
    validations = {len(each) for each in (curves.validation, curves.validation_loss, curves.validation_accuracy)}
    steps = {sum(map(len, each)) for each in (curves.loss, curves.clipped)}
    if (
        any(_signature(values) != _signature(wanted.values) for values in of_values)
        or any(_signature(values) != _signature(wanted.observed) for values in of_observed)
        or moving.optimiser.steps.shape != wanted.optimiser.steps.shape
        or {np.shape(row) for row in rows} - {(members,)}
        or {np.shape(table)[1:] for table in tables} - {(members,)}
        or (len(state.members), len(validations), steps) != (members, 1, {state.iteration})
    ):
        raise ValueError("its arrays have other shapes or types than those of this run")


def _signature(values: Parameters) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    return {name: (tuple(value.shape), value.dtype) for name, value in values.items()}


def check_place(path: Path, kind: Literal["file", "folder"]) -> None:
    """Refuse, before any work, a path at which something else stands, or that leads through a file.

    Raises:
        ValueError: naming the path.
    """
    if path.exists() and path.is_dir() != (kind == "folder"):
        raise ValueError(f"checkpoint is {path}, a {'folder' if kind == 'file' else 'file'}: it must be a {kind}")
    first = next(parent for parent in path.absolute().parents if parent.exists())
    if not first.is_dir():
        raise ValueError(f"checkpoint is {path}: {first} is a file, and nothing can be below it")


def encode(state: State) -> tuple[Arrays, dict[str, Any]]:
    """Return a state as arrays by name, and what is not an array as JSON values."""
    moving, curves, found = state.moving, state.curves, state.found
    arrays = {
        **_below("initial", state.initial),
        **_below("values", moving.values),
        **_below("observed", moving.observed),
        "steps": _array(moving.optimiser.steps),
        "curves/loss": curves.rows(curves.loss),
        "curves/clipped": curves.rows(curves.clipped),
        "curves/validation": np.array(curves.validation, dtype=np.int64),
        "curves/validation loss": curves.rows(curves.validation_loss),
        "curves/validation accuracy": curves.rows(curves.validation_accuracy),
    }
    for name, moment in moving.optimiser.moments.items():
        arrays |= _below(f"moments/{name}", moment)
    if state.last is not None:
        arrays |= _snapshot("last", state.last)
    for place, milestone in enumerate(found.values()):
        arrays[f"milestone {place}/reached"] = milestone.reached
        arrays |= _snapshot(f"milestone {place}/before", milestone.before)
        arrays |= _snapshot(f"milestone {place}/after", milestone.after)
    description = {
        "iteration": state.iteration,
        "seconds": state.seconds,
        "members": [asdict(member) for member in state.members],
        "milestones": list(found),
    }
    return arrays, description


def decode(arrays: Arrays, description: Mapping[str, Any], beginning: State) -> State:
    """Return the state that :func:`encode` turned into arrays, on the device of the beginning of the same run."""
    device = beginning.moving.active.device
    members = tuple(_progress(**member) for member in description["members"])
    moments = {name: _tensors(f"moments/{name}", arrays, device) for name in beginning.moving.optimiser.moments}
    moving = Moving(
        _tensors("values", arrays, device),
        OptimiserState(torch.tensor(arrays["steps"], device=device), moments),
        _tensors("observed", arrays, device),
        beginning.moving.active,
    ).with_active([member.reason is None for member in members])
    curves = Curves(
        beginning.curves.seeds,
        (arrays["curves/loss"],),
        (arrays["curves/clipped"],),
        tuple(arrays["curves/validation"].tolist()),
        tuple(arrays["curves/validation loss"]),
        tuple(arrays["curves/validation accuracy"]),
    )
    found = {
        float(threshold): Milestone(
            float(threshold),
            arrays[f"milestone {place}/reached"],
            _restored(f"milestone {place}/before", arrays, device),
            _restored(f"milestone {place}/after", arrays, device),
        )
        for place, threshold in enumerate(description["milestones"])
    }
    return State(
        iteration=description["iteration"],
        seconds=float(description["seconds"]),
        initial=_tensors("initial", arrays, device),
        moving=moving,
        members=members,
        curves=curves,
        last=_restored("last", arrays, device) if "last/loss" in arrays else None,
        found=found,
    )


def network_description(network: Network) -> dict[str, Any]:
    """Return the class of a network, by which it can be found again, and its fields.

    Networks of this package are known by the name of their class, others by the name of their module, too. ``biases``
    are named only where there are none, so that files of version 0.8, which knew no such networks, still belong.
    """
    found = described(network)
    assert found is not None
    if found["biases"]:
        del found["biases"]
    module = type(network).__module__
    return found if module.startswith("wmcl.") else found | {"class": f"{module}.{type(network).__qualname__}"}


def described(thing: Any) -> Any:
    """Return a dataclass as its class name and fields, and any other object as its class name.

    Numbers, texts, arrays and tensors stay as they are. What fields, mappings and sequences hold is described, too.
    """
    if is_dataclass(thing) and not isinstance(thing, type):
        own = {field.name: described(getattr(thing, field.name)) for field in fields(thing)}
        return {"class": type(thing).__qualname__} | own
    if isinstance(thing, Mapping):
        return {str(name): described(value) for name, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [described(each) for each in thing]
    is_plain = thing is None or isinstance(thing, (bool, int, float, str, np.generic, np.ndarray, torch.Tensor))
    return thing if is_plain else {"class": type(thing).__qualname__}


def differences(stored: Mapping[str, Any], given: Mapping[str, Any], path: str = "") -> dict[str, tuple[Any, Any]]:
    """Return the fields in which two configurations differ, such as ``{"options.batch": (128, 64)}``.

    A field that one of them lacks has ``None`` there.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for name in sorted({*stored, *given}):
        old, new = stored.get(name), given.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found |= differences(old, new, f"{path}{name}.")
        elif old != new:
            found[path + name] = (old, new)
    return found


def digest(sequences: Sequences) -> str:
    """Return the SHA-256 of the content of sequences."""
    total = hashlib.sha256(str(sequences.window.indices(sequences.steps)).encode())
    for values in sequences.tensors():
        total.update(f"{tuple(values.shape)} {values.dtype}".encode())
        total.update(values.cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def _public_attributes(cell: object) -> dict[str, Any]:
    """Return the class of a cell and its public numbers and texts, which may differ between cells of one name."""
    public = {name: getattr(cell, name) for name in dir(cell) if not name.startswith("_")}
    return {"class": type(cell).__qualname__} | {k: v for k, v in public.items() if isinstance(v, (int, float, str))}


def _plain(value: object) -> Any:
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)):
        return value.tolist()
    return repr(value)


def _progress(
    targets: list[float], best_loss: float, best_iteration: int, training_loss: float, reason: int | None
) -> Progress:
    return Progress(
        targets=tuple(map(float, targets)),
        best_loss=float(best_loss),
        best_iteration=_count(best_iteration),
        training_loss=float(training_loss),
        reason=None if reason is None else Reason(reason),
    )


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"it has {value!r} where a count must be")
    return value


def _snapshot(prefix: str, snapshot: Snapshot) -> Arrays:
    return {
        f"{prefix}/iteration": snapshot.iteration,
        f"{prefix}/loss": snapshot.loss,
        **_below(f"{prefix}/values", snapshot.parameters),
        **_below(f"{prefix}/observed", snapshot.observed),
    }


def _restored(prefix: str, arrays: Arrays, device: torch.device) -> Snapshot:
    return Snapshot(
        arrays[f"{prefix}/iteration"],
        arrays[f"{prefix}/loss"],
        _tensors(f"{prefix}/values", arrays, device),
        _tensors(f"{prefix}/observed", arrays, device),
    )


def _below(prefix: str, values: Parameters) -> Arrays:
    return {f"{prefix}/{name}": _array(value) for name, value in values.items()}


def _array(value: torch.Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _tensors(prefix: str, arrays: Arrays, device: torch.device) -> Parameters:
    """Return the tensors below a prefix, in the order in which they were written."""
    start = f"{prefix}/"
    return {
        name.removeprefix(start): torch.tensor(values, device=device)
        for name, values in arrays.items()
        if name.startswith(start)
    }
