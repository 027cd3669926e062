"""The rules that stop a member, at their edges."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.test_training import FAST, fit
from wmcl.networks import Elman
from wmcl.training import Adam, Options, Reason, Stop
from wmcl.training.milestones import Milestone, Snapshot, pass_milestones
from wmcl.training.state import Progress


def test_rules_include_their_bound():
    stop = Stop(100, loss=0.1, accuracy=0.9, patience=10)
    assert stop.reason(0.1, 0.0, 0) is Reason.loss
    assert stop.reason(0.2, 0.9, 0) is Reason.accuracy
    assert stop.reason(0.2, 0.8, 10) is Reason.patience
    assert stop.reason(0.1001, 0.8999, 9) is None
    assert Stop(100).reason(0.0, 1.0, 10**6) is None


def test_patience_counts_from_the_last_strictly_lower_loss():
    member, stop = Progress(()), Stop(100, patience=10)
    for iteration, loss in ((0, 0.7), (5, 0.6), (10, 0.6), (14, 0.65)):
        member = member.validated(iteration, loss, 0.5, stop)
        assert member.reason is None
    assert member.validated(15, 0.6, 0.5, stop).reason is Reason.patience


def test_a_target_that_is_met_exactly_is_behind():
    member = Progress((0.2, 0.1))
    assert member.validated(0, 0.2, 0.5, Stop(10)).targets == (0.1,)


def test_when_a_member_is_validated():
    options, stop = Options(validate_every=10, watch_every=2, watch_within=3.0), Stop(33)
    far, near, done = Progress((0.1,)), Progress((0.1,), training_loss=0.29), Progress((0.1,), reason=Reason.loss)
    due = {name: [k for k in range(34) if m.is_due(k, stop, options)] for name, m in (("far", far), ("near", near))}
    assert due["far"] == [0, 10, 20, 30, 33]
    assert due["near"] == [*range(0, 33, 2), 33]
    assert not any(done.is_due(k, stop, options) for k in range(34))


def at(iteration, *losses):
    values = torch.full((len(losses), 1), float(iteration))
    return Snapshot(np.full(len(losses), iteration), np.array(losses), {"W": values})


def test_milestones_are_passed_by_each_member_on_its_own():
    last = Snapshot(np.array([5, 3]), np.array([0.15, 0.4]), {"W": torch.tensor([[5.0], [3.0]])})
    found = pass_milestones({}, [0.1], [True, False], last, at(6, 0.1, 0.05))
    assert found[0.1].reached.tolist() == [True, False]  # exactly at the threshold; the other was not due
    found = pass_milestones(
        found, [0.1], [True, True], last.updated([True, False], at(6, 0.1, 0.05)), at(8, 0.01, 0.08)
    )
    milestone: Milestone = found[0.1]
    assert milestone.reached.all()
    assert milestone.after.iteration.tolist() == [6, 8]
    assert milestone.after.loss.tolist() == [0.1, 0.08]
    assert milestone.before.iteration.tolist() == [5, 3]
    assert milestone.before.parameters["W"].flatten().tolist() == [5.0, 3.0]
    assert milestone.after.parameters["W"].flatten().tolist() == [6.0, 8.0]


def test_the_reference_reduction_reaches_the_optimiser_but_not_the_curves():
    options = dataclasses.replace(FAST, clip=1e-3)
    per_bit = fit([0], Stop(1), options)
    reference = fit([0], Stop(1), dataclasses.replace(options, reduction="sequence", clip=6e-3))
    assert reference.curves.training_loss.values == pytest.approx(per_bit.curves.training_loss.values, rel=1e-6)
    unclipped = [
        fit([0], Stop(3), dataclasses.replace(FAST, clip=None, orthogonality=1e-2, reduction=r))
        for r in ("sequence", "scored bit")
    ]
    assert not torch.allclose(unclipped[0].parameters["W_hh"], unclipped[1].parameters["W_hh"], rtol=0, atol=1e-6)


def test_a_non_finite_gradient_with_a_finite_loss_stops_a_member():
    class Steep(Elman):
        def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
            found = super().apply(parameters, inputs, steps, taps, lengths)
            zero = (parameters["b_out"] * 0).sum() * 0
            return dataclasses.replace(found, logits=found.logits + torch.sqrt(zero))  # value 0, slope infinite

    with pytest.warns(RuntimeWarning, match="seed 0 has a non-finite loss, gradient or update at iteration 0"):
        trained = fit([0], Stop(5), network=Steep(4, 24, 3))
    assert trained.reason == (Reason.nonfinite,)
    assert all(torch.equal(value, trained.initial[name]) for name, value in trained.parameters.items())
    assert np.isfinite(trained.validation_loss).all()


def test_a_frozen_member_leaves_no_curve():
    trained = fit([0, 1], Stop(40, loss=0.45), dataclasses.replace(FAST, optimiser=Adam((2e-2, 1e-6)), clip=1e-3))
    frozen = trained.curves.isel(seed=0, iteration=slice(int(trained.iterations[0]), None))
    assert trained.iterations[0] < 40
    assert frozen.training_loss.isnull().all()
    assert frozen.clipped.isnull().all()
    assert trained.curves.clipped.isel(seed=1).mean() == 1
