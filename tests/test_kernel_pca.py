import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import KernelPCA

from wmcl.dimensionality import components_for_variance, covariance_spectrum
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.randomness import generator


def cloud(members=2, rows=60, units=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(members, rows, units, generator=g, dtype=torch.float64) + 0.5


def median_distance(data):
    """Lower median of the distances between rows that differ."""
    distances = sorted(float(np.linalg.norm(a - b)) for i, a in enumerate(data) for b in data[:i] if (a != b).any())
    return distances[(len(distances) - 1) // 2]


@given(st.integers(0, 99), st.sampled_from(["cosine", "rbf"]))
def test_scikit_learn_agrees(seed, kernel):
    data = cloud(rows=30, seed=seed)
    data[0, 3] = data[0, 7]
    found = kernel_spectrum(data, kernel)
    for member, spectrum in zip(data.numpy(), found, strict=True):
        options = {} if kernel == "cosine" else {"gamma": 1 / (2 * median_distance(member) ** 2)}
        expected = KernelPCA(kernel=kernel, **options).fit(member).eigenvalues_ / 29
        k = min(len(expected), len(spectrum))
        assert k >= 5
        np.testing.assert_allclose(spectrum[:k], expected[:k], rtol=1e-8, atol=1e-12)
        assert spectrum[k:].sum() < 1e-12


def test_a_given_bandwidth():
    data = cloud(1, 40)
    expected = KernelPCA(kernel="rbf", gamma=1 / (2 * 0.8**2)).fit(data[0]).eigenvalues_ / 39
    np.testing.assert_allclose(kernel_spectrum(data, "rbf", bandwidth=0.8)[0, : len(expected)], expected, rtol=1e-8)


def test_a_wide_bandwidth_is_linear():
    data = cloud()
    linear = covariance_spectrum(data)
    found = kernel_spectrum(data, "rbf", bandwidth=1e3)[:, :5] * 1e6
    torch.testing.assert_close(found, linear, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_rotations_change_nothing(kernel):
    data = cloud()
    rotation = torch.linalg.qr(cloud(2, 5, 5, seed=3))[0]
    torch.testing.assert_close(kernel_spectrum(data @ rotation, kernel), kernel_spectrum(data, kernel))


def test_scales_change_nothing():
    data = cloud()
    torch.testing.assert_close(kernel_spectrum(7 * data, "rbf"), kernel_spectrum(data, "rbf"))
    each_row = torch.rand(2, 60, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(5)) + 0.1
    torch.testing.assert_close(kernel_spectrum(each_row * data), kernel_spectrum(data))


@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
@pytest.mark.parametrize("value", [0.0, 0.7, -1e3])
def test_a_constant_has_dimension_0(kernel, value):
    spectrum = kernel_spectrum(torch.full((1, 97, 4), value), kernel)
    assert not spectrum.any()
    assert components_for_variance(spectrum).item() == 0


def test_cosines_see_directions_alone():
    ray = torch.linspace(0.1, 3, 50, dtype=torch.float64)[None, :, None] * torch.tensor([1.0, 2.0, -1.0])
    assert kernel_spectrum(ray).sum() < 1e-15
    assert components_for_variance(kernel_spectrum(cloud(1, 400, 5) - 0.5), 1.0).item() == 5


@pytest.mark.parametrize("kernel", ["cosine", "rbf"])
def test_rows_are_drawn_by_address_and_for_each_member_alike(kernel):
    data = cloud(2, 90)
    drawn = generator(4, "kernel rows").choice(90, 40, replace=False)
    found = kernel_spectrum(data, kernel, rows=40, seed=4)
    torch.testing.assert_close(found, kernel_spectrum(data[:, drawn], kernel))
    torch.testing.assert_close(found[1:], kernel_spectrum(data[1:], kernel, rows=40, seed=4))
    assert not torch.allclose(found, kernel_spectrum(data, kernel, rows=40, seed=5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 1}, "rows is 1"),
        ({"kernel": "rbf", "bandwidth": 0.0}, r"bandwidth is 0\.0"),
        ({"bandwidth": 1.0}, r"bandwidth is 1\.0"),
    ],
)
def test_senseless_requests_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        kernel_spectrum(cloud(), **options)


def test_an_unknown_kernel_is_refused():
    with pytest.raises(ValueError, match="kernel is 'poly': it must be one of cosine, rbf"):
        inspect.unwrap(kernel_spectrum)(cloud(), "poly")


def test_one_row_is_refused():
    with pytest.raises(ValueError, match="states has 1 rows"):
        kernel_spectrum(torch.ones(1, 1, 3))
