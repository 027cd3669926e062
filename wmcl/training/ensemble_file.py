"""A trained ensemble on disk."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from wmcl import stored_file
from wmcl.networks import NETWORKS, Network, Parameters
from wmcl.networks.vectors import CHANGES
from wmcl.training.configuration import described
from wmcl.training.loop import Trained
from wmcl.training.stop import Reason

ENSEMBLE_VERSION = 1
"""raised by hand whenever the layout of the file changes"""


@dataclass(frozen=True)
class Ensemble:
    """What is kept of a trained ensemble."""

    network: Network
    seeds: tuple[int, ...]
    parameters: Parameters
    initial: Parameters
    """parameters before the first step"""
    iterations: Int[np.ndarray, "member"]
    """steps that each member made"""
    reason: tuple[Reason, ...]
    """why each member stopped"""
    validation_loss: Float[np.ndarray, "member"]
    """last validation loss of each member, in nats a scored bit"""
    configuration: Mapping[str, Any]
    """what the training was asked to do, as JSON values"""


def save_ensemble(path: Path | str, network: Network, trained: Trained) -> None:
    """Write a trained ensemble, whole or not at all.

    Raises:
        ValueError: if the network is not the one that was trained, or not one of :mod:`wmcl.networks`.
    """
    description = described(network)
    if description != trained.configuration["network"]:
        raise ValueError(f"network is {description}: what was trained is {trained.configuration['network']}")
    network_from(trained.configuration["network"])
    arrays = {
        **{f"parameters/{name}": value.detach().cpu().numpy() for name, value in trained.parameters.items()},
        **{f"initial/{name}": value.detach().cpu().numpy() for name, value in trained.initial.items()},
        "iterations": trained.iterations,
        "validation loss": trained.validation_loss,
    }
    content = {
        "seeds": list(trained.seeds),
        "reason": [reason.name for reason in trained.reason],
        "configuration": trained.configuration,
    }
    stored_file.write(Path(path), "ensemble", ENSEMBLE_VERSION, arrays, content)


def load_ensemble(path: Path | str) -> Ensemble:
    """Read a trained ensemble, onto the CPU.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the file is no ensemble, damaged, of another version, or if its network is not one of
            :mod:`wmcl.networks` or does not have these parameters.
    """
    path = Path(path)
    arrays, content = stored_file.read(path, "ensemble", ENSEMBLE_VERSION)
    network = network_from(content["configuration"]["network"])
    parameters, initial = _below("parameters/", arrays), _below("initial/", arrays)
    _check_shapes(path, network, parameters, len(content["seeds"]))
    return Ensemble(
        network=network,
        seeds=tuple(content["seeds"]),
        parameters=parameters,
        initial=initial,
        iterations=arrays["iterations"],
        reason=tuple(Reason[name] for name in content["reason"]),
        validation_loss=arrays["validation loss"],
        configuration=content["configuration"],
    )


def network_from(description: Mapping[str, Any]) -> Network:
    """The network of a class name and fields: one of ``wmcl.networks.NETWORKS``, and nothing else.

    Raises:
        ValueError: naming what is unknown.
    """
    name, values = description["class"], {key: value for key, value in description.items() if key != "class"}
    networks = {kind.__name__: kind for kind in NETWORKS.values()}
    if name not in networks:
        raise ValueError(f"network is of the class {name!r}: it must be one of {', '.join(sorted(networks))}")
    expected = {field.name for field in fields(networks[name])}
    if set(values) != expected:
        raise ValueError(f"network {name} has the fields {sorted(values)}: it must have {sorted(expected)}")
    for field, value in values.items():
        if not isinstance(value, (int, float, str)):
            raise ValueError(f"network {name} has {field} = {value!r}: it must be a number, a truth value or text")
    return networks[name](**values)


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> Parameters:
    return {k.removeprefix(prefix): torch.tensor(values) for k, values in arrays.items() if k.startswith(prefix)}


def _check_shapes(path: Path, network: Network, parameters: Parameters, members: int) -> None:
    wanted = {name: (members, *value.shape[1:]) for name, value in network.init([0]).items()}
    # the task, and not the network, says how many words have vectors that are learned
    found = {name: tuple(value.shape) for name, value in parameters.items() if name != CHANGES}
    if found != wanted:
        raise ValueError(f"{path} holds parameters of the shapes {found}: its network needs {wanted}")
