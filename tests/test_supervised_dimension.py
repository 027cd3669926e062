import dataclasses
import inspect
import itertools

import numpy as np
import pytest
import torch

from tests.cases import CASES, ensemble
from tests.naive import forward, sequence
from wmcl.dimensionality import supervised_subspace
from wmcl.dimensionality.supervised import (
    SupervisedSubspace,
    _new_column,
    _Run,
    continue_from,
    joint_supervised_subspace,
)
from wmcl.networks import GRU, LSTM, Elman, ReLUElman
from wmcl.randomness import generator
from wmcl.tasks import Phase, Sequences, copy_task


def latches(bits, units=9, members=1):
    """A network that solves the copy of one pattern step: each bit is latched in one of the last units.

    The stop flag and constants drive some of the other units, which nothing reads. The head mixes no bits, so
    each needs a direction of its own.
    """
    network = Elman(bits + 1, units, bits, output_stage=False, initialisation="fan_in")
    p = {name: torch.zeros(members, *shape, dtype=torch.float64) for name, shape in network.shapes.items()}
    for k in range(bits):
        unit = units - 1 - k
        p["W_ih"][:, unit, k] = 4
        p["W_hh"][:, unit, unit] = 3
        p["W_out"][:, k, unit] = 20
    p["b_out"][:] = -10
    p["W_ih"][:, 1, bits] = 2
    p["b_ih"][:, 0] = 0.5
    return network, p


@pytest.fixture(scope="module", params=["all", "stop"])
def grown(request):
    network, parameters = latches(3)
    task = copy_task(1, width=3, test_samples=64)
    mode = request.param
    return network, task, parameters, mode, supervised_subspace(network, parameters, task, [0], 4, mode)


def test_a_head_of_three_directions_needs_three_columns(grown):
    *_, found = grown
    assert found.dimension(1.0).tolist() == [3]
    assert found.accuracy[0, 1] < 0.95
    assert found.accuracy[0, 2:].tolist() == [1, 1]
    assert (found.loss[0, :3].diff() < 0).all()


def test_columns_are_orthonormal(grown):
    *_, found = grown
    identity = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(found.basis[0].mT @ found.basis[0], identity, atol=1e-14, rtol=0)


def test_the_measures_are_those_of_the_basis(grown):
    network, task, parameters, mode, found = grown
    for d in range(1, 5):
        loss, right = naive_measures(network, parameters, task.test, 0, found.basis[0, :, :d], mode)
        assert found.loss[0, d - 1] == pytest.approx(loss, rel=1e-9)
        assert found.accuracy[0, d - 1] == pytest.approx(right, abs=1e-12)


def naive_logits(network, parameters, member, inputs, basis, mode):
    """One sequence, one step at a time; the stop flag is the last input feature."""
    p = {name: value[member] for name, value in parameters.items()}
    rows = slice(network.head * network.outputs, (network.head + 1) * network.outputs)
    h = torch.zeros(network.hidden, dtype=torch.float64)
    true_states = forward(network, parameters, member, inputs)[0]
    logits = []
    for x, true in zip(inputs, true_states, strict=True):
        if mode == "all":
            read = basis @ (basis.T @ true)
        else:
            h = torch.tanh(p["W_ih"] @ x + p["b_ih"] + p["W_hh"] @ h + p["b_hh"])
            h = read = basis @ (basis.T @ h) if x[-1] == 1 else h
        y = torch.tanh(p["W_ho"] @ read + p["b_ho"]) if network.has_output_stage else read
        logits.append(p["W_out"][rows] @ y + p["b_out"][rows])
    return torch.stack(logits)


def naive_measures(network, parameters, sequences, member, basis, mode):
    sequences = sequences.to(torch.float64)
    loss = right = count = 0.0
    for sample in range(sequences.samples):
        inputs, targets, scored = sequence(sequences, member, sample)
        p = torch.sigmoid(naive_logits(network, parameters, member, inputs, basis, mode))
        nll = -(targets * p.log() + (1 - targets) * (1 - p).log())
        loss += (nll * scored[:, None]).sum().item()
        right += (((p >= 0.5) == (targets > 0.5)) * scored[:, None]).sum().item()
        count += scored.sum().item() * targets.shape[1]
    return loss / count, right / count


ONE_LAYER = [
    (LSTM(4, 6, 3, heads=2, head=1, initialisation="fan_in"), "all"),
    (GRU(4, 6, 3, initialisation="fan_in"), "all"),
]
PROJECTED = ONE_LAYER + [(case.values[0], mode) for case in CASES[:4] for mode in ("all", "stop")]


