"""A choice among classes: against torch.distributions, enumeration, automatic differentiation and bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import Categorical as Reference
from torch.distributions import kl_divergence

from tests import naive
from tests.cases import shifted
from wmcl.importance.perturbation import mean_divergence
from wmcl.likelihoods import Bernoulli, Categorical
from wmcl.networks import Elman
from wmcl.tasks import data_task, labelled
from wmcl.tasks.check import check_sequences
from wmcl.training import evaluate
from wmcl.training.loss import task_loss

CLASSES = 4
ONE_HOT = torch.eye(CLASSES, dtype=torch.float64)


def some_logits(scale=3.0, seed=0, shape=(2, 3, 5)):
    return scale * torch.randn(*shape, CLASSES, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("scale", [0.0, 1.0, 20.0])
def test_against_torch_distributions(scale):
    z, to = some_logits(scale), some_logits(scale, seed=1)
    likelihood, reference = Categorical(), Reference(logits=z)
    for c in range(CLASSES):
        found = likelihood.nll(z, ONE_HOT[c].expand_as(z))
        torch.testing.assert_close(found[..., 0], -reference.log_prob(torch.tensor(c)), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(likelihood.mean(z), reference.probs)
    expected = kl_divergence(reference, Reference(logits=to))
    torch.testing.assert_close(likelihood.divergence(z, to)[..., 0], expected, rtol=1e-9, atol=1e-14)


def test_targets_are_shared_by_members():
    z, target = some_logits(), ONE_HOT[torch.randint(CLASSES, (1, 3, 5), generator=torch.Generator().manual_seed(2))]
    found = Categorical().nll(z, target)
    torch.testing.assert_close(found, Categorical().nll(z, target.expand_as(z)))
    assert Categorical().correct(z, target).shape == (2, 3, 5, 1)


def test_variance_is_the_trace_of_the_covariance_of_the_target():
    z = some_logits()
    p = z.softmax(-1)
    covariance = torch.einsum("...c,cj,ck->...jk", p, ONE_HOT, ONE_HOT) - p[..., :, None] * p[..., None, :]
    found = Categorical().variance(z)[..., 0]
    torch.testing.assert_close(found, covariance.diagonal(dim1=-2, dim2=-1).sum(-1))


def test_the_factor_makes_the_fisher_information_by_enumeration():
    z = some_logits().requires_grad_()
    p, expected = z.detach().softmax(-1), torch.zeros(*z.shape, CLASSES, dtype=torch.float64)
    for c in range(CLASSES):
        (g,) = torch.autograd.grad(Categorical().nll(z, ONE_HOT[c].expand_as(z)).sum(), z)
        expected += p[..., c, None, None] * g[..., :, None] * g[..., None, :]
    factor = Categorical().fisher_factor(z.detach())
    torch.testing.assert_close(factor @ factor.mT, expected)
    torch.testing.assert_close(expected, torch.diag_embed(p) - p[..., :, None] * p[..., None, :])


def test_samples_have_the_probabilities_of_the_model():
    z = some_logits(1.0, shape=(1, 1, 1))
    count = 10_000
    uniforms = torch.full((1, 1, count, CLASSES), 0.9, dtype=torch.float64)
    uniforms[..., 0] = (torch.arange(count) + 0.5) / count
    drawn = Categorical().sample(z.expand(1, 1, count, CLASSES), uniforms)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert bool((drawn.sum(-1) == 1).all())
    np.testing.assert_allclose(drawn.mean((0, 1, 2)), z.softmax(-1).flatten(), atol=1.01 / count)


@pytest.mark.parametrize("uniform", [0.0, float(np.nextafter(np.float32(1), np.float32(0))), 1.0])
def test_the_ends_of_the_unit_interval_draw_a_class(uniform):
    drawn = Categorical().sample(some_logits().float(), torch.full((2, 3, 5, CLASSES), uniform))
    assert bool((drawn.sum(-1) == 1).all())
    assert bool((drawn[..., 0 if uniform == 0 else -1] == 1).all())


def test_two_classes_are_a_bit():
    z, to = (some_logits(2.0, seed)[..., :1] for seed in (0, 1))
    two, other = (torch.cat([torch.zeros_like(x), x], -1) for x in (z, to))
    for target in (0, 1):
        bit, choice = torch.full_like(z, target), ONE_HOT[target, :2].expand_as(two)
        torch.testing.assert_close(Categorical().nll(two, choice), Bernoulli().nll(z, bit))
        assert torch.equal(Categorical().correct(two, choice), Bernoulli().correct(z, bit))
    torch.testing.assert_close(Categorical().variance(two), 2 * Bernoulli().variance(z))
    torch.testing.assert_close(Categorical().divergence(two, other), Bernoulli().divergence(z, to))
    for temperature in (1.0, 2.0):
        found = Categorical().distillation(two, other, temperature)
        torch.testing.assert_close(found, Bernoulli().distillation(z, to, temperature))


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-7])
def test_the_divergence_of_close_models_keeps_its_precision(distance):
    z = some_logits(2.0)
    d = distance * some_logits(1.0, seed=1)
    factor = Categorical().fisher_factor(z)
    quadratic = (factor.mT @ d[..., None]).square().sum((-2, -1)) / 2
    found = Categorical().divergence(z, z + d)[..., 0]
    torch.testing.assert_close(found, quadratic, rtol=30 * distance + 1e-6, atol=0.0)
    assert Categorical().divergence(z, z).abs().max() == 0


def test_divergence_of_certain_models_is_finite():
    z = torch.tensor([[[[0.0, -1000.0, 5.0, 0.0]]]], dtype=torch.float64)
    to = torch.tensor([[[[-1000.0, 0.0, 5.0, 0.0]]]], dtype=torch.float64)
    log, other = z.log_softmax(-1), to.log_softmax(-1)
    expected = (log.exp() * (log - other)).sum()
    assert expected > 6  # of a class that torch.distributions takes for impossible
    torch.testing.assert_close(Categorical().divergence(z, to).squeeze(), expected)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_distillation_and_its_gradient(temperature):
    z, teacher = some_logits().requires_grad_(), some_logits(seed=1)
    found = Categorical().distillation(z, teacher, temperature)
    soft, log = (teacher / temperature).softmax(-1), (z / temperature).log_softmax(-1)
    torch.testing.assert_close(found[..., 0], -(temperature**2) * (soft * log).sum(-1))
    (gradient,) = torch.autograd.grad(found.sum(), z)
    torch.testing.assert_close(gradient, temperature * ((z / temperature).softmax(-1) - soft))


def task_of_choices(every_step, seed=0, count=24):
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 6, count)
    inputs = [random.standard_normal((length, 3)) for length in lengths]
    targets = [
        random.integers(CLASSES, size=length) if every_step else int(random.integers(CLASSES)) for length in lengths
    ]
    return data_task("choices", *labelled(inputs, targets, classes=CLASSES).split(0.3, 0.3))


NETWORK = Elman(3, 5, CLASSES, initialisation="fan_in")


@pytest.mark.parametrize("every_step", [False, True])
def test_a_step_counts_as_one_answer(every_step):
    task = task_of_choices(every_step)
    sequences = task.test.to(torch.float64)
    expected = sequences.lengths.double() if every_step else torch.ones(1, sequences.samples, dtype=torch.float64)
    torch.testing.assert_close(sequences.scored_bits(), expected)
    network = NETWORK
    parameters = shifted(network.init([0, 1], dtype=torch.float64))
    result = evaluate(network, parameters, sequences, task)
    for member in range(2):
        expected = naive.evaluation(network, parameters, member, sequences, task.likelihood)
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(getattr(result, name)[member], expected[name], rtol=1e-12)
    logits = network.apply(parameters, sequences.inputs, sequences.window).logits
    torch.testing.assert_close(task_loss(task.likelihood, logits, sequences), result.loss)
    torch.testing.assert_close(
        task_loss(task.likelihood, logits, sequences, "sequence"),
        result.loss * sequences.scored_bits().sum() / sequences.samples,
    )


def test_the_divergence_of_sequences_is_that_of_their_answers():
    network, task = NETWORK, task_of_choices(True)
    parameters = shifted(network.init([3], dtype=torch.float64))
    changed = {name: value * 1.1 for name, value in parameters.items()}
    sequences, expected = task.test.to(torch.float64), 0.0
    for sample in range(sequences.samples):
        inputs, _, scored = naive.sequence(sequences, 0, sample)
        one, other = (naive.forward(network, values, 0, inputs)[2] for values in (parameters, changed))
        expected += (kl_divergence(Reference(logits=one), Reference(logits=other)) * scored).sum().item()
    found = mean_divergence(network, parameters, sequences, task, changed)
    np.testing.assert_allclose(found.item(), expected / sequences.samples, rtol=1e-9)


def test_what_is_no_choice_is_refused():
    task = task_of_choices(False)
    good = task.validation
    check_sequences(task, good)
    with pytest.raises(ValueError, match="answers of the sequences is None: it must be 1"):
        check_sequences(task, replace(good, answers=None))
    with pytest.raises(ValueError, match="targets of the sequences do not add up to 1"):
        check_sequences(task, replace(good, targets=good.targets / 2))
    bits = replace(task, likelihood=Bernoulli())
    with pytest.raises(ValueError, match="answers of the sequences is 1: it must be None or 4"):
        check_sequences(bits, good)
