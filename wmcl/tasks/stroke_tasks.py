"""Make tasks of Stroke MNIST that are learned one after the other.

*Split* Stroke-MNIST tells two digits apart in each task; *Sequential* Stroke-MNIST shows m of them one after the other,
so that what came first has to be held while the rest is drawn (Ehret et al., 2021). Targets are at the last step.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int

from wmcl.data.records import Records
from wmcl.data.strokes import Strokes
from wmcl.randomness import generator
from wmcl.tasks.data_task import BLOCKS, DataTask, data_task
from wmcl.tasks.labelled import Labelled
from wmcl.tasks.task import check_counts

LabelsOf = Literal["task", "all tasks"]
SequenceLabels = Literal["two classes", "sequences", "first digit", "last digit"]

PAIRS = ((0, 1), (2, 3), (4, 5), (6, 7), (8, 9))
_ALL_PAIRS = tuple(combinations(range(10), 2))
_HELD_BACK = 6  # of so many training digits, the last one is for validation: 10,000 of 60,000


def split_stroke_tasks(
    strokes: Strokes, tasks: int = 5, *, labels: LabelsOf = "task", validation: int = 500, blocks: int = BLOCKS
) -> list[DataTask]:
    """Make tasks that each tell two digits apart: 0 and 1, then 2 and 3, and so on.

    Three scenarios of continual learning (van de Ven and Tolias, 2019) differ in what the network is told: with a
    head a task (``heads=tasks``) the task is given; with one head and labels within the task it is not, and need not be
    found out; with one head and labels of all tasks the network has to tell all digits apart.

    Args:
        strokes: from :func:`wmcl.data.stroke_mnist`, or what stands in for it.
        tasks: K, at most 5.
        labels: ``task``: classes 0 and 1 in every task; ``all tasks``: class d for the digit d, and a softmax over all
            2 K classes.
        validation: the first so many training digits of each task decide when training stops, and are not trained on;
            the paper's code takes 100.
        blocks: as in :func:`wmcl.tasks.data_task`.

    Raises:
        ValueError: if a number is out of range, or if there are too few digits.
    """
    check_counts(tasks=tasks, validation=validation)
    if tasks > len(PAIRS):
        raise ValueError(f"tasks is {tasks}: it must be at most {len(PAIRS)}, as each takes two of ten digits")
    if labels not in get_args(LabelsOf):
        raise ValueError(f"labels is {labels!r}: it must be one of {', '.join(get_args(LabelsOf))}")
    made = []
    for k, pair in enumerate(PAIRS[:tasks]):
        train, test = (_of_pair(records, pair, labels, tasks) for records in (strokes.train, strokes.test))
        if len(train) <= validation:
            raise ValueError(f"validation is {validation}: the digits {pair} are {len(train)}, and some must be left")
        order = np.arange(len(train))
        name = f"{k + 1}: digits {pair[0]} and {pair[1]} of {strokes.name}"
        made.append(data_task(name, train.take(order[validation:]), train.take(order[:validation]), test, blocks))
    return made


def sequential_stroke_tasks(
    strokes: Strokes,
    tasks: int,
    digits: int,
    *,
    labels: SequenceLabels = "two classes",
    blank_lead: bool = False,
    train: int = 12_000,
    validation: int = 1_000,
    test: int = 2_000,
    seed: int = 0,
    blocks: int = BLOCKS,
) -> list[DataTask]:
    """Make tasks of sequences of m digits, each one of two: in every task all 2^m sequences of another pair of digits.

    The first five sixths of the training digits make the training sequences, the others those of the validation set,
    and the test digits those of the test set. Digits are drawn with replacement; sequences of each of the 2^m kinds are
    equally many, up to one.

    Args:
        strokes: from :func:`wmcl.data.stroke_mnist`, or what stands in for it.
        tasks: K. Up to 5, pairs have no digit in common: 0 and 1, 2 and 3, …; above, they are all 45, shuffled.
        digits: m.
        labels: ``sequences``: a class a kind of sequence, 2^m in all; ``two classes``: a random half of the kinds is
            class 1, the same in all three sets, and another half in each task; ``first digit`` and ``last digit``:
            whether that digit is the second of the pair. With one digit all of them are that.
        blank_lead: whether the digits before the last one are not shown: as many rows of zeros, which are the lead.
            The label is then that of the last digit.
        train: sequences to train on, in each task.
        validation: sequences that decide when training stops.
        test: sequences that results are reported on.
        seed: of the pairs, of the halves and of the sequences.
        blocks: as in :func:`wmcl.tasks.data_task`.

    Raises:
        ValueError: if a number is out of range, or if labels are those of digits that are not shown.
    """
    check_counts(tasks=tasks, digits=digits, train=train, validation=validation, test=test)
    check_counts(0, seed=seed)
    if tasks > len(_ALL_PAIRS):
        raise ValueError(f"tasks is {tasks}: it must be at most {len(_ALL_PAIRS)}, the number of pairs of digits")
    if digits > 8:
        raise ValueError(f"digits is {digits}: it must be at most 8, with 256 kinds of sequences")
    if labels not in get_args(SequenceLabels):
        raise ValueError(f"labels is {labels!r}: it must be one of {', '.join(get_args(SequenceLabels))}")
    if blank_lead and labels != "last digit":
        raise ValueError(
            f"labels is {labels!r} with a blank lead: they must be 'last digit', the only one that is shown"
        )
    kept = len(strokes.train) - len(strokes.train) // _HELD_BACK
    pools = {
        "train": strokes.train.take(np.arange(kept)),
        "validation": strokes.train.take(np.arange(kept, len(strokes.train))),
        "test": strokes.test,
    }
    sizes, made = {"train": train, "validation": validation, "test": test}, []
    for k, pair in enumerate(_pairs(tasks, seed)):
        classes = _classes(digits, labels, seed, k)
        sets = {n: _sequences(pools[n], pair, digits, classes, sizes[n], seed, f"{n} of task {k}") for n in pools}
        if blank_lead and digits > 1:
            sets = {n: _with_blank_lead(each) for n, each in sets.items()}
        name = f"{k + 1}: sequences of {digits} digits, {pair[0]} or {pair[1]}, of {strokes.name}"
        made.append(data_task(name, sets["train"], sets["validation"], sets["test"], blocks))
    return made


def _of_pair(records: Records, pair: tuple[int, int], labels: LabelsOf, tasks: int) -> Labelled:
    some = records.take(np.flatnonzero(np.isin(records.labels, pair)))
    if labels == "all tasks":
        return Labelled(some.rows, some.offsets, some.labels.astype(np.int64), 2 * tasks)
    return Labelled(some.rows, some.offsets, (some.labels == pair[1]).astype(np.int64), 2)


def _pairs(tasks: int, seed: int) -> Sequence[tuple[int, int]]:
    if tasks <= len(PAIRS):
        return PAIRS[:tasks]
    return [_ALL_PAIRS[n] for n in generator(seed, "pairs of digits").permutation(len(_ALL_PAIRS))[:tasks]]


def _classes(digits: int, labels: SequenceLabels, seed: int, task: int) -> Int[np.ndarray, "kind"]:
    """Return the class of each kind of sequence."""
    kinds = np.arange(2**digits)
    if labels == "sequences" or digits == 1:
        return kinds
    if labels != "two classes":
        return (kinds >> (0 if labels == "first digit" else digits - 1)) & 1
    half = generator(seed, "class of a sequence", task).permutation(len(kinds))[: len(kinds) // 2]
    return np.isin(kinds, half).astype(np.int64)


def _sequences(
    pool: Records,
    pair: tuple[int, int],
    digits: int,
    classes: Int[np.ndarray, "kind"],
    count: int,
    seed: int,
    purpose: str,
) -> Labelled:
    """Draw so many sequences: kinds in turn, in random order.

    Bit b of the number of a kind chooses the digit at place b.
    """
    random = generator(seed, f"sequences of strokes: {purpose}")
    kinds = random.permutation(np.arange(count) % len(classes))
    second = (kinds[:, None] >> np.arange(digits)) & 1
    of_each = [np.flatnonzero(pool.labels == digit) for digit in pair]
    if not all(map(len, of_each)):
        raise ValueError(f"strokes has no digits {pair[0]} or {pair[1]} for {purpose}: it must have some of each")
    drawn = np.stack([some[random.integers(len(some), size=second.shape)] for some in of_each])
    chosen = np.take_along_axis(drawn, second[None], axis=0)[0]
    together = pool.take(chosen.ravel())
    return Labelled(together.rows, together.offsets[::digits], classes[kinds], int(classes.max()) + 1)


def _with_blank_lead(shown: Labelled) -> Labelled:
    """Return the sequences with zeros in place of all digits but the last one."""
    ends = np.flatnonzero(shown.rows[:, 3]) + 1  # of digits, one of which ends at the end of each sequence
    last = np.searchsorted(ends, shown.offsets[1:])
    return shown.with_lead(ends[last - 1] - shown.offsets[:-1])
