from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.test_training import FAST, NETWORK, TASK, fit
from wmcl.training import Adam, Stop, evaluate
from wmcl.training.milestones import Milestone, Snapshot, interpolate_log


def snapshot(iteration, loss):
    members = len(loss)
    return Snapshot(np.full(members, iteration), np.array(loss), {"W": torch.zeros(members, 1)})


@given(exponent=st.floats(-3, 3), before=st.floats(0.11, 0.5), after=st.floats(0.01, 0.09))
def test_a_power_law_of_the_loss_is_met_exactly(exponent, before, after):
    milestone = Milestone(0.1, np.array([True]), snapshot(1, [before]), snapshot(2, [after]))
    values = [np.array([[7.0 * loss**exponent]]) for loss in (before, after)]
    found = interpolate_log(*values, milestone.position())
    np.testing.assert_allclose(found, 7.0 * 0.1**exponent, rtol=1e-9)


def test_interpolation_with_zeros_is_linear_and_ends_are_kept():
    before, after = np.array([[0.0, 4.0], [1.0, 2.0]]), np.array([[2.0, 0.0], [16.0, 8.0]])
    found = interpolate_log(before, after, np.array([0.25, 1.0]))
    np.testing.assert_allclose(found, [[0.5, 3.0], [16.0, 8.0]])
    np.testing.assert_allclose(interpolate_log(before, after, np.array([0.0, 0.5])), [[0.0, 4.0], [4.0, 4.0]])


@pytest.mark.parametrize("losses", [(np.inf, 0.05), (np.nan, 0.05), (0.2, 0.0)])
def test_position_without_a_bracket_is_after(losses):
    milestone = Milestone(0.1, np.array([True]), snapshot(1, [losses[0]]), snapshot(2, [losses[1]]))
    assert milestone.position().tolist() == [1.0]


def test_position_of_a_single_measurement_is_after():
    milestone = Milestone(0.1, np.array([True]), snapshot(0, [0.05]), snapshot(0, [0.05]))
    assert milestone.position().tolist() == [1.0]


def test_milestones_bracket_the_first_crossing():
    trained = fit([0, 1, 2], Stop(200, loss=0.02), milestones=(0.05, 0.3, 0.1))
    assert [milestone.threshold for milestone in trained.milestones] == [0.3, 0.1, 0.05]
    for milestone in trained.milestones:
        assert milestone.reached.all()
        for k in range(3):
            curve = trained.curves.validation_loss.isel(seed=k).dropna("validation")
            crossing = int((curve.values <= milestone.threshold).argmax())
            assert milestone.after.iteration[k] == curve.validation[crossing]
            assert milestone.before.iteration[k] == curve.validation[crossing - 1]
            assert milestone.before.loss[k] == curve[crossing - 1] > milestone.threshold >= curve[crossing]
            assert milestone.after.iteration[k] - milestone.before.iteration[k] <= FAST.validate_every
        for side in (milestone.before, milestone.after):
            loss = evaluate(NETWORK, side.parameters, TASK.validation, TASK).loss
            np.testing.assert_allclose(loss, side.loss, rtol=1e-5)
            for k in range(0, 3, 2):
                again = fit([k], Stop(int(side.iteration[k]))).parameters
                torch.testing.assert_close(again["W_hh"][0], side.parameters["W_hh"][k], rtol=0, atol=1e-5)


def test_members_near_a_threshold_are_watched_closely():
    trained = fit([0], Stop(200, loss=0.02), milestones=(0.1,))
    near = trained.milestones[0]
    assert near.after.iteration[0] - near.before.iteration[0] <= FAST.watch_every
    at = trained.curves.validation.values
    loss = trained.curves.training_loss.isel(seed=0).values
    for iteration in at[(at > 0) & (at < near.before.iteration[0])]:
        assert iteration % FAST.validate_every == 0 or loss[iteration - 1] < FAST.watch_within * 0.1


def test_a_loss_that_falls_fast_is_still_bracketed_closely():
    options = replace(FAST, validate_every=50, optimiser=Adam(0.02))
    found = fit([0, 1], Stop(200, loss=0.02), options, milestones=(0.4, 0.2, 0.1)).milestones
    assert max((m.after.iteration - m.before.iteration).max() for m in found) <= 2 * FAST.watch_every


def test_members_that_miss_a_milestone_are_marked_and_carry_their_final_state():
    trained = fit([0, 1], Stop(15), milestones=(1e-6,))
    milestone = trained.milestones[0]
    assert not milestone.reached.any()
    assert milestone.after.iteration.tolist() == [15, 15]
    np.testing.assert_array_equal(milestone.after.loss, trained.validation_loss)
    assert torch.equal(milestone.after.parameters["W_hh"], trained.parameters["W_hh"])


@pytest.mark.parametrize("threshold", [5.0])
def test_a_threshold_that_is_met_from_the_start(threshold):
    milestone = fit([0], Stop(5), milestones=(threshold,)).milestones[0]
    assert milestone.reached.all()
    assert milestone.before.iteration[0] == milestone.after.iteration[0] == 0
