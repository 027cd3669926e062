"""What the reuse profile is beyond its definition, which tests/test_exactness.py has."""

import pytest
import torch

from tests.cases import CASES, ensemble
from wmcl.importance import fisher_diagonal, reuse_profile
from wmcl.importance.reuse import own_share, step_shares
from wmcl.networks import Elman
from wmcl.tasks import copy_task


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
