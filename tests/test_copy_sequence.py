"""Sequences of Copy Tasks for continual learning, and tasks that say which one they are."""

import itertools

import numpy as np
import pytest
import torch

from wmcl.networks import Elman
from wmcl.tasks import Phase, copy_task, copy_task_sequence, lag_copy_task, with_task_identity
from wmcl.tasks.check import check_sequences
from wmcl.training import Stop, train

# of the paper's code, with its default data seed of 42
PUBLISHED_SEEDS = [102, 435, 860, 270, 106]
PUBLISHED_ORDERS = [[1, 4, 2, 3, 0], [4, 0, 3, 1, 2], [2, 4, 0, 3, 1], [3, 1, 2, 4, 0], [0, 4, 1, 3, 2]]


def permuted(tasks=3, p=4, **settings):
    return copy_task_sequence(tasks, p, **{"order": "permuted time"} | settings)


def time_order(task):
    """Which step of the pattern each asked-for step is, found from sequences alone."""
    made = task.batch([0], 0, 200)
    p = int(made.scored[0, :, 0].sum())
    shown, asked = made.inputs[0, :p, :, :-1], made.targets[0, -p:]
    return [next(s for s in range(p) if torch.equal(shown[s], step)) for step in asked]


def test_published_permutations():
    tasks = copy_task_sequence(5, 5, order="permuted time", seed=42, task_draws="reference", inputs="identical")
    assert [time_order(task) for task in tasks] == PUBLISHED_ORDERS
    for task, seed in zip(tasks, PUBLISHED_SEEDS, strict=True):
        alone = copy_task(5, order="permuted time", task_seed=seed, task_draws="reference")
        assert torch.equal(task.test.targets, alone.test.targets)


def test_published_pattern_manipulation_has_bits_that_are_always_0():
    """The first order leaves steps 2 and 3 where they are, so with r = 1 their 14 bits are 0."""
    task = copy_task_sequence(1, 5, order="permuted time", xor=1, seed=42, task_draws="reference")[0]
    asked = task.test.targets[0, -5:]
    assert asked.amax((1, 2)).tolist() == [1, 1, 0, 0, 1]


def test_reference_scattered_steps_are_drawn_as_there():
    tasks = copy_task_sequence(3, 4, 9, filler="scattered", seed=42, task_draws="reference")
    random = np.random.RandomState(42)
    for task in tasks:
        steps = np.sort(np.random.RandomState(random.randint(1_000_000)).choice(np.arange(9), 4, replace=False))
        made = task.batch([0], 0, 30)
        assert torch.equal(made.targets[0, -4:], made.inputs[0, steps.tolist(), :, :7])


def test_each_task_has_its_own_permutation_and_a_longer_sequence_begins_with_the_shorter():
    orders = [time_order(task) for task in permuted(24)]
    assert sorted(map(tuple, orders)) == sorted(itertools.permutations(range(4)))  # all there are
    assert orders[:3] == [time_order(task) for task in permuted(3)]
    assert orders[:3] != [time_order(task) for task in permuted(3, seed=1)]
    assert len({task.name for task in permuted(24)}) == 24


def test_identical_inputs():
    first, *others = permuted(inputs="identical")
    for other in others:
        for a, b in [
            (first.batch([2, 3], 8, 20), other.batch([2, 3], 8, 20)),
            (first.validation, other.validation),
            (first.test, other.test),
        ]:
            assert torch.equal(a.inputs, b.inputs)
            assert not torch.equal(a.targets, b.targets)


@pytest.mark.parametrize("settings", [{}, {"p": 3, "input_length": 6, "filler": "scattered"}])
def test_independent_inputs(settings):
    sets = [[t.batch([2], 8, 2000), t.validation, t.test] for t in permuted(**settings)]
    flat = [x.inputs[0, :, :512, :7].flatten() for one in sets for x in one]
    for a, b in itertools.combinations(flat, 2):
        moving = (a + b) > 0
        assert abs(float((a[moving] == b[moving]).float().mean()) - 1 / 3) < 0.03  # of 01, 10 and 11, one in three


def test_a_member_does_not_depend_on_others():
    task = permuted()[2]
    assert torch.equal(task.batch([5, 6], 1, 9).inputs[1:], task.batch([6], 1, 9).inputs)
    assert not torch.equal(task.batch([6], 1, 9).inputs, task.batch([6], 2, 9).inputs)


