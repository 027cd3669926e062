"""The reuse profile against gradients of a network whose weight is a different one at every step."""

import pytest
import torch

from tests import naive
from tests.cases import CASES, ensemble
from wmcl.importance import fisher_diagonal, own_share, reuse_profile
from wmcl.importance.reuse import step_shares
from wmcl.networks import Elman
from wmcl.tasks import copy_task

WEIGHTS = ("W_ih", "W_hh", "W_ho", "W_out")


def gradients_by_use(parameters, data, member, sample):
    """∂L/∂W(t) of every weight matrix for one sequence, with a copy of the weight for every step."""
    p = {name: value[member].detach() for name, value in parameters.items()}
    inputs, targets, scored = naive.sequence(data, member, sample)
    copies = {name: [p[name].clone().requires_grad_() for _ in inputs] for name in WEIGHTS}
    h, logits = torch.zeros_like(p["b_hh"]), []
    for t, x in enumerate(inputs):
        h = torch.tanh(copies["W_ih"][t] @ x + p["b_ih"] + copies["W_hh"][t] @ h + p["b_hh"])
        y = torch.tanh(copies["W_ho"][t] @ h + p["b_ho"])
        logits.append(copies["W_out"][t] @ y + p["b_out"])
    loss = naive.nll(torch.stack(logits), targets, scored)
    return {name: torch.autograd.grad(loss, each, retain_graph=True) for name, each in copies.items()}


def test_the_profile_holds_the_products_of_gradients_by_use():
    network, task = Elman(4, 5, 3, initialisation="fan_in"), copy_task(2, 4, width=3, lead=1)
    parameters, data = ensemble(network, task, samples=3)
    found = reuse_profile(network, parameters, data, task, "empirical", chunk=2)
    for member in range(2):
        for name in WEIGHTS:
            expected = torch.zeros(data.steps, data.steps, dtype=torch.float64)
            for sample in range(3):
                uses = torch.stack(gradients_by_use(parameters, data, member, sample)[name]).flatten(1)
                expected += uses @ uses.T / 3
            torch.testing.assert_close(found[name][member], expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("direction", ["backward", "bidirectional"])
def test_networks_that_read_backwards_are_refused(direction):
    task = copy_task(2)
    network = Elman(8, 4, 7, direction=direction, initialisation="fan_in")
    with pytest.raises(ValueError, match=f"direction of the network is {direction}: a reuse profile needs 'forward'"):
        reuse_profile(network, network.init([0]), task.test, task, "empirical")


@pytest.mark.parametrize("kind", ["empirical", "sampled", "exact"])
@pytest.mark.parametrize(("network", "task"), [c for c in CASES if c.values[0].is_causal])
def test_it_adds_up_to_the_trace_of_the_fisher(network, task, kind):
    parameters, data = ensemble(network, task)
    fisher = fisher_diagonal(network, parameters, data, task, kind, [3, 4], draws=2)
    for name, profile in reuse_profile(network, parameters, data, task, kind, [3, 4], draws=2, chunk=2).items():
        torch.testing.assert_close(profile.sum((1, 2)), fisher[name].sum((1, 2)), rtol=1e-9, atol=0)
        torch.testing.assert_close(profile, profile.mT)
        if profile.any():  # inputs that no output depends on have no shares
            torch.testing.assert_close(step_shares(profile).sum(1), torch.ones(2, dtype=torch.float64))


def test_shares_of_independent_and_of_identical_uses():
    independent, identical = torch.diag(torch.tensor([1.0, 3.0])).double()[None], torch.ones(1, 4, 4).double()
    assert step_shares(independent).tolist() == [[0.25, 0.75]]
    assert own_share(independent).tolist() == [1.0]
    assert own_share(identical).tolist() == [0.25]
