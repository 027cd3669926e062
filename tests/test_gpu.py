"""What only a GPU can show: python -m pytest -m gpu."""

import dataclasses

import numpy as np
import pytest
import torch
from length_study.design import PRESETS
from length_study.study import STUDY

from tests.cases import CASES, ensemble
from tests.same import assert_same
from tests.test_training import DOUBLE, FAST, NETWORK, TASK, fit
from wmcl.importance import PathIntegral, fisher_diagonal
from wmcl.importance.signals import FisherKind
from wmcl.training import Execution, Options, Stop
from wmcl.training.execution import execution_on
from wmcl.training.memory import training_bytes

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch can use"),
]
LONG = {"stop": Stop(50), "milestones": (0.6, 0.4), "observer": PathIntegral()}


def close(one, other, atol):
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value.cpu(), other[name].cpu(), rtol=0, atol=atol, msg=name)


@pytest.mark.parametrize(
    ("options", "atol"),
    [
        (FAST, 2e-4),  # float32 sums in another order, through 50 steps of Adam with a learning rate of 5e-3
        (DOUBLE, 1e-9),
    ],
)
def test_training_is_that_of_the_cpu(options, atol):
    here, there = (fit([0, 1], options=options, device=device, **LONG) for device in ("cpu", "cuda"))
    close(there.parameters, here.parameters, atol)
    np.testing.assert_allclose(there.curves.training_loss, here.curves.training_loss, atol=10 * atol)
    close(there.milestones[0].after.parameters, here.milestones[0].after.parameters, atol)
    assert there.reason == here.reason


def test_a_captured_step_is_the_step():
    captured, eager = (
        fit([0, 1, 2], device="cuda", execution=execution, **LONG)
        for execution in (execution_on("cuda"), Execution(ahead=2, pinned=True))
    )
    close(captured.parameters, eager.parameters, 1e-6)
    close(captured.observed, eager.observed, 1e-6)
    np.testing.assert_allclose(captured.curves.training_loss, eager.curves.training_loss, atol=1e-6)


def test_the_same_call_gives_the_same_result():
    assert_same(*(fit([0, 1], device="cuda", **LONG).parameters for _ in range(2)))


def test_a_member_does_not_depend_on_the_others():
    alone, together = (fit(seeds, options=DOUBLE, device="cuda", **LONG) for seeds in ([3], [1, 3, 5]))
    for name, value in alone.parameters.items():
        torch.testing.assert_close(together.parameters[name][1], value[0], rtol=0, atol=1e-9)


def test_members_that_break_are_frozen_on_the_device():
    class Broken(type(NETWORK)):
        def init(self, seeds, dtype=torch.float32):
            parameters = super().init(seeds, dtype)
            parameters["W_out"][1, 0, 0] = float("inf")
            return parameters

    with pytest.warns(RuntimeWarning, match="seed 1 has a non-finite loss, gradient or update at iteration 0"):
        trained = fit([0, 1], Stop(20), network=Broken(4, 24, 3), device="cuda")
    assert trained.iterations.tolist() == [20, 0]
    assert torch.equal(trained.parameters["W_hh"][1], trained.initial["W_hh"][1])


def test_an_interrupted_run_goes_on(tmp_path):
    path = tmp_path / "file"
    whole = fit([0, 1], device="cuda", **LONG)
    fit([0, 1], device="cuda", **LONG | {"stop": Stop(23)}, checkpoint=path)
    assert_same(fit([0, 1], device="cuda", **LONG, checkpoint=path).parameters, whole.parameters)


@pytest.mark.parametrize("kind", ["empirical", "sampled", "exact"])
@pytest.mark.parametrize(("network", "task"), CASES)
def test_the_fisher_is_that_of_the_cpu(network, task, kind: FisherKind):
    parameters, data = ensemble(network, task)
    here = fisher_diagonal(network, parameters, data, task, kind, [0, 1])
    there = {name: value.cuda() for name, value in parameters.items()}
    close(fisher_diagonal(network, there, data.to("cuda"), task, kind, [0, 1]), here, 1e-12)


def test_training_takes_no_more_memory_than_estimated():
    options = dataclasses.replace(FAST, batch=128)
    network = dataclasses.replace(NETWORK, hidden=256)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    fit(range(8), Stop(20), options, network=network, device="cuda", milestones=(0.1,), observer=PathIntegral())
    peak = torch.cuda.max_memory_allocated() - before
    assert peak <= training_bytes(network, TASK, options, 8, 1, PathIntegral()) * 1.2 + 64e6  # the libraries' own


def test_tf32_rounds_and_is_switched_back():
    network = dataclasses.replace(NETWORK, hidden=256)
    exact, rounded = (
        fit([0], Stop(20), Options(precision=precision), network=network, device="cuda").parameters["W_hh"]
        for precision in ("float32", "tf32")
    )
    assert 0 < (exact - rounded).abs().max() < 0.02
    assert torch.backends.cuda.matmul.fp32_precision != "tf32"


def test_the_smoke_preset(tmp_path):
    smoke = PRESETS["smoke"]
    run = dataclasses.replace(smoke.run, device="cuda", output=tmp_path / "smoke.nc")
    results = STUDY.run(dataclasses.replace(smoke, run=run))
    assert results.attrs["device"].startswith("cuda")
    assert bool((results.reached > 0).any())
