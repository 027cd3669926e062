"""Find the steps of sequences that are their own, and not padding."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped

from wmcl.tasks.own_arrays import array_of, each_of, flags_of


def own_steps(arrays: Sequence[Shaped[np.ndarray, "_time feature"]], lengths: Any, mask: Any) -> list[slice]:
    """Return the steps of each sequence that are its own.

    Args:
        arrays: the sequences, which may be masked: a step whose features are all masked is padding.
        lengths: number of the first steps that are its own, for each sequence; or ``None``.
        mask: true at the steps that are its own, for each sequence; or ``None``.

    Raises:
        ValueError: naming the sequence whose own steps are not one row of at least one, or the step that is masked in
            part.
    """
    if lengths is not None and mask is not None:
        raise ValueError("lengths and mask are both given: give the one or the other")
    if lengths is not None:
        found = [slice(0, steps) for steps in _lengths(lengths, [len(each) for each in arrays])]
    elif mask is not None:
        flags = each_of(mask, "mask")
        _check_count(flags, len(arrays), "mask")
        found = [
            _row(_fitting(flags_of(each, f"mask of sequence {n}"), len(own), n), f"mask of sequence {n}")
            for n, (each, own) in enumerate(zip(flags, arrays, strict=True))
        ]
    else:
        found = [
            _row(~np.all(np.ma.getmaskarray(each), axis=1), f"mask of sequence {n}")
            if np.ma.is_masked(each)
            else slice(None)
            for n, each in enumerate(arrays)
        ]
    for n, (each, steps) in enumerate(zip(arrays, found, strict=True)):
        if np.ma.is_masked(each[steps]):
            step = int(np.flatnonzero(np.ma.getmaskarray(each[steps]).any(1))[0]) + (steps.start or 0)
            raise ValueError(f"sequence {n} is masked at step {step}, which is its own: all its features must be there")
    return found


def _lengths(lengths: Any, steps: Sequence[int]) -> list[int]:
    """Return numbers of steps, each of which is at most as long as its sequence with padding."""
    found = [array_of(each, f"length of sequence {n}") for n, each in enumerate(each_of(lengths, "lengths"))]
    _check_count(found, len(steps), "lengths")
    for n, (each, most) in enumerate(zip(found, steps, strict=True)):
        is_whole = each.size == 1 and each.dtype.kind in "iuf" and each.item() == np.floor(each.item())
        if not is_whole or not 1 <= each.item() <= most:
            shown = each.item() if each.size == 1 else each.tolist()
            raise ValueError(
                f"length of sequence {n} is {shown!r}: it must be a whole number from 1 to its {most} steps"
            )
    return [int(each.item()) for each in found]


def _check_count(values: Sequence[Any], count: int, name: str) -> None:
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} entries for {count} sequences: it must have one for each")


def _fitting(flags: np.ndarray, steps: int, number: int) -> np.ndarray:
    if len(flags) != steps:
        raise ValueError(f"mask of sequence {number} has {len(flags)} steps: it must have its {steps}")
    return flags


def _row(is_own: Any, name: str) -> slice:
    """Return the steps that are marked, which have to follow each other."""
    marked = np.flatnonzero(is_own)
    if not marked.size:
        raise ValueError(f"{name} leaves no step: there must be at least one")
    gaps = np.flatnonzero(np.diff(marked) > 1)
    if gaps.size:
        raise ValueError(
            f"{name} leaves out step {marked[gaps[0]] + 1} between others: its steps must follow each other"
        )
    return slice(int(marked[0]), int(marked[-1]) + 1)