@pytest.mark.parametrize(("network", "mode"), PROJECTED)
def test_logits_of_projected_states(network, mode):
    task = CASES[1].values[1]
    parameters, data = ensemble(network, task)
    basis = torch.linalg.qr(torch.cos(torch.arange(24.0, dtype=torch.float64)).view(2, 6, 2))[0]
    found = _Run.of(network, parameters, data, mode).logits(basis)
    for member in range(2):
        for b in range(data.samples):
            inputs = sequence(data, member, b)[0]
            expected = naive_logits(network, parameters, member, inputs, basis[member], mode)[data.window]
            torch.testing.assert_close(found[member, :, b], expected)


@pytest.mark.parametrize(
    "network", [LSTM(4, 6, 3, heads=2, head=1, initialisation="fan_in"), GRU(4, 6, 3, initialisation="fan_in")]
)
def test_the_subspace_of_cells_with_gates_has_the_size_of_their_state(network):
    task = CASES[1].values[1]
    parameters = ensemble(network, task)[0]
    found = supervised_subspace(
        network, parameters, task, [0, 1], 6, iterations=2, samples=8, test=task.test.take(slice(3))
    )
    assert found.basis.shape == (2, 6, 6)
    for member, columns in itertools.product(range(2), (1, 4, 6)):
        basis = found.basis[member, :, :columns]
        loss, right = naive_measures(network, parameters, task.test.take(slice(3)), member, basis, "all")
        assert found.loss[member, columns - 1] == pytest.approx(loss, rel=1e-9)
        assert found.accuracy[member, columns - 1] == pytest.approx(right, abs=1e-12)
    with pytest.raises(ValueError, match="largest is 7: it must lie between 1 and the 6 units"):
        supervised_subspace(network, parameters, task, [0, 1], 7)


@pytest.mark.parametrize("mode", ["all", "stop"])
@pytest.mark.parametrize(("network", "task"), CASES[:1])
def test_the_whole_space_changes_nothing(network, task, mode):
    parameters, data = ensemble(network, task)
    identity = torch.eye(6, dtype=torch.float64).repeat(2, 1, 1)
    expected = network.apply(parameters, data.inputs, data.window).logits
    torch.testing.assert_close(_Run.of(network, parameters, data, mode).logits(identity), expected)


@pytest.mark.parametrize("mode", ["all", "stop"])
def test_the_gradient_of_a_column(mode):
    network, task = CASES[0].values
    parameters, data = ensemble(network, task, samples=3)
    run = _Run.of(network, parameters, data, mode)
    basis = torch.linalg.qr(torch.cos(torch.arange(24.0, dtype=torch.float64)).view(2, 6, 2))[0]
    column = torch.sin(torch.arange(12.0, dtype=torch.float64)).view(2, 6, 1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda c: run.logits(torch.cat([basis, _new_column(c, basis)], 2)), (column,), atol=1e-7
    )


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("without", ["nothing", "biases", "biases, but shifted"])
def test_continuing_from_a_state(after, without):
    network, task = CASES[1].values
    network = dataclasses.replace(network, biases=without == "nothing")
    parameters, data = ensemble(network, task)
    if "shifted" in without:
        parameters["shift"] = torch.full((2, 6), 0.3, dtype=torch.float64)
    hidden = network.apply(parameters, data.inputs).hidden
    found = continue_from(parameters, hidden[:, after], data.inputs[:, after + 1 :])
    torch.testing.assert_close(found, hidden[:, after + 1 :])
    shared = continue_from(parameters, hidden[:, after], data.inputs[:1, after + 1 :])
    torch.testing.assert_close(shared[:1], found[:1])


def test_members_are_independent_and_draws_addressed():
    network, task = CASES[0].values
    parameters, _ = ensemble(network, task)
    options = {"largest": 2, "mode": "stop", "iterations": 4, "samples": 8}
    both = supervised_subspace(network, parameters, task, [3, 8], **options)
    second = {name: value[1:] for name, value in parameters.items()}
    alone = supervised_subspace(network, second, task, [8], **options)
    for name in ("basis", "loss", "accuracy"):
        torch.testing.assert_close(getattr(both, name)[1:], getattr(alone, name))
    other = supervised_subspace(network, second, task, [9], **options)
    assert not torch.allclose(other.basis, alone.basis)


