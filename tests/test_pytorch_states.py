"""Hidden states, perturbations and summaries of modules."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.test_pytorch_importance import measure
from tests.torch_models import LENGTHS, VALUES, N, T, case
from wmcl import dimensionality, importance
from wmcl.importance import Perturbations
from wmcl.networks import GRU, from_torch
from wmcl.pytorch import fisher_diagonal, hidden_states, memory_aware_synapses, perturbation_effect, summarise
from wmcl.tasks import copy_task

TASK = copy_task(2, 3, width=3)
DATA = TASK.fixed_set("probe", 9)


@pytest.fixture(scope="module")
def both():
    """A GRU as a network of the package and as a module, and the same data for both."""
    torch.manual_seed(0)
    recurrent, head = nn.GRU(4, 5, batch_first=True).double(), nn.Linear(5, 3).double()

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru, self.head = recurrent, head

        def forward(self, inputs):
            return self.head(self.gru(inputs)[0])

    data = DATA.to(torch.float64)
    batch = (data.inputs[0].transpose(0, 1), data.targets[0].transpose(0, 1), data.scored[0].T > 0)
    return *from_torch(recurrent, head), data, Whole(), batch


NAMES = {"W_ih": "gru.weight_ih_l0", "b_ih": "gru.bias_ih_l0", "W_hh": "gru.weight_hh_l0", "b_hh": "gru.bias_hh_l0"}
NAMES |= {"W_out": "head.weight", "b_out": "head.bias"}


@pytest.mark.parametrize("kind", ["empirical", "exact"])
def test_the_network_of_the_same_module_has_the_same_importances(both, kind):
    network, parameters, data, model, batch = both
    assert isinstance(network, GRU)
    expected = importance.fisher_diagonal(network, parameters, data, TASK, kind)
    found = fisher_diagonal(model, batch, "bernoulli", kind, progress=False)
    for name, own in NAMES.items():
        np.testing.assert_allclose(found[own], expected[name][0], rtol=1e-9)
    expected = importance.memory_aware_synapses(network, parameters, data)
    found = memory_aware_synapses(model, batch, progress=False)
    for name, own in NAMES.items():
        np.testing.assert_allclose(found[own], expected[name][0], rtol=1e-9)


def test_perturbations_have_the_effect_that_they_have_on_the_network(both):
    network, parameters, data, model, batch = both
    fisher = importance.fisher_diagonal(network, parameters, data, TASK, "exact")
    p = Perturbations(("W_hh",), fractions=(0.2, 1.0), sizes=(0.05,), repetitions=2)
    expected = importance.perturbation_effect(network, parameters, data, TASK, fisher, fisher, [7], p)
    own = fisher_diagonal(model, batch, "bernoulli", progress=False)
    p = Perturbations(("gru.weight_hh_l0",), fractions=(0.2, 1.0), sizes=(0.05,), repetitions=2)
    found = perturbation_effect(model, batch, "bernoulli", own, own, p, seed=7, chunk=4)
    np.testing.assert_allclose(found.measured, expected.measured, rtol=1e-9)
    np.testing.assert_allclose(found.predicted, expected.predicted, rtol=1e-9)
    assert (found.measured > 0).all()
    with pytest.raises(ValueError, match="parameters has no W_hh"):
        perturbation_effect(model, batch, "bernoulli", own, own, Perturbations(("W_hh",)))


def test_a_summary_by_parameter():
    model, batch = case("tagger")
    found = measure(model, batch)
    summary = summarise(found, model)
    one = summary.sel(parameter="lstm.weight_hh_l0")
    values, weights = found["lstm.weight_hh_l0"], model.lstm.weight_hh_l0.detach()
    assert float(one["mean"]) == pytest.approx(float(values.mean()))
    assert float(one["scaled"]) == pytest.approx(float((values * weights**2).mean()))
    assert float(one["effective_fraction"]) == pytest.approx(float(values.sum() ** 2 / (100 * (values**2).sum())))
    assert float(one["median"]) == pytest.approx(float(values.quantile(0.5)))
    assert float(one["size"]) == 100
    assert float(summary["share"].sum()) == pytest.approx(1)
    assert all(variable.attrs["long_name"] for variable in summary.data_vars.values())
    with pytest.raises(ValueError, match=r"weight of the model is missing: it must be of shape \(2, 3\)"):
        summarise({"weight": torch.ones(2, 3)}, model)


def test_states_are_those_of_the_module_without_padding():
    model, batch = case("two layers, both directions")
    found = hidden_states(model, batch, chunk=3)
    assert found.hidden.shape == (1, T, N, 8)
    packed = nn.utils.rnn.pack_padded_sequence(VALUES, LENGTHS, batch_first=True, enforce_sorted=False)
    expected = nn.utils.rnn.pad_packed_sequence(model.lstm(packed)[0])[0].detach()
    torch.testing.assert_close(found.hidden[0], expected)
    assert found.rows.shape == (1, int(LENGTHS.sum()), 8)
    rows = dimensionality.states(found.hidden, found.sequences)
    torch.testing.assert_close(rows.sort(1).values, found.rows.sort(1).values)
    spectrum = dimensionality.covariance_spectrum(found.rows)
    covariance = np.cov(np.concatenate([expected[:length, n] for n, length in enumerate(LENGTHS)]).T)
    np.testing.assert_allclose(spectrum[0].sort().values, np.linalg.eigvalsh(covariance), rtol=1e-6)


def test_states_of_cells_and_refusals():
    model, batch = case("LayerNorm after every step, GRU")
    assert hidden_states(model, batch).hidden.shape == (1, T, N, 5)
    with pytest.raises(ValueError, match="module is 'head': it must be one of 'cell'"):
        hidden_states(model, batch, "head")
    model, batch = case("encoder and decoder")
    with pytest.raises(ValueError, match="module is None: it must be one of 'encoder', 'decoder'"):
        hidden_states(model, batch)
    assert hidden_states(model, batch, "decoder").hidden.shape == (1, T, N, 4)
    model, batch = case("convolution")
    with pytest.raises(ValueError, match="the recurrent modules, of which the model has none"):
        hidden_states(model, batch)


def test_a_loader_of_a_task_goes_in_as_it_is(both):
    _, _, _, model, _ = both
    single = torch.utils.data.DataLoader(TASK.dataset(12, seed=3), batch_size=5)
    found = fisher_diagonal(model.float(), single, "bernoulli", "empirical", progress=False)
    arrays = TASK.arrays(12, seed=3)
    batch = tuple(torch.as_tensor(each) for each in (arrays.inputs, arrays.targets, arrays.scored))
    expected = fisher_diagonal(model, (batch[0], batch[1], batch[2] > 0), "bernoulli", "empirical", progress=False)
    model.double()
    assert found.samples == 12
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_backpack_agrees_where_it_is_installed():
    backpack = pytest.importorskip("backpack", reason="pip install --no-deps backpack-for-pytorch einops unfoldNd")
    from backpack.custom_module.reduce_tuple import ReduceTuple
    from backpack.extensions import SumGradSquared

    torch.manual_seed(0)
    recurrent, head = nn.LSTM(3, 5, batch_first=True).double(), nn.Linear(5, 2).double()
    targets = torch.randint(0, 2, (N, T, 2)).double()
    extended = backpack.extend(nn.Sequential(recurrent, ReduceTuple(), head))
    with backpack.backpack(SumGradSquared()):
        nn.functional.binary_cross_entropy_with_logits(extended(VALUES), targets, reduction="sum").backward()
    expected = {name: value.sum_grad_squared / N for name, value in extended.named_parameters()}
    found = fisher_diagonal(extended, (VALUES, targets), "bernoulli", "empirical", progress=False)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9)


def test_states_that_are_not_those_of_the_data_are_refused():
    class Sorts(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, inputs, lengths):
            order = lengths.argsort(descending=True)
            packed = nn.utils.rnn.pack_padded_sequence(inputs[order], lengths[order], batch_first=True)
            return nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)[0]

    class Strides(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(3, 4, batch_first=True)

        def forward(self, inputs):
            return self.gru(inputs[:, ::2])[0]

    targets = torch.zeros(N, T, dtype=torch.long)
    with pytest.raises(ValueError, match="in another order"):
        hidden_states(Sorts().double(), (VALUES, targets, LENGTHS))
    with pytest.raises(ValueError, match="module has 3 steps"):
        hidden_states(Strides().double(), (VALUES, targets, LENGTHS))


def test_dropout_is_refused_wherever_a_model_is_run(both):
    _, _, _, model, batch = both
    noisy = nn.Sequential(model, nn.Dropout(0.5))
    own = fisher_diagonal(noisy.eval(), batch, "bernoulli", "empirical", progress=False)
    p = Perturbations(("0.gru.weight_hh_l0",), fractions=(1.0,), sizes=(0.05,), repetitions=1)
    assert perturbation_effect(noisy, batch, "bernoulli", own, own, p).measured.notnull().all()
    noisy.train()
    with pytest.raises(ValueError, match="1 is a Dropout"):
        perturbation_effect(noisy, batch, "bernoulli", own, own, p)
    with pytest.raises(ValueError, match="1 is a Dropout"):
        hidden_states(noisy, batch)
    model.eval()
