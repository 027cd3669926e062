"""Make tasks of AudioSet that are learned one after the other (Ehret et al., 2021)."""

from dataclasses import replace
from typing import get_args

import numpy as np
from jaxtyping import Int, Int64

from wmcl.data.audioset import AudioSet
from wmcl.data.records import Records
from wmcl.randomness import generator
from wmcl.tasks.data_task import DataTask, data_task
from wmcl.tasks.labelled import Labelled
from wmcl.tasks.sequences import Sequences
from wmcl.tasks.stroke_tasks import LabelsOf
from wmcl.tasks.task import check_counts

_ROW = 10


def split_audioset_tasks(
    audioset: AudioSet,
    tasks: int = 10,
    classes: int = 10,
    *,
    labels: LabelsOf = "task",
    validation: float = 1 / 16,
    scaled: bool = False,
    seed: int = 0,
) -> list[DataTask]:
    """Make tasks that each tell other classes of sounds apart; the target is the class, at the last step.

    The three scenarios are those of :func:`split_stroke_tasks`. Up to ten tasks of up to ten classes are parts of the
    same ten of ten, so that with more tasks or more classes others are added and none goes to another task.

    Args:
        audioset: from :func:`wmcl.data.audioset`, or what stands in for it.
        tasks: K.
        classes: C, in each task.
        labels: ``task``: classes 0, …, C - 1 in every task; ``all tasks``: k C, …, k C + C - 1 in task k, and a softmax
            over all K C classes.
        validation: this fraction of the training sequences of each class, and one at the least, decides when training
            stops, and is not trained on. In the paper they are 50 of 800.
        scaled: networks get x / 127.5 - 1, from -1 to 1, instead of the numbers x from 0 to 255 as they are stored. The
            paper's code gives them as they are; scaled, they are learned in far fewer iterations.
        seed: of the order of the classes and of the sequences for validation.

    Raises:
        ValueError: if a number is out of range, or if there are too few classes or sequences.
    """
    check_counts(tasks=tasks)
    check_counts(2, classes=classes)
    check_counts(0, seed=seed)
    if labels not in get_args(LabelsOf):
        raise ValueError(f"labels is {labels!r}: it must be one of {', '.join(get_args(LabelsOf))}")
    if not 0 < validation < 1:
        raise ValueError(f"validation is {validation}: it must be a fraction of the sequences, between 0 and 1")
    if tasks * classes > len(audioset.classes):
        raise ValueError(
            f"tasks is {tasks} and classes is {classes}: the tasks must not need more than the"
            f" {len(audioset.classes)} classes of {audioset.name}"
        )
    train, held_out = _without_validation(audioset.train, validation, seed)
    made = []
    for k, chosen in enumerate(_classes_of_tasks(len(audioset.classes), tasks, classes, seed)):
        first, total = (k * classes, tasks * classes) if labels == "all tasks" else (0, classes)
        of_train, of_validation, of_test = (
            _of_classes(each, chosen, first, total) for each in (train, held_out, audioset.test)
        )
        names = ", ".join(audioset.classes[n] for n in chosen)
        task = data_task(f"{k + 1}: {names} of {audioset.name}", of_train, of_validation, of_test)
        made.append(task.changed(_scaled, task.inputs) if scaled else task)
    return made


def _scaled(sequences: Sequences) -> Sequences:
    """Scale the inputs from 0 to 255 to those from -1 to 1.

    No sequence is shorter than the others, so no padding is moved away from zero.
    """
    return replace(sequences, inputs=sequences.inputs / 127.5 - 1)


def _classes_of_tasks(count: int, tasks: int, classes: int, seed: int) -> list[Int64[np.ndarray, "class"]]:
    order = generator(seed, "classes of AudioSet tasks").permutation(count)
    is_within = max(tasks, classes) <= _ROW and tasks * _ROW <= count
    row = _ROW if is_within else classes
    return [order[k * row : k * row + classes] for k in range(tasks)]


def _without_validation(records: Records, validation: float, seed: int) -> tuple[Records, Records]:
    """Divide the training sequences into those to train on and those for validation, which are a part of each class."""
    held_out = np.zeros(len(records), bool)
    for label in np.unique(records.labels):
        own = generator(seed, "validation of AudioSet tasks", int(label)).permutation(
            np.flatnonzero(records.labels == label)
        )
        count = max(1, round(validation * len(own)))
        if count == len(own):
            raise ValueError(f"validation is {validation}: none of the {len(own)} sequences of class {label} is left")
        held_out[own[:count]] = True
    return records.take(np.flatnonzero(~held_out)), records.take(np.flatnonzero(held_out))


def _of_classes(records: Records, chosen: Int[np.ndarray, "class"], first: int, total: int) -> Labelled:
    """Return the sequences of the chosen classes, which are numbered from ``first`` on."""
    number = np.full(len(records.classes), -1)
    number[chosen] = first + np.arange(len(chosen))
    targets = number[records.labels]
    some = np.flatnonzero(targets >= 0)
    taken = records.take(some)
    return Labelled(taken.rows, taken.offsets, targets[some], total)
