import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import naive
from tests.cases import CASES, ensemble
from tests.test_training import NETWORK, TASK, fit
from wmcl.importance import fisher_diagonal
from wmcl.importance.perturbation import Perturbations, mean_divergence, perturbation_effect
from wmcl.likelihoods import Bernoulli
from wmcl.training import Stop


def bits(*values):
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


@given(z=st.floats(-15, 15), to=st.floats(-15, 15))
def test_divergence_is_that_of_torch(z, to):
    one, other = (torch.distributions.Bernoulli(logits=x) for x in (bits(z), bits(to)))
    expected = torch.distributions.kl_divergence(one, other)
    found = Bernoulli().divergence(bits(z), bits(to))
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-13)
    mirrored = Bernoulli().divergence(bits(-z), bits(-to))
    assert torch.equal(found, mirrored)


@pytest.mark.parametrize("z", [-38.0, -20.0, -1.0, 0.0, 0.3, 15.0, 38.0])
def test_divergence_keeps_its_precision_for_small_changes(z):
    p = torch.sigmoid(bits(z)) * torch.sigmoid(bits(-z))
    for d in (1e-6, -1e-6):
        found = Bernoulli().divergence(bits(z), bits(0.0) + z + d)
        step = (bits(0.0) + z + d) - z  # what is left of d after rounding
        torch.testing.assert_close(found, p * step**2 / 2, rtol=1e-5, atol=0)


def test_divergence_is_finite_and_grows_with_the_distance():
    z = bits(-500.0, -40.0, 0.0, 40.0, 500.0)
    assert Bernoulli().divergence(z, z).tolist() == torch.zeros_like(z).tolist()
    found = torch.stack([Bernoulli().divergence(z, z + d) for d in (0.5, 0.999, 1.001, 2.0, 60.0, 1000.0)])
    assert found.isfinite().all()
    assert (found.diff(dim=0) >= 0).all()
    np.testing.assert_allclose(Bernoulli().divergence(bits(40.0), bits(-1000.0)).item(), 1000.0, rtol=1e-12)


def exact_fisher(network, parameters, data, name, member):
    """Σ over scored bits of p (1 - p) (∂z/∂θ)², averaged over sequences."""
    total = torch.zeros_like(parameters[name][member])
    for sample in range(data.samples):
        inputs, _, scored = naive.sequence(data, member, sample)

        def logits(value, inputs=inputs, scored=scored):
            return naive.forward(network, parameters | {name: value}, member, inputs)[2][scored.bool()]

        p = torch.sigmoid(logits(parameters[name]))
        slopes = torch.autograd.functional.jacobian(logits, parameters[name])[:, :, member]
        total += ((p * (1 - p))[..., None, None] * slopes**2).sum((0, 1)) / data.samples
    return total


@pytest.mark.parametrize(("network", "task"), CASES[:3])
def test_half_the_fisher_diagonal_is_the_mean_divergence_over_all_signs(network, task):
    """Enumerates the signs of five weights: off-diagonal terms and odd orders cancel, the error goes as δ²."""
    parameters, data = ensemble(network, task)
    member, places = 1, [(0, 0), (1, 3), (2, 2), (4, 1), (5, 5)]
    fisher = exact_fisher(network, parameters, data, "W_hh", member)
    errors = []
    for size in (0.04, 0.02, 0.01):
        found = []
        for signs in itertools.product([-1.0, 1.0], repeat=len(places)):
            W = parameters["W_hh"].clone()
            for (to, source), sign in zip(places, signs, strict=True):
                W[member, to, source] += sign * size
            found.append(mean_divergence(network, parameters, data, task, parameters | {"W_hh": W}))
        assert all(value[0] == 0 for value in found)  # the other member did not move
        measured = torch.stack(found)[:, member]
        predicted = sum(fisher[place] for place in places) * size**2 / 2
        assert measured.std() > 0.01 * predicted  # a single draw of signs is not enough
        errors.append(abs(measured.mean() / predicted - 1).item())
    assert errors[-1] < 2e-3
    assert errors[1] / errors[0] == pytest.approx(1 / 4, rel=0.2)
    assert errors[2] / errors[1] == pytest.approx(1 / 4, rel=0.2)


