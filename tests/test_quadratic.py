"""Quadratic penalties against formulas written out, and what they do to a run."""

import dataclasses
import functools

import numpy as np
import pytest
import torch

from tests.captured import rerun
from tests.elsewhere import Elsewhere
from tests.gradients import loss_and_gradient
from tests.same import assert_same
from tests.test_train_sequence import FAST, HEADS, SINGLE, TASKS, fit
from wmcl.methods import (
    FisherImportance,
    Masked,
    MemoryAwareSynapses,
    Method,
    Modulated,
    Parametrisation,
    Quadratic,
    SynapticIntelligence,
    train_sequence,
)
from wmcl.methods.importances import Importance
from wmcl.methods.quadratic import Term
from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import copy_task
from wmcl.training import Adam, Execution, Options, Stop, evaluate, loss
from wmcl.training.loop import begin, take_step
from wmcl.training.loss import clip
from wmcl.training.objective import Objective
from wmcl.training.parts import Learner

SAMPLES = 24
TWO = dataclasses.replace(HEADS, heads=2)
KINDS = {
    "online EWC": lambda strength: Quadratic(FisherImportance(samples=SAMPLES), strength, decay=0.5),
    "EWC": lambda strength: Quadratic(FisherImportance(samples=SAMPLES), strength, per_task=True),
    "SI": lambda strength: Quadratic(SynapticIntelligence(), strength),
    "MAS": lambda strength: Quadratic(MemoryAwareSynapses(samples=SAMPLES), strength),
}
kinds = pytest.mark.parametrize("kind", list(KINDS))


@dataclasses.dataclass(frozen=True)
class Given(Importance):
    """Importances that were given for each task."""

    of_task: tuple
    _: dataclasses.KW_ONLY
    factor: float = 0.5

    def measure(self, learner, values, task, observed):
        return self.of_task[task]


def learner_of(network, seeds, task=TASKS[0]):
    return Learner(network, Parametrisation(), (task,), seeds, Options(), {})


def value_and_gradient(penalty, learner, memory, values):
    leaves = {name: value.detach().clone().requires_grad_() for name, value in values.items()}
    past = penalty.start(learner, memory, values, len(memory))
    value = penalty.loss(past, leaves, {})
    gradient = torch.autograd.grad(value.sum(), list(leaves.values()))
    return value.detach(), dict(zip(leaves, gradient, strict=True))


def drawn(network, members, seed):
    random = np.random.default_rng(seed)
    return {name: torch.from_numpy(random.standard_normal((members, *s))) for name, s in network.shapes.items()}


def remember(penalty, learner, anchors):
    memory = None
    for task, anchor in enumerate(anchors):
        memory = penalty.finish(learner, memory, anchor, task, {})
    return memory


@pytest.mark.parametrize("strength", [3.0, (3.0, 0.25)])
@pytest.mark.parametrize("per_task", [False, True])
@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_value_and_gradient_are_the_formula(strength, per_task, factor):
    network = LSTM(2, 3, 2, heads=2, initialisation="fan_in")
    importances = [{n: v.square() for n, v in drawn(network, 2, k).items()} for k in range(3)]
    anchors, values = [drawn(network, 2, 10 + k) for k in range(3)], drawn(network, 2, 20)
    decay = 1.0 if per_task else 0.6
    penalty = Quadratic(Given(tuple(importances), factor=factor), strength, decay=decay, per_task=per_task)
    learner = learner_of(network, (4, 5))
    memory = remember(penalty, learner, anchors)
    found, gradient = value_and_gradient(penalty, learner, memory, values)
    for member, lam in enumerate(np.broadcast_to(strength, 2)):
        expected = 0.0
        for name in network.shapes:
            theta = values[name][member].flatten()
            slopes = []
            for i, x in enumerate(theta):
                omega = [float(importance[name][member].flatten()[i]) for importance in importances]
                anchor = [float(a[name][member].flatten()[i]) for a in anchors]
                if per_task:
                    terms = list(zip(omega, anchor, strict=True))
                else:  # γ (Ω_3 + γ (Ω_2 + γ Ω_1)), with the latest anchor
                    terms = [(0.6 * omega[2] + 0.36 * omega[1] + 0.216 * omega[0], anchor[2])]
                expected += sum(lam * factor * w * (float(x) - a) ** 2 for w, a in terms)
                slopes.append(sum(2 * lam * factor * w * (float(x) - a) for w, a in terms))
            np.testing.assert_allclose(gradient[name][member].flatten(), slopes, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found[member], expected, rtol=1e-12)
    count = sum(int(np.prod(shape)) for shape in network.shapes.values())
    assert penalty.stored(memory) == (6 if per_task else 2) * count


