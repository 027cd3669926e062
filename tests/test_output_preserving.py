"""The penalty on what a hypernetwork generates for earlier tasks, alone and in a run."""

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import torch

from tests.hypernetworks import (
    FORMS,
    FULL,
    HEADS,
    NETWORKS,
    SMALL,
    TASKS,
    double,
    learner_of,
    moved,
    naive_distance,
    naive_weights,
)
from tests.same import assert_same
from wmcl.methods import Hypernetwork, Method, OutputPreserving, Penalty, train_sequence
from wmcl.methods.output_preserving import CHOSEN
from wmcl.networks import GRU, LSTM, Elman
from wmcl.training import Adam, Options, Stop
from wmcl.training.loop import begin, take_step
from wmcl.training.objective import Objective
from wmcl.training.parts import penalty_strength

SINGLE = dataclasses.replace(HEADS, heads=1)
RATE = 5e-3
FAST = Options(batch=8, optimiser=Adam(RATE), validate_every=20)


def found_and_gradient(loss, leaves):
    slopes = torch.autograd.grad(loss.sum(), list(leaves.values()), allow_unused=True)
    return {name: torch.zeros_like(v) if s is None else s for (name, v), s in zip(leaves.items(), slopes, strict=True)}


def leaves_of(values):
    return {name: value.detach().clone().requires_grad_() for name, value in values.items()}


def loss_of(penalty, learner, past, values, draws):
    """What the penalty adds to the loss of a run."""
    return penalty_strength(penalty, learner) * penalty.loss(past, values, draws)


def naive(form, network, one, other, tasks, strengths):
    """β mean over tasks of the distance, a number a member."""
    return torch.stack(
        [
            strength * sum(naive_distance(form, network, one, other, member, task) for task in tasks) / len(tasks)
            for member, strength in enumerate(strengths)
        ]
    )


@pytest.mark.parametrize("network", [*NETWORKS, SINGLE])
@pytest.mark.parametrize("form", FORMS)
def test_value_and_gradient_are_those_of_a_loop_over_tasks(form, network):
    learner, anchor = learner_of(form, network)
    penalty = OutputPreserving((0.5, 2.0))
    past = penalty.start(learner, None, anchor, 2)
    leaves = leaves_of(moved(anchor))
    loss = loss_of(penalty, learner, past, leaves, {})
    expected = naive(form, network, leaves, anchor, [0, 1], (0.5, 2.0))
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    gradient, theirs = found_and_gradient(loss, leaves), found_and_gradient(expected, leaves)
    for name, mine in gradient.items():
        torch.testing.assert_close(mine, theirs[name], rtol=1e-9, atol=1e-12, msg=name)
    assert gradient["task_embedding_0"].abs().min() > 0
    assert gradient["task_embedding_2"].abs().max() == 0
    assert penalty.stored(penalty.finish(learner, None, leaves, 2, {})) == 0


def test_it_is_nothing_before_the_second_task_and_where_a_task_begins():
    learner, values = learner_of(SMALL)
    penalty = OutputPreserving(3.0)
    assert isinstance(penalty, Penalty)
    assert penalty.start(learner, None, values, 0) is None
    past = penalty.start(learner, None, values, 1)
    assert not past.weights.requires_grad
    assert loss_of(penalty, learner, past, values, {}).tolist() == [0, 0]


def test_heads_of_other_tasks_are_free():
    learner, anchor = learner_of(FULL)
    past = OutputPreserving(1.0).start(learner, None, anchor, 1)
    sizes = {name: int(np.prod(shape)) for name, shape in HEADS.shapes.items()}
    for name, row in (("W_out", 3), ("b_out", 3), ("W_out", 2), ("b_out", 2)):  # three outputs a head
        place = sum(sizes[n] for n in list(sizes)[: list(sizes).index(name)]) + row * (5 if name == "W_out" else 1)
        bias = anchor["hyper_b2"].clone()
        bias[:, place] += 0.5
        loss = loss_of(OutputPreserving(1.0), learner, past, anchor | {"hyper_b2": bias}, {})
        torch.testing.assert_close(loss, torch.full((2,), 0.25 if row == 2 else 0.0).double(), rtol=1e-12, atol=0)


