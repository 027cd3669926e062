"""Turn whatever holds numbers of sequences into one NumPy array a sequence."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def each_of(values: Any, name: str) -> list[Any]:
    """Return the entries of an array, a tensor, a list, or of anything that can be made a list.

    Args:
        values: to take apart along the first axis.
        name: of the argument.

    Raises:
        ValueError: if it has no entries.
    """
    if isinstance(values, Tensor):
        if values.is_nested:
            return [each.detach() for each in values.unbind()]
        values = numpy_of(values)
    if isinstance(values, np.ndarray):
        if values.ndim:
            return list(values)
    elif callable(getattr(values, "to_list", None)):
        return list(values.to_list())
    elif callable(getattr(values, "tolist", None)):
        return list(values.tolist())
    elif callable(getattr(values, "to_numpy", None)):
        return list(values.to_numpy())
    elif isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping)):
        return list(values)
    raise ValueError(f"{name} is of the type {type(values).__name__}: it must have one entry a sequence")


def array_of(values: Any, name: str) -> np.ndarray:
    """Return what one sequence has as an array, which is masked if it was, and of objects if these are no numbers.

    Args:
        values: an array, a tensor, a number, nested lists, or anything that can be made a list.
        name: of the sequence or of its targets, for messages.

    Raises:
        ValueError: naming the first step that has another shape than those before it.
    """
    if isinstance(values, Tensor):
        return numpy_of(values)
    if not isinstance(values, (np.ndarray, np.generic, list, tuple)):
        for convert in ("to_list", "tolist", "to_numpy"):
            if callable(getattr(values, convert, None)):
                values = getattr(values, convert)()
                break
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind in "USO":
        return np.ma.MaskedArray(np.asarray(values.data, dtype=object), np.ma.getmaskarray(values))
    if isinstance(values, (list, tuple)):
        if any(isinstance(each, np.ma.MaskedArray) for each in values):
            return np.ma.stack([np.ma.asarray(each) for each in values])
        values = [numpy_of(each) if isinstance(each, Tensor) else each for each in values]
    elif isinstance(values, np.ndarray) and values.dtype.kind == "O":
        values = values.tolist()
    try:
        found = np.asanyarray(values)
    except ValueError:
        raise ValueError(f"{name} {_first_that_differs(values)}") from None
    # as objects from the start, since a list of words and numbers becomes one of words
    return np.asarray(values, dtype=object) if found.dtype.kind in "USO" else found


def numpy_of(tensor: Tensor) -> np.ndarray:
    """Return a tensor as an array on the CPU; NumPy has no bfloat16, which becomes float32."""
    if tensor.is_meta:
        raise ValueError("a tensor is on the device meta, which holds no numbers: it must be on a device with memory")
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(force=True)


def flags_of(values: Any, name: str) -> np.ndarray:
    """Return a mask of the steps of one sequence.

    Raises:
        ValueError: if it is no row of true and false, or of 1 and 0.
    """
    found = array_of(values, name)
    if found.ndim != 1 or found.dtype.kind not in "biuf" or np.ma.is_masked(found):
        raise ValueError(f"{name} has the shape {found.shape} and holds {found.dtype}: it must be true or false a step")
    wrong = np.flatnonzero((found != 0) & (found != 1))
    if wrong.size:
        raise ValueError(f"{name} is {found[wrong[0]]} at step {wrong[0]}: it must be true or false")
    return np.asarray(found) != 0


def _first_that_differs(values: Any) -> str:
    """Say which step of a ragged list is not like the first one."""
    for step, each in enumerate(values):
        try:
            shape = np.shape(each)
        except ValueError:
            return f"is ragged within step {step}: it must have numbers of one shape at every step"
        if shape != np.shape(values[0]):
            return f"has the shape {shape} at step {step} and {np.shape(values[0])} at step 0: they must be the same"
    return "is ragged: it must have numbers of one shape at every step"