def test_by_hand():
    """Eight values of importance 4 that moved by 0.5: 10 · ½ · 0.5 · 4 · 8 · 0.25, for a strength of 10 and γ = ½."""
    network = Elman(1, 1, 1, initialisation="fan_in")
    values = {name: torch.zeros(1, *shape) for name, shape in network.shapes.items()}
    penalty = Quadratic(Given(({name: 4 + value.double() for name, value in values.items()},)), 10.0, decay=0.5)
    learner = learner_of(network, (0,))
    memory = remember(penalty, learner, [values])
    assert penalty.start(learner, None, values, 0) is None
    value, gradient = value_and_gradient(penalty, learner, memory, {n: v + 0.5 for n, v in values.items()})
    assert value.tolist() == [20.0]
    assert all(slope.unique().tolist() == [10.0] for slope in gradient.values())
    again, _ = value_and_gradient(penalty, learner, memory, {n: v + 0.5 for n, v in values.items()})
    assert again.tolist() == [20.0]  # the decay acts between tasks, not at every evaluation
    assert value_and_gradient(penalty, learner, memory, values)[0].tolist() == [0.0]


def test_the_penalty_of_the_authors_code(reference):
    network = Elman(8, 256, 7, initialisation="fan_in")
    fisher, start, delta, slope = (
        {name: torch.from_numpy(reference[f"{key}/{name}"])[None] for name in network.shapes}
        for key in ("fisher32", "param", "ewc_reg/delta", "ewc_reg/grad")
    )
    penalty = Quadratic(Given(({name: value.double() for name, value in fisher.items()},)), 1.0)
    learner = learner_of(network, (0,), copy_task(5))
    memory = remember(penalty, learner, [start])
    moved = {name: value + delta[name] for name, value in start.items()}
    value, gradient = value_and_gradient(penalty, learner, memory, moved)
    np.testing.assert_allclose(value.item(), float(reference["ewc_reg/value"]), rtol=1e-5)
    for name, found in gradient.items():
        np.testing.assert_allclose(found, slope[name], rtol=1e-3, atol=1e-5 * slope[name].abs().max().item())


@pytest.mark.parametrize(
    ("kind", "network", "reduction"),
    [
        ("online EWC", HEADS, "sequence"),
        ("online EWC", LSTM(4, 6, 3, initialisation="fan_in"), "scored bit"),
        ("EWC", HEADS, "scored bit"),
        ("SI", SINGLE, "scored bit"),
        ("MAS", GRU(4, 6, 3, heads=3, initialisation="fan_in"), "sequence"),
    ],
)
def test_a_run_is_the_loop_written_out(kind, network, reduction):
    penalty = KINDS[kind]((30.0, 3.0))
    options = dataclasses.replace(FAST, reduction=reduction)
    learned = fit(Method(penalty=penalty), network, options=options, stop=Stop(8))
    parameters, factor = network.init([3, 5]), 0.5 if "EWC" in kind else 1.0
    strength = torch.tensor([30.0, 3.0], dtype=torch.float64)
    for number, (task, after) in enumerate(zip(TASKS, learned, strict=True)):
        terms = learned[number - 1].penalty_memory if number else ()
        gamma = 0.5 if kind == "online EWC" else 1.0
        anchors = [learned[k].values for k in range(number)] if kind == "EWC" else [learned[number - 1].values]
        adam = Adam(5e-3)
        state, answering = adam.start(parameters), network.answering(number if network.heads > 1 else 0)
        for iteration in range(8):
            batch = task.batch([3, 5], iteration, 16)
            _, gradient = loss_and_gradient(answering, task.likelihood, parameters, batch, reduction, 0.01)
            for term, anchor in zip(terms, anchors, strict=False):
                for name, value in parameters.items():
                    pull = 2 * factor * gamma * term.importance[name] * (value - anchor[name])
                    gradient[name] = gradient[name] + (strength.view(-1, *[1] * (value.ndim - 1)) * pull).float()
            update, state = adam.propose(clip(gradient, 0.5)[0], state)
            parameters = {name: value + update[name] for name, value in parameters.items()}
        for name, value in after.values.items():
            torch.testing.assert_close(value, parameters[name], rtol=1e-4, atol=1e-5)
        parameters = after.values  # values that only the penalty holds are at their anchor, to the last bit
    tuned = fit(network=network, options=options, stop=Stop(8))[-1].values
    assert (tuned["W_hh"] - learned[-1].values["W_hh"])[0].abs().max() > 1e-4  # far above rounding


