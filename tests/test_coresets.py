"""Coresets against the definition, one sequence at a time; and what makes them a fair comparison."""

import dataclasses

import numpy as np
import pytest
import torch

from tests import naive, rehearsal
from tests.captured import rerun
from tests.float64 import Double, double_task
from tests.rehearsal import COMBINED, SEQUENCES, learner_of, remember, values_of
from tests.same import assert_same
from wmcl.methods import Coresets, Method, train_sequence
from wmcl.networks import Elman
from wmcl.tasks import copy_task_sequence
from wmcl.training import Adam, Execution, Options, Stop

TASKS = copy_task_sequence(3, 3, 4, order="permuted time", width=3, validation_samples=32)
NETWORK = Elman(4, 16, 3, initialisation="orthogonal", heads=3)
OPTIONS = Options(batch=8, optimiser=Adam(1e-2), validate_every=10, clip=0.5)


def fit(part, stop=Stop(6), seeds=(3, 5), options=OPTIONS, network=NETWORK, tasks=TASKS, **more):  # noqa: B008
    return list(train_sequence(Method(rehearsal=part), network, tasks, seeds, stop, options, progress=False, **more))


def started(learner, part, values, task=2):
    return part.start(learner, remember(learner, part, values, task), values, task)


@pytest.mark.parametrize("reduction", ["scored bit", "sequence"])
@pytest.mark.parametrize(("network", "tasks"), COMBINED)
def test_losses_and_gradients_are_the_definition(network, tasks, reduction):
    learner = learner_of(network, tasks, reduction=reduction)
    part = Coresets(samples=4, strength=(0.7, 1.5), temperature=3.0)
    before = values_of(learner, part)
    memory = remember(learner, part, before, 2)
    past = part.start(learner, memory, before, 2)
    values = {name: value.requires_grad_() for name, value in values_of(learner, part, change=0.3).items()}
    batch = learner.tasks[2].batch(learner.seeds, 0, 5)
    draws = part.draw(learner, past, 2, 7, batch)
    found = part.losses(past, values, batch, draws)
    assert list(found) == ["distillation"]

    expected = []
    for member in range(2):
        total = 0
        for earlier, chosen in enumerate(draws.values()):
            for sample in chosen[member]:
                inputs, _, scored = naive.sequence(memory[earlier], member, sample)
                given = (rehearsal.answers(learner, each, earlier, member, inputs) for each in (values, before))
                total = total + rehearsal.distillation(*given, scored, 3.0) / chosen.shape[1]
        unit = rehearsal.bits_of_a_sequence(batch, member) if reduction == "scored bit" else 1
        expected.append(part.strength[member] * total / unit)
    torch.testing.assert_close(found["distillation"], torch.stack(expected), rtol=1e-9, atol=0)
    rehearsal.assert_same_gradients(found["distillation"], torch.stack(expected), values)


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("part", [Coresets(0), Coresets(5, strength=0.0), Coresets(0, strength=(1.0, 2.0))])
def test_without_sequences_or_strength_it_is_fine_tuning_bit_for_bit(part, heads):
    network = dataclasses.replace(NETWORK, heads=heads)
    for one, other in zip(fit(part, network=network), fit(None, network=network), strict=True):
        assert_same(one.values, other.values)
        assert_same(one.curves, other.curves)


def test_strengths_are_those_of_the_members():
    together = fit(Coresets(5, strength=(0.0, 2.0)), seeds=(3, 3))[-1].values
    for member, part in enumerate((None, Coresets(5, strength=2.0))):
        alone = fit(part, seeds=(3,))[-1].values
        for name, value in together.items():
            torch.testing.assert_close(value[member], alone[name][0], rtol=1e-4, atol=1e-5)
    assert (together["W_hh"][0] - together["W_hh"][1]).abs().max() > 1e-2