def test_every_iteration_has_sequences_of_its_own():
    network, task = CASES[0].values
    parameters, _ = ensemble(network, task)
    drawn = []

    def draw(generators, samples):
        drawn.append(task.draw(generators, samples))
        return drawn[-1]

    watched = dataclasses.replace(task, draw=draw)
    supervised_subspace(network, parameters, watched, [3, 8], 2, test=task.test, iterations=3, samples=7)
    assert len(drawn) == 6
    for k, data in enumerate(drawn):
        expected = task.draw([generator(seed, "supervised batch", k) for seed in (3, 8)], 7)
        assert torch.equal(data.inputs, expected.inputs)


def test_the_recurrence_is_as_it_was():
    network, task = CASES[0].values
    parameters, _ = ensemble(network, task)
    before = {name: value.clone() for name, value in parameters.items()}
    found = supervised_subspace(network, parameters, task, [0, 1], 1, iterations=2, samples=4)
    assert all(torch.equal(before[name], value) for name, value in parameters.items())
    assert not found.basis.requires_grad


def test_growing_ends_when_every_member_has_reached_the_criterion():
    network, parameters = latches(2)
    harder = {name: torch.cat([value, value]) for name, value in parameters.items()}
    harder["W_hh"][1], harder["b_out"][1] = 0, -30  # never right
    task = copy_task(1, width=2, test_samples=32)
    options = {"iterations": 60, "criterion": 1.0}
    assert supervised_subspace(network, parameters, task, [0], 4, **options).accuracy.shape == (1, 2)
    assert supervised_subspace(network, harder, task, [0, 1], 3, **options).accuracy.shape == (2, 3)


def test_the_first_column_starts_at_the_first_unit():
    network, parameters = latches(2)
    task = copy_task(1, width=2, test_samples=8)
    found = supervised_subspace(network, parameters, task, [0], 1, iterations=1, learning_rate=1e-9)
    torch.testing.assert_close(found.basis[0, :, 0], torch.eye(9, dtype=torch.float64)[0], atol=1e-8, rtol=0)


def test_the_smallest_dimension():
    accuracy = torch.tensor([[0.5, 0.9, 0.8, 1.0], [0.9, 0.9, 0.9, 0.9], [0.5, 0.5, 0.5, 0.5]], dtype=torch.float64)
    found = SupervisedSubspace(torch.zeros(3, 5, 4, dtype=torch.float64), accuracy, accuracy)
    np.testing.assert_array_equal(found.dimension(0.9), [2, 1, np.nan])
    np.testing.assert_array_equal(found.dimension(1.0), [4, np.nan, np.nan])
    with pytest.raises(ValueError, match=r"criterion is 97\.0"):
        found.dimension(97.0)


# several tasks


def halves():
    """A network that latches four bits, with a head for two tasks: the first two bits, and the last two."""
    parameters = latches(4)[1]
    network = Elman(5, 9, 2, output_stage=False, heads=2, initialisation="fan_in")
    whole = copy_task(1, width=4, test_samples=64)

    def task(first):
        def draw(generators, samples):
            data = whole.draw(generators, samples)
            return dataclasses.replace(data, targets=data.targets[..., first : first + 2])

        return dataclasses.replace(whole, outputs=2, draw=draw)

    return [network.answering(0), network.answering(1)], [task(0), task(2)], parameters


def test_two_tasks_with_heads_in_other_directions_need_the_sum_of_their_dimensions():
    networks, tasks, parameters = halves()
    joint = joint_supervised_subspace(networks, parameters, tasks, [0], 5)
    alone = [supervised_subspace(n, parameters, t, [0], 3) for n, t in zip(networks, tasks, strict=True)]
    assert [found.dimension(1.0).item() for found in (joint, *alone)] == [4, 2, 2]
    for d in range(1, 6):
        pairs = [
            naive_measures(n, parameters, t.test, 0, joint.basis[0, :, :d], "all")
            for n, t in zip(networks, tasks, strict=True)
        ]
        loss, right = np.mean(pairs, axis=0)
        assert joint.loss[0, d - 1] == pytest.approx(loss, rel=1e-9)
        assert joint.accuracy[0, d - 1] == pytest.approx(right, abs=1e-12)


def test_a_task_twice_needs_no_more_than_once():
    networks, tasks, parameters = halves()
    twice = joint_supervised_subspace(networks[:1] * 2, parameters, tasks[:1] * 2, [0], 3)
    assert twice.dimension(1.0).tolist() == [2]