SHORT = Stop(4)
COMBINED = pytest.mark.parametrize(
    ("kind", "parametrisation", "network"),
    [
        ("online EWC", Parametrisation(), HEADS),
        ("EWC", Parametrisation(), SINGLE),
        ("SI", Parametrisation(), HEADS),
        ("MAS", Parametrisation(), HEADS),
        ("online EWC", Modulated(), LSTM(4, 5, 3, initialisation="fan_in")),
        ("SI", Masked(0.5), GRU(4, 6, 3, layers=2, initialisation="fan_in")),
        ("SI", Modulated(), HEADS),
        ("MAS", Masked(0.5), HEADS),
    ],
)


@COMBINED
def test_without_strength_it_is_fine_tuning_bit_for_bit(kind, parametrisation, network):
    """Neither what watches the steps nor what is measured after them leaves a trace."""
    without = fit(Method(parametrisation), network, seeds=(3, 3), stop=SHORT)
    learned = fit(Method(parametrisation, penalty=KINDS[kind]((0.0, 100.0))), network, seeds=(3, 3), stop=SHORT)
    for one, other in zip(learned, without, strict=True):
        for name, value in one.values.items():
            assert torch.equal(value[0], other.values[name][0])
        np.testing.assert_array_equal(one.validation_loss[0], other.validation_loss[0])
    assert not torch.equal(learned[-1].values["W_hh"][1], without[-1].values["W_hh"][1])


@kinds
def test_members_of_one_seed_may_differ_in_strength(kind):
    strengths = (0.1, 1000.0)
    together = fit(Method(penalty=KINDS[kind](strengths)), seeds=(3, 3), stop=Stop(8))
    for member, strength in enumerate(strengths):
        alone = fit(Method(penalty=KINDS[kind](strength)), seeds=(3,), stop=Stop(8))
        for name, value in alone[-1].values.items():
            torch.testing.assert_close(together[-1].values[name][member], value[0], rtol=1e-4, atol=1e-5)
        mine = alone[0].penalty_memory[0].importance
        for name, value in together[0].penalty_memory[0].importance.items():  # data are those of the seed
            torch.testing.assert_close(value[member], mine[name][0], rtol=1e-4, atol=1e-5 * mine[name].max().item())


@kinds
def test_a_huge_strength_holds_what_matters_and_lets_go_of_the_rest(kind):
    """Under Adam even the largest penalty lets a weight go by about a learning rate a step before it turns it back."""
    rate, options = 1e-3, Options(batch=16, optimiser=Adam(1e-3), clip=None)
    first, second = fit(Method(penalty=KINDS[kind](1e9)), SINGLE, TASKS[:2], (3,), Stop(30), options)
    importance = first.penalty_memory[0].importance
    largest = max(float(value.max()) for value in importance.values())
    moved = {name: (second.values[name] - value).abs() for name, value in first.values.items()}
    matters = torch.cat([moved[name][value > 1e-3 * largest] for name, value in importance.items()])
    assert len(matters) > 20
    assert matters.max() < 5 * rate
    tuned = fit(network=SINGLE, tasks=TASKS[:2], seeds=(3,), stop=Stop(30), options=options)
    free = torch.cat([(tuned[1].values[n] - v).abs()[importance[n] > 1e-3 * largest] for n, v in first.values.items()])
    assert free.median() > 5 * rate
    heads = fit(Method(penalty=KINDS[kind](1e9)), TWO, TASKS[:2], (3,), Stop(30), options)
    own, later = slice(0, 3), slice(3, 6)
    assert not heads[0].penalty_memory[0].importance["W_out"][:, later].any()
    change = (heads[1].values["W_out"] - heads[0].values["W_out"]).abs()
    assert change[:, later].median() > 5 * rate
    assert change[:, own].max() < 5 * rate


@functools.cache
def accuracy(kind, strength):
    """Of both tasks at the end."""
    network, options = dataclasses.replace(TWO, hidden=24), Options(batch=32, optimiser=Adam(5e-3))
    method = Method(penalty=KINDS[kind](strength)) if kind else Method()
    last = fit(method, network, TASKS[:2], (0, 1), Stop(100), options)[-1]
    found = [evaluate(network.answering(k), last.weights(k), TASKS[k].validation, TASKS[k]) for k in range(2)]
    return np.array([float(each.accuracy.mean()) for each in found])


