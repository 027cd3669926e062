"""This module keeps a trained ensemble on disk."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from wmcl import stored_file
from wmcl.check_arguments import checked
from wmcl.check_data import describe
from wmcl.networks import Network, Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.randomness import as_seeds
from wmcl.training.checkpoint import network_description
from wmcl.training.ensemble import Ensemble, Trained
from wmcl.training.options import Reason

ENSEMBLE_VERSION = 2
"""version of the file, raised by hand whenever its layout changes"""


@dataclass(frozen=True, kw_only=True)
class StoredEnsemble(Ensemble):
    """A StoredEnsemble is what a file keeps of a trained ensemble; the task is not among it."""

    initial: Parameters
    """parameters before the first step"""
    iterations: Int[np.ndarray, "member"]
    """steps that each member made"""
    reason: tuple[Reason, ...]
    """why each member stopped"""
    validation_loss: Float[np.ndarray, "member"]
    """last validation loss of each member, in nats a scored bit"""
    configuration: Mapping[str, Any]
    """configuration of the training (network, task, seeds, stop rules, options and the like), as JSON values"""


@checked
def save_ensemble(path: Path | str, trained: Trained) -> None:
    """Write a trained ensemble to a file, whole or not at all.

    Raises:
        ValueError: if it is no :class:`~wmcl.training.Trained`, or if the class of the network cannot be imported by
            its name, so that nobody could read the file.
    """
    if not isinstance(trained, Trained):
        raise ValueError(f"trained is {describe(trained)}: it must be a Trained, as wmcl.training.train returns it")
    _check_importable(type(trained.network))
    arrays = {
        **{f"parameters/{name}": value.detach().cpu().numpy() for name, value in trained.parameters.items()},
        **{f"initial/{name}": value.detach().cpu().numpy() for name, value in trained.initial.items()},
        "iterations": trained.iterations,
        "validation loss": trained.validation_loss,
    }
    content = {
        "seeds": list(trained.seeds),
        "reason": [reason.name for reason in trained.reason],
        "network": network_description(trained.network),
        "configuration": trained.configuration,
    }
    stored_file.write(Path(path), "ensemble", ENSEMBLE_VERSION, arrays, content)


@checked
def load_ensemble(path: Path | str) -> StoredEnsemble:
    """Read a trained ensemble from a file, onto the CPU.

    A file names the class of its network. It is looked for among the classes that are known, those of this package and
    those of modules that were imported: no file decides what is imported.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the file is no ensemble, damaged, of another version, or if its network is of no known class or
            does not have these parameters.
    """
    path = Path(path)
    arrays, content = stored_file.read(path, "ensemble", ENSEMBLE_VERSION)
    with stored_file.well_formed(path, "ensemble"):
        parameters, initial = _below("parameters/", arrays), _below("initial/", arrays)
        network = network_from(content["network"], sum(value.numel() for value in parameters.values()))
        seeds = as_seeds(content["seeds"], len(content["seeds"]))
        reason = tuple(Reason[name] for name in content["reason"])
        _check_shapes(network, parameters, initial, len(seeds))
        each = (arrays["iterations"], arrays["validation loss"], np.array(reason))
        if [values.shape for values in each] != [(len(seeds),)] * 3:
            raise ValueError(
                f"its iterations, validation losses and reasons are not one for each of {len(seeds)} seeds"
            )
        return StoredEnsemble(
            network=network,
            seeds=seeds,
            parameters=parameters,
            initial=initial,
            iterations=arrays["iterations"],
            reason=reason,
            validation_loss=arrays["validation loss"],
            configuration=dict(content["configuration"]),
        )


def network_from(description: Mapping[str, Any], most: int) -> Network:
    """Return the network that a class name and fields describe.

    Args:
        description: from :func:`~wmcl.training.checkpoint.network_description`.
        most: number of its parameters, which none of its sizes exceeds.

    Raises:
        ValueError: naming what is unknown.
    """
    name = description["class"]
    values = {"biases": True} | {key: value for key, value in description.items() if key != "class"}
    known = {_name_of(kind): kind for kind in _known_networks()}
    if name not in known:
        module = name.rpartition(".")[0]
        own = f"; import {module} first, if it is yours" if module else ""
        raise ValueError(f"network is of the class {name!r}: it must be one of {', '.join(sorted(known))}{own}")
    expected = {field.name for field in fields(known[name])}
    if set(values) != expected:
        raise ValueError(f"network {name} has the fields {sorted(values)}: it must have {sorted(expected)}")
    for field, value in values.items():
        if not isinstance(value, (int, float, str)):
            raise ValueError(f"network {name} has {field} = {value!r}: it must be a number, a truth value or text")
        if isinstance(value, int) and value > most:
            raise ValueError(f"network {name} has {field} = {value}: it has {most} parameters, so this is too large")
    return known[name](**values)


def _known_networks() -> Iterator[type[Network]]:
    """Yield every class of networks that was imported and is defined at the top of its module."""
    waiting: list[type[Network]] = [Network]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if hasattr(kind, "cell") and _is_importable(kind):
            yield kind


def _name_of(kind: type[Network]) -> str:
    return kind.__qualname__ if kind.__module__.startswith("wmcl.") else f"{kind.__module__}.{kind.__qualname__}"


def _is_importable(kind: type[Network]) -> bool:
    return getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind


def _check_importable(kind: type[Network]) -> None:
    if not _is_importable(kind) or kind.__module__ == "__main__":
        raise ValueError(
            f"network is of the class {kind.__qualname__} in {kind.__module__}: to be found again, it must be defined"
            " at the top of a module that can be imported"
        )


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> Parameters:
    return {k.removeprefix(prefix): torch.tensor(values) for k, values in arrays.items() if k.startswith(prefix)}


def _check_shapes(network: Network, parameters: Parameters, initial: Parameters, members: int) -> None:
    wanted = {name: (members, *shape) for name, shape in network.shapes.items()}
    # the task, and not the network, says how many words have vectors that are learned
    found = {name: tuple(value.shape) for name, value in parameters.items() if name != CHANGES}
    if found != wanted:
        raise ValueError(f"it holds parameters of the shapes {found}: its network needs {wanted}")
    kinds = {value.dtype for value in (*parameters.values(), *initial.values())}
    if len(kinds) != 1 or not next(iter(kinds)).is_floating_point:
        raise ValueError(
            f"it holds parameters of the types {', '.join(map(str, kinds))}: all must be floats of one type"
        )
    both = ({name: value.shape for name, value in each.items()} for each in (parameters, initial))
    if next(both) != next(both):
        raise ValueError("its initial parameters have other names or shapes than those that were trained")
