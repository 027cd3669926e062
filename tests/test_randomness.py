import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmcl.randomness import bits, generator, uniforms


def test_a_draw_depends_on_its_address_alone():
    first = generator(3, "batch", 7).random(4)
    generator(3, "batch", 6).random(1000)
    np.testing.assert_array_equal(generator(3, "batch", 7).random(4), first)


@pytest.mark.parametrize("other", [(4, "batch", 7), (3, "test", 7), (3, "batch", 8)])
def test_addresses_give_different_numbers(other):
    assert not np.any(generator(3, "batch", 7).random(8) == generator(*other).random(8))


@given(start=st.integers(0, 50), count=st.integers(1, 9), size=st.integers(1, 13))
def test_uniforms_are_rows_of_one_table(start, count, size):
    table = uniforms(5, "targets", 0, 60, size)
    np.testing.assert_array_equal(uniforms(5, "targets", start, count, size), table[start : start + count])


def test_uniforms_are_uniform():
    table = uniforms(1, "targets", 0, 2000, 7)
    assert table.min() >= 0
    assert table.max() < 1
    assert abs(table.mean() - 0.5) < 5 * np.sqrt(1 / 12 / table.size)
    assert len(np.unique(table)) == table.size


def test_bits_are_fair_and_independent():
    drawn = bits(generator(0, "batch"), (4000, 5)).astype(float)
    assert set(np.unique(drawn)) == {0, 1}
    assert np.all(np.abs(drawn.mean(0) - 0.5) < 5 * 0.5 / np.sqrt(4000))
    correlation = np.corrcoef(drawn.T)[~np.eye(5, dtype=bool)]
    assert np.all(np.abs(correlation) < 5 / np.sqrt(4000))


@pytest.mark.parametrize(("seed", "index", "name"), [(-1, 0, "seed"), (0, -1, "index"), (2**64, 0, "seed")])
def test_addresses_out_of_range_are_refused(seed, index, name):
    with pytest.raises(ValueError, match=f"{name} is"):
        generator(seed, "batch", index)
