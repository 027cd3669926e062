import numpy as np
import pytest
import torch

from wmcl.importance import effective_fraction, overlap
from wmcl.importance.overlap import shared_values


def positive(seed, shape=(3, 20)):
    return torch.from_numpy(np.random.default_rng(seed).uniform(0.1, 2, shape))


def test_it_is_one_minus_the_squared_distance_of_frechet():
    a, b = positive(0), positive(1)
    for member, found in enumerate(overlap(a, b)):
        one, other = (np.diag(x[member] / x[member].sum()) for x in (a, b))
        distance = np.trace(one + other - 2 * np.sqrt(one @ other)) / 2
        assert float(found) == pytest.approx(1 - distance, rel=1e-12)


def test_proportional_importances_overlap_wholly_and_disjoint_ones_not():
    a = positive(0)
    torch.testing.assert_close(overlap(a, 7 * a), torch.ones(3, dtype=torch.float64))
    left = torch.tensor([[1.0, 2.0, 0.0, 0.0]])
    assert float(overlap(left, left.flip(1))) == 0


def test_there_is_none_with_what_is_zero():
    assert overlap(positive(0), torch.zeros(3, 20, dtype=torch.float64)).isnan().all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"second is of shape \(3, 19\): it must be that of first, \(3, 20\)"):
        overlap(positive(0), positive(1, (3, 19)))


def test_shared_values_are_all_but_the_heads_by_name():
    shapes = {"W_hh": (2, 3), "W_out": (4, 3), "b_hh": (2,), "b_out": (4,), "W_ih": (2, 2)}
    values = {name: positive(k, (3, *shape)).float() for k, (name, shape) in enumerate(shapes.items())}
    found = shared_values(values)
    expected = np.concatenate([values[name].reshape(3, -1) for name in ("W_hh", "W_ih", "b_hh")], 1)
    assert found.dtype == torch.float64
    np.testing.assert_array_equal(found, expected)


def test_effective_fraction_counts_weights_that_matter_alike():
    values = torch.zeros(3, 4, 5)
    values[0], values[1, 0, 0], values[2, :2] = 3.0, 2.0, 0.5
    torch.testing.assert_close(effective_fraction(values), torch.tensor([1.0, 1 / 20, 0.5]))
    assert effective_fraction(torch.zeros(1, 4)).isnan().all()
