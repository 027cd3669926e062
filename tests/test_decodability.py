import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from wmcl.dimensionality import decodability
from wmcl.dimensionality.decodability import _predict, information, pattern_bits
from wmcl.tasks import copy_task


def fair_bits(samples, bits, seed):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 2, (samples, bits))).double()


def noise(*shape, seed):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def noisy_code(samples, seed, members=2, steps=3, units=6, bits=4):
    """States that hold mixed bits under noise, away from the origin."""
    bit = fair_bits(samples, bits, seed)
    mix = noise(members, steps, bits, units, seed=99)
    return 2 + bit @ mix + 0.7 * noise(members, steps, samples, units, seed=seed + 1), bit


@pytest.mark.parametrize("ridge", [1e-3, 0.5])
def test_scikit_learn_agrees_on_each_bit(ridge):
    (train, train_bits), (test, test_bits) = noisy_code(80, 0), noisy_code(300, 10)
    found = decodability(train, train_bits, test, test_bits, ridge)
    assert found.accuracy.shape == (2, 3, 4)
    for member, step, bit in np.ndindex(2, 3, 4):
        x = train[member, step].numpy()
        penalty = ridge * len(x) * x.var(0).mean()
        oracle = Ridge(alpha=penalty).fit(x, 2 * train_bits[:, bit] - 1).predict(test[member, step])
        own = _predict(train[:, step], 2 * train_bits - 1, test[:, step], ridge)[member, :, bit]
        np.testing.assert_allclose(own, oracle, rtol=1e-8, atol=1e-10)
        right = np.mean((oracle >= 0) == (test_bits[:, bit].numpy() == 1))
        assert 0.55 < right < 1
        assert found.accuracy[member, step, bit] == pytest.approx(right, abs=1e-12)


def test_a_memory_that_fades():
    """Bit k is held at the steps from k on, exactly and in a single direction, and lost after step 3."""
    mix = noise(4, 8, seed=7)

    def hidden(bits, seed):
        held = torch.tensor([[float(k <= t < 4) for k in range(4)] for t in range(6)])[None, :, None].double()
        return (held * bits) @ mix + 1e-6 * noise(1, 6, len(bits), 8, seed=seed)

    train, test = fair_bits(400, 4, 0), fair_bits(1000, 4, 1)
    found = decodability(hidden(train, 2), train, hidden(test, 3), test)
    held = [[float(k <= t < 4) for k in range(4)] for t in range(6)]
    np.testing.assert_allclose(found.information[0], held, atol=0.02)
    np.testing.assert_allclose(found.bits_held[0, :4], [1, 2, 3, 4], atol=0.03)
    np.testing.assert_allclose(found.bits_held[0], found.information[0].sum(1))


def test_random_states_hold_nothing():
    bits, n = 20, 1000
    found = decodability(
        noise(1, 3, 800, 30, seed=0), fair_bits(800, bits, 1), noise(1, 3, n, 30, seed=2), fair_bits(n, bits, 3)
    )
    assert found.accuracy.mean() == pytest.approx(0.5, abs=0.01)
    assert found.bits_held.max() < 5 * bits / (4 * n * np.log(2))
    assert found.bits_held.min() >= 0


def test_sequences_that_were_fitted_are_not_those_that_are_scored():
    """With more units than sequences everything can be fitted."""
    states, bits = noise(1, 1, 40, 60, seed=0), fair_bits(40, 5, 1)
    assert decodability(states, bits, states, bits).accuracy.min() == 1
    other = decodability(states, bits, noise(1, 1, 1000, 60, seed=2), fair_bits(1000, 5, 3))
    assert other.accuracy.max() < 0.6


def test_constant_states_hold_nothing():
    constant = torch.full((1, 2, 100, 4), 0.7)
    bits = fair_bits(100, 6, 0)
    bits[0], bits[1] = 0, 1
    assert decodability(constant, bits, constant, 1 - bits).bits_held.max() < 0.2
    balanced = torch.tensor([0.0, 1.0]).repeat(50)[:, None]
    assert decodability(constant, balanced, constant, balanced).bits_held.max() == 0
    mostly_1 = (torch.arange(100)[:, None] % 4 > 0).double()
    assert decodability(constant, balanced, constant, mostly_1).accuracy.unique().tolist() == [0.75]  # a tie is a 1


@pytest.mark.parametrize(("accuracy", "expected"), [(0.0, 0), (0.3, 0), (0.5, 0), (0.75, 0.18872187554), (1.0, 1)])
def test_information_of_an_accuracy(accuracy, expected):
    assert information(torch.tensor([accuracy], dtype=torch.float64)).item() == pytest.approx(expected, abs=1e-10)


def test_scale_and_rotation_of_the_states_do_not_matter_nor_do_other_members():
    (train, train_bits), (test, test_bits) = noisy_code(80, 0), noisy_code(300, 10)
    found = decodability(train, train_bits, test, test_bits)
    rotation = torch.linalg.qr(noise(6, 6, seed=1))[0]
    moved = decodability(1e-3 * train @ rotation + 5, train_bits, 1e-3 * test @ rotation + 5, test_bits)
    torch.testing.assert_close(moved.accuracy, found.accuracy)
    alone = decodability(train[1:], train_bits, test[1:], test_bits)
    torch.testing.assert_close(alone.information, found.information[1:])


def test_the_bits_of_a_pattern_in_order():
    data = copy_task(2, 3, width=3).fixed_set("test", 5)
    bits = pattern_bits(data)
    for sample in range(5):
        assert bits[sample].tolist() == [data.inputs[0, t, sample, c].item() for t in range(2) for c in range(3)]
    with pytest.raises(ValueError, match="data has 2 members"):
        pattern_bits(copy_task(2, 3).batch([0, 1], 0, 5))


def test_senseless_requests_are_refused():
    states, bits = noise(1, 1, 20, 3, seed=0), fair_bits(20, 2, 1)
    with pytest.raises(ValueError, match=r"ridge is 0\.0: it must be positive"):
        decodability(states, bits, states, bits, ridge=0.0)
    with pytest.raises(ValueError, match="train_bits holds values other than 0 and 1"):
        decodability(states, 2 * bits - 1, states, bits)
    stuck = bits.clone()
    stuck[:, 1] = 1
    with pytest.raises(ValueError, match=r"test_bits has bits that are the same in all sequences, \[1\]"):
        decodability(states, bits, states, stuck)


def test_shapes_that_do_not_fit_are_refused():
    hidden, bits = torch.randn(1, 3, 20, 4), torch.tensor([[0.0], [1.0]]).repeat(10, 2)
    for other in (
        (hidden, bits[:10], hidden, bits),
        (hidden, bits, hidden[:, :2], bits),
        (hidden, bits, hidden[..., :3], bits),
        (hidden, bits, hidden, bits[:, :1]),
    ):
        with pytest.raises((ValueError, TypeError), match=r"shapes|type"):
            decodability(*other)
