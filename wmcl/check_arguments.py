"""Refuse arguments of a wrong kind by name, before anything is done with them.

What a function is annotated with says what it takes. Here a number in place of a task, or text in place of a number,
becomes one sentence. Shapes and values are the business of each function.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

_KINDS: dict[Any, tuple[Any, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
    bool: ((bool, np.bool_), "true or false"),
    Path: (Path, "a path"),
    NoneType: (NoneType, "None"),
}
_MANY = (Sequence, Iterable, tuple, list)


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the kinds of the arguments of a function, with a ValueError that names the first that does not fit."""

    @functools.wraps(function)
    def with_checks(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in _signature(function).bind(*args, **kwargs).arguments.items():
            check_argument(name, value, _hints(function).get(name, Any))
        return function(*args, **kwargs)

    return with_checks


def check_kinds(instance: Any) -> None:
    """Check the kinds of the fields of a dataclass, with a ValueError that names the first that does not fit."""
    hints: Mapping[str, Any] = _hints(type(instance))  # type: ignore[arg-type]
    for field in fields(instance):
        check_argument(field.name, getattr(instance, field.name), hints[field.name])


_signature = functools.cache(inspect.signature)


@functools.cache
def _hints(owner: Any) -> dict[str, Any]:
    return get_type_hints(owner)


def check_argument(name: str, value: Any, hint: Any) -> None:
    """Check the kind of a single value, with a ValueError that names it."""
    if not _fits(value, hint):
        raise ValueError(f"{name} is {_shown(value)}: it must be {_words(hint)}")


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a value is of a kind; of kinds that nothing here knows, every value is."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any or getattr(origin or hint, "_is_protocol", False):
        return True
    if hasattr(hint, "array_type") or origin is dict:  # of tensors, functions say more
        return True
    if origin is Annotated:
        return _fits(value, inner[0])
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in inner)
    if hint in _KINDS:
        return isinstance(value, _KINDS[hint][0]) and (hint is bool or not isinstance(value, bool))
    if origin is not None and isinstance(origin, type):
        if not isinstance(value, origin) or isinstance(value, str):
            return False
        alike = origin in _MANY and (len(inner) == 1 or inner[-1] is Ellipsis)
        return not (alike and isinstance(value, (list, tuple))) or all(_fits(each, inner[0]) for each in value)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _shown(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    if isinstance(value, type):
        return f"the class {value.__name__}"
    shape = f" and the shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
    return f"of the type {type(value).__name__}{shape}"


def _words(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _words(inner[0])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_words(each) for each in inner))
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if hint in _KINDS:
        return _KINDS[hint][1]
    if origin in _MANY and inner:
        return f"a sequence, each of it {_words(inner[0])}"
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    name = getattr(origin or hint, "__name__", str(hint))
    return "a function" if name == "Callable" else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
