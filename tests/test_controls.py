"""The tasks that take load, retention and length apart: worked examples, and loops that know nothing of the layout."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.tasks import MemoryDemand, Phase, copy_task, lag_copy_task
from wmcl.tasks.check import check_sequences
from wmcl.tasks.lag_copy import LagLayout
from wmcl.tasks.layout import CopyLayout


def rows(values):
    return values[0, :, 0].tolist()


def bits(*steps):
    """One member, one sample."""
    return np.array([[steps]], dtype=np.uint8)


def test_worked_example_of_lead_repetition_and_visible_bits():
    layout = CopyLayout(2, 3, width=2, lead=2, independent_bits=1, visible_bits=1)
    made = layout.lay_out(bits([1], [1]))
    assert rows(made.inputs) == [
        [0, 0, 0],
        [0, 0, 0],
        [1, 1, 0],
        [1, 1, 0],
        [0, 0, 0],
        [0, 0, 1],
        [1, 0, 0],
        [1, 0, 0],
    ]
    assert rows(made.targets) == [[0, 0]] * 6 + [[1, 1]] * 2
    assert rows(made.scored) == [0] * 6 + [1, 1]
    phases = [Phase(k).name for k in rows(made.phase)]
    assert phases == ["lead"] * 2 + ["input"] * 3 + ["stop"] + ["output"] * 2
    assert made.window == slice(6, 8)
    assert layout.memory_demand == MemoryDemand(load=0, retention=0, lead=2, steps=8, scored_bits=4)


def test_worked_example_of_a_random_lead_and_of_power_per_bit():
    layout = CopyLayout(1, 1, width=4, lead=1, lead_input="random", independent_bits=1, input_power="bit")
    made = layout.lay_out(bits([1]), bits([1]))
    assert rows(made.inputs) == [[0.5] * 4 + [0], [0.5] * 4 + [0], [0, 0, 0, 0, 1], [0] * 5]
    assert rows(made.targets) == [[0] * 4] * 3 + [[1] * 4]


@given(
    p=st.integers(1, 4),
    blank=st.integers(0, 3),
    lead=st.integers(0, 4),
    random=st.booleans(),
    width=st.integers(1, 5),
    share=st.floats(0, 1),
    visible_share=st.floats(0, 1),
    per_bit=st.booleans(),
)
def test_an_independent_loop_agrees(p, blank, lead, random, width, share, visible_share, per_bit):
    i, b, v = p + blank, 1 + int(share * (width - 1)), int(visible_share * width)
    task = copy_task(
        p,
        i,
        width,
        lead=lead,
        lead_input="random" if random else "blank",
        independent_bits=b,
        visible_bits=v,
        input_power="bit" if per_bit else "step",
    )
    made = task.batch([0, 1], iteration=0, samples=3)
    check_sequences(task, made)
    amplitude = np.sqrt(b / width) if per_bit else 1.0
    for member in range(2):
        for sample in range(3):
            shown, asked = made.inputs[member, :, sample].numpy(), made.targets[member, :, sample].numpy()
            pattern = shown[lead : lead + p, :b] / np.float32(amplitude)
            assert set(pattern.round(5).flatten()) <= {0, 1}
            for t in range(lead + i + 1 + p):
                full = [0.0] * width
                if t < lead and random:
                    full = [shown[t, c % b] for c in range(width)]
                elif lead <= t < lead + p:
                    full = [amplitude * pattern[t - lead, c % b] for c in range(width)]
                elif t > lead + i:
                    full = [amplitude * pattern[t - lead - i - 1, c % b] * (c < v) for c in range(width)]
                np.testing.assert_allclose(shown[t], [*full, float(t == lead + i)], atol=1e-6)
                output = t - lead - i - 1
                wanted = [pattern[output, c % b] for c in range(width)] if output >= 0 else [0.0] * width
                np.testing.assert_allclose(asked[t], wanted, atol=1e-6)
                assert made.scored[0, t, sample] == (output >= 0)
                assert (made.phase[0, t, sample] == Phase.lead) == (t < lead)
    assert task.memory_demand.scored_bits == p * width
    assert task.memory_demand.steps == made.steps
    assert task.memory_demand.load == p * sum(all(c >= v for c in range(width) if c % b == bit) for bit in range(b))


def test_random_leads_differ_between_sequences_and_blank_ones_are_blank():
    noisy = copy_task(2, lead=5, lead_input="random").batch([0], 0, 50).inputs[0, :5]
    assert 0.4 < float(noisy[..., :7].mean()) < 0.6
    assert not noisy[..., 7].any()
    assert not copy_task(2, lead=5).batch([0], 0, 50).inputs[0, :5].any()


def test_a_control_leaves_the_patterns_of_a_seed_alone():
    """So that a comparison at the same seed is a paired one."""
    plain = copy_task(3, 4).batch([7], 1, 20)
    for control in ({"lead": 6}, {"visible_bits": 3}, {"input_power": "bit"}):
        assert torch.equal(copy_task(3, 4, **control).batch([7], 1, 20).targets[:, -3:], plain.targets[:, -3:])


def test_a_larger_set_begins_with_the_smaller_one_with_distractors():
    task = copy_task(3, 4, lead=4, lead_input="random")
    assert torch.equal(task.fixed_set("probe", 50).inputs[:, :, :20], task.fixed_set("probe", 20).inputs)


@pytest.mark.parametrize("b", [1, 2, 7])
def test_energy_of_the_input(b):
    """Mean squared input of a pattern step: width / 2 at power per step, b / 2 at power per bit."""
    per_step, per_bit = (
        copy_task(4, independent_bits=b, input_power=power).batch([0], 0, 4000).inputs[0, :4].square().sum(-1).mean()
        for power in ("step", "bit")
    )
    assert abs(float(per_step) - 3.5) < 0.1
    assert abs(float(per_bit) - b / 2) < 0.1


def test_worked_example_of_the_lag():
    layout = LagLayout(lag=2, steps=5, scored_steps=2, width=2, independent_bits=2)
    shown = [[1, 0], [0, 1], [1, 1], [0, 0], [1, 0]]
    made = layout.lay_out(bits(*shown))
    assert rows(made.inputs) == shown
    assert rows(made.targets) == [[0, 0]] * 3 + [[0, 1], [1, 1]]
    assert rows(made.scored) == [0, 0, 0, 1, 1]
    assert made.window == slice(3, 5)
    assert layout.memory_demand == MemoryDemand(load=4, retention=2, lead=1, steps=5, scored_bits=4)


@given(lag=st.integers(0, 6), extra=st.integers(0, 4), scored=st.integers(1, 5), b=st.integers(1, 3))
def test_lag_copy_agrees_with_a_loop(lag, extra, scored, b):
    steps = lag + scored + extra
    task = lag_copy_task(lag, steps, scored, width=3, independent_bits=b)
    made = task.batch([0, 3], 0, 4)
    check_sequences(task, made)
    for t in range(steps):
        if t >= steps - scored:
            assert torch.equal(made.targets[:, t], made.inputs[:, t - lag])
        for channel in range(3):
            assert torch.equal(made.inputs[:, t, :, channel], made.inputs[:, t, :, channel % b])
    assert made.scored.sum(1).eq(scored).all()
    assert task.memory_demand == MemoryDemand(lag * b, lag, extra, steps, scored * 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lag": 22}, "lag is 22: with 10 of 31 steps scored, it must be at most 21"),
        ({"lag": -1}, "lag is -1"),
        ({"lag": 2, "independent_bits": 8}, "independent_bits is 8"),
        ({"lag": 2, "scored_steps": 0}, "scored_steps is 0"),
    ],
)
def test_senseless_lags_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lag_copy_task(**arguments)


@pytest.mark.parametrize("field", ["lead_input", "input_power"])
def test_unknown_words_are_refused(field):
    layout = CopyLayout(2, 2)
    object.__setattr__(layout, field, "dark")  # the type checker of the tests would refuse it in the call
    with pytest.raises(ValueError, match=f"{field} is 'dark': it must be one of"):
        layout.__post_init__()


def test_names_tell_tasks_apart():
    arguments = [{}, {"lead": 4}, {"lead": 4, "lead_input": "random"}, {"independent_bits": 1}, {"visible_bits": 2}]
    arguments += [{"independent_bits": 1, "input_power": "bit"}]
    assert len({copy_task(3, **a).name for a in arguments}) == len(arguments)