def test_mean_divergence_is_the_loop_over_sequences():
    network, task = CASES[1].values
    parameters, data = ensemble(network, task)
    changed = {name: 1.1 * value for name, value in parameters.items()}
    found = mean_divergence(network, parameters, data, task, changed)
    for member in range(2):
        total = 0.0
        for sample in range(data.samples):
            inputs, _, scored = naive.sequence(data, member, sample)
            p, q = (
                torch.distributions.Bernoulli(logits=naive.forward(network, values, member, inputs)[2][scored.bool()])
                for values in (parameters, changed)
            )
            total += torch.distributions.kl_divergence(p, q).sum().item() / data.samples
        assert found[member].item() == pytest.approx(total, rel=1e-9)


@pytest.fixture(scope="module")
def trained():
    parameters = fit([0, 1], Stop(300, loss=0.1)).parameters
    return parameters, fisher_diagonal(NETWORK, parameters, TASK.test, TASK, "sampled", [0, 1])


def effect(trained, seeds=(0, 1), **fields):
    parameters, fisher = trained
    data = TASK.fixed_set("probe", 200)
    return perturbation_effect(NETWORK, parameters, data, TASK, fisher, fisher, seeds, Perturbations(**fields))


def test_important_weights_matter_more_than_random_and_unimportant_ones(trained):
    found = effect(trained, fractions=(0.05, 0.2), sizes=(0.02, 0.1), repetitions=6)
    assert found.measured.dims == ("seed", "selection", "fraction", "change", "repetition")
    assert found.measured.attrs["units"] == found.predicted.attrs["units"] == "nats per sequence"
    mean = found.mean("repetition")
    for name in ("measured", "predicted"):
        order = [mean[name].sel(selection=s) for s in ("most important", "random", "least important")]
        assert (order[0] > order[1]).all()
        assert (order[1] > order[2]).all()
    small = mean.sel(change=0.02, selection="most important")
    np.testing.assert_allclose(small.measured, small.predicted, rtol=0.6)
    np.testing.assert_allclose(
        found.predicted.sel(change=0.1) / found.predicted.sel(change=0.02), 25.0, rtol=1e-9
    )  # quadratic in the size


def test_all_weights_of_several_parameters(trained):
    """With every weight moved, the three selections are the same."""
    found = effect(trained, weights=tuple(NETWORK.shapes), fractions=(1.0,), sizes=(0.01,), repetitions=2)
    trace = sum(value.flatten(1).sum(1) for value in trained[1].values())
    for selection in found.selection.values:
        one = found.sel(selection=selection)
        np.testing.assert_allclose(one.measured, found.measured.sel(selection="random"), rtol=1e-12)
        np.testing.assert_allclose(one.predicted.isel(repetition=0).values.ravel(), trace * 0.01**2 / 2, rtol=1e-9)


def test_a_member_does_not_depend_on_the_others(trained):
    together = effect(trained, repetitions=2)
    one = tuple({name: value[1:] for name, value in values.items()} for values in trained)
    alone = effect(one, seeds=(1,), repetitions=2)
    for name in ("measured", "predicted"):
        np.testing.assert_allclose(together[name].sel(seed=[1]), alone[name], rtol=1e-3)
    again = effect(trained, repetitions=3)  # a draw does not depend on how many there are
    np.testing.assert_array_equal(again.measured.isel(repetition=slice(2)), together.measured)


@pytest.mark.parametrize(
    ("field", "value"), [("fractions", (0.0,)), ("fractions", (1.5,)), ("sizes", (-1.0,)), ("repetitions", 0)]
)
def test_senseless_fields_are_refused(field, value):
    with pytest.raises(ValueError, match=f"{field} is "):
        Perturbations(**{field: value})
    with pytest.raises(ValueError, match="weights is empty"):
        Perturbations(())


def test_senseless_arguments_are_refused(trained):
    with pytest.raises(ValueError, match=r"weights is \('W_xy',\): parameters has no W_xy"):
        effect(trained, weights=("W_xy",))
    with pytest.raises(ValueError, match=r"seeds is \[0\]: it must hold one seed for each of the 2 members"):
        effect(trained, seeds=[0])
