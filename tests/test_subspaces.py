import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from wmcl.dimensionality import alignment, covariance_spectrum, shared_variance
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.dimensionality.subspaces import principal_angles


def cloud(seed, rows=50, units=6, members=2):
    """Correlated states away from the origin."""
    random = np.random.default_rng(seed)
    mix = random.standard_normal((members, units, units))
    return torch.from_numpy(random.standard_normal((members, rows, units)) @ mix + 3 * random.standard_normal(units))


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6))
def test_scipy_agrees_on_the_angles(seed, k, m):
    a, b = cloud(seed), cloud(seed + 1000, rows=40)
    found = principal_angles(a, b, k, m)
    assert found.shape == (2, min(k, m))
    for member in range(2):
        bases = [PCA(n).fit(x[member]).components_.T for x, n in ((a, k), (b, m))]
        expected = np.cos(np.sort(subspace_angles(*bases)))
        np.testing.assert_allclose(found[member], expected, atol=1e-10)


def test_the_second_subspace_is_as_large_by_default():
    a, b = cloud(0), cloud(1)
    assert torch.equal(principal_angles(a, b, 3), principal_angles(a, b, 3, 3))


def test_planes_that_share_a_line():
    g = torch.Generator().manual_seed(0)
    white = torch.randn(1, 500, 2, generator=g, dtype=torch.float64)
    a, b = torch.zeros(1, 500, 4, dtype=torch.float64), torch.zeros(1, 500, 4, dtype=torch.float64)
    angle = 0.3
    a[..., [0, 1]] = white
    b[..., 0] = white[..., 0]
    b[..., 1], b[..., 2] = np.cos(angle) * white[..., 1], np.sin(angle) * white[..., 1]
    expected = torch.tensor([[1.0, np.cos(angle)]], dtype=torch.float64)
    torch.testing.assert_close(principal_angles(a, b + 9, 2), expected)
    torch.testing.assert_close(principal_angles(a, b, 4)[:, 2:], torch.zeros(1, 2, dtype=torch.float64))


@given(st.integers(0, 999))
def test_shared_variance_is_the_variance_of_the_projections(seed):
    a, b = cloud(seed), cloud(seed + 1000, rows=40)
    found = shared_variance(a, b)
    for member in range(2):
        axes = PCA().fit(a[member]).components_
        variances = (b[member].numpy() @ axes.T).var(0, ddof=1)
        expected = variances.cumsum() / b[member].numpy().var(0, ddof=1).sum()
        np.testing.assert_allclose(found[member], expected, atol=1e-10)


def test_shared_variance_with_itself_is_cumulative_variance():
    a = cloud(3)
    torch.testing.assert_close(shared_variance(a, a), cumulative_variance(covariance_spectrum(a)))
    flat = a * torch.tensor([1.0, 1, 1, 0, 0, 0])
    torch.testing.assert_close(shared_variance(flat, flat), cumulative_variance(covariance_spectrum(flat)))


def test_it_is_not_symmetric_and_stays_flat_beyond_the_first_span():
    base = torch.zeros(1, 5, 3, dtype=torch.float64)
    line, plane = base.clone(), base.clone()
    line[0, :, 0] = torch.arange(5)
    plane[0, :, 0] = torch.tensor([-1.0, 1, 0, 0, 0])
    plane[0, :, 1] = 2 * torch.tensor([0.0, 0, -1, 1, 0])
    as_rows = [[0.2, 0.2, 0.2], [0.0, 1.0, 1.0]]
    torch.testing.assert_close(shared_variance(line, plane).tolist(), as_rows[:1])
    torch.testing.assert_close(shared_variance(plane, line).tolist(), as_rows[1:])


@given(st.integers(0, 999))
def test_shifts_scales_and_common_rotations_change_nothing(seed):
    a, b = cloud(seed), cloud(seed + 1000)
    rotation = torch.linalg.qr(cloud(seed + 2000, rows=6))[0]
    shift = torch.arange(6.0)
    for measure in (shared_variance, lambda x, y: principal_angles(x, y, 3)):
        torch.testing.assert_close(measure(2 * a @ rotation + shift, 5 * b @ rotation - shift), measure(a, b))
        torch.testing.assert_close(measure(a[1:], b[1:]), measure(a, b)[1:])


def test_rounding_errors_are_no_directions():
    rotation = torch.linalg.qr(cloud(9, rows=6))[0]
    flat = (cloud(3) * torch.tensor([1.0, 1, 1, 0, 0, 0])) @ rotation
    cosines = principal_angles(flat, flat, 6)
    torch.testing.assert_close(cosines[:, :3], torch.ones(2, 3, dtype=torch.float64))
    assert not cosines[:, 3:].any()


def test_states_that_do_not_vary():
    a, constant = cloud(0), torch.full((2, 97, 6), 0.7)
    assert not shared_variance(a, constant).any()
    assert not shared_variance(constant, a).any()
    assert not principal_angles(a, constant, 2).any()


def test_senseless_requests_are_refused():
    a = cloud(0)
    with pytest.raises(ValueError, match="components is 0: it must lie between 1 and the 6 units"):
        principal_angles(a, a, 0)
    with pytest.raises(ValueError, match="components_of_second is 7"):
        principal_angles(a, a, 2, 7)
    with pytest.raises(ValueError, match="at least 2"):
        shared_variance(a, a[:, :1])


@given(st.integers(0, 999), st.integers(1, 6))
def test_alignment_is_the_variance_along_the_axes_of_the_other_over_that_along_its_own(seed, k):
    a, b = cloud(seed), cloud(seed + 1000, rows=40)
    for member, found in enumerate(alignment(a, b, k)):
        inside, own = ((b[member].numpy() @ PCA(k).fit(x[member]).components_.T).var(0).sum() for x in (a, b))
        np.testing.assert_allclose(found, inside / own, rtol=1e-9)


def test_a_cloud_is_aligned_with_itself_and_a_still_one_with_none():
    a = cloud(0)
    torch.testing.assert_close(alignment(a, 2 * a + 1, 3), torch.ones(2, dtype=torch.float64))
    assert alignment(a, torch.ones_like(a), 3).isnan().all()


@pytest.mark.parametrize("components", [0, 7])
def test_a_number_of_directions_that_is_none_is_refused(components):
    with pytest.raises(ValueError, match=f"components is {components}: it must lie between 1 and the 6 units"):
        alignment(cloud(0), cloud(1), components)
