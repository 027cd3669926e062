"""Sequences that the Copy Task does not produce: weights that differ, windows that end early, targets of one member."""

import numpy as np
import pytest
import torch

from tests import naive
from wmcl.importance.per_sample import gradient_buffer, gradient_powers
from wmcl.likelihoods import Bernoulli
from wmcl.networks import Elman
from wmcl.networks.activations import LinearMap
from wmcl.stages import importance_at, stages
from wmcl.tasks import Phase, Sequences, Task
from wmcl.tasks.check import check_sequences
from wmcl.training import Options, Stop, train
from wmcl.training.loss import task_loss

MEMBERS, STEPS, SAMPLES = 2, 7, 9
NETWORK = Elman(3, 5, 2, initialisation="orthogonal")


def draw(generators, samples):
    """Fractional weights that differ between samples and members, scored between steps 2 and 5."""
    made = []
    for g in generators:
        scored = np.zeros((STEPS, samples))
        scored[2:6] = g.uniform(0.2, 2.0, (4, samples)) * (g.random((4, samples)) < 0.7)
        scored[3] = 0.5
        made.append((g.standard_normal((STEPS, samples, 3)), g.integers(0, 2, (STEPS, samples, 2)), scored))
    inputs, targets, scored = (torch.from_numpy(np.stack(x)).float() for x in zip(*made, strict=True))
    phase = torch.full((1, STEPS, samples), int(Phase.output), dtype=torch.int8)
    return Sequences(inputs, targets, scored, phase, slice(2, 6))


TASK = Task("weighted", 3, 2, Bernoulli(), draw, validation_samples=40, test_samples=30)


@pytest.fixture
def case():
    parameters = NETWORK.init(range(MEMBERS), torch.float64)
    return parameters, TASK.batch(range(MEMBERS), 0, SAMPLES).to(torch.float64)


def test_the_task_is_well_formed():
    check_sequences(TASK, TASK.validation)


def test_the_loss_is_that_of_sequences_one_by_one(case):
    parameters, data = case
    logits = NETWORK.apply(parameters, data.inputs, data.window).logits
    for reduction in ("scored bit", "sequence"):
        found = task_loss(TASK.likelihood, logits, data, reduction)
        for member in range(MEMBERS):
            own = {name: value[member] for name, value in parameters.items()}
            expected = naive.task_loss(
                NETWORK, lambda name, t, p=own: p[name], member, data, TASK.likelihood, reduction
            )
            torch.testing.assert_close(found[member], expected, rtol=1e-10, atol=0)


def test_importance_per_scored_bit_divides_by_the_mean_over_sequences():
    trained = train(NETWORK, TASK, [0, 1], Stop(2), Options(batch=8), progress=False)
    data = TASK.fixed_set("probe", 20)
    found = importance_at(trained, stages(trained)[-1], data, ["empirical"]).importance
    bits = float(2 * data.scored.double().sum(1).mean())
    assert bits != pytest.approx(float(2 * data.scored[0, :, 0].sum()))
    ratio = found.sel(per="sequence") / found.sel(per="scored bit")
    np.testing.assert_allclose(ratio, bits, rtol=1e-6)


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("features", [3, 6])
def test_a_small_buffer_gives_the_same_squares(features, delay):
    g = torch.Generator().manual_seed(0)
    errors = torch.randn(2, 5, 11, 4, generator=g, dtype=torch.float64)
    inputs = torch.randn(1, 5, 11, features, generator=g, dtype=torch.float64)
    linear_map = LinearMap("W", "b", inputs, errors, delay)
    steps = 5 - delay
    each = torch.einsum("mtbh,mtbi->mbhi", errors[:, delay:], inputs[:, :steps].expand(2, -1, -1, -1))
    for samples in (1, 2, 4, 20):  # 11 is no multiple of 2 or 4
        buffer = torch.empty(samples * 2 * 4 * features, dtype=torch.float64)
        weight, bias = gradient_powers(errors, linear_map, buffer, 2)
        torch.testing.assert_close(weight, each.square().sum(1))
        torch.testing.assert_close(bias, errors.sum(1).square().sum(1))


def test_the_buffer_holds_a_gradient_of_every_member():
    wide = {"W": torch.zeros(3, 700, 700), "b": torch.zeros(3, 700)}
    assert gradient_buffer(wide).numel() >= wide["W"].numel()
    assert gradient_buffer({"W": torch.zeros(1, 2, 2)}).dtype == torch.float32
