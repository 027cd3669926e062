"""State projection: what W_hh does to the hidden states of earlier tasks, before and after later ones."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.rehearsal import RECORDED
from tests.same import assert_same
from wmcl.methods import Hypernetwork, Masked, Method, Modulated, Parametrisation, StateProjection, train_sequence
from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import Phase
from wmcl.training import SGD, Adam, AdamW, Options, Stop
from wmcl.training.parts import Learner

HIDDEN = 14
EXACT = Options(batch=4, optimiser=Adam(1e-2), validate_every=10, orthogonality=0.01, precision="float64")
ALL = StateProjection(share=1.0, samples=2)
MOMENTUM = SGD(0.1, momentum=0.9)
WIRINGS = [
    (1, "forward", Adam(1e-2)),
    (1, "bidirectional", MOMENTUM),
    (2, "backward", MOMENTUM),
    (2, "bidirectional", Adam(1e-2)),
]
CELLS = {"Elman": Elman, "LSTM": LSTM, "GRU": GRU}


def network_of(cell="Elman", layers=1, direction="forward", heads=3):
    return CELLS[cell](4, HIDDEN, 3, layers=layers, direction=direction, heads=heads)


def fit(penalty, network, options=EXACT, seeds=(3, 5), stop=Stop(4), parametrisation=None, tasks=RECORDED):  # noqa: B008
    method = Method(parametrisation or Parametrisation(), penalty)
    return list(train_sequence(method, network, tasks, seeds, stop, options, progress=False))


def states_read(after, task, samples, member):
    """What each recurrent matrix reads, sequence by sequence and step by step, without any padding."""
    learner, network, found = after.learner, after.learner.network_of(task), {}
    data = learner.data(task, "projection", samples)
    weights = {name: value[member : member + 1] for name, value in after.weights(task).items()}
    for sample in range(samples):
        own = int((data.phase[min(member, len(data.phase) - 1), :, sample] != Phase.padding).sum())
        inputs = data.inputs[min(member, len(data.inputs) - 1), :own, sample][None, :, None]
        for layer, hidden in enumerate(network.apply(weights, inputs).layers):
            states = hidden[0, :, 0].detach().numpy().reshape(own, -1, HIDDEN)
            sides = [""] if network.direction == "forward" else ["_reverse"]
            sides = ["", "_reverse"] if network.direction == "bidirectional" else sides
            for side, of_side in zip(sides, states.transpose(1, 0, 2), strict=True):
                name = "W_hh" + (f"_l{layer}" if layer else "") + side
                if name not in weights:
                    name = name.removesuffix("_reverse")
                read = of_side[1:] if side else of_side[:-1]  # the state of the last step is read by nobody
                found.setdefault(name, []).append((read, own))
    return found


def moment(found, name):
    """E[h hᵀ] over all steps, a step at a time; the state before the first step is 0."""
    total, steps = np.zeros((HIDDEN, HIDDEN)), 0
    for states, own in found[name]:
        for h in states:
            total += np.outer(h, h)
        steps += own
    return total / steps


def check_that_states_are_kept(learned, samples=2):
    """W_hh acts on states of a task in all later sessions as it did when the task was over."""
    for number, first in enumerate(learned):
        for later in learned[number + 1 :]:
            for member in range(2):
                for name, found in states_read(first, number, samples, member).items():
                    before, now = (each.weights(number)[name][member].numpy() for each in (first, later))
                    states = np.concatenate([states for states, _ in found])
                    assert len(states) > 2
                    np.testing.assert_allclose(states @ now.T, states @ before.T, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("layers", "direction", "optimiser"), WIRINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_states_of_earlier_tasks_are_acted_on_as_before(cell, layers, direction, optimiser):
    network, options = network_of(cell, layers, direction), dataclasses.replace(EXACT, optimiser=optimiser)
    learned = fit(ALL, network, options)
    check_that_states_are_kept(learned)
    names = [name for name in network.shapes if name.startswith("W_hh")]
    assert sorted(learned[0].penalty_memory) == sorted(names)
    for name in names:  # it learns in the directions that are left
        assert (learned[1].values[name] - learned[0].values[name]).abs().max() > 1e-5
    for name, value in learned[1].values.items():
        if not name.startswith("W_hh"):
            assert not torch.equal(value, learned[0].values[name])


@pytest.mark.parametrize("optimiser", [AdamW(1e-2, weight_decay=1.0), Adam(1e-2, weight_decay=0.1)], ids=repr)
def test_weight_decay_is_projected_too(optimiser):
    check_that_states_are_kept(fit(ALL, network_of(), dataclasses.replace(EXACT, optimiser=optimiser)))


@pytest.mark.parametrize("parametrisation", [Masked(0.3), Modulated()])
@pytest.mark.parametrize("heads", [1, 3])
def test_it_goes_with_masks_modulation_and_heads(parametrisation, heads):
    learned = fit(ALL, network_of(heads=heads), parametrisation=parametrisation)
    check_that_states_are_kept(learned)
    assert not torch.equal(learned[1].values["W_hh"], learned[2].values["W_hh"])


@pytest.mark.parametrize("share", [1.0, 0.9])
@pytest.mark.parametrize("cell", CELLS)
def test_the_memory_is_a_projection_whose_rank_only_falls(cell, share):
    learned = fit(StateProjection(share, 2), network_of(cell, 2, "bidirectional"))
    before = dict.fromkeys(learned[0].penalty_memory, torch.full((2,), HIDDEN))
    for after in learned:
        for name, free in after.penalty_memory.items():
            assert free.shape == (2, HIDDEN, HIDDEN)
            assert free.dtype == torch.float64
            assert torch.equal(free, free.mT)
            torch.testing.assert_close(free @ free, free, rtol=0, atol=1e-10)
            rank = free.diagonal(dim1=1, dim2=2).sum(1)
            torch.testing.assert_close(rank, rank.round(), rtol=0, atol=1e-9)
            assert (rank.round() <= before[name]).all()
            before[name] = rank.round()
        assert after.stored == 4 * HIDDEN**2
    assert all((rank < HIDDEN).all() for rank in before.values())


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("cell", CELLS)
def test_the_share_of_the_states_is_held_by_the_fewest_directions(cell, share):
    learned = fit(StateProjection(share, 3), network_of(cell, 1, "bidirectional"))
    for number, after in enumerate(learned):
        for member in range(2):
            found = states_read(after, number, 3, member)
            for name, free in after.penalty_memory.items():
                M, P = moment(found, name), free[member].numpy()
                assert np.trace((np.eye(HIDDEN) - P) @ M) >= (share - 1e-9) * np.trace(M)
                before = np.eye(HIDDEN) if number == 0 else learned[number - 1].penalty_memory[name][member].numpy()
                left = np.linalg.eigvalsh(before @ M @ before)[::-1]
                allowed = (1 - share) * np.trace(M) * (1 + 1e-9)
                fewest = next(k for k in range(HIDDEN + 1) if left[k:].sum() <= allowed)
                assert round(np.trace(before) - np.trace(P)) == fewest


def test_padding_does_not_count():
    """Neither what stands in it, nor how long it is."""
    network, part = network_of("GRU", 2, "bidirectional"), StateProjection(0.9, 4)
    values = {name: value.double() for name, value in network.init((3, 5)).items()}

    def with_junk(drawn):
        is_padding = (drawn.phase == Phase.padding)[..., None]
        return dataclasses.replace(drawn, inputs=torch.where(is_padding, 100.0, drawn.inputs))

    assert (RECORDED[0].batch((3, 5), 0, 4).phase == Phase.padding).any()

    def memory_of(task, seeds=(3, 5)):
        learner = Learner(network, Parametrisation(), (task, *RECORDED[1:]), seeds, EXACT, {})
        own = values if len(seeds) == 2 else {name: value[:1] for name, value in values.items()}
        return part.finish(learner, None, own, 0, {})

    plain, junk = memory_of(RECORDED[0]), memory_of(RECORDED[0].changed(with_junk, RECORDED[0].inputs))
    assert_same(junk, plain)
    for name, free in memory_of(RECORDED[0], (3,)).items():
        torch.testing.assert_close(free[0], plain[name][0], rtol=0, atol=1e-9)


def test_the_first_task_is_fine_tuning_bit_for_bit():
    options = dataclasses.replace(EXACT, precision="float32")
    (first, second, _), (plain, after, _) = (fit(part, network_of(), options) for part in (StateProjection(), None))
    assert_same(first.values, plain.values)
    assert_same(first.curves, plain.curves)
    assert not torch.equal(second.values["W_hh"], after.values["W_hh"])
    assert plain.penalty_memory is None


def test_a_member_does_not_depend_on_the_others():
    together = fit(StateProjection(0.9, 3), network_of("LSTM"), seeds=(3, 5, 9))
    alone = fit(StateProjection(0.9, 3), network_of("LSTM"), seeds=(5,))
    for one, other in zip(together, alone, strict=True):
        for name, value in other.values.items():
            torch.testing.assert_close(one.values[name][1], value[0], rtol=0, atol=1e-9)
        for name, free in other.penalty_memory.items():
            torch.testing.assert_close(one.penalty_memory[name][1], free[0], rtol=0, atol=1e-8)


def test_it_has_no_strength_and_refuses_what_makes_no_sense():
    assert not [field.name for field in dataclasses.fields(StateProjection) if field.name.endswith("strength")]
    with pytest.raises(
        ValueError,
        match="penalty is StateProjection with the parametrisation Hypernetwork: it needs weights that tasks share",
    ):
        Method(Hypernetwork(), StateProjection())
    for share in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(ValueError, match=f"share is {share}: it must be above 0 and at most 1"):
            StateProjection(share)
    with pytest.raises(ValueError, match="samples is 0: it must be a whole number of at least 1"):
        StateProjection(samples=0)
