"""Against values computed by the authors' code (one trained network of 256 units, p = i = 5)."""

import numpy as np
import pytest
import torch

from tests.gradients import loss_and_gradient
from wmcl.dimensionality import components_for_variance, covariance_spectrum, states
from wmcl.importance import fisher_diagonal, summarise
from wmcl.networks import Elman
from wmcl.tasks import copy_task
from wmcl.tasks.layout import CopyLayout
from wmcl.training import evaluate

NETWORK, TASK = Elman(8, 256, 7, initialisation="fan_in"), copy_task(5)


@pytest.fixture(scope="module")
def parameters(reference):
    return {name: torch.from_numpy(reference[f"param/{name}"])[None] for name in NETWORK.shapes}


def sequences(reference, name):
    patterns = reference[f"{name}/X"][:5, :, :7].transpose(1, 0, 2).astype(np.uint8)
    return CopyLayout(5, 5).lay_out(patterns[None])


def test_activations(reference, parameters):
    found = NETWORK.apply(parameters, sequences(reference, "batch").inputs)
    for name, mine in (("h_t", found.hidden), ("y_t", found.output)):
        np.testing.assert_allclose(mine[0], reference[f"batch/{name}"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.logits[0], reference["batch/logits"], rtol=0, atol=4e-5)  # up to 20 in size


def test_gradient_of_the_papers_loss(reference, parameters):
    batch = sequences(reference, "batch")
    loss, gradient = loss_and_gradient(NETWORK, TASK.likelihood, parameters, batch, "sequence")
    np.testing.assert_allclose(loss.item(), reference["batch/loss_sum"] / 64, rtol=1e-5)
    for name, mine in gradient.items():
        np.testing.assert_allclose(mine[0], reference[f"batch/grad_mean_loss/{name}"], rtol=0, atol=1e-5)


def test_loss_and_accuracy(reference, parameters):
    batch = sequences(reference, "batch")
    result = evaluate(NETWORK, parameters, batch, TASK)
    np.testing.assert_allclose(result.loss.item(), reference["batch/loss_sum"] / (64 * 35), rtol=1e-5)
    np.testing.assert_allclose(100 * result.accuracy.item(), reference["batch/accuracy_pct"], rtol=1e-12)
    np.testing.assert_allclose(100 * result.accuracy_by_step[0], reference["batch/accuracy_pct_per_ts"], rtol=1e-12)


def test_empirical_fisher(reference, parameters):
    double = {name: value.double() for name, value in parameters.items()}
    found = fisher_diagonal(NETWORK, double, sequences(reference, "fisher").to(torch.float64), TASK, "empirical")
    for name, mine in found.items():
        theirs = reference[f"fisher64/{name}"]
        np.testing.assert_allclose(mine[0], theirs, rtol=1e-8, atol=1e-8 * theirs.max())


def test_mean_importance_of_the_papers_code_counts_weights_and_biases(reference, parameters):
    found = fisher_diagonal(NETWORK, parameters, sequences(reference, "fisher"), TASK, "empirical")
    theirs = float(reference["fisher/mean_importance_hh_code"])
    both = torch.cat([found["W_hh"].flatten(), found["b_hh"].flatten()]).mean().item()
    assert both == pytest.approx(theirs, rel=1e-3)  # their float32 noise is 3e-4 of the maximum
    ours = summarise(found, parameters, 35.0).importance.sel(connection="hh", statistic="mean", per="sequence").item()
    assert ours == pytest.approx(found["W_hh"].mean().item())
    assert ours != pytest.approx(theirs, rel=1e-3)


@pytest.mark.parametrize("phase", ["input", "stop", "output", "all"])
def test_principal_components(reference, phase):
    hidden = torch.from_numpy(reference["pca/h_t/all_testset"])[None]
    data = copy_task(5, test_samples=hidden.shape[2]).test
    spectrum = covariance_spectrum(states(hidden, data, None if phase == "all" else phase))[0]
    prefix = f"pca/h_t/{phase}/"
    ratio = reference[prefix + "expl_var_ratio"]
    np.testing.assert_allclose((spectrum / spectrum.sum())[: len(ratio)], ratio, rtol=0, atol=1e-6)
    np.testing.assert_allclose(spectrum[: len(ratio)], reference[prefix + "expl_var"], rtol=0, atol=1e-5)
    components = components_for_variance(spectrum).item()
    assert components == reference[prefix + "num_pcs75_true"]
    assert components == reference[prefix + "num_dim75_code"] + 1
