import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from wmcl.dimensionality import components_for_variance, covariance_spectrum, hidden_states, participation_ratio, states
from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.dimensionality.states import steps_of
from wmcl.networks import LSTM, Elman
from wmcl.tasks import Sequences, copy_task


def subspace(dimension, units=12, rows=4000, seed=0):
    """Isotropic Gaussian states in a random linear subspace, away from the origin, for two members."""
    g = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(2, units, units, generator=g, dtype=torch.float64))[0][:, :, :dimension]
    white = torch.randn(2, rows, dimension, generator=g, dtype=torch.float64)
    white = torch.linalg.qr(white - white.mean(1, keepdim=True))[0]  # exactly uncorrelated, exactly equal variances
    return white @ basis.mT + 7


@pytest.mark.parametrize("dimension", [1, 3, 8, 12])
def test_an_isotropic_linear_subspace_has_its_dimension(dimension):
    spectrum = covariance_spectrum(subspace(dimension))
    assert components_for_variance(spectrum, threshold=1.0).tolist() == [dimension] * 2
    assert components_for_variance(spectrum, threshold=0.75).tolist() == [int(np.ceil(0.75 * dimension))] * 2
    torch.testing.assert_close(participation_ratio(spectrum), torch.full((2,), float(dimension), dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 0.3, 0.7, -1e3])
def test_a_constant_has_dimension_0(value, dtype):
    constant = torch.full((1, 997, 4), value, dtype=dtype)
    assert not covariance_spectrum(constant).any()
    assert not StepScatter.of(constant[:, None]).spectrum_by_step().any()
    spectrum = covariance_spectrum(constant)
    assert components_for_variance(spectrum).item() == 0
    assert participation_ratio(spectrum).item() == 0
    assert not cumulative_variance(spectrum).any()


@given(rows=st.integers(5, 60), units=st.integers(1, 9), seed=st.integers(0, 99))
def test_scikit_learn_agrees(rows, units, seed):
    data = np.random.default_rng(seed).standard_normal((rows, units)) * np.arange(1, units + 1)
    spectrum = covariance_spectrum(torch.from_numpy(data)[None])[0]
    pca = PCA().fit(data)
    k = len(pca.explained_variance_)
    np.testing.assert_allclose(spectrum[:k], pca.explained_variance_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(cumulative_variance(spectrum)[:k], pca.explained_variance_ratio_.cumsum(), rtol=1e-9)


def test_many_rows_are_taken_in_blocks():
    data = torch.randn(1, 40_000, 3, generator=torch.Generator().manual_seed(1))
    expected = np.linalg.eigvalsh(np.cov(data[0].double().numpy().T))[::-1]
    np.testing.assert_allclose(covariance_spectrum(data)[0], expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("spectrum", "threshold", "expected"),
    [([3.0, 1.0], 0.75, 1), ([3.0, 1.0], 0.76, 2), ([1.0] * 4, 0.75, 3), ([1.0] * 10, 0.7, 7), ([2.0, 0.0], 1.0, 1)],
)
def test_components_at_the_edge(spectrum, threshold, expected):
    assert components_for_variance(torch.tensor(spectrum, dtype=torch.float64), threshold).item() == expected


@pytest.fixture
def two_members():
    data = copy_task(2, 3, width=2).batch([0], 0, samples=6)
    hidden = torch.randn(2, data.steps, 6, 5, generator=torch.Generator().manual_seed(2))
    return hidden, data


@pytest.mark.parametrize(
    ("phase", "steps"), [("input", [0, 1, 2]), ("stop", [3]), ("output", [4, 5]), (None, range(6))]
)
def test_states_of_a_phase(two_members, phase, steps):
    hidden, data = two_members
    expected = torch.stack([hidden[:, t, b] for t in steps for b in range(6)], 1)
    assert torch.equal(states(hidden, data, phase), expected)


def test_centring_each_step_removes_what_differs_between_steps_alone(two_members):
    hidden, data = two_members
    moving = hidden + 100 * torch.arange(data.steps)[:, None, None]
    centred = states(moving, data, None, "step")
    torch.testing.assert_close(centred, states(hidden, data, None, "step"), rtol=0, atol=1e-4)
    expected = (hidden.double() - hidden.double().mean(2, keepdim=True)).flatten(1, 2)
    torch.testing.assert_close(states(hidden, data, None, "step"), expected)
    constant_within_step = (0.1 + 0.7 * torch.arange(data.steps))[None, :, None, None].expand(1, -1, 6, 5)
    assert components_for_variance(covariance_spectrum(states(constant_within_step, data))).item() == 1
    assert components_for_variance(covariance_spectrum(states(constant_within_step, data, None, "step"))).item() == 0


@pytest.mark.parametrize("centre", ["pooled", "step"])
@pytest.mark.parametrize("phase", ["input", "stop", "output", None])
def test_one_pass_over_the_steps_gives_the_spectrum_of_every_phase(two_members, phase, centre):
    hidden, data = two_members
    hidden = hidden + torch.arange(data.steps)[:, None, None] * torch.arange(5)
    expected = covariance_spectrum(states(hidden, data, phase, centre))
    found = StepScatter.of(hidden).spectrum(steps_of(data, phase), centre)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * expected.max().item())
    double = StepScatter.of(hidden.double()).spectrum(steps_of(data, phase), centre)
    torch.testing.assert_close(double, covariance_spectrum(states(hidden.double(), data, phase, centre)))


