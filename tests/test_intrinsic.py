import builtins
import inspect
import itertools

import numpy as np
import pytest
import torch

from wmcl.dimensionality import intrinsic_dimension
from wmcl.randomness import generator

pytest.importorskip("skdim")
METHODS = ["two_nn", "mle"]


def rotated(data, units, seed=0):
    """Data of few coordinates in a space of more, as states of one member."""
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.standard_normal((units, units)))[0]
    return torch.from_numpy(data @ basis[: data.shape[1]])[None]


def swiss_roll(rows=1500):
    """A sheet of two dimensions, rolled up in three."""
    random = np.random.default_rng(0)
    angle, height = 1.5 * np.pi * (1 + 2 * random.random(rows)), 21 * random.random(rows)
    return np.stack([angle * np.cos(angle), height, angle * np.sin(angle)], 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_a_linear_subspace_has_its_dimension(method, dimension):
    data = rotated(np.random.default_rng(1).standard_normal((1500, dimension)), 30)
    assert intrinsic_dimension(data, method).dimension[0] == pytest.approx(dimension, rel=0.12)


@pytest.mark.parametrize("method", METHODS)
def test_a_rolled_sheet_has_two_dimensions(method):
    found = intrinsic_dimension(rotated(swiss_roll(), 10), method)
    assert found.dimension[0] == pytest.approx(2, rel=0.1)
    assert (found.duplicates[0], found.rows[0]) == (0, 1500)


def neighbours_of(data, k):
    distances = np.linalg.norm(data[:, None] - data[None], axis=2)
    return np.sort(distances, axis=1)[:, 1 : k + 1]


def test_the_formulas():
    data = np.random.default_rng(2).random((120, 4))
    nearest = neighbours_of(data, 7)
    inverse = np.log(nearest[:, -1:] / nearest[:, :-1]).mean()
    states = torch.from_numpy(data)[None]
    assert intrinsic_dimension(states, "mle", neighbours=7).dimension[0] == pytest.approx(1 / inverse, rel=1e-9)
    x = np.log(np.sort(nearest[:, 1] / nearest[:, 0])[:108])
    y = -np.log(1 - np.arange(1, 109) / 120)
    assert intrinsic_dimension(states, "two_nn").dimension[0] == pytest.approx(x @ y / (x @ x), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_rotations_shifts_and_scales_change_nothing(method):
    data = swiss_roll(600)
    moved = 0.01 * rotated(data, 40) + 3
    a, b = intrinsic_dimension(rotated(data, 10), method, rows=300), intrinsic_dimension(moved, method, rows=300)
    np.testing.assert_allclose(a.dimension, b.dimension, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_rows_that_occur_twice_are_dropped_and_counted(method):
    data = torch.from_numpy(swiss_roll(300))
    twice = torch.cat([data, data[:70]])[None]
    found, expected = intrinsic_dimension(twice, method), intrinsic_dimension(data[None], method)
    np.testing.assert_allclose(found.dimension, expected.dimension, rtol=1e-12)
    assert (found.duplicates.tolist(), found.rows.tolist()) == ([70], [300])
    twice[:, 300:] += 1e-9  # rounding errors
    found = intrinsic_dimension(twice, method)
    np.testing.assert_allclose(found.dimension, expected.dimension, rtol=1e-12)
    assert (found.duplicates.tolist(), found.rows.tolist()) == ([70], [300])
    apart = intrinsic_dimension(twice, method, tolerance=0.0)
    assert (apart.duplicates.tolist(), apart.rows.tolist()) == ([0], [370])


@pytest.mark.parametrize(("distance", "dropped"), [(0.9, 1), (1.1, 0)])
def test_how_close_the_same_rows_are(distance, dropped):
    data = np.random.default_rng(5).standard_normal((100, 4)) + 2
    length = np.sqrt((data**2).sum(1).mean())
    data = np.concatenate([data, data[:1] + distance * 1e-5 * length * np.array([0.6, 0, 0.8, 0])])
    found = intrinsic_dimension(torch.from_numpy(data)[None], tolerance=1e-5)
    assert (found.duplicates[0], found.rows[0]) == (dropped, 101 - dropped)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.7, -1e3])
def test_a_constant_has_dimension_0(method, value):
    found = intrinsic_dimension(torch.full((2, 50, 4), value), method)
    assert found.dimension.tolist() == [0, 0]
    assert (found.duplicates.tolist(), found.rows.tolist()) == ([49, 49], [1, 1])


def test_too_few_points_have_no_dimension():
    few = torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(0)).repeat(1, 4, 1)
    found = intrinsic_dimension(few)
    assert np.isnan(found.dimension[0])
    assert (found.duplicates[0], found.rows[0]) == (60, 20)
    assert np.isfinite(intrinsic_dimension(few, neighbours=19).dimension[0])


