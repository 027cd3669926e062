"""Split and Sequential Stroke-MNIST, on strokes that stand in for it: what is shown, and what is asked for."""

import numpy as np
import pytest

from wmcl.data import stand_in_strokes
from wmcl.data.strokes import check_strokes
from wmcl.methods import named, train_sequence
from wmcl.networks import LSTM
from wmcl.tasks import Phase, sequential_stroke_tasks, split_stroke_tasks
from wmcl.tasks.check import check_sequences
from wmcl.training import Adam, Options, Stop, evaluate, train

STROKES = stand_in_strokes(train=600, test=200)
SIZES = {"train": 48, "validation": 16, "test": 24}


def digits_of(part, number):
    """The rows of a sequence, cut where digits end."""
    rows = part.rows[part.offsets[number] : part.offsets[number + 1]]
    return np.split(rows, np.flatnonzero(rows[:, 3])[:-1] + 1)


def which(records):
    """The label of each record, by its content."""
    return {records[n].tobytes(): int(records.labels[n]) for n in range(len(records))}


def test_split_tasks_hold_every_digit_once_in_its_order():
    tasks = split_stroke_tasks(STROKES, validation=20)
    assert [(task.inputs, task.outputs) for task in tasks] == [(4, 2)] * 5
    known = {"train": which(STROKES.train), "test": which(STROKES.test)}
    for k, task in enumerate(tasks):
        parts = {"train": task.draw.train, "validation": task.draw.validation, "test": task.draw.test}
        assert [len(part) for part in parts.values()] == [100, 20, 40]
        for name, part in parts.items():
            labels = []
            for n in range(len(part)):
                (rows,) = digits_of(part, n)
                labels.append(known["test" if name == "test" else "train"][rows.tobytes()])
            assert part.targets.tolist() == [label - 2 * k for label in labels]
            assert set(part.targets.tolist()) == {0, 1}
        first = np.flatnonzero(np.isin(STROKES.train.labels, (2 * k, 2 * k + 1)))[:20]
        np.testing.assert_array_equal(parts["validation"].rows, STROKES.train.take(first).rows)
        check_sequences(task, task.validation)
        assert "stand-in" in task.name


def test_labels_of_all_tasks_share_one_softmax():
    tasks = split_stroke_tasks(STROKES, 3, labels="all tasks", validation=20)
    for k, task in enumerate(tasks):
        assert task.outputs == 6
        assert set(task.draw.train.targets.tolist()) == {2 * k, 2 * k + 1}


@pytest.mark.parametrize("digits", [1, 2, 3, 4])
@pytest.mark.parametrize("labels", ["two classes", "sequences"])
def test_sequences_of_digits(digits, labels):
    tasks = sequential_stroke_tasks(STROKES, 3, digits, labels=labels, **SIZES)
    kept = 500
    pools = {
        "train": which(STROKES.train.take(np.arange(kept))),
        "validation": which(STROKES.train.take(np.arange(kept, 600))),
        "test": which(STROKES.test),
    }
    for k, task in enumerate(tasks):
        classes = {}
        for name, pool in pools.items():
            part = getattr(task.draw, name)
            assert len(part) == SIZES[name]
            kinds = []
            for n in range(len(part)):
                shown = digits_of(part, n)
                assert len(shown) == digits
                check_strokes(np.concatenate(shown), np.cumsum([0, *map(len, shown)]), str) if digits == 1 else None
                kinds.append(tuple(pool[rows.tobytes()] - 2 * k for rows in shown))
                classes.setdefault(kinds[-1], set()).add(int(part.targets[n]))
            assert set(np.ravel(kinds)) == {0, 1}
            counts = np.unique(kinds, axis=0, return_counts=True)[1]
            assert len(counts) == 2**digits
            assert counts.max() - counts.min() <= 1
        assert all(len(found) == 1 for found in classes.values())  # the same in all three sets
        numbers = sorted(next(iter(found)) for found in classes.values())
        if labels == "sequences":
            assert (task.outputs, numbers) == (2**digits, list(range(2**digits)))
        else:
            assert (task.outputs, numbers) == (2, [0] * 2 ** (digits - 1) + [1] * 2 ** (digits - 1))
        if digits == 1:
            assert classes == {(0,): {0}, (1,): {1}}
        check_sequences(task, task.validation)


@pytest.mark.parametrize("digits", [1, 2, 4])
@pytest.mark.parametrize(("labels", "place"), [("first digit", 0), ("last digit", -1)])
def test_one_digit_of_a_sequence_is_asked_for(digits, labels, place):
    task = sequential_stroke_tasks(STROKES, 2, digits, labels=labels, **SIZES)[1]
    pool, part = which(STROKES.test), task.draw.test
    asked = [pool[digits_of(part, n)[place].tobytes()] - 2 for n in range(len(part))]
    assert (task.outputs, part.targets.tolist()) == (2, asked)


