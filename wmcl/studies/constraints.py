"""Say at a field of options what its values must be, and refuse others with a sentence.

>>> @dataclass(frozen=True)
... class Sizes:
...     hidden: Annotated[int, Ge(1)] = 64
...     rates: Annotated[tuple[Annotated[float, Gt(0)], ...], GIVEN, ONCE] = (1e-3,)
>>> check_fields(Sizes(hidden=0))
Traceback (most recent call last):
ValueError: hidden is 0: it must be at least 1
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt


@dataclass(frozen=True)
class Must:
    """A rule for a value that is no bound."""

    holds: Callable[[Any], bool]
    words: str
    """completes the sentence: ``name is value: ...``"""


GIVEN = Must(lambda values: len(values) > 0, "give at least one")
ONCE = Must(lambda values: len(set(values)) == len(values), "each may occur once")
FALLING = Must(lambda values: list(values) == sorted(values, reverse=True), "give them from high to low")
FINITE = Must(math.isfinite, "it must be finite")

Count = Annotated[int, Ge(1)]
Seeds = Annotated[int, Ge(1), Le(10_000)]
Share = Annotated[float, Gt(0), Le(1)]

_BOUNDS: dict[type, tuple[str, str]] = {
    Ge: ("ge", "at least"),
    Gt: ("gt", "above"),
    Le: ("le", "at most"),
    Lt: ("lt", "below"),
}

_KINDS: dict[Any, tuple[Any, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
    bool: (bool, "true or false"),
    Path: (Path, "a path"),
}


def check_fields(options: Any) -> None:
    """Check every field of a dataclass, and of the dataclasses that it holds.

    Raises:
        ValueError: names the field, its value and what is allowed.
    """
    hints = get_type_hints(type(options), include_extras=True)
    for field in fields(options):
        value = getattr(options, field.name)
        if is_dataclass(value):
            check_fields(value)
        else:
            _check(field.name, "is", value, hints[field.name])


def _check(name: str, verb: str, value: Any, hint: Any) -> None:
    """Check a value against the hint of its field; of a tuple that has it, the verb is ``has``."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        _check(name, verb, value, inner[0])
        _check_rules(name, verb, value, inner[1:])
    elif origin in (Union, UnionType):
        if value is not None or NoneType not in inner:
            _check(name, verb, value, next(each for each in inner if each is not NoneType))
    elif origin is Literal:
        if value not in inner:
            raise ValueError(f"{name} {verb} {value!r}: it must be one of {', '.join(map(str, inner))}")
    elif origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        if not isinstance(value, tuple):
            raise ValueError(f"{name} {verb} {value!r}: it must be a tuple")
        for each in value:
            _check(name, "has", each, inner[0])
    elif hint in _KINDS:
        kinds, words = _KINDS[hint]
        if not isinstance(value, kinds) or (isinstance(value, bool) and hint is not bool):
            raise ValueError(f"{name} {verb} {value!r}: it must be {words}")


def _check_rules(name: str, verb: str, value: Any, rules: tuple[Any, ...]) -> None:
    if value is None:
        return
    bounds = [(getattr(rule, _BOUNDS[type(rule)][0]), rule) for rule in rules if type(rule) in _BOUNDS]
    words = " and ".join(f"{_BOUNDS[type(rule)][1]} {bound:g}" for bound, rule in bounds)
    tests = {
        Ge: lambda bound: value >= bound,
        Gt: lambda bound: value > bound,
        Le: lambda bound: value <= bound,
        Lt: lambda bound: value < bound,
    }
    if not all(tests[type(rule)](bound) for bound, rule in bounds):
        raise ValueError(f"{name} {verb} {_text(value)}: it must be {words}")
    for rule in rules:
        if isinstance(rule, Must) and not rule.holds(value):
            raise ValueError(f"{name} {verb} {_text(value)}: {rule.words}")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
