import itertools

import pytest
import torch

from tests.cases import CASES, ensemble
from tests.gradients import loss_and_gradient
from wmcl.networks import LSTM
from wmcl.tasks import copy_task
from wmcl.training.loss import clip, orthogonality, task_loss, where


def test_clipping_is_that_of_torch_for_each_member():
    g = torch.Generator().manual_seed(0)
    gradient = {"W": torch.randn(3, 4, 5, generator=g), "b": torch.randn(3, 4, generator=g)}
    gradient = {
        name: value * torch.tensor([0.01, 1.0, 30.0]).view(3, *[1] * (value.ndim - 1))
        for name, value in gradient.items()
    }
    found, norm, clipped = clip(gradient, 1.0)
    assert clipped.tolist() == [False, True, True]
    for member in range(3):
        leaves = [torch.zeros_like(value[member]).requires_grad_() for value in gradient.values()]
        for leaf, value in zip(leaves, gradient.values(), strict=True):
            leaf.grad = value[member].clone()
        theirs = torch.nn.utils.clip_grad_norm_(leaves, 1.0)
        torch.testing.assert_close(norm[member], theirs)
        for leaf, value in zip(leaves, found.values(), strict=True):
            torch.testing.assert_close(value[member], leaf.grad, rtol=1e-5, atol=1e-7)
    assert clip(gradient, None)[0] is gradient


def test_orthogonality_penalty():
    W = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [1.0, 0.0]]])
    assert orthogonality(W).tolist() == [0.0, 9.0 + 2 * 4.0 + 0.0]  # W Wᵀ - I = [[3, 2], [2, 0]]
    gates = W.flatten(0, 1)[None]  # of one member
    assert orthogonality(gates).tolist() == [9.0 + 2 * 4.0 + 0.0]


def test_orthogonality_is_asked_of_every_recurrent_matrix():
    network, task = LSTM(4, 3, 3, layers=2, direction="bidirectional", initialisation="fan_in"), copy_task(2, width=3)
    parameters, data = network.init([0, 1], torch.float64), task.batch([0, 1], 0, 4).to(torch.float64)
    gradients = [loss_and_gradient(network, task.likelihood, parameters, data, orthogonality=s)[1] for s in (0.0, 0.3)]
    for name, value in parameters.items():
        added = gradients[1][name] - gradients[0][name]
        if not name.startswith("W_hh"):
            assert not added.any()
            continue
        for member, gate in itertools.product(range(2), range(4)):
            W = value[member, 3 * gate : 3 * gate + 3]
            expected = 0.3 * 4 * (W @ W.T - torch.eye(3)) @ W  # of ‖W Wᵀ - I‖²
            torch.testing.assert_close(added[member, 3 * gate : 3 * gate + 3], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("network", "task"), CASES)
def test_loss_and_gradient_with_penalty(network, task):
    parameters, data = ensemble(network, task)
    loss, gradient = loss_and_gradient(network, task.likelihood, parameters, data, "scored bit", 0.3)
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    logits = network.apply(leaves, data.inputs).logits
    bits = task.likelihood.nll(logits, data.targets) * data.scored[..., None]
    expected = bits.sum((1, 2, 3)) / data.scored_bits().sum(-1)
    torch.testing.assert_close(loss, expected.detach())
    blocks = [
        W
        for name, value in leaves.items()
        if name.startswith("W_hh")
        for member in value
        for W in member.split(network.hidden)
    ]
    penalty = 0.3 * sum((W @ W.T - torch.eye(network.hidden)).square().sum() for W in blocks)
    for mine, theirs in zip(
        gradient.values(), torch.autograd.grad(expected.sum() + penalty, list(leaves.values())), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_the_reduction_of_sequences_is_a_sum_over_the_bits_of_a_sequence():
    network, task = CASES[0].values
    parameters, data = ensemble(network, task)
    logits = network.apply(parameters, data.inputs, data.window).logits
    per_bit, per_sequence = (task_loss(task.likelihood, logits, data, r) for r in ("scored bit", "sequence"))
    torch.testing.assert_close(per_sequence, per_bit * data.scored_bits()[0, 0])


def test_where():
    yes, no = {"W": torch.ones(3, 2)}, {"W": torch.zeros(3, 2)}
    assert where([True, False, True], yes, no)["W"].tolist() == [[1, 1], [0, 0], [1, 1]]
    assert where([True] * 3, yes, no) is yes
    assert where([False] * 3, yes, no) is no
