import dataclasses

import numpy as np
import pytest
import torch

from tests import naive
from tests.conftest import REFERENCE
from tests.float64 import Double, double_task
from tests.test_training import FAST, NETWORK, TASK, fit
from wmcl.importance.synaptic_intelligence import (
    PathIntegral,
    over_dampings,
    path_integral,
    share,
    synaptic_intelligence,
)
from wmcl.methods import Method, Quadratic, SynapticIntelligence, train_sequence
from wmcl.networks import Elman
from wmcl.stages import stages
from wmcl.tasks import Task, copy_task
from wmcl.tasks.layout import CopyLayout
from wmcl.training import Adam, Options, Stop
from wmcl.training.loss import task_loss

KINDS = ("total", "task")
SMALL, SMALL_TASK = Double(4, 6, 3, initialisation="orthogonal"), double_task(TASK)


def observed_fit(seeds, *arguments, **more):
    return fit(seeds, *arguments, observer=PathIntegral(), **more)


def integrals(trained):
    return {kind: path_integral(trained.observed, kind) for kind in KINDS}


@dataclasses.dataclass(frozen=True)
class Recorded(Task):
    """Trains on given batches."""

    batches: tuple = ()

    def batch(self, seeds, iteration, samples):
        return self.batches[iteration]


@dataclasses.dataclass(frozen=True)
class StartingAt(Elman):
    """Starts from given parameters."""

    start: dict = dataclasses.field(default_factory=dict)

    def init(self, seeds, dtype=torch.float32):
        return self.start


@pytest.fixture(scope="module")
def trace():
    path = REFERENCE.with_name("basic_p5_i5_ewc_si_trace.npz")
    if not path.exists():
        pytest.skip("the traces of Synaptic Intelligence of the authors' code are not on this machine")
    with np.load(path) as arrays:
        return dict(arrays)


def recorded(trace, theirs):
    """The run of the authors' code: network, task and options."""
    task = copy_task(5)
    patterns = trace["X"][:, :5, :, :7].transpose(0, 2, 1, 3).astype(np.uint8)
    batches = tuple(CopyLayout(5, 5).lay_out(pattern[None]) for pattern in patterns)
    for batch, X, T in zip(batches, trace["X"], trace["T"], strict=True):
        assert np.array_equal(batch.inputs[0], X)
        assert np.array_equal(batch.targets[0, 6:], T[6:])
        assert np.array_equal(batch.scored[0], trace["mask"])
    fields = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
    start = {
        name: torch.from_numpy(trace[f"{theirs}/theta0/{name}"])[None]
        for name in Elman(8, 256, 7, initialisation="fan_in").shapes
    }
    options = Options(batch=16, orthogonality=0.1, reduction="sequence", clip=1.0, optimiser=Adam(1e-3))
    return StartingAt(8, 256, 7, start=start), Recorded(**fields, batches=batches), options


