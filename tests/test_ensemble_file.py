"""A trained ensemble survives the disk."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.same import assert_same
from tests.test_training import FAST, NETWORK, TASK, fit
from wmcl import stored_file
from wmcl.networks import GRU, LSTM, Elman, ReLUElman
from wmcl.training import Stop, load_ensemble, save_ensemble
from wmcl.training.checkpoint import described, network_description
from wmcl.training.ensemble_file import ENSEMBLE_VERSION, network_from


@pytest.fixture(scope="module")
def trained():
    return fit([3, 5], Stop(12, loss=0.1))


def test_what_was_saved_is_loaded_and_computes_the_same(tmp_path, trained):
    path = tmp_path / "ensembles" / "elman.safetensors"
    save_ensemble(path, trained)
    found = load_ensemble(path)
    assert found.network == NETWORK
    assert found.task is None
    for field in dataclasses.fields(found):
        if field.name not in ("network", "task"):
            assert_same(getattr(found, field.name), getattr(trained, field.name))
    logits = [
        network.apply(parameters, TASK.test.inputs).logits
        for network, parameters in ((NETWORK, trained.parameters), (found.network, found.parameters))
    ]
    assert torch.equal(*logits)
    again = fit(found.seeds, Stop(**found.configuration["stop"]), FAST, network=found.network)
    assert_same(again.parameters, found.parameters)


@given(
    kind=st.sampled_from([Elman, ReLUElman, LSTM, GRU]),
    hidden=st.integers(1, 5),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "initialisation": st.sampled_from(["fan_in", "xavier", "orthogonal"]),
            "layers": st.integers(1, 2),
            "direction": st.sampled_from(["forward", "backward", "bidirectional"]),
            "biases": st.booleans(),
        },
    ),
    heads=st.integers(1, 3).flatmap(lambda heads: st.tuples(st.just(heads), st.integers(0, heads - 1))),
)
@settings(max_examples=12)
def test_any_network_comes_back(tmp_path_factory, kind, hidden, fields, heads):
    path = tmp_path_factory.mktemp("ensemble") / "file"
    network = kind(4, hidden, 3, **fields, heads=heads[0], head=heads[1])
    save_ensemble(path, fit([0], Stop(0), network=network))
    assert load_ensemble(path).network == network


def test_files_that_do_not_know_of_networks_without_biases_are_read_and_written_alike():
    known = network_description(GRU(4, 3, 3))
    assert "biases" not in known
    assert network_from(known, 999) == GRU(4, 3, 3)
    assert network_from(network_description(GRU(4, 3, 3, biases=False)), 999) == GRU(4, 3, 3, biases=False)


FIELDS = described(Elman(4, 3, 3, initialisation="xavier"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class": "Popen"}, "network is of the class 'Popen': it must be one of .*Elman"),
        ({"class": "LinearMap"}, "network is of the class 'LinearMap'"),  # a dataclass of wmcl.networks, no network
        ({"class": "initialise"}, "network is of the class 'initialise'"),
        ({"class": "Network"}, "network is of the class 'Network'"),  # which has no cell
        ({"class": "__all__"}, "network is of the class '__all__'"),
        ({"gates": 3}, "network Elman has the fields .*'gates'"),
        ({"hidden": [3]}, r"network Elman has hidden = \[3\]: it must be a number"),
        ({"hidden": 0}, "hidden is 0"),
    ],
)
def test_unknown_networks_are_refused_by_name(change, message):
    assert network_from(FIELDS, 999) == Elman(4, 3, 3, initialisation="xavier")
    with pytest.raises(ValueError, match=message):
        network_from(FIELDS | change, 999)


def test_a_network_without_one_of_its_fields_is_refused():
    with pytest.raises(ValueError, match="network Elman has the fields"):
        network_from({name: value for name, value in FIELDS.items() if name != "hidden"}, 999)


def test_a_class_inside_of_a_function_is_refused_before_anything_is_written(tmp_path):
    class Mine(Elman):
        pass

    network = Mine(4, 3, 3)
    with pytest.raises(
        ValueError, match=r"Mine in tests.test_ensemble_file: .* it must be defined at the top of a module"
    ):
        save_ensemble(tmp_path / "file", fit([0], Stop(0), network=network))
    assert not list(tmp_path.iterdir())


def test_parameters_that_do_not_fit_the_network_are_refused(tmp_path, trained):
    path = tmp_path / "file"
    save_ensemble(path, trained)
    arrays, content = stored_file.read(path, "ensemble", ENSEMBLE_VERSION)
    content["network"]["hidden"] = 23
    stored_file.write(path, "ensemble", ENSEMBLE_VERSION, arrays, content)
    with pytest.raises(ValueError, match=r"it holds parameters of the shapes .* its network needs"):
        load_ensemble(path)


def test_damaged_missing_and_other_files_are_refused(tmp_path, trained):
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        load_ensemble(path)
    save_ensemble(path, trained)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match="file is damaged"):
        load_ensemble(path)
    fit([0], Stop(1), checkpoint=tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="is a wmcl checkpoint file: it must be a wmcl ensemble"):
        load_ensemble(tmp_path / "checkpoint")