def test_a_blank_lead_takes_the_place_of_the_digits_before_the_last():
    shown, blank = (
        sequential_stroke_tasks(STROKES, 2, 3, labels="last digit", blank_lead=lead, **SIZES)[1]
        for lead in (False, True)
    )
    for name in ("train", "validation", "test"):
        full, part = getattr(shown.draw, name), getattr(blank.draw, name)
        np.testing.assert_array_equal(part.targets, full.targets)
        np.testing.assert_array_equal(part.offsets, full.offsets)
        for n in range(len(part)):
            rows, last = part.rows[part.offsets[n] : part.offsets[n + 1]], digits_of(full, n)[-1]
            np.testing.assert_array_equal(rows[-len(last) :], last)
            assert not rows[: -len(last)].any()
            assert part.leads[n] == len(rows) - len(last)
    assert (shown.test.phase == Phase.lead).sum() == 0
    assert (blank.test.phase == Phase.lead).sum() == blank.draw.test.leads.sum()
    check_sequences(blank, blank.validation)
    one = sequential_stroke_tasks(STROKES, 1, 1, labels="last digit", blank_lead=True, **SIZES)[0]
    assert one.draw.test.leads is None


def test_sequences_are_drawn_from_the_seed():
    one, same, other = (
        [task.draw.train.rows for task in sequential_stroke_tasks(STROKES, 2, 2, **SIZES, seed=seed)]
        for seed in (0, 0, 1)
    )
    for k in range(2):
        np.testing.assert_array_equal(one[k], same[k])
        assert not np.array_equal(one[k], other[k])


def test_more_than_five_tasks_take_other_pairs():
    names = [task.name for task in sequential_stroke_tasks(STROKES, 45, 1, train=4, validation=2, test=2)]
    pairs = {tuple(name.split(", ")[1].split(" or ")) for name in names}
    assert len(pairs) == 45
    assert [name.split(": ")[1] for name in names] != sorted(name.split(": ")[1] for name in names)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: split_stroke_tasks(STROKES, 6), "tasks is 6: it must be at most 5"),
        (lambda: split_stroke_tasks(STROKES, 2, validation=120), "validation is 120: the digits .* are 120"),
        (lambda: sequential_stroke_tasks(STROKES, 46, 1), "tasks is 46: it must be at most 45"),
        (lambda: sequential_stroke_tasks(STROKES, 2, 9), "digits is 9: it must be at most 8"),
        (lambda: sequential_stroke_tasks(STROKES, 2, 0), "digits is 0"),
        (lambda: sequential_stroke_tasks(STROKES, 2, 2, blank_lead=True), "labels is 'two classes' with a blank lead"),
        (lambda: sequential_stroke_tasks(stand_in_strokes(4, 4), 2, 1), "strokes has no digits"),
    ],
)
def test_what_cannot_be_made_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_network_tells_stand_in_digits_apart():
    (task,) = split_stroke_tasks(STROKES, 1, validation=40)
    network = LSTM(4, 16, 2, initialisation="fan_in")
    trained = train(
        network, task, [0], Stop(150, accuracy=0.97), Options(batch=32, optimiser=Adam(0.01)), progress=False
    )
    assert evaluate(network, trained.parameters, task.test, task).accuracy.item() > 0.9


@pytest.mark.parametrize(("heads", "labels"), [(2, "task"), (1, "task"), (1, "all tasks")])
def test_the_three_scenarios_run(heads, labels):
    tasks = split_stroke_tasks(STROKES, 2, labels=labels, validation=20)
    network = LSTM(4, 6, tasks[0].outputs, heads=heads, initialisation="fan_in")
    learned = list(train_sequence(named("online EWC"), network, tasks, [0], Stop(2), Options(batch=8), progress=False))
    assert [each.learner.network_of(1).head for each in learned] == [heads - 1] * 2


def test_halves_of_the_sequences_are_random_and_another_one_in_each_task():
    sizes = {"train": 8, "validation": 4, "test": 4}
    halves = set()
    kinds, classes = (
        sequential_stroke_tasks(STROKES, 20, 2, labels=labels, **sizes) for labels in ("sequences", "two classes")
    )
    for kind, task in zip(kinds, classes, strict=True):  # both have the same sequences in the same order
        ones = set(kind.draw.train.targets[task.draw.train.targets == 1].tolist())
        assert ones.isdisjoint(kind.draw.train.targets[task.draw.train.targets == 0].tolist())
        halves.add(tuple(sorted(ones)))
    assert all(len(half) == 2 for half in halves)
    assert len(halves) > 3  # of six
