import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from wmcl.dimensionality.row_spaces import compare_row_spaces, row_basis


def rows(seed, count, units=6, members=2):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((members, count, units)))


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6))
def test_the_overlap_is_the_mean_squared_cosine_of_scipys_angles(seed, a, b):
    first, second = rows(seed, a), rows(seed + 1000, b)
    found = compare_row_spaces(first, second)
    for member in range(2):
        cosines = np.cos(subspace_angles(first[member].T.numpy(), second[member].T.numpy()))
        assert found.overlap[member] == pytest.approx((cosines**2).mean(), abs=1e-12)
        assert found.norm[member] == pytest.approx(np.sqrt((cosines**2).sum()), abs=1e-12)
    assert found.chance.tolist() == [max(a, b) / 6] * 2


def test_nested_orthogonal_and_tilted_planes():
    axes = torch.eye(6, dtype=torch.float64)[None]
    assert compare_row_spaces(axes[:, :2], axes[:, :4]).overlap.tolist() == [1]
    assert compare_row_spaces(axes[:, :2], axes[:, 2:5]).overlap.tolist() == [0]
    tilted = torch.stack([axes[0, 0], np.cos(0.3) * axes[0, 1] + np.sin(0.3) * axes[0, 2]])[None]
    assert compare_row_spaces(axes[:, :2], tilted).overlap.item() == pytest.approx((1 + np.cos(0.3) ** 2) / 2)


def test_only_the_span_of_the_rows_counts():
    first, second, mix = rows(0, 3), rows(1, 2), rows(2, 3, units=3)
    expected = compare_row_spaces(first, second)
    doubled = torch.cat([mix @ first, first[:, :1] + first[:, 1:2]], 1)
    for found, value in zip(compare_row_spaces(doubled, 1e-6 * second), expected, strict=True):
        torch.testing.assert_close(found, value)
    basis = row_basis(doubled)
    torch.testing.assert_close(
        basis @ basis.mT, torch.diag(torch.tensor([1.0, 1, 1, 0], dtype=torch.float64)).repeat(2, 1, 1)
    )
    assert compare_row_spaces(0 * first, second).overlap.isnan().all()


@pytest.mark.parametrize(("a", "b", "units"), [(7, 7, 30), (2, 5, 9), (4, 3, 8)])
def test_random_row_spaces_overlap_as_much_as_chance_says(a, b, units):
    members = 3000
    found = compare_row_spaces(rows(5, a, units, members), rows(6, b, units, members))
    error = found.overlap.std() / members**0.5
    assert abs(found.overlap.mean() - max(a, b) / units) < 4 * error
    assert error < 0.004
    assert (found.norm**2).mean() == pytest.approx(a * b / units, rel=0.02)
