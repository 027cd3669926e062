"""Distillation: values and gradients by hand, scored steps anywhere, and what it weighs against the task loss."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import naive, rehearsal
from tests.cases import ragged
from tests.rehearsal import SEQUENCES
from wmcl.likelihoods import Bernoulli
from wmcl.methods.distillation import check_replay, distillation, loss_unit, replay_sizes, total_distillation
from wmcl.tasks import copy_task
from wmcl.training.loss import task_loss

LOGITS = st.floats(-12, 12)


def grid(*values):
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


@given(z=LOGITS, teacher=LOGITS, temperature=st.sampled_from([1.0, 2.0, 5.0]))
def test_value_and_gradient_are_the_formula(z, teacher, temperature):
    p, q = (1 / (1 + np.exp(-x / temperature)) for x in (z, teacher))
    logit = grid(z).requires_grad_()
    found = Bernoulli().distillation(logit, grid(teacher), temperature)
    expected = -(temperature**2) * (q * np.log(p) + (1 - q) * np.log1p(-p))
    np.testing.assert_allclose(found.item(), expected, rtol=1e-9, atol=1e-12)
    (slope,) = torch.autograd.grad(found.sum(), logit)
    np.testing.assert_allclose(slope.item(), temperature * (p - q), rtol=1e-9, atol=1e-12)


def test_there_is_nothing_to_learn_from_oneself():
    logits = grid(-30.0, -1.0, 0.0, 2.0, 8.0).requires_grad_()
    found = Bernoulli().distillation(logits, logits.detach(), 2.0)
    assert not torch.autograd.grad(found.sum(), logits)[0].any()


def test_at_any_temperature_a_student_learns_at_the_same_pace():
    """For large T the gradient tends to (z - z*) / 4, which T² makes independent of it."""
    logits = grid(-1.0, 3.0).requires_grad_()
    for temperature in (100.0, 1000.0):
        found = Bernoulli().distillation(logits, grid(2.0, 1.0), temperature)
        (slope,) = torch.autograd.grad(found.sum(), logits)
        torch.testing.assert_close(slope, temperature * grid(-3.0, 2.0) / temperature / 4, rtol=1e-3, atol=0)


def test_the_mean_is_the_probability_of_a_one():
    torch.testing.assert_close(Bernoulli().mean(grid(0.0, np.log(3))), grid(0.5, 0.75))


def test_sums_over_scored_steps_and_means_over_sequences():
    sequences = ragged()
    teacher = torch.randn(sequences.targets.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    logits = 2 * torch.cos(teacher) - 1
    inside = sequences.window
    found = distillation(Bernoulli(), logits[:, inside], teacher[:, inside], sequences, 2.0)
    for member in range(2):
        total = 0
        for sample in range(sequences.samples):
            own = slice(int(sequences.lengths[0, sample]))
            scored = naive.sequence(sequences, member, sample)[2]
            total += rehearsal.distillation(logits[member, own, sample], teacher[member, own, sample], scored, 2.0)
        torch.testing.assert_close(found[member], total / sequences.samples)


def test_labels_play_no_part():
    sequences = copy_task(2, width=3).batch([0, 1], 0, 4)
    logits, teacher = torch.randn(2, 2, 2, 4, 3)
    other = dataclasses.replace(sequences, targets=1 - sequences.targets)
    one, two = (distillation(Bernoulli(), logits, teacher, each, 2.0) for each in (sequences, other))
    assert torch.equal(one, two)


@pytest.mark.parametrize("name", list(SEQUENCES))
def test_reductions_divide_the_task_loss_and_all_else_by_the_same(name):
    task = SEQUENCES[name][1]
    batch = task.batch([0, 1], 0, 6)
    logits = torch.randn(2, *batch.targets[:, batch.window].shape[1:])
    summed, mean = (task_loss(task.likelihood, logits, batch, each) for each in ("sequence", "scored bit"))
    units = loss_unit(batch, "sequence"), loss_unit(batch, "scored bit")
    torch.testing.assert_close((units[1] / units[0]).expand(2), summed / mean)
    counted = [rehearsal.bits_of_a_sequence(batch, member) for member in range(2)]
    np.testing.assert_allclose(units[1].expand(2), counted, rtol=1e-6)
    assert units[0].eq(1).all()


def test_earlier_tasks_are_summed_so_that_they_weigh_more_the_more_there_are():
    loss, strength = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 0.5])
    for tasks in (1, 4):
        found = total_distillation(strength, [loss] * tasks, torch.tensor([5.0]))
        torch.testing.assert_close(found, tasks * torch.tensor([2.0, 1.5]) / 5)


@given(batch=st.integers(1, 300), tasks=st.integers(1, 40))
def test_replayed_sequences_are_split_evenly(batch, tasks):
    sizes = replay_sizes(batch, tasks)
    assert len(sizes) == tasks
    assert sum(sizes) == batch
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_temperatures_that_make_no_sense_are_refused(temperature):
    with pytest.raises(ValueError, match=r"temperature is .*: it must be positive and finite"):
        check_replay(rehearsal.learner_of(), temperature)


def test_batches_too_small_to_replay_every_task_are_refused():
    check_replay(rehearsal.learner_of(batch=2), 2.0)
    with pytest.raises(ValueError, match="batch is 1 with 2 tasks before the last: it must be at least 2"):
        check_replay(rehearsal.learner_of(batch=1), 2.0)