def test_the_spectrum_of_each_step(two_members):
    hidden, _ = two_members
    found = StepScatter.of(hidden).spectrum_by_step()
    for t in range(hidden.shape[1]):
        torch.testing.assert_close(found[:, t], covariance_spectrum(hidden[:, t]))


def test_senseless_requests_are_refused(two_members):
    hidden, data = two_members
    with pytest.raises(ValueError, match="phase is 'outputs'"):
        states(hidden, data, "outputs")
    with pytest.raises(ValueError, match="'lead' does not occur"):
        states(hidden, data, "lead")
    with pytest.raises(ValueError, match=r"threshold is 75\.0"):
        components_for_variance(torch.ones(3, dtype=torch.float64), 75.0)
    with pytest.raises(ValueError, match="at least 2"):
        covariance_spectrum(torch.ones(1, 1, 3))
    with pytest.raises(ValueError, match="hidden has 1 samples"):
        StepScatter.of(hidden[:, :, :1])
    ragged = data.phase.clone()
    ragged[0, 3, 2] = 1
    with pytest.raises(ValueError, match="different steps in different samples"):
        steps_of(Sequences(data.inputs, data.targets, data.scored, ragged, data.window), "stop")


def test_hidden_states_follow_the_recurrence():
    task = copy_task(2, width=2, validation_samples=4, test_samples=3)
    network = Elman(task.inputs, 4, task.outputs)
    parameters = network.init([0, 1])
    p = {name: value.double().numpy() for name, value in parameters.items()}
    found = hidden_states(network, {name: value.requires_grad_() for name, value in parameters.items()}, task.test)
    assert not found.requires_grad
    for member in range(2):
        state = np.zeros((3, 4))
        for step, inputs in enumerate(task.test.inputs[0].double().numpy()):
            drive = inputs @ p["W_ih"][member].T + p["b_ih"][member] + p["b_hh"][member]
            state = np.tanh(drive + state @ p["W_hh"][member].T)
            np.testing.assert_allclose(found[member, step], state, atol=1e-6)


def test_hidden_states_of_a_sequence_do_not_depend_on_its_padding():
    task = copy_task(3, width=2, input_length=(3, 5), validation_samples=4, test_samples=8)
    network = LSTM(task.inputs, 4, task.outputs, direction="bidirectional")
    parameters, lengths = network.init([0]), task.test.lengths[0]
    found = hidden_states(network, parameters, task.test)
    short = int(lengths.argmin())
    end = int(lengths[short])
    assert end < task.test.steps
    alone = task.test.take(slice(short, short + 1))
    cut = Sequences(*(each[:, :end] for each in alone.tensors()), slice(0, end))
    torch.testing.assert_close(hidden_states(network, parameters, cut)[:, :, 0], found[:, :end, short])


def test_hidden_states_of_other_sequences_are_refused():
    task = copy_task(2, width=2, validation_samples=4, test_samples=3)
    network = Elman(task.inputs + 1, 4, task.outputs)
    with pytest.raises(ValueError, match="inputs of data are of"):
        hidden_states(network, network.init([0]), task.test)