def test_growing_lengths_of_the_paper():
    tasks = copy_task_sequence(6, (3, 7), length_step=7)
    for task, mean in zip(tasks, (5, 12, 19, 26, 33, 40), strict=True):
        p = (task.batch([0], 0, 500).lengths[0] - 1) // 2
        assert sorted(set(p.tolist())) == list(range(mean - 2, mean + 3))
    padded = copy_task_sequence(3, 5, 10, length_step=2)
    assert [task.memory_demand.retention for task in padded] == [11, 13, 15]
    assert [task.memory_demand.load for task in padded] == [35] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": 2, "pattern_length": 3}, "tasks is 2: only 1 different ones were found"),
        ({"tasks": 3, "pattern_length": 2, "order": "permuted time"}, "tasks is 3: only 2 different"),
        ({"tasks": 0, "pattern_length": 2}, "tasks is 0"),
        ({"tasks": 2, "pattern_length": 2, "length_step": -1}, "length_step is -1"),
        (
            {
                "tasks": 2,
                "pattern_length": 2,
                "input_length": 4,
                "order": "permuted time",
                "filler": "scattered",
                "task_draws": "reference",
            },
            "task_draws is 'reference' with a scattered filler",
        ),
    ],
)
def test_senseless_sequences_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        copy_task_sequence(**arguments)


def test_worked_example_of_task_identity():
    tasks = [copy_task((1, 2), width=1), copy_task(1, width=1)]
    first, second = with_task_identity(tasks)
    assert (first.inputs, first.outputs, second.inputs) == (4, 1, 4)
    made = first.batch([0], 0, 40)
    short = int((made.lengths[0] == 3).nonzero()[0])
    assert made.inputs[0, :, short, 1:].tolist() == [[0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert second.batch([0], 0, 1).inputs[0, :, 0, 1:].tolist() == [[0, 0, 1], [1, 0, 1], [0, 0, 1]]


def test_task_identity_leaves_everything_else_alone():
    tasks = [copy_task(3, 5, lead=1), copy_task((3, 5)), *permuted(2)]
    for k, (plain, named) in enumerate(zip(tasks, with_task_identity(tasks), strict=True)):
        for a, b in [(plain.batch([1, 2], 3, 8), named.batch([1, 2], 3, 8)), (plain.test, named.test)]:
            check_sequences(named, b)
            assert torch.equal(b.inputs[..., : plain.inputs], a.inputs)
            expected = torch.eye(4)[k] * (a.phase != Phase.padding)[..., None]
            assert torch.equal(b.inputs[..., plain.inputs :], expected.expand(*b.inputs.shape[:3], 4))
            assert torch.equal(a.targets, b.targets)
            assert torch.equal(a.scored, b.scored)
        assert named.memory_demand == plain.memory_demand
    assert with_task_identity([lag_copy_task(1, 4, 2)])[0].batch([0], 0, 2).inputs[..., 7].all()


def test_a_network_can_be_trained_on_a_task_that_says_which_one_it_is():
    task = with_task_identity(permuted(2, p=2, width=2))[1]
    trained = train(
        Elman(task.inputs, 8, task.outputs, initialisation="fan_in"), task, [0], Stop(iterations=2), progress=False
    )
    assert torch.isfinite(torch.as_tensor(trained.validation_loss)).all()


@pytest.mark.parametrize("settings", [{"xor": 2}, {"xor": 4, "xor_mode": "iterated"}, {"xor": 3}])
def test_tasks_differ_as_functions_and_ask_for_something(settings):
    """Exclusive ors of the same permutations in another order are the same task, and some cancel all bits."""
    tasks = copy_task_sequence(9, 3, width=2, order="permuted both", inputs="identical", **settings)
    answers = [task.fixed_set("probe", 64).targets for task in tasks]
    assert all(answer.any() for answer in answers)
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(answers, 2))


def test_tasks_that_only_look_different_are_refused():
    """All channels show the same bit, so their order changes nothing."""
    with pytest.raises(ValueError, match="tasks is 2: only 1 different ones were found"):
        copy_task_sequence(2, 3, width=4, independent_bits=1, order="permuted width", inputs="identical")


def test_tasks_that_no_network_could_take_together_get_no_identity():
    with pytest.raises(ValueError, match=r"tasks have \(inputs, outputs\) \[\(3, 2\), \(8, 7\)\]"):
        with_task_identity([copy_task(3, width=2), copy_task(5)])
