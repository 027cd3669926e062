"""Number the classes that targets name: words, categories, true and false, or numbers."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Int64, Shaped

from wmcl.tasks.own_arrays import each_of
from wmcl.tasks.torch_data import NOT_SCORED


def categories_of(values: Any) -> tuple[Any, list[Any] | None]:
    """Return labels one by one, with all categories in their order if the values are categories as those of pandas.

    Categories have ``codes``, numbers into ``categories``, as a :class:`pandas.Categorical` has, or they have them at
    ``cat``, as a :class:`pandas.Series` of them does. A label that is missing becomes ``None``.
    """
    holder = values if hasattr(values, "codes") else getattr(values, "cat", None)
    codes, categories = getattr(holder, "codes", None), getattr(holder, "categories", None)
    if codes is None or categories is None:
        return values, None
    labels = [plain(each) for each in each_of(categories, "categories")]
    names = [labels[code] if code >= 0 else None for code in np.asarray(codes).tolist()]
    return np.array(names, dtype=object), labels


def plain(label: Any) -> Any:
    """Return a label as Python's own type."""
    return label.item() if isinstance(label, np.generic) else label


def is_not_scored(targets: Shaped[np.ndarray, "target"]) -> Bool[np.ndarray, "target"]:
    """Tell which classes are -100, the number that PyTorch has for steps that are not scored."""
    if targets.dtype.kind != "O":
        return np.asarray(targets == NOT_SCORED)
    return np.array([isinstance(each, (int, float)) and each == NOT_SCORED for each in targets.tolist()], dtype=bool)


def numbered(
    targets: Shaped[np.ndarray, "target"],
    scored: Bool[np.ndarray, "target"],
    classes: int | Iterable[Any] | None,
    categories: list[Any] | None,
    offsets: Int64[np.ndarray, "boundary"],
) -> tuple[Int[np.ndarray, "target"], int, tuple[Any, ...]]:
    """Return the number of each class, with the number of classes and the label of each.

    Args:
        targets: of all sequences, one after the other.
        scored: where targets are read; elsewhere the number is 0.
        classes: their number, or their labels in order of their numbers; ``None``: labels are sorted.
        categories: labels in their order, where targets bring them along.
        offsets: boundaries of the sequences in the targets.

    Raises:
        ValueError: naming the first target that is no class.
    """
    count = classes if isinstance(classes, (int, float, np.number)) else None
    labels = categories if count is not None or classes is None else _distinct(classes)
    if labels is None and targets.dtype.kind in "iuf":
        return _whole(targets, scored, offsets), count, ()  # type: ignore[return-value]
    if labels is None:
        labels = [False, True] if targets.dtype.kind == "b" else _found(targets, scored, offsets)
    if count is not None and count != len(labels):
        raise ValueError(
            f"classes is {count} but targets have {_shown(labels)}: it must be their number, or a list of all labels"
        )
    if len(labels) < 2:
        raise ValueError(f"targets have {_shown(labels)}: there must be at least two; name all in classes")
    table = {label: number for number, label in enumerate(labels)}
    numbers = np.zeros(len(targets), np.int64)
    for place, label in zip(np.flatnonzero(scored).tolist(), targets[scored].tolist(), strict=True):
        try:
            numbers[place] = table[label]
        except (KeyError, TypeError):
            raise ValueError(f"{_held(label, place, offsets)}: they must be of {_shown(labels)}") from None
    return numbers, len(labels), tuple(labels)


def _distinct(classes: Any) -> list[Any]:
    """Return the labels that are given as classes."""
    labels = [plain(each) for each in each_of(classes, "classes")]
    try:
        is_distinct = len(set(labels)) == len(labels)
    except TypeError:
        raise ValueError(f"classes is {labels!r}: labels must be words or numbers") from None
    if not is_distinct:
        raise ValueError(f"classes is {labels!r}: each label must be there once")
    return labels


def _found(targets: np.ndarray, scored: np.ndarray, offsets: np.ndarray) -> list[Any]:
    """Return the labels that there are, sorted."""
    first: dict[Any, int] = {}
    for place, label in zip(np.flatnonzero(scored).tolist(), targets[scored].tolist(), strict=True):
        if not isinstance(label, (str, bytes, int, float)) or label != label:
            raise ValueError(f"{_held(label, place, offsets)}: a class must be a word or a number")
        first.setdefault(label, place)
    try:
        return sorted(first)
    except TypeError:
        kind = type(next(iter(first)))
        other = next(label for label in first if type(label) is not kind)
        raise ValueError(
            f"{_held(other, first[other], offsets)}, and the first class is of the type {kind.__name__}: all must be of"
            " one type, or named in classes"
        ) from None


def _whole(targets: np.ndarray, scored: np.ndarray, offsets: np.ndarray) -> Int[np.ndarray, "target"]:
    """Return numbers of classes as whole numbers, with zeros where nothing is scored."""
    read = targets if scored.all() else np.where(scored, targets, targets.dtype.type(0))
    if read.dtype.kind != "f":
        return read
    for place in np.flatnonzero(~np.isfinite(read) | (read != np.floor(read)))[:1]:
        raise ValueError(f"{_held(read[place].item(), int(place), offsets)}: a class must be a whole number")
    return read.astype(np.int64)


def _held(label: Any, place: int, offsets: np.ndarray) -> str:
    """Say which sequence has a label, and at which step if there are targets at every step."""
    sequence = int(np.searchsorted(offsets, place, side="right")) - 1
    step = f" at step {place - offsets[sequence]}" if offsets[-1] >= len(offsets) else ""
    return f"targets of sequence {sequence} hold {label!r}{step}"


def _shown(labels: Sequence[Any]) -> str:
    """Return how many labels there are, and the first of them."""
    names = ", ".join(map(repr, labels[:8])) + (", …" if len(labels) > 8 else "")
    return f"{len(labels)} label{'s' * (len(labels) != 1)} ({names})"
