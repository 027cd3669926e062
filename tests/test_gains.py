"""Masked and modulated networks against recurrences written out unit by unit."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import naive
from tests.conftest import REFERENCE
from tests.float64 import double_task
from tests.same import assert_same
from tests.test_train_sequence import FAST, HEADS, SINGLE, TASKS, fit
from wmcl.methods import FisherImportance, Masked, MemoryAwareSynapses, Method, Modulated, Multitask
from wmcl.networks import GRU, LSTM, Elman
from wmcl.randomness import generator
from wmcl.training import Options, Stop
from wmcl.training.parts import Initial, Learner

CELLS = [
    Elman(4, 6, 3, heads=3, initialisation="fan_in"),
    Elman(4, 6, 3, output_stage=False, initialisation="fan_in"),
    LSTM(4, 5, 3, heads=3, initialisation="fan_in"),
    GRU(4, 5, 3, initialisation="fan_in"),
    Elman(4, 6, 3, heads=3, biases=False, initialisation="fan_in"),
    GRU(4, 5, 3, biases=False, initialisation="fan_in"),
]
DEEP = [
    Elman(4, 5, 3, layers=2, direction="bidirectional", heads=3, initialisation="fan_in"),
    LSTM(4, 4, 3, layers=2, direction="backward", initialisation="fan_in"),
    GRU(4, 4, 3, layers=2, initialisation="fan_in"),
]
cells = pytest.mark.parametrize("network", CELLS, ids=lambda network: type(network).__name__)
every = pytest.mark.parametrize("network", CELLS + DEEP)
both = pytest.mark.parametrize("parametrisation", [Masked(0.5), Modulated()])


@dataclasses.dataclass(frozen=True)
class ByHand(Masked):
    """Masks that switch units off by their numbers, one list a task."""

    off: tuple = ()

    def init(self, network, seeds, tasks):
        trained, fixed = super().init(network, seeds, tasks)
        masks = {name: torch.ones_like(mask) for name, mask in fixed.items()}
        for mask in masks.values():
            for task, units in enumerate(self.off):
                mask[:, task, list(units)] = 0
        return Initial(trained, masks)


def learner_of(network, parametrisation, seeds=(3, 5)):
    """In float64, with values moved off their start."""
    trained, fixed = parametrisation.init(network, seeds, 3)
    values = {n: v.double() + 0.2 * torch.sin(torch.arange(v.numel())).view_as(v) for n, v in trained.items()}
    tasks = tuple(double_task(task) for task in TASKS)
    masks = {name: value.double() for name, value in fixed.items()}
    return Learner(network, parametrisation, tasks, tuple(seeds), Options(precision="float64"), masks), values


def gains_of(learner, values, member, task):
    """Gain and shift of every row of the pre-activation."""
    network = learner.network
    if isinstance(learner.parametrisation, Masked):
        gain = torch.cat([learner.fixed["mask"][member, task]] * network.cell.gates)
        return gain, torch.zeros_like(gain)
    raw = values["gain"][member, task]
    return torch.stack([torch.log(1 + torch.exp(x)) for x in raw]), values["shift"][member, task]


def one_layer(network, p, gain, shift, inputs):
    """h_t and the logits of all heads, with a → gain a + shift for every pre-activation of the layer."""
    n = network.hidden
    h = c = torch.zeros(n, dtype=inputs.dtype)
    hidden, logits = [], []
    for x in inputs:
        of_input, of_hidden = p["W_ih"] @ x + p.get("b_ih", 0), p["W_hh"] @ h + p.get("b_hh", 0)
        a = gain * (of_input + of_hidden) + shift
        if isinstance(network, LSTM):
            c = torch.sigmoid(a[n : 2 * n]) * c + torch.sigmoid(a[:n]) * torch.tanh(a[2 * n : 3 * n])
            h = torch.sigmoid(a[3 * n :]) * torch.tanh(c)
        elif isinstance(network, GRU):
            reset, update = torch.sigmoid(a[:n]), torch.sigmoid(a[n : 2 * n])
            last = slice(2 * n, None)
            candidate = torch.tanh(gain[last] * (of_input[last] + reset * of_hidden[last]) + shift[last])
            h = (1 - update) * candidate + update * h
        else:
            h = torch.tanh(a)
        y = torch.tanh(gain * (p["W_ho"] @ h + p["b_ho"]) + shift) if network.has_output_stage else h
        hidden.append(h)
        logits.append(p["W_out"] @ y + p["b_out"])
    return torch.stack(hidden), torch.stack(logits)


@both
@cells
def test_the_forward_pass_is_the_recurrence_with_gains(network, parametrisation):
    learner, values = learner_of(network, parametrisation)
    for task in range(3):
        sequences = learner.data(task, "probe", 4)
        answering = learner.network_of(task)
        found = answering.apply(learner.weights(values, task), sequences.inputs)
        for member in range(2):
            p = {name: values[name][member] for name in network.shapes}
            gain, shift = gains_of(learner, values, member, task)
            for sample in range(4):
                hidden, logits = one_layer(network, p, gain, shift, sequences.inputs[member, :, sample])
                torch.testing.assert_close(found.hidden[member, :, sample], hidden, rtol=1e-10, atol=1e-12)
                expected = logits[:, answering.head_rows]
                torch.testing.assert_close(found.logits[member, :, sample], expected, rtol=1e-10, atol=1e-12)


def test_masked_network_of_the_authors_code():
    path = REFERENCE.with_name("masked_rnn_p5_i5.npz")
    if not path.exists():
        pytest.skip("the masked network of the authors' code is not on this machine")
    network, parametrisation = Elman(8, 256, 7, heads=2, initialisation="fan_in"), Masked()
    with np.load(path) as arrays:
        reference = {name: torch.from_numpy(value) for name, value in arrays.items()}
    values = {name: reference[f"param/{name}"][None] for name in network.shapes}
    values["mask"] = torch.stack([reference[f"mask/task{task}/gain0"] for task in range(2)])[None]
    assert (parametrisation.init(network, [0], 2).fixed["mask"] == 0).sum(-1).tolist() == [[204, 204]]
    assert (values["mask"] == 0).sum(-1).tolist() == [[204, 204]]
    for task in range(2):
        weights = parametrisation.weights(network, values, task)
        found = network.answering(task).apply(weights, reference[f"task{task}/X"][None])
        for name, mine in (("h_t", found.hidden), ("y_t", found.output), ("logits", found.logits)):
            np.testing.assert_allclose(mine[0], reference[f"task{task}/{name}"], rtol=0, atol=2e-6)


@given(
    hidden=st.integers(1, 30),
    fraction=st.floats(0, 1, exclude_max=True),
    tasks=st.integers(1, 4),
    seeds=st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
def test_masks_are_exact_in_number_and_addressed(hidden, fraction, tasks, seeds):
    network = LSTM(2, hidden, 1, layers=2, direction="bidirectional", initialisation="fan_in")
    fixed = Masked(fraction).init(network, seeds, tasks).fixed
    assert set(fixed) == {"mask", "mask_reverse", "mask_l1", "mask_l1_reverse"}
    for name, mask in fixed.items():
        assert mask.shape == (len(seeds), tasks, hidden)
        assert set(mask.unique().tolist()) <= {0.0, 1.0}
        assert ((mask == 0).sum(-1) == int(hidden * fraction)).all()
        for member, seed in enumerate(seeds):  # neither other members nor later tasks have a say
            assert_same(Masked(fraction).init(network, [seed], tasks + 1).fixed[name][0, :tasks], mask[member])


def test_masks_differ_between_tasks_members_and_layers():
    network = Elman(4, 40, 3, layers=2, direction="bidirectional", initialisation="fan_in")
    fixed = Masked(0.5).init(network, [0, 1, 0], 3).fixed
    assert_same(fixed["mask"][0], fixed["mask"][2])
    drawn = [tuple(row.tolist()) for mask in fixed.values() for row in mask[:2].flatten(0, 1)]
    assert len(set(drawn)) == len(drawn) == 4 * 2 * 3
    often = torch.stack([Masked(0.75).init(Elman(1, 8, 1, initialisation="fan_in"), range(400), 1).fixed["mask"]]).mean(
        (0, 1, 2)
    )
    np.testing.assert_allclose(often, 0.25, atol=0.1)  # 4.6 standard errors: no unit is preferred


@every
def test_masked_units_are_silent_and_get_no_gradient(network):
    parametrisation = ByHand(off=((0, 2), (0, 2), (0, 2)))
    learner, values = learner_of(network, parametrisation)
    leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
    sequences = learner.data(1, "probe", 4)
    found = learner.network_of(1).apply(
        learner.weights(leaves, 1), sequences.inputs, taps=True, lengths=sequences.lengths
    )
    n, sides = network.hidden, 2 if network.direction == "bidirectional" else 1
    off = [side * n + unit for side in range(sides) for unit in (0, 2)]
    on = [unit for unit in range(sides * n) if unit not in off]
    for hidden in (*found.layers, found.output):
        assert not hidden[..., off].any()
        assert (hidden[..., on] != 0).any((0, 1, 2)).all()
    gradient = dict(zip(leaves, torch.autograd.grad(found.logits.square().sum(), leaves.values()), strict=True))
    for name, slope in gradient.items():
        if name[2:4] in ("ih", "hh", "ho"):
            rows = slope.unflatten(1, (-1, n))
            assert not rows[:, :, [0, 2]].any()
            assert rows[:, :, 1].any()
        if name in ("W_out",):
            assert not slope[..., off].any()
        elif name.startswith(("W_hh", "W_ho")):
            assert not slope[..., [0, 2]].any()


@cells
def test_tasks_with_disjoint_masks_do_not_disturb_each_other(network):
    parametrisation = ByHand(off=((0, 1, 2), (3, 4, 5) if network.hidden == 6 else (3, 4)))
    if network.heads == 3:
        network = dataclasses.replace(network, heads=2)
    options = dataclasses.replace(FAST, orthogonality=0.0)
    first, second = fit(Method(parametrisation), network, TASKS[:2], stop=Stop(5), options=options)
    inputs = TASKS[0].validation.inputs
    before, after = (network.apply(each.weights(0), inputs) for each in (first, second))
    assert torch.equal(before.hidden, after.hidden)
    assert torch.equal(before.output, after.output)
    assert torch.equal(before.logits, after.logits) == (network.heads == 2)  # a common bias of the head moves
    assert not torch.equal(first.weights(1)["W_hh"], second.weights(1)["W_hh"])


@pytest.mark.parametrize("network", [HEADS, LSTM(4, 6, 3, initialisation="fan_in")])
def test_without_anything_off_it_is_the_network_itself(network):
    masked, shared = fit(Method(Masked(0.0)), network, stop=Stop(4)), fit(network=network, stop=Stop(4))
    for one, other in zip(masked, shared, strict=True):
        assert_same({name: one.values[name] for name in network.shapes}, other.values)
        assert one.stored == 3 * network.hidden
        assert other.stored == 0


@pytest.mark.parametrize("network", CELLS[:1] + CELLS[2:] + DEEP[:1])
def test_modulation_starts_as_the_network_itself_and_is_learned_task_by_task(network):
    start = Modulated().init(network, (3, 5), 3)
    assert start.fixed == {}
    for task in range(3):
        weights = Modulated().weights(network, start.trained, task)
        for name, value in network.init((3, 5)).items():
            torch.testing.assert_close(weights[name], value, rtol=1e-6, atol=0)
    learned = fit(Method(Modulated()), network, stop=Stop(4))
    earlier = start.trained
    for task, after in enumerate(learned):
        for name in earlier.keys() - network.shapes.keys():
            moved = (after.values[name] != earlier[name]).flatten(2).any(2)
            assert moved[:, task].all()
            assert not moved[:, [other for other in range(3) if other != task]].any()
        rows = sum(shape[0] for name, shape in network.shapes.items() if name.startswith("W_hh"))
        assert after.stored == 3 * 2 * rows
        earlier = after.values


@both
def test_orthogonality_acts_on_the_weights_before_gains(parametrisation):
    learned = fit(Method(parametrisation), SINGLE, TASKS[:1], stop=Stop(30), options=Options(orthogonality=1e3))
    values = learned[0].values
    base = parametrisation.base(SINGLE, learned[0].learner.fixed | values, 0)
    assert_same(base, {name: values[name] for name in SINGLE.shapes})
    W = base["W_hh"]
    assert (W @ W.mT - torch.eye(12)).abs().max() < 0.05
    W = learned[0].weights(0)["W_hh"]
    if isinstance(parametrisation, Masked):
        assert (W @ W.mT - torch.eye(12)).abs().max() > 0.9


@both
@pytest.mark.parametrize("network", [CELLS[0], DEEP[0]])
def test_all_tasks_at_once(network, parametrisation):
    (after,) = fit(Method(parametrisation, schedule=Multitask()), network, stop=Stop(2))
    for name, value in parametrisation.init(network, (3, 5), 3).trained.items():
        if name not in network.shapes:
            assert (after.values[name] != value).flatten(2).any(2).all()


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_senseless_fractions_are_refused(fraction):
    with pytest.raises(ValueError, match=f"fraction_off is {fraction}: it must be at least 0 and below 1"):
        Masked(fraction)


def in_biases(network, weights):
    """The network with biases that computes the same as one without, whose shift stands beside its weights."""
    if network.biases or "shift" not in weights:
        return network, weights
    zeros = torch.zeros_like(weights["shift"])
    return dataclasses.replace(network, biases=True), weights | {"b_ih": weights["shift"], "b_hh": zeros}


@pytest.mark.parametrize("measure", [FisherImportance("empirical", samples=5), MemoryAwareSynapses(samples=5)])
@both
@every
def test_importances_are_those_of_the_guarded_values(network, parametrisation, measure):
    """Against a gradient a sequence, with respect to the values under the gains."""
    learner, values = learner_of(network, parametrisation)
    found = measure.measure(learner, values, 1, {})
    data = learner.tasks[1].draw([generator(seed, "importance", 1) for seed in learner.seeds], 5)
    for member in range(2):
        expected = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in network.shapes.items()}
        for sample in range(5):
            leaves = {name: values[name].clone().requires_grad_() for name in network.shapes}
            inputs, targets, scored = naive.sequence(data, member, sample)
            weights = learner.weights(values | leaves, 1)
            logits = naive.forward(*in_biases(learner.network_of(1), weights), member, inputs)[2]
            if isinstance(measure, FisherImportance):
                loss, power = naive.nll(logits, targets, scored), 2
            else:
                loss, power = (logits**2 * scored[:, None]).sum(), 1
            slopes = torch.autograd.grad(loss, list(leaves.values()))
            for name, slope in zip(leaves, slopes, strict=True):
                expected[name] += slope[member].abs() ** power / 5
        for name, value in expected.items():
            torch.testing.assert_close(found[name][member], value, rtol=1e-9, atol=1e-14)