def test_a_member_does_not_depend_on_the_others():
    tasks = [double_task(task) for task in TASKS]
    network = Double(4, 12, 3, initialisation="orthogonal")
    together, alone = (
        fit(Coresets(6), seeds=seeds, network=network, tasks=tasks)[-1].values for seeds in ((3, 5, 9), (5,))
    )
    for name, value in together.items():
        torch.testing.assert_close(value[1], alone[name][0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("heads", [1, 2])
def test_it_forgets_less(heads):
    assert rehearsal.kept_after_two(Coresets(50), heads) > 0.98
    assert rehearsal.kept_after_two(None, heads) < 0.9


def test_draws_are_addressed_in_range_and_even():
    learner = learner_of(seeds=(3, 5, 3), batch=64)
    part = Coresets(samples=3)
    past = started(learner, part, values_of(learner, part))
    batch = learner.tasks[2].batch(learner.seeds, 4, 64)
    draws = part.draw(learner, past, 2, 4, batch)
    assert_same(part.draw(learner, past, 2, 4, batch), draws)
    for chosen in draws.values():
        assert chosen.dtype == torch.int64
        assert chosen.shape == (3, 32)
        assert sorted(set(chosen[0].tolist())) == [0, 1, 2]
        assert torch.equal(chosen[0], chosen[2])
        assert not torch.equal(chosen[0], chosen[1])
    one, other = draws.values()
    assert not torch.equal(one, other)
    for later in (part.draw(learner, past, 2, 5, batch), part.draw(learner, past, 1, 4, batch)):
        assert not torch.equal(next(iter(later.values())), one)
    alone = part.draw(dataclasses.replace(learner, seeds=(5,)), past, 2, 4, batch)
    for name, chosen in alone.items():
        assert torch.equal(chosen[0], draws[name][1])


def test_a_remainder_goes_to_the_first_tasks():
    learner = learner_of(batch=5)
    past = started(learner, Coresets(), values_of(learner, Coresets()))
    batch = learner.tasks[2].batch(learner.seeds, 0, 5)
    assert [chosen.shape[1] for chosen in Coresets().draw(learner, past, 2, 0, batch).values()] == [3, 2]


def test_soft_targets_are_those_of_the_network_when_the_task_began(monkeypatch):
    seen = []
    losses = Coresets.losses

    def watched(part, past, values, batch, draws):
        seen.append((len(past.earlier), past))
        return losses(part, past, values, batch, draws)

    monkeypatch.setattr(Coresets, "losses", watched)
    learned = fit(Coresets(4))
    assert [task for task, _ in seen] == [1] * 6 + [2] * 6
    for task, past in seen:
        before = learned[task - 1]
        assert len(past.earlier) == task
        for earlier, stored in enumerate(past.earlier):
            for member in range(2):
                inputs = naive.sequence(stored.sequences, member, 1)[0]
                expected = rehearsal.answers(before.learner, before.values, earlier, member, inputs)
                torch.testing.assert_close(
                    stored.teacher[member, :, 1], expected[stored.sequences.window], rtol=1e-5, atol=1e-5
                )


def test_each_member_keeps_sequences_of_its_own_and_no_labels():
    learner = learner_of(seeds=(3, 5, 3))
    memory = remember(learner, Coresets(6), {}, 2)
    for task, sequences in enumerate(memory):
        assert sequences.targets.shape == (3, 7, 6, 0)
        assert torch.equal(sequences.inputs[0], sequences.inputs[2])
        assert not torch.equal(sequences.inputs[0], sequences.inputs[1])
        drawn = learner.data(task, "coreset", 6)
        assert torch.equal(drawn.inputs, sequences.inputs)
        assert torch.equal(drawn.scored, sequences.scored)
        assert not torch.equal(drawn.inputs, learner.tasks[task].batch(learner.seeds, 0, 6).inputs)


def test_what_is_stored_is_counted():
    per_sequence = 4 + 1 + 3  # steps of TASKS: i, stop flag, p
    for task, after in enumerate(fit(Coresets(7), Stop(1))):
        assert after.stored == (task + 1) * 7 * per_sequence * (4 + 1)  # input features, and whether a step is scored


def test_a_captured_step_and_batches_drawn_ahead_change_nothing():
    eager, captured = (fit(Coresets(6), execution=each) for each in (None, Execution(capture=rerun, ahead=3)))
    for one, other in zip(eager, captured, strict=True):
        assert_same(one.values, other.values)


@pytest.mark.parametrize("tasks", list(SEQUENCES))
def test_the_losses_never_ask_for_a_value(tasks):
    learner, part = learner_of("Elman", tasks), Coresets(4)
    values = values_of(learner, part)
    past = started(learner, part, values)
    batch = learner.tasks[2].batch(learner.seeds, 0, 5)
    draws = part.draw(learner, past, 2, 0, batch)
    given = [rehearsal.on_meta(each) for each in (past, values)]
    found = part.losses(*given, rehearsal.on_meta(batch), rehearsal.on_meta(draws))
    assert found["distillation"].device.type == "meta"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": -1}, "samples is -1: it must be a whole number of at least 0"),
        ({"strength": -1.0}, "strength is -1.0: it must be at least 0"),
        ({"strength": (1.0, 2.0, 3.0)}, "strength has 3 entries for 2 members"),
        ({"temperature": 0.0}, "temperature is 0.0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_training(change, message):
    with pytest.raises(ValueError, match=message):
        train_sequence(Method(rehearsal=Coresets(**change)), NETWORK, TASKS, (3, 5), Stop(1), OPTIONS, progress=False)


def test_after_training_the_network_is_what_a_loop_written_out_gives():
    """Task and replay gradients are added before they are clipped together."""
    part = Coresets(5, strength=1.3)
    learned = fit(part, Stop(1))
    before, after = learned[0], learned[1]
    learner = before.learner
    past = part.start(learner, before.rehearsal_memory, before.values, 1)
    leaves = {name: value.clone().requires_grad_() for name, value in before.values.items()}
    batch = TASKS[1].batch((3, 5), 0, 8)
    draws = part.draw(learner, past, 1, 0, batch)
    logits = NETWORK.answering(1).apply(leaves, batch.inputs, batch.window).logits
    nll = TASKS[1].likelihood.nll(logits, batch.targets[:, batch.window])
    total = nll.mean((1, 2, 3)) + part.losses(past, leaves, batch, draws)["distillation"]
    slopes = torch.autograd.grad(total.sum(), list(leaves.values()))
    moved = after.values["W_out"] - before.values["W_out"]
    expected = dict(zip(leaves, slopes, strict=True))["W_out"]
    clear = expected.abs() > 1e-5
    assert torch.equal(torch.sign(moved)[clear], -torch.sign(expected)[clear])  # Adam's first step is -η sign(g)
    np.testing.assert_allclose(moved[clear].abs(), 1e-2, rtol=1e-2)
    assert moved[:, :6].any()  # the head of the first task moves, too
    assert not moved[:, 6:].any()