LATTICES = {
    "all patterns of bits": torch.tensor(list(itertools.product([0.0, 1.0], repeat=7))),
    "a plane": torch.tensor(list(itertools.product(range(12), repeat=2))).double(),
    "a cube": torch.tensor(list(itertools.product(range(7), repeat=3))).float(),
    "a line": torch.arange(60.0)[:, None],
    "corners": torch.eye(30),
    "drawn bits": torch.from_numpy(np.random.default_rng(0).integers(0, 2, (500, 20))).double(),
}


@pytest.mark.parametrize("lattice", LATTICES)
def test_on_a_lattice_there_is_no_silent_estimate(lattice):
    states = LATTICES[lattice]
    with pytest.warns(UserWarning, match="nearest two neighbours are equally distant") as told:
        assert np.isnan(intrinsic_dimension(states[None]).dimension[0])
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="equally distant"):
        found = intrinsic_dimension(states[None], "mle").dimension[0]
    assert np.isnan(found) or 1 < found <= 2 * states.shape[1]


def test_a_lattice_that_is_a_little_uneven_has_no_more_dimensions_than_units():
    noise = 1e-3 * np.random.default_rng(0).standard_normal((144, 2))
    with pytest.warns(UserWarning, match=r"two_nn, 881 in 2 units, is no dimension, and NaN is returned"):
        assert np.isnan(intrinsic_dimension((LATTICES["a plane"] + torch.from_numpy(noise))[None]).dimension[0])


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), float("nan")])
@pytest.mark.parametrize("method", METHODS)
def test_states_that_are_not_finite_are_refused(method, value):
    states = torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(0))
    states[0, 7, 1] = value
    with pytest.raises(ValueError, match="states is NaN or infinite in 1 of 150 numbers"):
        intrinsic_dimension(states, method)


def test_rows_are_drawn_by_address_for_each_member_alone():
    data = torch.from_numpy(np.random.default_rng(3).standard_normal((2, 200, 3)))
    data[0, 150:] = data[0, 0]
    found = intrinsic_dimension(data, rows=90, seed=4)
    assert (found.duplicates.tolist(), found.rows.tolist()) == ([50, 0], [90, 90])
    drawn = generator(4, "intrinsic rows").choice(200, 90, replace=False)
    np.testing.assert_allclose(found.dimension[1:], intrinsic_dimension(data[1:, drawn]).dimension)
    np.testing.assert_allclose(found.dimension[1:], intrinsic_dimension(data[1:], rows=90, seed=4).dimension)
    assert intrinsic_dimension(data, rows=90, seed=5).dimension[1] != found.dimension[1]


def test_without_scikit_dimension_it_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("skdim"):
            raise ModuleNotFoundError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install wmcl\[intrinsic\]"):
        intrinsic_dimension(torch.zeros(1, 30, 2))


def test_senseless_requests_are_refused():
    data = torch.zeros(1, 30, 2)
    with pytest.raises(ValueError, match="neighbours is 1: it must be at least 2"):
        intrinsic_dimension(data, neighbours=1)
    with pytest.raises(ValueError, match="rows is 20: it must be more than the 20 neighbours"):
        intrinsic_dimension(data, rows=20)
    with pytest.raises(ValueError, match=r"tolerance is -0\.1"):
        intrinsic_dimension(data, tolerance=-0.1)
    with pytest.raises(ValueError, match="method is 'pca': it must be one of two_nn, mle"):
        inspect.unwrap(intrinsic_dimension)(data, "pca")
