import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.randomness import generator
from wmcl.tasks import Phase, copy_task
from wmcl.tasks.layout import CopyLayout


def test_worked_example():
    pattern = np.array([[[[1, 0], [1, 1]]]], dtype=np.uint8)  # one member, one sample, p = 2, two channels
    made = CopyLayout(2, 3, width=2).lay_out(pattern)
    assert made.inputs[0, :, 0].tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert made.targets[0, :, 0].tolist() == [[0, 0], [0, 0], [0, 0], [0, 0], [1, 0], [1, 1]]
    assert made.scored[0, :, 0].tolist() == [0, 0, 0, 0, 1, 1]
    assert [Phase(k).name for k in made.phase[0, :, 0].tolist()] == ["input"] * 3 + ["stop"] + ["output"] * 2
    assert made.window == slice(4, 6)


lengths = st.tuples(st.integers(1, 6), st.integers(0, 6)).map(lambda pe: (pe[0], pe[0] + pe[1]))


@given(lengths=lengths, width=st.integers(1, 8), seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
def test_an_independent_loop_agrees(lengths, width, seeds):
    p, i = lengths
    made = copy_task(p, i, width).batch(seeds, iteration=2, samples=4)
    assert made.inputs.shape == (len(seeds), i + 1 + p, 4, width + 1)
    for member in range(len(seeds)):
        for sample in range(4):
            x, y = made.inputs[member, :, sample], made.targets[member, :, sample]
            for t in range(i + 1 + p):
                assert x[t, width] == (t == i)
                assert made.scored[0, t, sample] == (t > i)
                if t >= p:
                    assert not x[t, :width].any()
                expected = x[t - i - 1, :width] if t > i else torch.zeros(width)
                assert torch.equal(y[t], expected)
    assert torch.equal(made.scored_bits(), torch.full((1, 4), float(p * width)))


@pytest.mark.parametrize(
    ("arguments", "p", "i", "lead", "lead_is_random", "b"),
    [
        ({"pattern_length": 5}, 5, 5, 0, False, 7),
        ({"pattern_length": 5, "input_length": 15, "lead": 3}, 5, 15, 3, False, 7),
        ({"pattern_length": 2, "lead": 4, "lead_input": "random", "independent_bits": 3}, 2, 2, 4, True, 3),
    ],
)
def test_the_bits_behind_an_address_stay_what_they_are(arguments, p, i, lead, lead_is_random, b):
    """Bit after bit from the bytes of the counter-based generator: for each sample the pattern, then the lead."""
    word = int.from_bytes(hashlib.blake2b(b"batch", digest_size=8).digest(), "little")
    made = copy_task(**arguments).batch([11, 3], iteration=6, samples=4)
    for member, seed in enumerate((11, 3)):
        philox = np.random.Philox(key=np.array([seed, word], np.uint64), counter=np.array([0, 0, 0, 6], np.uint64))
        stream = "".join(f"{byte:08b}" for byte in np.random.Generator(philox).bytes(1000))
        place = iter(int(bit) for bit in stream)
        for sample in range(4):
            expected = torch.zeros(lead + i + 1 + p, 8)
            for step in [*range(lead, lead + p), *(range(lead) if lead_is_random else ())]:
                drawn = [next(place) for _ in range(b)]
                expected[step, :7] = torch.tensor([drawn[c % b] for c in range(7)])
            expected[lead + i, 7] = 1
            assert torch.equal(made.inputs[member, :, sample], expected)
            assert torch.equal(made.targets[member, -p:, sample], expected[lead : lead + p, :7])


def test_members_draw_by_their_own_seed():
    task = copy_task(3)
    together = task.batch([4, 9], iteration=5, samples=6).inputs
    assert torch.equal(together[1:], task.batch([9], 5, 6).inputs)
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together[0], task.batch([4], 6, 6).inputs[0])


def test_a_larger_set_begins_with_the_smaller_one():
    task = copy_task(3, 4)
    assert torch.equal(task.fixed_set("probe", 50).inputs[:, :, :20], task.fixed_set("probe", 20).inputs)


def test_fixed_sets_differ_from_each_other_and_from_batches():
    task = copy_task(5, validation_samples=30, test_samples=30)
    sets = [task.validation.inputs, task.test.inputs, task.batch([0], 0, 30).inputs]
    assert not any(torch.equal(a, b) for a, b in [(sets[0], sets[1]), (sets[0], sets[2]), (sets[1], sets[2])])
    assert task.test is task.test


def test_take_and_conversion():
    made = copy_task(2, 3).batch([0], 0, 10)
    part = made.take(slice(2, 5)).to(torch.float64)
    assert part.samples == 3
    assert part.inputs.dtype == part.targets.dtype == part.scored.dtype == torch.float64
    assert part.phase.dtype == torch.int8
    assert torch.equal(part.inputs, made.inputs[:, :, 2:5].double())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern_length": 5, "input_length": 4}, "pattern_length is 5 and input_length is 4"),
        ({"pattern_length": 0}, "pattern_length is 0"),
        ({"pattern_length": True}, "pattern_length is True"),
        ({"pattern_length": 2, "width": -1}, "width is -1"),
        ({"pattern_length": 2, "test_samples": 0}, "test_samples is 0"),
        ({"pattern_length": 2, "lead": -1}, "lead is -1"),
        ({"pattern_length": 2, "independent_bits": 0}, "independent_bits is 0"),
        ({"pattern_length": 2, "independent_bits": 8}, "independent_bits is 8: it must be at most the width, 7"),
        ({"pattern_length": 2, "visible_bits": 9}, "visible_bits is 9"),
    ],
)
def test_senseless_configurations_are_refused_when_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        copy_task(**arguments)


def test_the_authors_data_are_reproduced(reference):
    """Their generator draws (2 i + 1, samples, width) uniforms for train, test and validation in turn (seed 42)."""
    random = np.random.RandomState(42)
    train, test = ((random.uniform(size=(11, n, 7)) > 0.5)[:5].transpose(1, 0, 2) for n in (100_000, 1_000))
    for name, patterns in (
        ("fisher", train[reference["fisher/sample_ids"]]),
        ("batch", test[reference["batch/ids"] - 100_000]),
    ):
        made = CopyLayout(5, 5).lay_out(patterns[None].astype(np.uint8))
        np.testing.assert_array_equal(made.inputs[0], reference[f"{name}/X"])
        np.testing.assert_array_equal(made.targets[0], reference[f"{name}/T"])
        np.testing.assert_array_equal(made.scored[0], reference[f"{name}/mask"])


def test_large_sets_are_drawn_by_array_operations():
    calls = []

    class Counting(np.random.Generator):
        def bytes(self, length):
            calls.append(length)
            return super().bytes(length)

    copy_task(20).draw([Counting(generator(0, "test").bit_generator)], 1000)
    assert calls == [1000 * 20 * 7 // 8]