@pytest.mark.parametrize("mode", ["all", "stop"])
@pytest.mark.parametrize("count", [1, 2])
def test_columns_descend_the_sum_of_the_losses_as_pytorchs_adam_does(mode, count):
    network = dataclasses.replace(CASES[0].values[0], heads=2)
    tasks = [copy_task(2, width=3, order=order) for order in ("forward", "reversed")][:count]
    networks = [network.answering(k) for k in range(count)]
    parameters, _ = ensemble(network, tasks[0], members=1)
    options = {"iterations": 3, "samples": 4, "learning_rate": 0.03}
    found = joint_supervised_subspace(networks, parameters, tasks, [7], 2, mode, **options)
    basis = torch.zeros(6, 0, dtype=torch.float64)
    for d in range(2):
        raw = np.eye(6)[:, 0] if d == 0 else generator(7, "supervised column", d).standard_normal(6)
        start = torch.from_numpy(raw) - basis @ (basis.T @ torch.from_numpy(raw))
        leaf = (start / start.norm()).requires_grad_()
        adam = torch.optim.Adam([leaf], 0.03)
        for i in range(3):
            column = leaf - basis @ (basis.T @ leaf)
            columns = torch.cat([basis, (column / column.norm())[:, None]], 1)
            total = 0.0
            for each, task in zip(networks, tasks, strict=True):
                data = task.draw([generator(7, "supervised batch", d * 3 + i)], 4).to(torch.float64)
                for b in range(4):
                    inputs, targets, scored = sequence(data, 0, b)
                    p = torch.sigmoid(naive_logits(each, parameters, 0, inputs, columns, mode))
                    nll = -(targets * p.log() + (1 - targets) * (1 - p).log())
                    total = total + (nll * scored[:, None]).sum() / (4 * 2 * 3)
            adam.zero_grad()
            total.backward()
            adam.step()
        column = (leaf - basis @ (basis.T @ leaf)).detach()
        basis = torch.cat([basis, (column / column.norm())[:, None]], 1)
    torch.testing.assert_close(found.basis[0], basis, atol=1e-9, rtol=0)


def test_senseless_requests_for_several_tasks_are_refused():
    networks, tasks, parameters = halves()
    with pytest.raises(ValueError, match="tasks is empty"):
        joint_supervised_subspace([], parameters, [], [0], 1)
    with pytest.raises(ValueError, match="networks has 1 entries: it must have one for each of the 2 tasks"):
        joint_supervised_subspace(networks[:1], parameters, tasks, [0], 1)
    with pytest.raises(ValueError, match="tests has 1 entries"):
        joint_supervised_subspace(networks, parameters, tasks, [0], 1, tests=[tasks[0].test])
    others = [networks[0], dataclasses.replace(networks[1], hidden=8)]
    with pytest.raises(ValueError, match="networks differ in more than their head"):
        joint_supervised_subspace(others, parameters, tasks, [0], 1)


def test_senseless_requests_are_refused():
    network, parameters = latches(2)
    task = copy_task(1, width=2)
    with pytest.raises(ValueError, match="it must hold one seed for each of the 1 members"):
        supervised_subspace(network, parameters, task, [0, 1], 1)
    with pytest.raises(ValueError, match="largest is 10: it must lie between 1 and the 9 units"):
        supervised_subspace(network, parameters, task, [0], 10)
    with pytest.raises(ValueError, match="samples is 0"):
        supervised_subspace(network, parameters, task, [0], 1, samples=0)
    with pytest.raises(ValueError, match="mode is 'none': it must be one of all, stop"):
        inspect.unwrap(joint_supervised_subspace)([network], parameters, [task], [0], 1, "none")
    data = task.batch([0], 0, 4)
    twice = data.phase.clone()
    twice[:, 2] = Phase.stop
    two_stops = Sequences(**{**{f.name: getattr(data, f.name) for f in dataclasses.fields(data)}, "phase": twice})
    with pytest.raises(ValueError, match=r"stop steps \[1, 2\]: there must be exactly one"):
        supervised_subspace(network, parameters, task, [0], 1, "stop", test=two_stops)
    for other, mode, message in (
        (
            Elman(3, 9, 2, layers=2, initialisation="fan_in"),
            "all",
            "network has 2 layers and direction forward: it must be one forward layer",
        ),
        (
            LSTM(3, 9, 2, direction="backward", initialisation="fan_in"),
            "all",
            "network has 1 layers and direction backward",
        ),
        (
            LSTM(3, 9, 2, initialisation="fan_in"),
            "stop",
            "mode is 'stop' for the network LSTM: it must be an Elman network with tanh units",
        ),
        (
            ReLUElman(3, 9, 2),
            "stop",
            "mode is 'stop' for the network ReLUElman: it must be an Elman network with tanh units",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            supervised_subspace(other, other.init([0]), task, [0], 1, mode, iterations=1)
