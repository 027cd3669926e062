"""Read the targets of sequences of one's own, and which of their steps are scored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Shaped

from wmcl.data.records import ended
from wmcl.tasks.class_labels import categories_of, is_not_scored, numbered
from wmcl.tasks.own_arrays import array_of, each_of, flags_of


@dataclass(frozen=True)
class Answers:
    """Answers are the targets of all sequences, as :class:`wmcl.tasks.Labelled` holds them."""

    targets: Shaped[np.ndarray, "target *output"]
    classes: int | None
    labels: tuple[Any, ...]
    scored: Bool[np.ndarray, "row"] | None


def read_targets(
    targets: Any, steps: Sequence[int], own: Sequence[slice], classes: int | Iterable[Any] | None, scored: Any
) -> Answers:
    """Return the targets of all sequences in one array: one a sequence, or one a step.

    Args:
        targets: of each sequence.
        steps: of each sequence, with its padding.
        own: steps of each sequence that are no padding.
        classes: number or labels of the classes, or ``None``.
        scored: which steps are scored, of each sequence, or ``None``.

    Raises:
        ValueError: naming the first sequence whose targets do not fit.
    """
    answers, categories = _answers(targets, len(steps))
    lengths = [len(range(count)[part]) for count, part in zip(steps, own, strict=True)]
    is_choice = classes is not None or categories is not None or _are_labels(answers)
    if is_choice:
        answers = _without_last_axis(answers, lengths)
    is_by_step = _is_by_step(answers[0], is_choice)
    if is_by_step and scored is None and isinstance(classes, int) and _are_one_hot(answers, classes):
        raise ValueError(
            f"targets have one 1 and {classes - 1} zeros for each sequence of {classes} steps, with {classes} classes:"
            " are they one-hot? Give the number of the class, as with targets.argmax(-1)"
        )
    if scored is not None and not is_by_step:
        raise ValueError("scored is given with one target a sequence: it must be left out, or targets be at every step")
    if is_by_step:
        answers = [_cut(*each, "targets") for each in zip(range(len(steps)), answers, steps, own, strict=True)]
        together = _joined(answers)
    elif len(widths := {each.shape for each in answers}) > 1:
        raise ValueError(f"targets have the shapes {sorted(widths)}: all must have as many output units")
    else:
        together = _joined([each[None] for each in answers])
    offsets = ended(lengths if is_by_step else [1] * len(steps))
    shown = _present(together, is_choice, offsets)
    if scored is not None:
        shown &= _scored(scored, steps, own)
    for number in np.flatnonzero(~np.logical_or.reduceat(shown, offsets[:-1]))[:1]:
        raise ValueError(f"sequence {number}: no step is scored: at least one must be")
    found, count, labels = np.asarray(together), None, ()
    if is_choice:
        found, count, labels = numbered(found, shown, classes, categories, offsets)
    else:
        found = np.where(shown[:, None], found, 0).astype(float)
    if not is_by_step or shown.all():
        return Answers(found, count, labels, None)
    if (last := offsets[1:] - 1).size == shown.sum() and shown[last].all():  # as if there were one target a sequence
        return Answers(found[last], count, labels, None)
    return Answers(found, count, labels, shown)


def _answers(targets: Any, count: int) -> tuple[list[np.ndarray], list[Any] | None]:
    """Return the targets of each sequence as an array, all of the same form, and their categories if they have any.

    Raises:
        ValueError: naming the first sequence whose targets have another form than those of the first one.
    """
    whole, categories = categories_of(targets)
    entries = each_of(whole, "targets")
    if len(entries) != count:
        raise ValueError(f"targets has {len(entries)} entries for {count} sequences: it must have one for each")
    answers: list[np.ndarray] = []
    for number, entry in enumerate(entries):
        each, own = categories_of(entry)
        if own is not None and number and own != categories:
            raise ValueError(
                f"targets of sequence {number} have the categories {own}: they must be those of sequence 0,"
                f" {categories}"
            )
        categories = categories if own is None else own
        answer = array_of(each, f"targets of sequence {number}")
        first = answers[0] if answers else answer
        if answer.dtype.kind not in "biufO":
            raise ValueError(f"targets of sequence {number} are {answer.dtype}: they must be numbers or labels")
        if answer.ndim != first.ndim or answer.ndim > 2 or answer.shape[1:] != first.shape[1:]:
            raise ValueError(
                f"targets of sequence {number} have the shape {answer.shape} and those of sequence 0"
                f" {first.shape}: all must be one target, or all one a step, with as many output units"
            )
        answers.append(answer)
    return answers, categories


def _are_labels(answers: Sequence[np.ndarray]) -> bool:
    """Tell whether targets are words, or one true or false a sequence; rows of these are bits."""
    return any(each.dtype.kind == "O" for each in answers) or all(
        each.ndim == 0 and each.dtype.kind == "b" for each in answers
    )


def _without_last_axis(answers: list[np.ndarray], lengths: Sequence[int]) -> list[np.ndarray]:
    """Return classes in a column of their own, (time, 1) or (1) a sequence, without the axis of that column."""
    is_column = answers[0].ndim == 2 and answers[0].shape[1] == 1
    is_single = answers[0].ndim == 1 and max(lengths) > 1 and all(len(each) == 1 for each in answers)
    return [each[..., 0] for each in answers] if is_column or is_single else answers


def _is_by_step(answer: np.ndarray, is_choice: bool) -> bool:
    """Tell whether the targets of a sequence, of which all have as many axes, are one a step."""
    if not is_choice and answer.ndim == 0:
        raise ValueError(
            "targets are single numbers: give the number of classes, or vectors of bits or of real numbers"
        )
    if is_choice and answer.ndim == 2:
        raise ValueError(
            f"targets of sequence 0 have the shape {answer.shape}: they must be one class, or a class a step (time)"
        )
    return answer.ndim == (1 if is_choice else 2)


_SOME = 8  # sequences: few may look like that by chance


def _are_one_hot(answers: Sequence[np.ndarray], classes: int) -> bool:
    """Tell whether what would be a class a step may as well be one class a sequence, a 1 among as many zeros."""
    return (
        classes > 2
        and len(answers) >= _SOME
        and all(
            each.shape == (classes,) and each.dtype.kind in "biuf" and (each == 1).sum() == 1 == (each != 0).sum()
            for each in answers
        )
    )


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays one after the other, masked if one of them is."""
    is_masked = any(isinstance(each, np.ma.MaskedArray) for each in arrays)
    return np.ma.concatenate(arrays) if is_masked else np.concatenate(arrays)


