"""How many draws of a sampled Fisher say anything, and what is said where they are few."""

import itertools
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

import wmcl.pytorch
from tests.cases import ragged
from wmcl.importance import fisher_diagonal
from wmcl.importance.informative import informative_draws, moments
from wmcl.likelihoods import Bernoulli, Categorical, Gaussian
from wmcl.networks import Elman, from_torch
from wmcl.tasks import Phase, data_task, labelled

OUTPUTS = 3


def enumerated(likelihood, logits):
    """E[c] and E[c²] of one sequence (step, output), over all targets of all steps; c by autograd."""
    steps = len(logits)
    if isinstance(likelihood, Categorical):
        answers = torch.eye(OUTPUTS, dtype=torch.float64)
    else:
        answers = torch.tensor(list(itertools.product([0.0, 1.0], repeat=OUTPUTS)), dtype=torch.float64)
    first = second = 0.0
    for places in itertools.product(range(len(answers)), repeat=steps):
        leaf = logits.clone().requires_grad_()
        loss = likelihood.nll(leaf[None, :, None], answers[list(places)][None, :, None]).sum()
        c = float(torch.autograd.grad(loss, leaf)[0].square().sum())
        probability = float(torch.exp(-loss.detach()))
        first, second = first + probability * c, second + probability * c**2
    return first, second


@pytest.mark.parametrize("size", [0.3, 3.0, 12.0])
@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical()])
def test_moments_are_those_over_all_targets(likelihood, size):
    g = torch.Generator().manual_seed(0)
    logits = size * torch.randn(1, 2, 4, OUTPUTS, generator=g, dtype=torch.float64)
    expected = np.sum([enumerated(likelihood, logits[0, :, n]) for n in range(4)], 0)
    found = moments(likelihood, logits, torch.ones(1, 2, 4, 1))
    np.testing.assert_allclose(found[:, 0].numpy(), expected, rtol=1e-9)


def test_moments_of_a_gaussian_are_those_of_its_integral():
    likelihood, (points, weights) = Gaussian(std=0.7), np.polynomial.hermite_e.hermegauss(8)
    z = torch.tensor([[[[0.3]]]], dtype=torch.float64)
    gradients = []
    for point in points:
        leaf = z.clone().requires_grad_()
        gradients.append(
            float(torch.autograd.grad(likelihood.nll(leaf, z + 0.7 * point).sum(), leaf)[0].squeeze()) ** 2
        )
    expected = [np.average(np.array(gradients) ** power, weights=weights) for power in (1, 2)]
    np.testing.assert_allclose(moments(likelihood, z, torch.ones(1, 1, 1, 1))[:, 0].numpy(), expected, rtol=1e-9)


def test_steps_that_are_not_scored_do_not_count():
    logits = torch.randn(1, 3, 4, OUTPUTS)
    scored = torch.tensor([1.0, 0.0, 1.0]).view(1, 3, 1, 1)
    torch.testing.assert_close(
        moments(Bernoulli(), logits, scored), moments(Bernoulli(), logits[:, [0, 2]], torch.ones(1, 2, 1, 1))
    )


def test_the_number_is_that_of_the_draws_at_chance_and_of_the_surprises_where_the_model_is_sure():
    ones = torch.ones(1, 1, 50, 1)
    at_chance = moments(Bernoulli(), torch.zeros(1, 1, 50, OUTPUTS), ones)
    assert float(informative_draws([at_chance], draws=4)) == pytest.approx(200)
    sure = torch.full((1, 1, 50, OUTPUTS), -9.0, dtype=torch.float64)
    surprises = 50 * 4 * OUTPUTS * float(torch.sigmoid(sure.flatten()[0]))
    assert float(informative_draws([moments(Bernoulli(), sure, ones)], draws=4)) == pytest.approx(surprises, rel=1e-2)
    nothing = moments(Bernoulli(), torch.full((1, 1, 50, OUTPUTS), -1e4), ones)
    assert float(informative_draws([nothing], draws=4)) == 0


def sure_network(scale):
    """A network and sequences, with answers that are the surer the larger the weights of the head."""
    network = Elman(4, 5, OUTPUTS, output_stage=False)
    parameters = network.init([0, 1], torch.float64)
    return network, parameters | {"b_out": torch.full((2, OUTPUTS), -scale, dtype=torch.float64)}