@pytest.mark.parametrize(("kind", "strength"), [("online EWC", 3.0), ("EWC", 1.0), ("SI", 1.0), ("MAS", 0.01)])
def test_less_is_forgotten(kind, strength):
    tuned, held = accuracy(None, 0.0), accuracy(kind, strength)
    assert held[0] > tuned[0] + 0.1
    assert held[1] > 0.75
    assert held.mean() > tuned.mean() + 0.02


def test_importances_that_vanish_do_nothing():
    zeros = {name: torch.zeros(3, *shape, dtype=torch.float64) for name, shape in HEADS.shapes.items()}
    penalty = Quadratic(Given((zeros,) * 3), (0.0, 1.0, 1e30))
    learned = fit(Method(penalty=penalty), seeds=(3, 3, 3), stop=SHORT)
    without = fit(seeds=(3, 3, 3), stop=SHORT)
    assert_same(learned[-1].values, without[-1].values)


def test_what_is_stored_is_counted():
    one = sum(int(np.prod(shape)) for shape in HEADS.shapes.values())
    for kind, expected in (("online EWC", [2, 2, 2]), ("EWC", [2, 4, 6]), ("SI", [2, 2, 2]), ("MAS", [2, 2, 2])):
        assert [after.stored for after in fit(Method(penalty=KINDS[kind](1.0)), stop=Stop(1))] == [
            k * one for k in expected
        ]


@COMBINED
def test_a_captured_step_elsewhere_is_the_step(kind, parametrisation, network, monkeypatch):
    method = Method(parametrisation, penalty=KINDS[kind]((0.0, 30.0)))
    here = fit(method, network, stop=SHORT)
    monkeypatch.setattr(loss, "is_free_to_read", lambda values: False)
    with Elsewhere():
        execution = Execution(capture=rerun, ahead=2)
        there = list(train_sequence(method, network, TASKS, (3, 5), SHORT, FAST, "cpu", False, execution))
    for one, other in zip(here, there, strict=True):
        for name, value in one.values.items():
            assert torch.equal(value, other.values[name])


@COMBINED
def test_a_step_never_asks_for_a_value(kind, parametrisation, network):
    """Tensors on the device meta have none."""
    penalty, seeds = KINDS[kind]((0.0, 30.0)), (3, 5)
    trained, fixed = ({n: v.to("meta") for n, v in part.items()} for part in parametrisation.init(network, seeds, 3))
    learner = Learner(network, parametrisation, tuple(TASKS), seeds, FAST, fixed, "meta")
    anchor = parametrisation.consolidated(network, fixed | trained)
    memory = (Term({name: value.double() for name, value in anchor.items()}, anchor),)
    past = penalty.start(learner, memory, trained, 1)
    objective, observer = Objective(learner, (1,), penalty, past), penalty.observer
    moving = begin(objective, trained, SHORT, (), observer).moving
    moving, record = take_step(objective, observer, moving, objective.batch(0).to(torch.device("meta")))
    for value in (*moving.tensors(), *vars(record).values()):
        assert value.device.type == "meta"


def unchecked(what, **fields):
    """An object made without the type checks of the tests."""
    made = object.__new__(what)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    made.__post_init__()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quadratic(Given(()), 1.0, decay=1.5), "decay is 1.5: it must lie between 0 and 1"),
        (lambda: Quadratic(Given(()), 1.0, decay=-0.1), "decay is -0.1: it must"),
        (lambda: Quadratic(Given(()), 1.0, decay=float("nan")), "decay is nan: it must"),
        (lambda: Quadratic(Given(()), 1.0, decay=0.5, per_task=True), "decay is 0.5 with a term a task: .* must be 1"),
        (lambda: fit(Method(penalty=Quadratic(Given(()), -1.0))), "strength is -1.0: it must be at least 0"),
        (lambda: fit(Method(penalty=Quadratic(Given(()), float("inf")))), "strength is inf"),
        (lambda: fit(Method(penalty=Quadratic(Given(()), (1.0, 2.0, 3.0)))), "strength has 3 entries for 2 members"),
        (
            lambda: unchecked(FisherImportance, kind="true"),
            "kind is 'true': it must be one of empirical, sampled, exact",
        ),
        (lambda: FisherImportance(samples=0), "samples is 0: it must be a whole number of at least 1"),
        (lambda: MemoryAwareSynapses(samples=-1), "samples is -1: it must be a whole number of at least 1"),
        (lambda: unchecked(SynapticIntelligence, kind="loss"), "kind is 'loss': it must be one of total, task"),
        (lambda: SynapticIntelligence(damping=0.0), r"damping is 0\.0: it must be positive and finite"),
    ],
)
def test_senseless_values_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
