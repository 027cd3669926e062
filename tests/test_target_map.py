"""Targets of Copy Tasks: worked examples, naive loops over single bits, and properties of orders and exclusive ors."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.tasks import copy_task
from wmcl.tasks.check import check_sequences
from wmcl.tasks.layout import CopyLayout
from wmcl.tasks.target_map import TargetMap, by_channels, by_steps, exclusive_or, in_order, iterated_exclusive_or
from wmcl.tasks.target_rule import TargetRule
from wmcl.tasks.task_draws import permutations

PERMUTED = ["permuted time", "permuted width", "permuted both"]


def bits(*steps):
    return np.array([[[[int(c) for c in step] for step in steps]]], dtype=np.uint8)


def answer(target_map, pattern):
    return ["".join(map(str, step)) for step in target_map.apply(pattern)[0, 0].tolist()]


def shown_and_targets(task, samples=5):
    """The pattern and the targets, (sample, step, channel), for a task without lead and filler."""
    made = task.batch([1], 0, samples)
    check_sequences(task, made)
    p = made.scored[0, :, 0].bool().sum()
    return made.inputs[0, :p, :, :-1].transpose(0, 1), made.targets[0, -p:].transpose(0, 1)


def place(order, p, width, task_seed=0, draws="addressed", k=0):
    """Which (step, channel) of the pattern the k-th permutation puts at each."""
    size = {"permuted time": p, "permuted width": width, "permuted both": p * width}[order]
    drawn = permutations(size, k + 1, task_seed, draws)[k]
    return {
        (t, c): {
            "permuted time": lambda t, c: (drawn[t], c),
            "permuted width": lambda t, c: (t, drawn[c]),
            "permuted both": lambda t, c: divmod(drawn[t * width + c], width),
        }[order](t, c)
        for t in range(p)
        for c in range(width)
    }


def test_worked_examples_of_orders():
    pattern = bits("10", "11", "00", "01")
    assert answer(in_order(by_steps([2, 0, 3, 1], 2), 2), pattern) == ["00", "10", "01", "11"]
    assert answer(in_order(by_channels([1, 0], 4), 2), pattern) == ["01", "11", "00", "10"]
    assert answer(in_order(np.array([7, 0, 1, 2, 3, 4, 5, 6]), 2), pattern) == ["11", "01", "10", "00"]
    assert answer(TargetMap(1), pattern) == ["1", "1", "0", "0"]


def test_worked_examples_of_exclusive_ors():
    pattern = bits("1", "0", "0")
    once, back = np.array([1, 2, 0]), np.array([2, 0, 1])
    assert answer(exclusive_or([once], 1), pattern) == ["1", "0", "1"]  # 100 ⊕ 001
    assert answer(exclusive_or([once, back], 1), pattern) == ["1", "1", "1"]  # 100 ⊕ 001 ⊕ 010
    assert answer(iterated_exclusive_or(once, 2, 1), pattern) == ["1", "1", "0"]  # 101, then 101 ⊕ 011


def test_worked_example_of_a_whole_sequence():
    swap = in_order(by_steps([1, 0], 2), 2)
    made = CopyLayout(2, 3, width=2).lay_out(bits("10", "11"), target_map=swap)
    assert made.inputs[0, :, 0].tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert made.targets[0, :, 0].tolist() == [[0, 0]] * 4 + [[1, 1], [1, 0]]


@pytest.mark.parametrize(("p", "expected"), [(4, [1, 0, 3, 2]), (5, [1, 0, 3, 2, 4]), (1, [0])])
def test_neighbours_change_places(p, expected):
    shown, targets = shown_and_targets(copy_task(p, order="pairwise"))
    assert torch.equal(targets, shown[:, expected])


@pytest.mark.parametrize("p", [1, 4, 5])
def test_reversed_in_time(p):
    shown, targets = shown_and_targets(copy_task(p, order="reversed"))
    assert torch.equal(targets, shown.flip(1))


@given(order=st.sampled_from(PERMUTED), p=st.integers(1, 5), width=st.integers(1, 4), seed=st.integers(0, 99))
def test_permutations_agree_with_a_loop_and_their_inverse_recovers_the_pattern(order, p, width, seed):
    shown, targets = shown_and_targets(copy_task(p, width=width, order=order, task_seed=seed))
    recovered = torch.full_like(targets, -1)
    for (t, c), (from_t, from_c) in place(order, p, width, seed).items():
        assert torch.equal(targets[:, t, c], shown[:, from_t, from_c])
        recovered[:, from_t, from_c] = targets[:, t, c]
    assert torch.equal(recovered, shown)


@given(
    order=st.sampled_from(PERMUTED),
    p=st.integers(1, 5),
    width=st.integers(1, 3),
    r=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_exclusive_ors_agree_with_a_loop(order, p, width, r, seed):
    separate = copy_task(p, width=width, order=order, xor=r, task_seed=seed)
    shown, targets = shown_and_targets(separate)
    expected = shown.bool().clone()
    for k in range(r):
        for (t, c), source in place(order, p, width, seed, k=k).items():
            expected[:, t, c] ^= shown[(slice(None), *source)].bool()
    assert torch.equal(targets.bool(), expected)

    shown, targets = shown_and_targets(
        copy_task(p, width=width, order=order, xor=r, xor_mode="iterated", task_seed=seed)
    )
    result = shown.bool()
    for _ in range(r):
        before, result = result, result.clone()
        for (t, c), source in place(order, p, width, seed).items():
            result[:, t, c] = before[:, t, c] ^ before[(slice(None), *source)]
    assert torch.equal(targets.bool(), result)


@given(p=st.integers(1, 6), seed=st.integers(0, 99), iterated=st.booleans())
def test_an_exclusive_or_with_itself_is_0(p, seed, iterated):
    """Where a permutation moves nothing."""
    mode = "iterated" if iterated else "separate"
    _, targets = shown_and_targets(copy_task(p, order="permuted time", xor=1, xor_mode=mode, task_seed=seed), 40)
    fixed = permutations(p, 1, seed, "addressed")[0] == np.arange(p)
    np.testing.assert_array_equal(targets.flatten(2).sum((0, 2)).numpy() == 0, fixed)


def test_a_repeated_pattern_bit_cancels_only_where_its_channels_meet():
    """With one independent bit, a permutation of channels changes nothing, and its exclusive or is 0."""
    shown, targets = shown_and_targets(copy_task(3, width=4, independent_bits=1, order="permuted width", task_seed=2))
    assert torch.equal(shown, targets)
    task = copy_task(3, width=4, independent_bits=1, order="permuted width", xor=1, task_seed=2)
    assert not shown_and_targets(task)[1].any()
    assert (task.memory_demand.load, task.memory_demand.retention) == (0, 0)


def held_at_once(target_map, p, width):
    """log2 of the number of different answers to all patterns: what a network must hold at the stop flag."""
    every = np.array(list(itertools.product((0, 1), repeat=p * width)), dtype=np.uint8)
    answers = target_map.apply(every.reshape(1, -1, p, width))
    return np.log2(len(np.unique(answers[0].reshape(len(every), -1), axis=0)))


@pytest.mark.parametrize("arguments", [{}, {"xor": 1}, {"xor": 3}, {"xor": 2, "xor_mode": "iterated"}])
@pytest.mark.parametrize("order", PERMUTED)
@pytest.mark.parametrize("seed", range(3))
def test_load_is_what_the_answers_tell_apart_and_retention_the_mean_delay(order, seed, arguments):
    p, width, i = 4, 2, 6
    task = copy_task(p, i, width, order=order, task_seed=seed, **arguments)
    target_map = task.draw.target_map
    assert task.memory_demand.load == held_at_once(target_map, p, width)
    delays = []
    for source in range(p * width):  # a target bit depends on a pattern bit if flipping that flips it
        flipped = np.zeros((1, 1, p * width), dtype=np.uint8)
        flipped[..., source] = 1
        for target in target_map.apply(flipped.reshape(1, 1, p, width)).ravel().nonzero()[0]:
            delays.append(i + 1 + target // width - source // width)
    assert (
        task.memory_demand.retention == pytest.approx(np.mean(delays)) if delays else task.memory_demand.retention == 0
    )
    if not arguments:
        assert task.memory_demand.retention == i + 1


def test_a_narrower_output():
    task = copy_task(3, 4, output_width=2, visible_bits=1)
    made = task.batch([0], 0, 6)
    check_sequences(task, made)
    assert task.outputs == 2
    assert torch.equal(made.targets[0, -3:], made.inputs[0, :3, :, :2])
    assert torch.equal(made.inputs, copy_task(3, 4, visible_bits=1).batch([0], 0, 6).inputs)
    assert (task.memory_demand.load, task.memory_demand.scored_bits, task.memory_demand.retention) == (3, 6, 5)
    shown, targets = shown_and_targets(copy_task(3, output_width=2, order="reversed"))
    assert torch.equal(targets, shown.flip(1)[..., :2])


def test_orders_apply_to_scattered_patterns_and_to_answers_after_blanks():
    for filler in ("scattered", "after stop"):
        task = copy_task(3, 6, order="reversed", filler=filler)
        made = task.batch([0], 0, 5)
        at = list(task.draw.layout.pattern_steps or range(3))
        assert torch.equal(made.targets[0, -3:], made.inputs[0, at, :, :7].flip(0))
        assert made.scored[0, -3:].all()


def test_permutations_are_uniform():
    found = [tuple(permutations(3, 1, seed, "addressed")[0]) for seed in range(1200)]
    counts = [found.count(one) for one in itertools.permutations(range(3))]
    assert sum((c - 200) ** 2 / 200 for c in counts) < 20.5  # chi-squared with 5 degrees of freedom, 0.1 %


def test_permutations_of_a_task_differ_from_each_other():
    a, b, c = permutations(50, 3, 7, "addressed")
    assert not any(np.array_equal(*pair) for pair in ((a, b), (b, c), (a, c)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern_length": (2, 4), "order": "reversed"}, r"order is 'reversed' and pattern_length is \(2, 4\)"),
        ({"pattern_length": (2, 4), "order": "permuted time"}, "order is 'permuted time' and pattern_length"),
        ({"output_width": 8}, "output_width is 8: it must be at most the width, 7"),
        ({"output_width": 0}, "output_width is 0"),
        ({"output_width": 3, "order": "permuted width"}, "output_width is 3 and order is 'permuted width'"),
        ({"output_width": 3, "order": "permuted both"}, "output_width is 3 and order is 'permuted both'"),
        ({"output_width": 3, "visible_bits": 4}, "visible_bits is 4: it must be at most the output_width, 3"),
        ({"visible_bits": 1, "order": "pairwise"}, "visible_bits is 1 and order is 'pairwise'"),
        ({"xor": 0, "order": "permuted time"}, "xor is 0"),
        ({"xor": 1}, "xor is 1 and order is 'forward': it must be one of the permuted orders"),
        ({"xor": 1, "order": "reversed"}, "xor is 1 and order is 'reversed'"),
        ({"task_draws": "reference"}, "task_draws is 'reference' with order 'forward'"),
        ({"task_seed": -1}, "task_seed is -1"),
    ],
)
def test_contradictions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        copy_task(**{"pattern_length": 3} | arguments)


@pytest.mark.parametrize("field", ["order", "xor_mode", "task_draws"])
def test_unknown_words_are_refused(field):
    rule = TargetRule(7)
    object.__setattr__(rule, field, "sideways")  # the type checker of the tests would refuse it in the call
    with pytest.raises(ValueError, match=f"{field} is 'sideways': it must be one of"):
        rule.check(CopyLayout(2, 2))


def test_names_tell_variants_apart():
    variants = [
        {},
        {"pattern_length": (2, 3)},
        {"input_length": (3, 5)},
        {"filler": "random", "input_length": 5},
        {"input_length": 5},
        {"order": "reversed"},
        {"order": "permuted time"},
        {"order": "permuted time", "task_seed": 1},
        {"order": "permuted time", "task_draws": "reference"},
        {"order": "permuted time", "xor": 2},
        {"order": "permuted time", "xor": 2, "xor_mode": "iterated"},
        {"output_width": 3},
    ]
    assert len({copy_task(**{"pattern_length": 3} | one).name for one in variants}) == len(variants)
