import inspect

import numpy as np
import pytest
import torch

from wmcl.networks import GRU, LSTM, Elman, LinearRNN


def test_initialisations():
    fan_in, xavier, orthogonal = (
        Elman(8, 64, 7, initialisation=k).init([0, 1]) for k in ("fan_in", "xavier", "orthogonal")
    )
    for parameters in (fan_in, orthogonal):
        assert parameters["b_ih"].abs().max() <= 1 / np.sqrt(8)
        assert parameters["b_ih"].abs().max() > 0.9 / np.sqrt(8)
    assert 0.95 / 8 < fan_in["W_hh"].abs().max() <= 1 / 8
    bound = np.sqrt(6 / (64 + 8))
    assert 0.95 * bound < xavier["W_ih"].abs().max() <= bound
    assert not any(xavier[b].any() for b in ("b_ih", "b_hh", "b_ho", "b_out"))
    W = orthogonal["W_hh"].double()
    torch.testing.assert_close(W @ W.mT, torch.eye(64, dtype=torch.float64).expand(2, -1, -1), rtol=0, atol=1e-6)
    assert not torch.equal(W[0], W[1])
    assert not torch.equal(orthogonal["W_ho"] @ orthogonal["W_ho"].mT, torch.eye(64).expand(2, -1, -1))


def test_orthogonal_matrices_are_uniform():
    """The trace of a Haar matrix has mean 0 and variance 1; QR without the sign correction has mean well above 0."""
    traces = (
        Elman(1, 4, 1, initialisation="orthogonal")
        .init(range(2000), torch.float64)["W_hh"]
        .diagonal(dim1=1, dim2=2)
        .sum(1)
    )
    assert abs(float(traces.mean())) < 5 / np.sqrt(2000)
    assert abs(float(traces.var()) - 1) < 0.25


def test_size_of_the_papers_network():
    shapes = Elman(8, 256, 35).shapes
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 142_883
    assert "W_ho" not in Elman(8, 256, 35, output_stage=False).shapes
    assert sum(int(np.prod(shape)) for shape in LSTM(8, 256, 35).shapes.values()) == 281_379
    assert LSTM(8, 256, 7, heads=5).shapes == LSTM(8, 256, 35).shapes


@pytest.mark.parametrize(("network", "gates"), [(LSTM, 4), (GRU, 3)])
def test_every_gate_is_a_matrix_of_its_own(network, gates):
    orthogonal, xavier = (
        network(8, 32, 7, initialisation=k).init([0], torch.float64) for k in ("orthogonal", "xavier")
    )
    blocks = orthogonal["W_hh"][0].unflatten(0, (gates, 32))
    torch.testing.assert_close(blocks @ blocks.mT, torch.eye(32).double().expand(gates, -1, -1), rtol=0, atol=1e-12)
    assert len({float(block[0, 0]) for block in blocks}) == gates
    bound = np.sqrt(6 / (32 + 32))
    assert 0.95 * bound < xavier["W_hh"].abs().max() <= bound


def test_layers_and_directions_start_differently():
    parameters = LSTM(8, 16, 7, layers=2, direction="bidirectional").init([0])
    shapes = {name: tuple(value.shape[1:]) for name, value in parameters.items() if name.startswith("W")}
    assert shapes == {
        "W_ih": (64, 8),
        "W_hh": (64, 16),
        "W_ih_reverse": (64, 8),
        "W_hh_reverse": (64, 16),
        "W_ih_l1": (64, 32),
        "W_hh_l1": (64, 16),
        "W_ih_l1_reverse": (64, 32),
        "W_hh_l1_reverse": (64, 16),
        "W_out": (7, 32),
    }
    recurrent = [value for name, value in parameters.items() if name.startswith("W_hh")]
    assert len({float(value[0, 0, 0]) for value in recurrent}) == 4


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("inputs", 0, "inputs is 0: it must be a whole number of at least 1"),
        ("hidden", -1, "hidden is -1"),
        ("outputs", 0, "outputs is 0"),
        ("layers", 0, "layers is 0"),
        ("heads", 0, "heads is 0"),
        ("head", 2, "head is 2: it must be a whole number from 0 to heads - 1, 1"),
        ("head", -1, "head is -1"),
    ],
)
@pytest.mark.parametrize("network", [Elman, LSTM, GRU])
def test_senseless_fields_are_refused(network, field, value, message):
    with pytest.raises(ValueError, match=message):
        network(**{"inputs": 1, "hidden": 1, "outputs": 1, "heads": 2, field: value})


def test_the_start_of_a_head_does_not_depend_on_how_many_there_are():
    alone, many = (LSTM(3, 8, 2, initialisation="xavier", heads=heads).init([0, 1]) for heads in (1, 10))
    torch.testing.assert_close(many["W_out"][:, :2], alone["W_out"])


@pytest.mark.parametrize("field", ["hidden", "layers", "heads"])
def test_sizes_are_whole_numbers(field):
    with pytest.raises(ValueError, match=f"{field} is 2.5: it must be a whole number of at least 1"):
        inspect.unwrap(GRU.__init__)(object.__new__(GRU), **{"inputs": 1, "hidden": 1, "outputs": 1, field: 2.5})


@pytest.mark.parametrize("kind", [Elman, LSTM, GRU, LinearRNN])
def test_recurrent_weights_start_orthogonal_unless_told_otherwise(kind):
    assert kind(3, 5, 2) == kind(3, 5, 2, initialisation="orthogonal")


def test_seeds_are_whole_numbers_of_any_type():
    network = Elman(3, 5, 2)
    expected = network.init([1, 2])["W_hh"]
    for seeds in (range(1, 3), (1, 2), np.array([1, 2], dtype=np.uint8), torch.tensor([1, 2])):
        assert torch.equal(network.init(seeds)["W_hh"], expected)
    with pytest.raises(ValueError, match=r"seeds is \[True\]: it must be a sequence of whole numbers, such as range"):
        network.init([True])
    with pytest.raises(ValueError, match=r"seeds is \[\]: it must hold at least one seed"):
        network.init([])