@pytest.mark.parametrize(("kind", "theirs"), [("total", "total"), ("task", "task_only")])
def test_thirty_steps_of_the_authors_code(trace, kind, theirs):
    network, task, options = recorded(trace, theirs)
    trained = observed_fit([0], Stop(30), options, network=network, task=task)
    omega = path_integral(trained.observed, kind)
    importance = synaptic_intelligence(omega, trained.initial, trained.parameters)
    penalty = Quadratic(SynapticIntelligence(kind), 1.0)
    (learned,) = train_sequence(Method(penalty=penalty), network, [task], [0], Stop(30), options, progress=False)
    (term,) = learned.penalty_memory
    for name in network.shapes:
        np.testing.assert_allclose(trained.parameters[name][0], trace[f"{theirs}/theta_end/{name}"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(term.anchor[name][0], trace[f"{theirs}/theta_end/{name}"], rtol=0, atol=1e-5)
        for mine, other in ((omega, "running_omega"), (importance, "Omega"), (term.importance, "Omega")):
            expected = trace[f"{theirs}/{other}/{name}"]
            np.testing.assert_allclose(mine[name][0], expected, rtol=0, atol=3e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("decay", "clip"), [(0.0, 0.2), (0.1, 0.2), (0.1, None)])
@pytest.mark.parametrize("orthogonality", [0.0, 0.05])
def test_training_and_path_integrals_are_the_loop_written_out(orthogonality, decay, clip):
    options = dataclasses.replace(
        FAST, batch=4, orthogonality=orthogonality, clip=clip, optimiser=Adam(5e-3, weight_decay=decay)
    )
    trained = observed_fit([3], Stop(5), options, network=SMALL, task=SMALL_TASK)
    theta = {name: value[0].clone().requires_grad_() for name, value in SMALL.init([3]).items()}
    adam = torch.optim.Adam(theta.values(), lr=5e-3, weight_decay=decay)
    expected = {kind: {name: torch.zeros_like(value) for name, value in theta.items()} for kind in KINDS}
    for iteration in range(5):
        batch = SMALL_TASK.batch([3], iteration, 4)
        grouped = {name: value[None] for name, value in theta.items()}
        sequences = [naive.sequence(batch, 0, sample) for sample in range(4)]
        loss = sum(naive.nll(naive.forward(SMALL, grouped, 0, x)[2], y, w) for x, y, w in sequences) / (4 * 2 * 3)
        alone = dict(zip(theta, torch.autograd.grad(loss, theta.values(), retain_graph=True), strict=True))
        penalty = (theta["W_hh"] @ theta["W_hh"].T - torch.eye(6)).square().sum()
        adam.zero_grad()
        (loss + orthogonality * penalty).backward()
        norm = sum(value.grad.square().sum() for value in theta.values()).sqrt()
        for value in theta.values():  # torch's own clipping adds 1e-6 to the norm
            value.grad *= min(1.0, (clip or torch.inf) / norm.item())
        for name, value in theta.items():
            state = adam.state[value]
            m = 0.9 * state.get("exp_avg", torch.zeros_like(value)) + 0.1 * alone[name]
            v = 0.999 * state.get("exp_avg_sq", torch.zeros_like(value)) + 0.001 * alone[name] ** 2
            t = iteration + 1
            step = -5e-3 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
            expected["task"][name] -= step * alone[name]
        before = {name: value.detach().clone() for name, value in theta.items()}
        adam.step()
        for name, value in theta.items():
            expected["total"][name] -= (value.detach() - before[name]) * (value.grad + decay * before[name])
    for name, value in theta.items():
        torch.testing.assert_close(trained.parameters[name][0], value.detach(), rtol=1e-9, atol=1e-12)
    for kind, found in integrals(trained).items():
        for name, value in found.items():
            torch.testing.assert_close(value[0], expected[kind][name], rtol=1e-8, atol=1e-12)


def test_observing_changes_nothing():
    options = dataclasses.replace(FAST, orthogonality=0.01, clip=0.1)
    without, with_it = fit([0, 1], Stop(20), options), observed_fit([0, 1], Stop(20), options)
    assert without.observed == {}
    assert all(torch.equal(value, with_it.parameters[name]) for name, value in without.parameters.items())


@pytest.mark.parametrize("orthogonality", [0.0, 0.05])
def test_the_sum_accounts_for_the_fall_of_the_loss(orthogonality):
    fixed = SMALL_TASK.fixed_set("probe", 64)
    task = dataclasses.replace(SMALL_TASK, draw=lambda generators, samples: fixed)
    start = {name: 1.1 * value for name, value in SMALL.init([0]).items()}

    def total_loss(parameters):
        logits = SMALL.apply(parameters, fixed.inputs, fixed.window).logits
        penalty = (parameters["W_hh"] @ parameters["W_hh"].mT - torch.eye(6)).square().sum()
        return task_loss(task.likelihood, logits, fixed).item() + orthogonality * penalty.item()

    def error(rate, steps):
        options = Options(optimiser=Adam(rate), clip=None, orthogonality=orthogonality, validate_every=10_000)
        network = StartingAt(4, 6, 3, initialisation="orthogonal", start=start)
        trained = observed_fit([0], Stop(steps), options, network=network, task=task)
        fall = total_loss(trained.initial) - total_loss(trained.parameters)
        assert fall > 0.05
        return abs(sum(value.sum().item() for value in integrals(trained)["total"].values()) / fall - 1)

    coarse, fine = error(4e-3, 100), error(1e-3, 400)
    assert fine < 0.02
    assert fine < 0.5 * coarse


def test_milestones_hold_the_integrals_of_their_moment():
    trained = observed_fit([0, 1], Stop(200, loss=0.1), milestones=(0.5, 0.2))
    for milestone in trained.milestones:
        for side in (milestone.before, milestone.after):
            for k, seed in enumerate(trained.seeds):
                again = observed_fit([seed], Stop(int(side.iteration[k])))
                for name, value in path_integral(side.observed, "total").items():
                    expected = path_integral(again.observed, "total")[name][0]
                    torch.testing.assert_close(value[k], expected, rtol=1e-2, atol=1e-4 * expected.abs().max().item())
    end = stages(trained)[-1].after.observed
    assert all(torch.equal(value, trained.observed[key]) for key, value in end.items())


def test_a_member_does_not_depend_on_the_others_and_frozen_ones_do_not_accumulate():
    options = dataclasses.replace(FAST, optimiser=Adam((2e-2, 1e-6)))
    together = observed_fit([0, 1], Stop(80, loss=0.6), options, network=SMALL, task=SMALL_TASK)
    assert together.iterations[0] < together.iterations[1]
    for k, rate in enumerate((2e-2, 1e-6)):
        own = dataclasses.replace(FAST, optimiser=Adam(rate))
        alone = observed_fit([k], Stop(int(together.iterations[k])), own, network=SMALL, task=SMALL_TASK)
        for key, value in alone.observed.items():
            torch.testing.assert_close(together.observed[key][k], value[0], rtol=1e-7, atol=1e-13)


def test_nothing_moves_nothing_matters():
    trained = observed_fit([0], Stop(0))
    for omega in integrals(trained).values():
        assert not any(value.any() for value in omega.values())
        found = synaptic_intelligence(omega, trained.initial, trained.parameters)
        assert not any(value.any() for value in found.values())
        assert all(value.isnan().all() for value in share(omega).values())


def test_importance_and_share_by_hand():
    omega = {"W": torch.tensor([[[0.3, -0.1]]]), "b": torch.tensor([[0.2]])}
    start = {"W": torch.zeros(1, 1, 2), "b": torch.zeros(1, 1)}
    end = {"W": torch.tensor([[[0.1, 0.5]]]), "b": torch.tensor([[0.0]])}
    found = over_dampings(omega, start, end, (1e-3, 1e-2))
    np.testing.assert_allclose(found[1e-3]["W"][0, 0], [0.3 / 0.011, 0.0], rtol=1e-6)
    np.testing.assert_allclose(found[1e-2]["b"][0], [20.0], rtol=1e-6)
    np.testing.assert_allclose(share(omega)["W"][0, 0], [0.75, -0.25], rtol=1e-6)
    np.testing.assert_allclose(share(omega)["b"][0], [0.5], rtol=1e-6)


def test_senseless_arguments_are_refused():
    with pytest.raises(ValueError, match=r"kinds is \(\): "):
        PathIntegral(())
    with pytest.raises(ValueError, match="kind is 'task': "):
        path_integral(PathIntegral(("total",)).start(NETWORK.init([0])), "task")
    with pytest.raises(ValueError, match=r"damping is 0\.0: "):
        synaptic_intelligence({}, {}, {}, 0.0)
