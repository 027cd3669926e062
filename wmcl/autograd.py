"""Gradients wherever a function is called from: inside ``torch.no_grad`` and ``torch.inference_mode``, too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def autograd_on() -> Iterator[None]:
    """Record operations for gradients inside of this block, whatever the caller has switched off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def with_autograd(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function that needs gradients independent of the mode in which it is called.

    Tensors that were made in inference mode cannot take part in a gradient, so those among the arguments are copied.
    The function must not be a generator: the mode of its caller would change between two of its values.
    """

    @wraps(function)
    def independent(*args: P.args, **kwargs: P.kwargs) -> R:
        with autograd_on():
            return function(*_usable(args), **_usable(kwargs))

    return independent


def _usable(value: Any) -> Any:
    """The value, with copies of the tensors that were made in inference mode."""
    if isinstance(value, Tensor):
        return value.clone() if value.is_inference() else value
    if isinstance(value, dict):
        return {name: _usable(each) for name, each in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_usable(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: _usable(own)
            for field in fields(value)
            if isinstance(own := getattr(value, field.name), Tensor) and own.is_inference()
        }
        return replace(value, **changed) if changed else value
    return value