def test_few_informative_draws_are_said():
    network, parameters = sure_network(9.0)
    data = ragged(features=4, outputs=OUTPUTS)
    with pytest.warns(UserWarning, match=r"of 2 of 2 members rests on 0\.\d+ informative draws.*kind='exact'") as told:
        found = fisher_diagonal(network, parameters, data, Bernoulli(), "sampled", seeds=[0, 1])
    assert told[0].filename == __file__
    assert found.informative_draws.shape == (2,)
    assert bool((found.informative_draws < 1).all())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = fisher_diagonal(network, parameters, data, Bernoulli(), "exact")
        assert exact.informative_draws is None
        many = fisher_diagonal(*sure_network(0.0), data, Bernoulli(), "sampled", seeds=[0, 1], draws=10)
    assert bool((many.informative_draws > 10).all())


def test_estimates_are_as_far_from_the_exact_one_as_the_number_says():
    """Over many seeds, the relative standard error of the trace over the maps of one step is about 1 / √n."""
    network, parameters = sure_network(2.5)
    data = ragged(features=4, outputs=OUTPUTS, samples=6)
    exact = fisher_diagonal(network, parameters, data, Bernoulli(), "exact")["b_out"].sum(1)
    estimates, numbers = [], []
    for seed in range(300):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fisher_diagonal(network, parameters, data, Bernoulli(), "sampled", seeds=[seed, seed + 1000])
        estimates.append(found["b_out"].sum(1) / exact)
        numbers.append(found.informative_draws)
    spread = torch.stack(estimates).std(0)
    assert bool((spread * numbers[0].sqrt() < 2).all())
    assert bool((spread * numbers[0].sqrt() > 0.5).all())
    assert bool((torch.stack(numbers) == numbers[0]).all())


def test_a_module_says_the_same():
    torch.manual_seed(0)
    recurrent, head = nn.GRU(4, 5, batch_first=True).double(), nn.Linear(5, OUTPUTS).double()
    with torch.no_grad():
        head.bias -= 6
    network, parameters = from_torch(recurrent, head)
    data = ragged(members=1, features=4, outputs=OUTPUTS)
    phase = torch.full_like(data.phase, int(Phase.input))
    every = replace(data, phase=phase, scored=torch.ones_like(data.scored), window=slice(0, data.steps))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.recurrent, self.head = recurrent, head

        def forward(self, inputs):
            return self.head(self.recurrent(inputs)[0])

    batch = (every.inputs[0].transpose(0, 1), every.targets[0].transpose(0, 1))
    with pytest.warns(UserWarning, match="the sampled Fisher rests on") as told:
        found = wmcl.pytorch.fisher_diagonal(Model(), batch, "bernoulli", "sampled", progress=False, draws=2, chunk=4)
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match="rests on"):
        ours = fisher_diagonal(network, parameters, every, Bernoulli(), "sampled", seeds=[0], draws=2)
    assert found.informative_draws == pytest.approx(float(ours.informative_draws), rel=1e-9)
    exact = wmcl.pytorch.fisher_diagonal(Model(), batch, "bernoulli", progress=False)
    assert exact.informative_draws is None


def test_a_likelihood_of_ones_own_may_not_tell():
    @dataclass(frozen=True)
    class Own:
        of = Bernoulli()

        def __getattr__(self, name):
            if name == "squared_gradient":
                raise AttributeError(name)
            return getattr(self.of, name)

    network, parameters = sure_network(9.0)
    data = ragged(features=4, outputs=OUTPUTS)
    found = fisher_diagonal(network, parameters, data, Own(), "sampled", seeds=[0, 1])
    assert bool(found.informative_draws.isnan().all())


@pytest.mark.parametrize(
    ("outputs", "is_late", "kind"), [(1, True, "exact"), (2, True, "sampled"), (1, False, "sampled")]
)
def test_exact_is_the_default_where_it_costs_no_more(outputs, is_late, kind):
    random = np.random.default_rng(0)
    waves = [random.normal(size=(5, 2)).astype(np.float32) for _ in range(20)]
    shape = (outputs,) if is_late else (5, outputs)
    task = data_task("waves", *labelled(waves, [random.integers(0, 2, shape) for _ in waves]).split())
    network = Elman(2, 4, outputs)
    arguments = (network, network.init([0]), task.train if hasattr(task, "train") else task.test, task)
    found = fisher_diagonal(*arguments, seeds=[0], draws=1)
    expected = fisher_diagonal(*arguments, kind, seeds=[0])
    torch.testing.assert_close(dict(found), dict(expected), rtol=0, atol=0)
    assert (found.informative_draws is None) == (kind == "exact")
