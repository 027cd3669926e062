import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from wmcl.likelihoods import Bernoulli


def grid(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype).view(1, 1, 1, -1)


@given(z=st.floats(-30, 30), target=st.sampled_from([0.0, 1.0]))
def test_nll_is_the_negative_log_probability(z, target):
    p = 1 / (1 + np.exp(-z))
    expected = -np.log(p if target else np.exp(-z) * p)
    assert np.isclose(Bernoulli().nll(grid(z), grid(target)).item(), expected, rtol=1e-9, atol=1e-13)


def test_nll_keeps_its_precision_in_float32():
    found = Bernoulli().nll(grid(12.0, dtype=torch.float32), grid(1.0, dtype=torch.float32)).item()
    assert np.isclose(found, np.log1p(np.exp(-12.0)), rtol=1e-6)


def test_variance_is_the_expected_squared_score():
    z = grid(-2.0, 0.0, 0.7).requires_grad_()
    p = torch.sigmoid(z)
    expected = torch.zeros_like(z)
    for target, probability in ((0.0, 1 - p), (1.0, p)):
        nll = Bernoulli().nll(z, torch.full_like(z, target))
        expected = expected + probability * torch.autograd.grad(nll.sum(), z)[0] ** 2
    torch.testing.assert_close(Bernoulli().variance(z), expected)


def test_samples_follow_the_model():
    z = grid(-1.5, 0.0, 2.0).expand(1, 1, 20_000, 3)
    uniforms = torch.from_numpy(np.random.default_rng(0).random(z.shape))
    drawn = Bernoulli().sample(z, uniforms).mean((0, 1, 2))
    expected = torch.sigmoid(z[0, 0, 0])
    assert torch.all((drawn - expected).abs() < 5 * (expected * (1 - expected) / 20_000).sqrt())


def test_correct_uses_the_papers_rule_at_zero():
    assert Bernoulli().correct(grid(0.0, -0.1, 3.0), grid(1.0, 0.0, 0.0)).flatten().tolist() == [True, True, False]
