"""Wrong arguments of a forward pass are refused, in one sentence each.

All checks look at types, shapes, dtypes and devices alone, never at values, so that the pass can be captured as a CUDA
graph.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor

from wmcl.networks.vectors import CHANGES

_WHOLE_NUMBERS = (torch.int64, torch.int32, torch.int16, torch.int8)


def check_parameters(parameters: object, shapes: Mapping[str, tuple[int, ...]]) -> Tensor:
    """Refuse parameters of another network, which could run with wrong numbers.

    Args:
        parameters: what :meth:`Network.apply` was given.
        shapes: shape of every parameter of one member.

    Returns:
        The first parameter, whose members, dtype and device are those of all.

    Raises:
        ValueError: if ``parameters`` is no dictionary of floating-point tensors of these shapes, with the same members,
            dtype and device.
    """
    if not isinstance(parameters, dict):
        raise ValueError(f"parameters is {_described(parameters)}: it must be a dict of tensors, as init(seeds) gives")
    first_name = next(iter(shapes))
    first: Any = parameters.get(first_name)
    if not isinstance(first, Tensor) or first.shape[1:] != shapes[first_name]:
        _refuse(first_name, first, shapes[first_name])
    members, dtype, device = first.shape[0], first.dtype, first.device
    if not dtype.is_floating_point:
        raise ValueError(f"{first_name} of the parameters is {_described(first)}: it must be a floating-point tensor")
    for name, shape in shapes.items():
        value = parameters.get(name)
        if not isinstance(value, Tensor) or value.shape != (members, *shape):
            _refuse(name, value, shape, first_name, first)
        if value.dtype != dtype or value.device != device:
            _refuse_kind(name, value, first_name, first)
    if CHANGES in parameters:
        changes = parameters[CHANGES]
        if not isinstance(changes, Tensor) or changes.ndim != 3 or changes.shape[0] != members:
            raise ValueError(
                f"{CHANGES} of the parameters is {_described(changes)}: it must be a tensor of shape (member, word,"
                f" feature), with {members} members, as {first_name} has"
            )
        if changes.dtype != dtype or changes.device != device:
            _refuse_kind(CHANGES, changes, first_name, first)
    return first


def check_inputs(inputs: object, features: int, with_numbers: bool, like: Tensor) -> None:
    """Refuse inputs that do not belong to a network with these parameters.

    Args:
        inputs: what :meth:`Network.apply` was given.
        features: input features of the network.
        with_numbers: whether the number of a word stands before them.
        like: a parameter.

    Raises:
        ValueError: if ``inputs`` is no tensor of shape (member or 1, time, sample, feature), or of another dtype or
            device than the parameters.
    """
    if not isinstance(inputs, Tensor) or inputs.ndim != 4:
        raise ValueError(
            f"inputs is {_described(inputs)}: it must be a tensor with 4 dimensions, (member or 1, time, sample,"
            " feature)"
        )
    if inputs.shape[3] != features + with_numbers:
        wanted = (
            f"{features + 1} features, the number of a word and {features} more, as the parameters hold {CHANGES}"
            if with_numbers
            else f"{features} features, as the parameters hold no {CHANGES}"
        )
        raise ValueError(f"inputs is {_described(inputs)}: its last axis must have {wanted}")
    if inputs.shape[0] not in (1, like.shape[0]):
        raise ValueError(
            f"inputs is {_described(inputs)}: its first axis must be 1 or the number of members, {like.shape[0]}"
        )
    if inputs.dtype != like.dtype or inputs.device != like.device:
        raise ValueError(
            f"inputs is {_described(inputs)}: it must be {like.dtype} on {like.device}, as the parameters are"
        )


def check_steps(steps: object) -> None:
    """Refuse steps that are not consecutive.

    Raises:
        ValueError: if ``steps`` is no slice whose step is 1.
    """
    if not isinstance(steps, slice) or steps.step not in (None, 1):
        raise ValueError(f"steps is {steps!r}: it must be a slice of consecutive steps, such as slice(3, 8)")


def check_lengths(lengths: object, members: int, samples: int) -> None:
    """Refuse lengths that are not one whole number for each sequence.

    Raises:
        ValueError: if ``lengths`` is no tensor of whole numbers of shape (member or 1, sample).
    """
    if not isinstance(lengths, Tensor) or lengths.dtype not in _WHOLE_NUMBERS:
        raise ValueError(f"lengths is {_described(lengths)}: it must be a tensor of whole numbers, such as torch.int64")
    if lengths.shape not in ((1, samples), (members, samples)):
        raise ValueError(
            f"lengths has the shape {tuple(lengths.shape)}: it must be (member or 1, sample), with {samples} samples"
            f" and {members} members"
        )


def _refuse(
    name: str, value: object, shape: tuple[int, ...], first_name: str = "", first: Tensor | None = None
) -> NoReturn:
    """Say what is wrong with the type or shape of a parameter."""
    if first is not None and isinstance(value, Tensor) and value.shape[1:] == shape:
        raise ValueError(
            f"{name} of the parameters is {_described(value)}: it must have {first.shape[0]} members, as {first_name}"
            " has"
        )
    found = tuple(value.shape) if isinstance(value, Tensor) else _described(value)
    raise ValueError(
        f"{name} of the parameters is {found}: this network needs a tensor of shape (member,"
        f" {', '.join(map(str, shape))})"
    )


def _refuse_kind(name: str, value: Tensor, first_name: str, first: Tensor) -> NoReturn:
    """Say that a parameter has another dtype or device than the first one."""
    raise ValueError(
        f"{name} of the parameters is {_described(value)}: it must be {first.dtype} on {first.device}, as {first_name}"
        " is"
    )


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype} on {value.device}"
    return "missing" if value is None else f"of the type {type(value).__name__}"
