"""A training run on disk: what it needs to go on, and what it was asked to do."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wmcl import stored_file
from wmcl.networks import Parameters
from wmcl.tasks.task import check_counts
from wmcl.training.adam import AdamState
from wmcl.training.configuration import configuration, differences
from wmcl.training.curves import Curves
from wmcl.training.learner import Learner, mask
from wmcl.training.milestones import Milestone, Snapshot
from wmcl.training.plan import Plan, initial_parameters
from wmcl.training.progress import Progress
from wmcl.training.state import State
from wmcl.training.stop import Reason

CHECKPOINT_VERSION = 1
"""raised by hand whenever the layout changes, or the numbers that training gives"""

Arrays = dict[str, np.ndarray]


class Checkpoint:
    """The file in which a training run is kept.

    A file that exists is gone on from only if it belongs to the same run. ``stop.iterations`` alone may differ, as long
    as it is not below the iterations that were made: nothing that happened before depends on it.

    Raises:
        ValueError: if ``every`` is below 1.
    """

    def __init__(self, path: Path, every: int, plan: Plan) -> None:
        check_counts(checkpoint_every=every)
        self.path, self.every, self._plan = Path(path), every, plan
        self._configuration = configuration(plan)

    def due(self, iteration: int, since: int) -> bool:
        """Whether to save before this iteration, in a run that began, or went on, at another."""
        return iteration > since and iteration % self.every == 0

    def save(self, state: State) -> None:
        """Replace the file."""
        arrays, description = encode(state)
        description |= {"configuration": self._configuration}
        stored_file.write(self.path, "checkpoint", CHECKPOINT_VERSION, arrays, description)

    def load(self, device: str) -> State | None:
        """Where the run stands, or nothing if there is no file.

        Raises:
            ValueError: if the file is no checkpoint, damaged, of another version or of another run.
        """
        if not self.path.exists():
            return None
        arrays, description = stored_file.read(self.path, "checkpoint", CHECKPOINT_VERSION)
        self._check(description)
        state = decode(arrays, description, self._plan.seeds, device)
        self._check_parameters(state.initial)
        return state

    def _check(self, description: Mapping[str, Any]) -> None:
        found = differences(description["configuration"], self._configuration)
        found.pop("stop.iterations", None)
        for field, (stored, given) in found.items():
            raise ValueError(
                f"{field} is {given!r}: the checkpoint {self.path} was made with {stored!r}; a run goes on with what it"
                " began with, so take the same value or another file"
            )
        if self._plan.stop.iterations < description["iteration"]:
            raise ValueError(
                f"stop.iterations is {self._plan.stop.iterations}: the checkpoint {self.path} has made"
                f" {description['iteration']} iterations already, so it must be at least that"
            )

    def _check_parameters(self, initial: Parameters) -> None:
        """Classes of the same name may still be different networks."""
        stored = {name: (tuple(value.shape[1:]), value.dtype) for name, value in initial.items()}
        one = initial_parameters(self._plan.network, self._plan.task, self._plan.seeds[:1])
        given = {name: (tuple(value.shape[1:]), value.dtype) for name, value in one.items()}
        if stored != given:
            raise ValueError(f"network has the parameters {given}: the checkpoint {self.path} was made with {stored}")


def encode(state: State) -> tuple[Arrays, dict[str, Any]]:
    """A state as arrays by name, and what is not an array as JSON values."""
    learner, curves, found = state.learner, state.curves, state.found
    arrays = {
        **_below("initial", state.initial),
        **_below("parameters", learner.parameters),
        **_below("first moments", learner.optimiser.first),
        **_below("second moments", learner.optimiser.second),
        **_below("observed", learner.observed),
        "steps": _array(learner.optimiser.steps),
        "curves/loss": curves.rows(curves.loss),
        "curves/clipped": curves.rows(curves.clipped),
        "curves/validation": np.array(curves.validation, dtype=np.int64),
        "curves/validation loss": curves.rows(curves.validation_loss),
        "curves/validation accuracy": curves.rows(curves.validation_accuracy),
    }
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


def decode(arrays: Arrays, description: Mapping[str, Any], seeds: tuple[int, ...], device: str) -> State:
    """The inverse of :func:`encode`, on a device."""
    members = tuple(_progress(**member) for member in description["members"])
    learner = Learner(
        _tensors("parameters", arrays, device),
        AdamState(
            _tensors("", {"steps": arrays["steps"]}, device)["steps"],
            _tensors("first moments", arrays, device),
            _tensors("second moments", arrays, device),
        ),
        _tensors("observed", arrays, device),
        mask([member.reason is None for member in members], device),
    )
    curves = Curves(
        seeds,
        (arrays["curves/loss"],),
        (arrays["curves/clipped"],),
        tuple(arrays["curves/validation"].tolist()),
        tuple(arrays["curves/validation loss"]),
        tuple(arrays["curves/validation accuracy"]),
    )
    found = {
        threshold: Milestone(
            threshold,
            arrays[f"milestone {place}/reached"],
            _restored(f"milestone {place}/before", arrays, device),
            _restored(f"milestone {place}/after", arrays, device),
        )
        for place, threshold in enumerate(description["milestones"])
    }
    return State(
        iteration=description["iteration"],
        seconds=description["seconds"],
        initial=_tensors("initial", arrays, device),
        learner=learner,
        members=members,
        curves=curves,
        last=_restored("last", arrays, device) if "last/loss" in arrays else None,
        found=found,
    )


def _progress(targets: list[float], reason: int | None, **rest: Any) -> Progress:
    return Progress(targets=tuple(targets), reason=None if reason is None else Reason(reason), **rest)


def _snapshot(prefix: str, snapshot: Snapshot) -> Arrays:
    return {
        f"{prefix}/iteration": snapshot.iteration,
        f"{prefix}/loss": snapshot.loss,
        **_below(f"{prefix}/parameters", snapshot.parameters),
        **_below(f"{prefix}/observed", snapshot.observed),
    }


def _restored(prefix: str, arrays: Arrays, device: str) -> Snapshot:
    return Snapshot(
        arrays[f"{prefix}/iteration"],
        arrays[f"{prefix}/loss"],
        _tensors(f"{prefix}/parameters", arrays, device),
        _tensors(f"{prefix}/observed", arrays, device),
    )


def _below(prefix: str, values: Parameters) -> Arrays:
    return {f"{prefix}/{name}": _array(value) for name, value in values.items()}


def _array(value: torch.Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _tensors(prefix: str, arrays: Arrays, device: str) -> Parameters:
    """The tensors below a prefix, in the order in which they were written."""
    start = f"{prefix}/" if prefix else ""
    return {
        name.removeprefix(start): torch.tensor(values, device=device)
        for name, values in arrays.items()
        if name.startswith(start)
    }