def test_earlier_embeddings_stay_if_they_are_not_trained():
    learner, anchor = learner_of(SMALL)
    leaves = leaves_of(moved(anchor))
    penalty = OutputPreserving(1.0, train_earlier_embeddings=False)
    past = penalty.start(learner, None, anchor, 2)
    loss = loss_of(penalty, learner, past, leaves, {})
    fixed = {name: v.detach() if name.startswith("task") else v for name, v in leaves.items()}
    theirs = found_and_gradient(naive(SMALL, HEADS, fixed, anchor, [0, 1], (1, 1)), leaves)
    for name, mine in found_and_gradient(loss, leaves).items():
        torch.testing.assert_close(mine, theirs[name], rtol=1e-9, atol=1e-12)
    assert theirs["task_embedding_0"].abs().max() == 0


@pytest.mark.parametrize("form", [SMALL, FORMS[-1]])
@pytest.mark.parametrize("network", [HEADS, SINGLE])
def test_subsets_by_hand_and_their_mean_is_the_whole(form, network):
    learner, anchor = learner_of(form, network)
    leaves = leaves_of(moved(anchor))
    sampled, whole = OutputPreserving((0.5, 2.0), tasks=2), OutputPreserving((0.5, 2.0))
    past = sampled.start(learner, None, anchor, 3)
    pairs, gradients = list(combinations(range(3), 2)), []
    for number, pair in enumerate(pairs):
        both = [pair, pairs[number - 1]]  # another one for the other member
        loss = loss_of(sampled, learner, past, leaves, {CHOSEN: torch.tensor(both)})
        expected = torch.stack(
            [naive(form, network, leaves, anchor, chosen, (0.5, 2.0))[m] for m, chosen in enumerate(both)]
        )
        torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
        gradients.append(found_and_gradient(loss, leaves))
        theirs = found_and_gradient(expected, leaves)
        for name, mine in gradients[-1].items():
            torch.testing.assert_close(mine, theirs[name], rtol=1e-9, atol=1e-12)
    total = found_and_gradient(loss_of(whole, learner, past, leaves, {}), leaves)
    for name, value in total.items():
        mean = torch.stack([gradient[name] for gradient in gradients]).mean(0)
        torch.testing.assert_close(mean, value, rtol=1e-9, atol=1e-12)


def test_subsets_are_drawn_by_address_evenly_and_without_replacement():
    learner, values = learner_of(SMALL, seeds=(3, 5, 3))
    penalty = OutputPreserving(1.0, tasks=2)
    past, batch = penalty.start(learner, None, values, 2), TASKS[2].batch(learner.seeds, 0, 4)

    def draw(task, iteration, penalty=penalty):
        return penalty.draw(learner, past, task, iteration, batch)

    drawn = torch.stack([draw(4, iteration)[CHOSEN] for iteration in range(3000)])
    assert drawn.dtype == torch.int64
    assert torch.equal(drawn[:, 0], drawn[:, 2])
    assert not torch.equal(drawn[:, 0], drawn[:, 1])
    assert not torch.equal(drawn[:, 0], torch.stack([draw(5, k)[CHOSEN] for k in range(3000)])[:, 0])
    counts = np.unique(np.sort(drawn[:, 0].numpy(), 1), axis=0, return_counts=True)
    assert counts[0].tolist() == [list(pair) for pair in combinations(range(4), 2)]
    chi = ((counts[1] - 500) ** 2 / 500).sum()
    assert chi < 20.5  # 99.9 % of a chi-squared number with 5 degrees of freedom
    assert draw(2, 0) == draw(1, 0) == {}
    assert draw(4, 0, OutputPreserving(1.0)) == {}


def test_another_module_is_held_by_its_own_setting():
    """As generative replay does with its decoder: other networks are among the values."""
    decoder = LSTM(3, 4, 2, initialisation="fan_in")
    learner, anchor = learner_of(SMALL, decoder)
    others = {"network W_hh": torch.ones(2, 3), "W_out": torch.ones(2, 4)}
    penalty = OutputPreserving(1.5)
    past = penalty.start(learner, None, anchor | others, 1)
    found = loss_of(penalty, learner, past, moved(anchor) | others, {})
    expected = naive(SMALL, decoder, moved(anchor), anchor, [0], (1.5, 1.5))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def objective_of(penalty, options, task=1, form=SMALL, network=HEADS, **more):
    learner, anchor = learner_of(form, network, options=options, **more)
    past = penalty.start(learner, None, anchor, task)
    return Objective(learner, (task,), penalty, past, strength=penalty_strength(penalty, learner)), anchor


