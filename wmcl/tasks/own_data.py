"""Put sequences of one's own together with their targets, in whatever form they come."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from wmcl.data.records import ended
from wmcl.tasks.labelled import Labelled
from wmcl.tasks.likely_mistakes import warn_of_likely_mistakes
from wmcl.tasks.own_arrays import array_of, each_of
from wmcl.tasks.own_items import read_items
from wmcl.tasks.own_steps import own_steps
from wmcl.tasks.own_targets import read_targets


def labelled(
    sequences: Any,
    targets: Any = None,
    classes: int | Iterable[Any] | None = None,
    real: bool = False,
    *,
    lengths: Any = None,
    mask: Any = None,
    scored: Any = None,
) -> Labelled:
    """Put sequences of your own together with their targets.

    Arrays may be NumPy arrays, masked ones included, tensors, nested lists, or anything with ``to_list``, ``tolist`` or
    ``to_numpy``.

    Args:
        sequences: arrays of shape (time, feature), of any length; or one array (sequence, time, feature) with padding
            that ``lengths`` or ``mask`` tell apart, or that is masked. Without ``targets``: a PyTorch data set, a
            loader (batch first) or a list, whose items are (inputs, target), (inputs, length, target), or mappings with
            the keys ``inputs``, ``targets`` and maybe ``length``, ``mask`` and ``scored``.
        targets: for each sequence either one target, at its last step, or a target for every step. A target is a class,
            or a vector of bits or of real numbers, one an output unit. A class is a number, a word, true or false, or a
            category as those of pandas; steps of the class -100, and masked ones, are not scored.
        classes: C, if targets are the numbers 0, …, C - 1, or the labels of the classes in order of their numbers;
            ``None`` if targets are bits or real numbers, or if their labels are to be found and sorted.
        real: whether targets are real numbers.
        lengths: steps of each sequence before its padding.
        mask: (sequence, time), true at the steps of a sequence and false in its padding.
        scored: (sequence, time), true at the steps that are scored, if there are targets at every step.

    Raises:
        ValueError: naming what does not fit.

    Warns:
        UserWarning: if time and features seem to have changed places, or if bits seem to be one-hot classes.
    """
    if targets is None:
        items = read_items(sequences)
        sequences, targets = items.pop("inputs"), items.pop("targets")
        given = {"lengths": lengths, "mask": mask, "scored": scored}
        for name in items:
            if given[name] is not None:
                raise ValueError(f"{name} is given, but items have one of their own: it must be left out")
        lengths, mask, scored = ((given | items)[name] for name in given)
    elif isinstance(sequences, (Dataset, DataLoader)):
        raise ValueError(
            f"targets is given with sequences of the type {type(sequences).__name__}, whose items have targets: it must"
            " be left out"
        )
    arrays = _arrays(sequences)
    own = own_steps(arrays, lengths, mask)
    answers = read_targets(targets, [len(each) for each in arrays], own, classes, scored)
    parts = [np.asarray(each[steps]) for each, steps in zip(arrays, own, strict=True)]
    offsets = ended([len(each) for each in parts])
    warn_of_likely_mistakes(parts, answers.targets, answers.classes, real)
    return Labelled(
        np.concatenate(parts),
        offsets,
        answers.targets,
        answers.classes,
        real,
        scored=answers.scored,
        labels=answers.labels,
    )


def _arrays(sequences: Any) -> list[np.ndarray]:
    """Return every sequence as an array (time, feature).

    Raises:
        ValueError: naming the first sequence that is none.
    """
    arrays = [array_of(each, f"sequence {n}") for n, each in enumerate(each_of(sequences, "sequences"))]
    if not arrays:
        raise ValueError("sequences is empty: there must be at least one")
    for number, each in enumerate(arrays):
        if each.dtype.kind not in "biuf":
            raise ValueError(f"sequence {number} holds {_held(each)}: it must hold real numbers")
        if each.ndim != 2 or not len(each) or each.shape[1:] != arrays[0].shape[1:]:
            raise ValueError(
                f"sequence {number} has the shape {each.shape}: it must be (time, feature), with the"
                f" {arrays[0].shape[-1] if arrays[0].ndim else 'number of'} features of the first one"
            )
    return arrays


def _held(array: np.ndarray) -> str:
    """Return what an array holds that are no numbers, words by the type that NumPy has for them."""
    if array.dtype.kind == "O" and array.size and all(isinstance(each, str) for each in array.flat):
        return str(array.astype(str).dtype)
    return str(array.dtype)
