"""What the Fisher is beyond its definition, which tests/test_exactness.py has."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import naive
from tests.cases import CASES, ensemble
from wmcl.importance import fisher_diagonal, summarise
from wmcl.networks import Elman
from wmcl.tasks import copy_task


def test_exact_fisher_of_logistic_regression():
    """The head is a logistic regression on y: F[o, h] = mean over n of Σ_t w² p (1 - p) y_h²."""
    network, task = Elman(4, 5, 3, initialisation="fan_in"), copy_task(2, 4, width=3)
    parameters, data = ensemble(network, task, samples=6)
    data = replace(data, scored=data.scored * torch.linspace(0.5, 2, data.steps)[:, None])
    found = fisher_diagonal(network, parameters, data, task, "exact")
    with torch.no_grad():
        activations = network.apply(parameters, data.inputs, data.window)
    p = torch.sigmoid(activations.logits)
    information = p * (1 - p) * data.scored[:, data.window, :, None] ** 2
    expected = torch.einsum("mtso,mtsh->moh", information, activations.output**2) / data.samples
    torch.testing.assert_close(found["W_out"], expected, rtol=1e-10, atol=0)
    torch.testing.assert_close(found["b_out"], information.sum((1, 2)) / data.samples, rtol=1e-10, atol=0)


@pytest.mark.parametrize(("kind", "holds"), [("exact", True), ("empirical", False)])
def test_the_fisher_is_the_sum_over_scored_steps_for_the_exact_kind_alone(kind, holds):
    network, task = Elman(4, 5, 3, initialisation="fan_in"), copy_task(3, 4, width=3)
    parameters, data = ensemble(network, task)
    data = replace(data, targets=torch.ones_like(data.targets))  # so that the gradients of the steps are alike
    whole = fisher_diagonal(network, parameters, data, task, kind)
    steps = torch.arange(data.steps)[None, :, None]
    each = [
        fisher_diagonal(network, parameters, replace(data, scored=data.scored * (steps == t)), task, kind)
        for t in range(data.window.start, data.window.stop)
    ]
    for name in ("W_hh", "W_ih", "W_ho"):
        together = torch.stack([one[name] for one in each]).sum(0)
        assert torch.allclose(together, whole[name], rtol=1e-9) == holds
        if not holds:
            assert (together.sum() / whole[name].sum() - 1).abs() > 0.05


def test_draws_average_over_independent_targets():
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    one, many = (fisher_diagonal(network, parameters, data, task, "sampled", [0, 1], draws=d) for d in (1, 100))
    exact = fisher_diagonal(network, parameters, data, task, "exact")
    again = fisher_diagonal(network, parameters, data, task, "sampled", [0, 1], draws=100, chunk=2)

    def error(found):
        return sum((found[name] - exact[name]).square().sum() for name in exact)

    assert error(many) < error(one) / 20
    torch.testing.assert_close(many, again, rtol=1e-10, atol=1e-16)


def test_sampled_fisher_converges_to_the_enumeration_of_all_targets():
    network, task = Elman(3, 4, 2, initialisation="fan_in"), copy_task(2, 3, width=2)
    parameters, data = ensemble(network, task, samples=1)
    repeats = 20_000
    many = data.take(slice(0, 1))
    many = type(data)(
        *(x.expand(-1, -1, repeats, *x.shape[3:]) for x in (many.inputs, many.targets, many.scored, many.phase)),
        data.window,
    )
    found = fisher_diagonal(network, parameters, many, task, "sampled", seeds=[0, 1], chunk=5000)
    empirical = fisher_diagonal(network, parameters, data, task, "empirical")
    for member in range(2):
        expected = naive.fisher(network, parameters, member, data, task.likelihood, "exact")
        for name, value in found.items():
            torch.testing.assert_close(
                value[member], expected[name], rtol=0.08, atol=0.02 * expected[name].max().item()
            )
        assert not torch.allclose(empirical["W_hh"][member], expected["W_hh"], rtol=0.5)


def test_sampled_targets_ignore_the_data_targets_and_follow_the_seed():
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    flipped = type(data)(data.inputs, 1 - data.targets, data.scored, data.phase, data.window)

    def sampled(sequences, seeds):
        return fisher_diagonal(network, parameters, sequences, task, "sampled", seeds)["W_hh"]

    assert torch.equal(sampled(data, [0, 1]), sampled(flipped, [0, 1]))
    assert not torch.equal(sampled(data, [0, 1]), sampled(data, [2, 3]))


def test_parameters_keep_their_state_and_float32_gives_float64():
    network, task = CASES[0].values
    parameters = {name: value.requires_grad_() for name, value in network.init([0]).items()}
    with torch.no_grad():
        found = fisher_diagonal(network, parameters, task.batch([0], 0, 4), task, "empirical")
    assert all(value.dtype == torch.float64 and not value.requires_grad for value in found.values())
    assert all(value.grad is None and value.requires_grad for value in parameters.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": None}, "seeds is None"),
        ({"seeds": [1]}, r"seeds is \[1\]: it must hold one seed for each of the 2"),
        ({"chunk": 0}, "chunk is 0"),
        ({"draws": 0}, "draws is 0"),
    ],
)
def test_senseless_arguments_are_refused(change, message):
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    with pytest.raises(ValueError, match=message):
        fisher_diagonal(network, parameters, data, task, **({"kind": "sampled", "seeds": [0, 1]} | change))


def test_an_empty_set_is_refused():
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    with pytest.raises(ValueError, match="at least one sequence"):
        fisher_diagonal(network, parameters, data.take(slice(0, 0)), task, "empirical")


def test_summary():
    values = {
        "W_hh": torch.tensor([[[1.0, 2.0], [3.0, 10.0]]]),
        "b_hh": torch.full((1, 2), 100.0),
        "W_out": torch.ones(1, 1, 2),
    }
    weights = {"W_hh": torch.tensor([[[2.0, 0.0], [1.0, -1.0]]]), "W_out": torch.ones(1, 1, 2)}
    found = summarise(values, weights, 4.0)
    hh = found.importance.sel(connection="hh", member=0)
    expected = {"mean": 4.0, "median": 2.5, "trace": 16.0, "mean F w²": 17 / 4, "mean with bias": 216 / 6}
    assert hh.sel(per="sequence").to_series().to_dict() == expected
    assert hh.sel(per="scored bit").to_series().to_dict() == {name: value / 4 for name, value in expected.items()}
    assert found.importance.sel(connection="ho").isnull().all()
    assert found.effective_fraction.sel(connection="hh").item() == pytest.approx(16**2 / (4 * 114))
    assert found.effective_fraction.sel(connection="out").item() == 1
    assert found.share.sel(connection=["hh", "out"]).values.tolist() == [[16 / 18, 2 / 18]]
    assert found.share.sel(connection="ih").isnull().all()
    quantiles = found.distribution.sel(connection="hh", member=0)
    np.testing.assert_allclose(quantiles, np.quantile([1, 2, 3, 10], found["probability"].values))
    out = found.importance.sel(connection="out", per="sequence", member=0)
    assert out.sel(statistic="mean with bias").item() == out.sel(statistic="mean").item() == 1  # it has no bias
    ones = {"W_hh": torch.ones(2, 2, 2)}
    per_member = summarise(ones, ones, torch.tensor([1.0, 2.0])).importance.sel(connection="hh", per="scored bit")
    assert per_member.sel(statistic="trace").values.tolist() == [4.0, 2.0]