@pytest.mark.parametrize("look_ahead", [True, False])
def test_looking_ahead_by_hand(look_ahead):
    objective, anchor = objective_of(OutputPreserving(0.7, look_ahead=look_ahead), Options(batch=4))
    values = moved(anchor, 0.01)
    batch = objective.batch(0).map(lambda x: x.double() if x.is_floating_point() else x)
    adam = Adam(1e-2)
    state = adam.start(values)
    _, task_gradient = objective.task_gradient(values, batch)
    whole = objective.add_penalties(task_gradient, values, batch, lambda g: adam.propose(g, state)[0])
    update = adam.propose(task_gradient, state)[0]
    leaves = leaves_of(values)
    at = {name: value + update[name] for name, value in leaves.items()} if look_ahead else leaves
    slopes = found_and_gradient(naive(SMALL, HEADS, at, anchor, [0], (0.7, 0.7)), leaves)
    for name, value in whole.items():
        torch.testing.assert_close(value, task_gradient[name] + slopes[name], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("form", [SMALL, FULL])
@pytest.mark.parametrize("penalty", [OutputPreserving((0.7, 0.1)), OutputPreserving(0.7, tasks=1, look_ahead=True)])
def test_a_step_never_asks_for_a_value_and_stays_on_its_device(form, penalty):
    """Tensors on the device meta have no values to ask for, and refuse to meet tensors of another device."""
    learner, values = learner_of(form, options=Options(batch=4, orthogonality=0.1))
    learner = dataclasses.replace(learner, device="meta")
    initial = {name: value.float().to("meta") for name, value in values.items()}
    past, strength = penalty.start(learner, None, initial, 2), penalty_strength(penalty, learner)
    objective = Objective(learner, (2,), penalty, past, strength=strength)
    moving = begin(objective, initial, Stop(9)).moving
    batch = objective.batch(0).to(torch.device("meta"))
    assert (CHOSEN in batch.draws) == (penalty.tasks is not None)
    for old, new in zip(moving.tensors(), take_step(objective, None, moving, batch)[0].tensors(), strict=True):
        assert new.device.type == "meta"
        assert (new.shape, new.dtype) == (old.shape, old.dtype)


@pytest.mark.parametrize("form", [SMALL, FULL])
@pytest.mark.parametrize("network", [HEADS, LSTM(4, 4, 3, heads=3, initialisation="fan_in")])
def test_orthogonality_acts_on_what_is_generated(form, network):
    objective, values = objective_of(OutputPreserving(0.0), Options(batch=4, orthogonality=0.3), 1, form, network)
    batch = objective.batch(0).map(lambda x: x.double() if x.is_floating_point() else x)
    zero = {name: torch.zeros_like(value) for name, value in values.items()}
    found = objective.add_penalties(zero, values, batch, lambda g: g)
    leaves, total = leaves_of(values), 0
    for member in range(2):
        for gate in naive_weights(form, network, leaves, member, 1)["W_hh"].split(network.hidden):
            total = total + 0.3 * (gate @ gate.T - torch.eye(network.hidden)).square().sum()
    for name, slope in found_and_gradient(total, leaves).items():
        torch.testing.assert_close(found[name], slope, rtol=1e-8, atol=1e-10)


def fit(penalty=None, form=SMALL, network=HEADS, seeds=(3, 5), options=FAST, iterations=20):
    method = Method(form) if penalty is None else Method(form, penalty)
    return list(train_sequence(method, network, TASKS, seeds, Stop(iterations), options, progress=False))


@pytest.mark.parametrize("sampled", [None, 1])
def test_without_strength_it_is_training_without_penalty_bit_for_bit(sampled):
    with_penalty = fit(OutputPreserving(0.0, tasks=sampled))
    without = fit()
    for one, other in zip(with_penalty, without, strict=True):
        assert_same(one.values, other.values)
        np.testing.assert_array_equal(one.validation_loss, other.validation_loss)


def drift(learned, task, form, network):
    """Root mean square change of what is generated for a task, from after it was learned to the end."""
    first, last = double(learned[task].values), double(learned[-1].values)
    count = sum(int(np.prod(shape)) for shape in form.generated(network).values())
    return np.array([naive_distance(form, network, first, last, m, task).sqrt() / count**0.5 for m in range(2)])


@pytest.mark.parametrize(
    ("form", "network"),
    [
        (SMALL, HEADS),
        (FULL, LSTM(4, 4, 3, heads=3, initialisation="fan_in")),
        (dataclasses.replace(SMALL, generates_heads=False), GRU(4, 4, 3, initialisation="fan_in")),
    ],
)
def test_what_earlier_tasks_get_is_held_by_a_large_strength_and_moves_without(form, network):
    options = dataclasses.replace(FAST, orthogonality=0.01)
    held = fit(OutputPreserving(1e3), form, network, options=options, iterations=30)
    free = fit(OutputPreserving(0.0), form, network, options=options, iterations=30)
    for task in (0, 1):
        assert np.all(drift(held, task, form, network) < 2 * RATE)
        assert np.all(drift(free, task, form, network) > 10 * RATE)
    weights = [after.weights(0)["W_hh"] for after in free]
    assert not torch.equal(weights[0], weights[1])
    assert free[-1].stored == sum(v[0].numel() for v in free[-1].values.values()) - sum(
        int(np.prod(shape)) for shape in network.shapes.values()
    )


def test_embeddings_of_tasks_that_are_not_there_yet_stay():
    learned = fit(OutputPreserving(1.0))
    start = SMALL.init(HEADS, (3, 5), 3).trained
    for after in learned:
        for task in range(3):
            name = f"task_embedding_{task}"
            assert torch.equal(after.values[name], start[name]) == (task > after.task)
    fixed = fit(OutputPreserving(1.0, train_earlier_embeddings=False))
    for task in range(2):
        name = f"task_embedding_{task}"
        assert torch.equal(fixed[task].values[name], fixed[2].values[name])
        assert not torch.equal(learned[task].values[name], learned[2].values[name])


def third_task_in_float64(penalty, seeds, steps=15):
    """Values after some steps on the third task, from those of an untrained hypernetwork."""
    options = Options(batch=4, orthogonality=0.01, optimiser=Adam(1e-2))
    objective, values = objective_of(penalty, options, 2, seeds=seeds)
    moving = begin(objective, values, Stop(steps)).moving
    for iteration in range(steps):
        batch = objective.batch(iteration).map(lambda x: x.double() if x.is_floating_point() else x)
        moving, _ = take_step(objective, None, moving, batch)
    return moving.values


@pytest.mark.parametrize("settings", [{}, {"tasks": 1, "look_ahead": True}])
def test_members_are_those_that_train_alone(settings):
    """Members of other seeds, and two that share a seed and differ in strength."""
    seeds, strengths = (3, 5, 3), (0.1, 0.1, 5.0)
    together = third_task_in_float64(OutputPreserving(strengths, **settings), seeds)
    for member, (seed, strength) in enumerate(zip(seeds, strengths, strict=True)):
        alone = third_task_in_float64(OutputPreserving(strength, **settings), (seed,))
        for name, value in alone.items():
            torch.testing.assert_close(together[name][member], value[0], rtol=1e-7, atol=1e-9)
    assert not torch.allclose(together["hyper_W2"][0], together["hyper_W2"][2], atol=1e-3)


@pytest.mark.parametrize(
    ("penalty", "network", "message"),
    [
        (OutputPreserving(-1.0), HEADS, "strength is -1.0: it must be at least 0"),
        (OutputPreserving((1.0, 2.0, 3.0)), HEADS, "strength has 3 entries for 2 members"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(penalty, network, message):
    with pytest.raises(ValueError, match=message):
        fit(penalty, network=network)


def test_other_parametrisations_and_numbers_of_tasks_are_refused():
    with pytest.raises(ValueError, match="with the parametrisation Parametrisation: it needs generated weights"):
        train_sequence(
            Method(penalty=OutputPreserving(1.0)),
            Elman(4, 5, 3, heads=3, initialisation="fan_in"),
            TASKS,
            (3,),
            Stop(5),
        )
    with pytest.raises(ValueError, match="tasks is 0: it must be a whole number of at least 1"):
        OutputPreserving(1.0, tasks=0)
    assert Hypernetwork() == Hypernetwork(hidden=(50, 50))
