"""Variants of the Copy Task in time: worked examples, and a loop over sequences that knows nothing of the layout."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.randomness import generator
from wmcl.tasks import Phase, copy_task
from wmcl.tasks.check import check_sequences
from wmcl.tasks.layout import CopyLayout
from wmcl.tasks.task_draws import scattered_steps

L, I, S, O, P = (Phase.lead, Phase.input, Phase.stop, Phase.output, Phase.padding)  # noqa: E741


def bits(*sequences):
    """One member, two channels: each sequence a string of steps like "10 01"."""
    return np.array([[[[int(c) for c in step] for step in one.split()] for one in sequences]], dtype=np.uint8)


def steps(values, sample=0):
    """Like the strings above, with . for zeros only."""
    rows = values[0, :, sample].int().tolist()
    return " ".join("".join(map(str, row)) if any(row) else "." for row in rows)


def phases(made, sample=0):
    return [Phase(k) for k in made.phase[0, :, sample].tolist()]


def test_worked_example_of_lengths_that_vary():
    """Lengths 1 and 3, p = i: both start together, and the shorter is padded at its end."""
    layout = CopyLayout((1, 3), (1, 3), width=2)
    made = layout.lay_out(bits("11 10 10", "01 11 10"), input_lengths=np.array([[1, 3]]))
    assert steps(made.inputs) == "110 001 . . . . ."
    assert steps(made.targets) == ". . 11 . . . ."
    assert made.scored[0, :, 0].tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert phases(made) == [I, S, O, P, P, P, P]
    assert steps(made.inputs, 1) == "010 110 100 001 . . ."
    assert steps(made.targets, 1) == ". . . . 01 11 10"
    assert made.scored[0, :, 1].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert phases(made, 1) == [I, I, I, S, O, O, O]
    assert made.window == slice(2, 7)
    assert made.lengths.tolist() == [[3, 7]]
    assert made.scored_bits().tolist() == [[2, 6]]


def test_worked_example_of_input_lengths_that_vary_at_a_fixed_pattern():
    """A lead, p = 1, i = 2 and 3, random filler: the longer input has one more step of it."""
    layout = CopyLayout(1, (2, 3), width=2, lead=1, filler="random")
    made = layout.lay_out(bits("10", "01"), filler_bits=bits("11 11", "11 11"), input_lengths=np.array([[2, 3]]))
    assert steps(made.inputs) == ". 100 110 001 . ."
    assert steps(made.targets) == ". . . . 10 ."
    assert phases(made) == [L, I, I, S, O, P]
    assert steps(made.inputs, 1) == ". 010 110 110 001 ."
    assert steps(made.targets, 1) == ". . . . . 01"
    assert phases(made, 1) == [L, I, I, I, S, O]
    assert made.window == slice(4, 6)


def test_worked_example_of_a_random_filler():
    made = CopyLayout(1, 3, width=2, filler="random").lay_out(bits("10"), filler_bits=bits("11 01"))
    assert steps(made.inputs) == "100 110 010 001 ."
    assert steps(made.targets) == ". . . . 10"
    assert phases(made) == [I, I, I, S, O]


def test_worked_example_of_a_scattered_pattern():
    layout = CopyLayout(2, 4, width=2, filler="scattered", pattern_steps=(1, 3))
    made = layout.lay_out(bits("10 01"), filler_bits=bits("11 11"))
    assert steps(made.inputs) == "110 100 110 010 001 . ."
    assert steps(made.targets) == ". . . . . 10 01"
    # first bit: shown at 1, asked for at 5; second: 3 and 6
    assert (layout.memory_demand.retention, layout.memory_demand.lead, layout.memory_demand.load) == (3.5, 1, 4)


def test_worked_example_of_blank_steps_after_the_stop_flag():
    """The answer comes after them, and it is the answer that is scored: blanks alone would be right at no effort."""
    layout = CopyLayout(2, 5, width=2, filler="after stop")
    made = layout.lay_out(bits("10 01"))
    assert steps(made.inputs) == "100 010 001 . . . . ."
    assert steps(made.targets) == ". . . . . . 10 01"
    assert made.scored[0, :, 0].tolist() == [0, 0, 0, 0, 0, 0, 1, 1]
    assert phases(made) == [I, I, S, O, O, O, O, O]
    assert made.window == slice(6, 8)
    assert (layout.memory_demand.retention, layout.memory_demand.steps) == (
        6,
        8,
    )  # as long as with the blanks before the flag


@st.composite
def layouts(draw):
    """Arguments of copy_task that change where things stand in time."""
    p, extra, spread = draw(st.integers(1, 4)), draw(st.integers(0, 3)), draw(st.integers(0, 3))
    kind = draw(st.sampled_from(["p = i", "fixed", "varied i"]))
    filler = draw(st.sampled_from(["blank", "random", "scattered", "after stop"]))
    if kind == "p = i":
        lengths = {"pattern_length": (p, p + spread)}
        filler = "blank"
    elif kind == "fixed":
        lengths = {"pattern_length": p, "input_length": p + extra}
    else:
        lengths = {"pattern_length": p, "input_length": (p + extra, p + extra + spread)}
        filler = "blank" if filler == "scattered" else filler
    width = draw(st.integers(1, 4))
    more = {"width": width, "lead": draw(st.integers(0, 2)), "filler": filler}
    more["lead_input"] = draw(st.sampled_from(["blank", "random"]))
    more["output_width"] = draw(st.integers(1, width))
    more["visible_bits"] = draw(st.integers(0, more["output_width"]))
    more["task_seed"] = draw(st.integers(0, 5))
    return lengths | more


@given(arguments=layouts())
def test_an_independent_loop_agrees(arguments):
    """One sequence at a time, its length read off the stop flag."""
    task = copy_task(**arguments)
    made = task.batch([0, 5], iteration=3, samples=6)
    check_sequences(task, made)
    width, lead, outputs, filler = (arguments[k] for k in ("width", "lead", "output_width", "filler"))
    p_given, i_given = arguments["pattern_length"], arguments.get("input_length")
    longest = max(p_given) * 2 if isinstance(p_given, tuple) else p_given + np.max(i_given)
    assert made.steps == lead + 1 + longest
    for member, sample in itertools.product(range(2), range(6)):
        inputs, targets = made.inputs[member, :, sample].tolist(), made.targets[member, :, sample].tolist()
        (stop,) = [t for t, row in enumerate(inputs) if row[width] == 1]
        input_part, p = stop - lead, p_given
        if isinstance(p_given, tuple):
            p = i = input_part
            assert p_given[0] <= p <= p_given[1]
        elif filler == "after stop":
            i = int(made.lengths[min(member, len(made.lengths) - 1), sample]) - lead - 1 - p
            assert input_part == p
        else:
            i = input_part
        assert np.min(i_given or p) <= i <= np.max(i_given or p)
        asked_steps = range(p)
        if filler == "scattered":
            asked_steps = scattered_steps(p, i, arguments["task_seed"], "addressed")
        pattern = [inputs[lead + s][:width] for s in asked_steps]
        answer = lead + i + 1
        for t in range(made.steps):
            is_answer = answer <= t < answer + p
            target = pattern[t - answer][:outputs] if is_answer else [0] * outputs
            assert targets[t] == target
            phase = L if t < lead else I if t < stop else S if t == stop else O if t < answer + p else P
            row = min(member, len(made.phase) - 1)
            assert made.phase[row, t, sample] == phase
            assert made.scored[row, t, sample] == is_answer
            if t >= stop or (t < lead and arguments["lead_input"] == "blank"):
                shown = [target[c] if is_answer and c < arguments["visible_bits"] else 0 for c in range(width)]
                assert inputs[t] == [*shown, float(t == stop)]
            elif lead + p <= t and filler == "blank":
                assert not any(inputs[t])
    assert made.window == slice(
        lead + 1 + (min(p_given) if isinstance(p_given, tuple) else np.min(i_given)), made.steps
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"pattern_length": (2, 5)},
        {"pattern_length": 2, "input_length": (2, 6)},
        {"pattern_length": 2, "input_length": (3, 6), "filler": "random"},
        {"pattern_length": 2, "input_length": 6, "filler": "scattered"},
        {"pattern_length": 3, "order": "permuted both", "xor": 2},
    ],
)
class TestAddressedDraws:
    def test_a_member_and_an_iteration_do_not_depend_on_others(self, arguments):
        task = copy_task(**arguments)
        together, alone = task.batch([4, 9], 5, 7), task.batch([9], 5, 7)
        assert torch.equal(together.inputs[1:], alone.inputs)
        assert torch.equal(together.targets[1:], alone.targets)
        row = -1 if len(together.phase) == 2 else 0
        assert torch.equal(together.phase[row], alone.phase[0])
        assert not torch.equal(together.inputs[0], together.inputs[1])
        assert not torch.equal(alone.inputs, task.batch([9], 6, 7).inputs)

    def test_a_larger_set_begins_with_the_smaller_one(self, arguments):
        large, small = (copy_task(**arguments).fixed_set("probe", n) for n in (50, 21))
        for name in ("inputs", "targets", "scored", "phase"):
            assert torch.equal(getattr(large.take(slice(0, 21)), name), getattr(small, name))

    def test_variants_of_equal_seeds_share_their_patterns(self, arguments):
        task = copy_task(**arguments)
        longest = np.max(arguments["pattern_length"])
        pattern = copy_task(int(longest)).batch([3], 1, 9).inputs[0, :longest, :, :7]
        made = task.batch([3], 1, 9)
        at = task.draw.layout.pattern_steps or range(longest)
        for sample in range(9):
            p = int(made.scored[0, :, sample].sum())
            assert torch.equal(made.inputs[0, list(at)[:p], sample, :7], pattern[:p, sample])


def test_lengths_are_uniform_and_independent_of_the_bits():
    made = copy_task((2, 5)).batch([0], 0, 8000)
    p = (made.lengths[0] - 1) // 2
    counts = torch.bincount(p, minlength=6)[2:]
    assert counts.sum() == 8000
    assert ((counts - 2000) ** 2 / 2000).sum() < 16.3  # chi-squared with 3 degrees of freedom, 0.1 %
    for length in range(2, 6):
        assert abs(float(made.inputs[0, 0, p == length, :7].mean()) - 0.5) < 0.02


def test_padding_has_nothing_in_it():
    made = copy_task((1, 6), lead=2, lead_input="random").batch([0, 1], 0, 40)
    padding = made.phase == Phase.padding
    assert padding.any()
    for values in (made.inputs.abs().sum(-1), made.targets.abs().sum(-1), made.scored):
        assert not values[padding.expand_as(values)].any()


def test_scattered_steps_are_drawn_once_for_a_task_and_are_any_subset():
    task = copy_task(2, 4, filler="scattered", task_seed=3)
    assert task.draw.layout.pattern_steps == copy_task(2, 4, filler="scattered", task_seed=3).draw.layout.pattern_steps
    found = {scattered_steps(2, 4, seed, "addressed") for seed in range(200)}
    assert found == set(itertools.combinations(range(4), 2))


def test_filler_bits_are_fair_and_not_those_of_the_pattern():
    made = copy_task(4, 8, filler="random").batch([0], 0, 4000).inputs[0, ..., :7]
    assert abs(float(made[4:8].mean()) - 0.5) < 0.01
    agreement = (made[:4] == made[4:8]).float().mean()
    assert abs(float(agreement) - 0.5) < 0.01


@pytest.mark.parametrize("order", ["forward", "reversed"])
@pytest.mark.parametrize("filler", ["blank", "random", "after stop"])
def test_demand_agrees_with_an_enumeration(order, filler):
    """p = 2, i = 3: each bit of a time permutation is held i + 1 steps on average."""
    demand = copy_task(2, 3, order=order, filler=filler).memory_demand
    assert (demand.load, demand.retention, demand.steps, demand.scored_bits) == (14, 4, 6, 14)


def test_demand_of_lengths_that_vary():
    demand = copy_task((1, 3), width=2, lead=4).memory_demand
    assert demand.load == 6
    assert demand.retention == pytest.approx((1 * 2 + 2 * 3 + 3 * 4) / (1 + 2 + 3))  # i + 1, for each of the i steps
    assert (demand.lead, demand.steps, demand.scored_bits) == (4, 4 + 5, 4)
    made = copy_task((1, 3), width=2, lead=4).fixed_set("demand", 30_000)
    assert float(made.lengths.double().mean()) == pytest.approx(demand.steps, abs=0.05)
    assert float(made.scored_bits().mean()) == pytest.approx(demand.scored_bits, abs=0.05)
    fixed = copy_task(2, (3, 6)).memory_demand
    assert (fixed.load, fixed.retention, fixed.steps, fixed.scored_bits) == (14, 5.5, 7.5, 14)


def test_drawing_is_by_arrays():
    """However many sequences, as few calls of the generators."""
    calls = []

    class Counting(np.random.Generator):
        def bytes(self, length):
            calls.append(length)
            return super().bytes(length)

    copy_task((10, 20)).draw([Counting(generator(0, "test").bit_generator)], 1000)
    assert calls == [1000 * 20 * 7 // 8]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern_length": (5, 3)}, r"pattern_length is \(5, 3\): a range must be \(shortest, longest\)"),
        ({"pattern_length": (0, 3)}, "pattern_length is 0"),
        ({"pattern_length": (2, 3), "input_length": 4}, r"pattern_length is \(2, 3\) and input_length is 4: a range"),
        ({"pattern_length": (2, 3), "filler": "random"}, "filler is 'random' and pattern_length .* nothing to fill"),
        ({"pattern_length": 4, "input_length": (3, 6)}, r"pattern_length is 4 and input_length is \(3, 6\)"),
        ({"pattern_length": 4, "input_length": 3, "filler": "scattered"}, "pattern_length is 4 and input_length is 3"),
        ({"pattern_length": 2, "input_length": (3, 6), "filler": "scattered"}, "filler is 'scattered' and input_len"),
    ],
)
def test_contradictions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        copy_task(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filler": "scattered"}, "pattern_steps is None and filler is 'scattered'"),
        ({"pattern_steps": (0, 1)}, r"pattern_steps is \(0, 1\) and filler is 'blank'"),
        ({"filler": "scattered", "pattern_steps": (1, 0)}, r"pattern_steps is \(1, 0\): it must be 2 different steps"),
        ({"filler": "scattered", "pattern_steps": (1,)}, r"pattern_steps is \(1,\)"),
        ({"filler": "scattered", "pattern_steps": (1, 4)}, r"pattern_steps is \(1, 4\): .* from 0 to 3"),
    ],
)
def test_scattered_steps_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CopyLayout(2, 4, **arguments)
