"""Tasks of AudioSet, on embeddings that stand in for it: what is shown, and what is asked for."""

import numpy as np
import pytest
import torch

from wmcl.data import stand_in_audioset
from wmcl.methods import named, train_sequence
from wmcl.networks import LSTM
from wmcl.tasks import split_audioset_tasks
from wmcl.tasks.check import check_sequences
from wmcl.training import Adam, Options, Stop, evaluate, train

AUDIOSET = stand_in_audioset(classes=20, sequences=25)


def which(records):
    """The class of each sequence, by its content."""
    return {records[n].tobytes(): int(records.labels[n]) for n in range(len(records))}


def content(part, number):
    return part.rows[part.offsets[number] : part.offsets[number + 1]].tobytes()


def classes_of(tasks):
    """The classes of each task, in the order of their numbers in it; every sequence is seen once and in its part."""
    known = {True: which(AUDIOSET.train), False: which(AUDIOSET.test)}
    found = []
    for task in tasks:
        draw = task.draw
        numbers, seen = {}, []
        for part in (draw.train, draw.validation, draw.test):
            for n in range(len(part)):
                seen.append(content(part, n))
                numbers.setdefault(int(part.targets[n]), set()).add(known[part is not draw.test][seen[-1]])
        assert len(set(seen)) == len(seen) == 25 * len(numbers)
        assert all(len(each) == 1 for each in numbers.values())
        found.append({number: each.pop() for number, each in sorted(numbers.items())})
    return found


@pytest.mark.parametrize(("tasks", "classes"), [(2, 10), (10, 2), (4, 5), (3, 4)])
@pytest.mark.parametrize("labels", ["task", "all tasks"])
def test_every_task_has_classes_of_its_own(tasks, classes, labels):
    made = split_audioset_tasks(AUDIOSET, tasks, classes, labels=labels, validation=0.1, seed=3)
    found = classes_of(made)
    together = [each for numbers in found for each in numbers.values()]
    assert len(set(together)) == len(together) == tasks * classes
    for k, (task, numbers) in enumerate(zip(made, found, strict=True)):
        first = k * classes if labels == "all tasks" else 0
        assert list(numbers) == list(range(first, first + classes))
        assert (task.inputs, task.outputs) == (128, tasks * classes if labels == "all tasks" else classes)
        for part, each in ((task.draw.train, 18), (task.draw.validation, 2), (task.draw.test, 5)):
            assert set(np.unique(part.targets, return_counts=True)[1].tolist()) == {each}
        check_sequences(task, task.validation)
        assert (task.test.steps, task.test.window) == (10, slice(9, 10))
        assert all(f"stand-in {each}" in task.name for each in numbers.values())


def test_classes_are_permuted_by_the_seed():
    one, same, other = (
        [each for numbers in classes_of(split_audioset_tasks(AUDIOSET, 2, 10, seed=seed)) for each in numbers.values()]
        for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other
    assert sorted(one) == sorted(other) == list(range(20)) != one


def test_more_tasks_and_more_classes_leave_the_others_where_they_are():
    whole = classes_of(split_audioset_tasks(AUDIOSET, 2, 10))
    for tasks, classes in ((1, 10), (2, 3), (1, 2)):
        part = classes_of(split_audioset_tasks(AUDIOSET, tasks, classes))
        assert [list(each.values()) for each in part] == [list(each.values())[:classes] for each in whole[:tasks]]


def test_as_large_a_part_of_every_class_is_for_validation():
    for validation, each in ((1 / 16, 1), (0.01, 1), (0.5, 10)):
        first, second = (
            split_audioset_tasks(AUDIOSET, 2, 10, validation=validation, seed=seed)[0].draw.validation
            for seed in (0, 0)
        )
        assert set(np.unique(first.targets, return_counts=True)[1].tolist()) == {each}
        np.testing.assert_array_equal(first.rows, second.rows)


def test_numbers_are_given_as_they_are_or_between_minus_one_and_one():
    (plain,), (scaled,) = (split_audioset_tasks(AUDIOSET, 1, scaled=is_scaled) for is_scaled in (False, True))
    rows = AUDIOSET.test.rows
    shown = plain.test.inputs
    assert shown.min() == rows.min()
    assert shown.max() == rows.max() == 255
    for one, other in (
        (plain.test, scaled.test),
        (plain.batch([0, 1], 3, 4), scaled.batch([0, 1], 3, 4)),
        (plain.validation, scaled.validation),
    ):
        torch.testing.assert_close(other.inputs, (one.inputs - 127.5) / 127.5)
        torch.testing.assert_close(other.targets, one.targets)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tasks": 0}, "tasks is 0"),
        ({"classes": 0}, "classes is 0"),
        ({"tasks": 3}, "tasks is 3 and classes is 10: the tasks must not need more than the 20 classes of stand-in"),
        ({"seed": -1}, "seed is -1"),
        ({"validation": 0.0}, "validation is 0.0: it must be a fraction"),
        ({"validation": 1.0}, "validation is 1.0: it must be a fraction"),
        ({"validation": 0.99}, "validation is 0.99: none of the 20 sequences of class 0 is left"),
    ],
)
def test_what_cannot_be_made_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        split_audioset_tasks(AUDIOSET, **{"tasks": 2, **wrong})


def test_a_network_tells_stand_in_classes_apart():
    (task,) = split_audioset_tasks(AUDIOSET, 1, 4, scaled=True)
    network = LSTM(128, 8, 4, initialisation="fan_in")
    trained = train(network, task, [0], Stop(30), Options(batch=16, optimiser=Adam(0.01)), progress=False)
    assert evaluate(network, trained.parameters, task.test, task).accuracy.item() > 0.9


@pytest.mark.parametrize(("heads", "labels"), [(2, "task"), (1, "task"), (1, "all tasks")])
def test_the_three_scenarios_run(heads, labels):
    tasks = split_audioset_tasks(AUDIOSET, 2, 3, labels=labels)
    network = LSTM(128, 6, tasks[0].outputs, heads=heads, initialisation="fan_in")
    learned = list(train_sequence(named("online EWC"), network, tasks, [0], Stop(2), Options(batch=8), progress=False))
    assert [each.learner.network_of(1).head for each in learned] == [heads - 1] * 2
    assert [each.learner.network_of(0).outputs for each in learned] == [6 if labels == "all tasks" else 3] * 2