def _cut(number: int, values: np.ndarray, steps: int, own: slice, name: str) -> np.ndarray:
    """Return what a sequence has at its own steps, whether it has padding, as its inputs do, or none."""
    if len(values) == steps:
        return values[own]
    count = len(range(steps)[own])
    if len(values) == count:
        return values
    raise ValueError(f"sequence {number} has {count} steps and {len(values)} {name}: there must be one each")


def _scored(scored: Any, steps: Sequence[int], own: Sequence[slice]) -> Bool[np.ndarray, "row"]:
    """Return which of the steps of all sequences are scored, without their padding."""
    entries = each_of(scored, "scored")
    if len(entries) != len(steps):
        raise ValueError(f"scored has {len(entries)} entries for {len(steps)} sequences: it must have one for each")
    made = []
    for number, (entry, count, part) in enumerate(zip(entries, steps, own, strict=True)):
        flags = flags_of(entry, f"scored of sequence {number}")
        cut = _cut(number, flags, count, part, "flags in scored")
        if flags.sum() > cut.sum():
            step = min(set(np.flatnonzero(flags).tolist()) - set(range(count)[part]))
            raise ValueError(f"scored of sequence {number} is true at step {step}, which is padding: it must be false")
        made.append(cut)
    return np.concatenate(made)


def _present(targets: np.ndarray, is_choice: bool, offsets: Int64[np.ndarray, "boundary"]) -> Bool[np.ndarray, "row"]:
    """Tell where there is a target: one that is not masked, nor a class of -100."""
    mask = np.ma.getmaskarray(targets)
    if is_choice:
        return np.asarray(~mask & ~is_not_scored(np.asarray(targets)))
    for place in np.flatnonzero(mask.any(1) != mask.all(1))[:1]:
        sequence = int(np.searchsorted(offsets, place, side="right")) - 1
        raise ValueError(
            f"targets of sequence {sequence} are masked in part at step {place - offsets[sequence]}: all output units"
            " must be masked there, or none"
        )
    return np.asarray(~mask.all(1))
