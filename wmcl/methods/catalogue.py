"""Every named method, a row each: which parts it is made of, and which hyperparameters it takes."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from wmcl.methods.method import Method
from wmcl.methods.schedule import FromScratch, Joint


def multitask() -> Method:
    """All tasks at once: what could be reached if nothing had to be remembered."""
    return Method(schedule=Joint())


def from_scratch() -> Method:
    """A new network for each task: what each task alone allows."""
    return Method(schedule=FromScratch())


def fine_tuning() -> Method:
    """One task after the other, with nothing against forgetting."""
    return Method()


CATALOGUE: Mapping[str, Callable[..., Method]] = MappingProxyType(
    {
        "multitask": multitask,
        "from scratch": from_scratch,
        "fine-tuning": fine_tuning,
    }
)
"""rows by the name of the method; the arguments of a row are its hyperparameters"""


def named(name: str, **hyperparameters: Any) -> Method:
    """A method by its name.

    Args:
        name: a row of :data:`CATALOGUE`.
        hyperparameters: arguments of that row; numbers such as a strength may be given one a member.

    Raises:
        ValueError: if there is no such method, if it does not take a hyperparameter, or if a value makes no sense.

    Example:
        >>> named("fine-tuning").penalty
        NoPenalty(observer=None, looks_ahead=False)
    """
    if name not in CATALOGUE:
        raise ValueError(f"method is {name!r}: it must be one of {', '.join(CATALOGUE)}")
    row = CATALOGUE[name]
    allowed = list(inspect.signature(row).parameters)
    for given in hyperparameters:
        if given not in allowed:
            takes = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
            raise ValueError(f"{given} is no hyperparameter of {name!r}: {takes}")
    return row(**hyperparameters)
