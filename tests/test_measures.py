"""Measures after each phase, against the same measures taken directly from the run."""

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr

from wmcl.dimensionality import components_for_variance, covariance_spectrum, shared_variance, states
from wmcl.importance import fisher_diagonal
from wmcl.methods import FromScratch, Measures, Method, Multitask, measure_run, named, train_sequence
from wmcl.networks import Elman
from wmcl.plotting import plot_accuracy_matrix
from wmcl.tasks import copy_task_sequence, with_task_identity
from wmcl.training import Adam, Options, Reason, Stop, evaluate

TASKS = copy_task_sequence(3, 3, 4, order="permuted time", width=3, validation_samples=32, test_samples=40)
NETWORK = Elman(4, 12, 3, initialisation="orthogonal", heads=3)
SMALL = Measures(importance_samples=8, state_samples=16, shared_components=4)


def run(method=Method(), tasks=TASKS, network=NETWORK, seeds=(3, 5)):  # noqa: B008
    options = Options(batch=16, optimiser=Adam(5e-3), validate_every=10)
    return list(train_sequence(method, network, tasks, seeds, Stop(20), options, progress=False))


@pytest.fixture(scope="module")
def learned():
    return run()


@pytest.fixture(scope="module")
def found(learned):
    return measure_run(learned, SMALL)


def test_loss_and_accuracy_of_every_task_after_every_session(learned, found):
    assert found.seed.values.tolist() == [3, 5]
    for after in learned:
        for number, task in enumerate(TASKS):
            for data in ("validation", "test"):
                direct = evaluate(NETWORK.answering(number), after.weights(number), getattr(task, data), task)
                at = found.sel(trained_task=after.task, evaluated_task=number, data=data)
                np.testing.assert_array_equal(at.accuracy, direct.accuracy)
                np.testing.assert_array_equal(at.loss, direct.loss)
    assert not np.allclose(found.loss.sel(data="validation"), found.loss.sel(data="test"))


def test_the_untrained_network_is_the_one_that_learning_starts_from(found):
    for number, task in enumerate(TASKS):
        direct = evaluate(NETWORK.answering(number), NETWORK.init([3, 5]), task.test, task).accuracy
        np.testing.assert_array_equal(found.untrained_accuracy.sel(evaluated_task=number, data="test"), direct)


def test_how_training_went(learned, found):
    assert (found.iterations == 20).all()
    assert (found.reason == Reason.iterations).all()
    assert (found.stored == 0).all()
    for after in learned:
        seconds = found.seconds_per_iteration.sel(trained_task=after.task)
        np.testing.assert_allclose(seconds, after.seconds / 20 / 2)


def test_importance_is_the_fisher_of_the_task_just_learned(learned, found):
    after, task = learned[1], TASKS[1]
    probe = task.fixed_set("importance", 8)
    fisher = fisher_diagonal(NETWORK.answering(1), after.weights(1), probe, task, "sampled", seeds=[3, 5])
    mean = found.importance.sel(trained_task=1, connection="hh", statistic="mean", per="sequence")
    np.testing.assert_allclose(mean, fisher["W_hh"].mean((1, 2)))
    np.testing.assert_allclose(found.share.sel(trained_task=1).sum("connection"), 1)


def test_states_of_each_task_and_what_they_share_with_the_first(learned, found):
    def of(after, number):
        probe = TASKS[number].fixed_set("states", 16)
        hidden = NETWORK.apply(after.weights(number), probe.inputs).hidden
        return states(hidden, probe, "output")

    for number in range(3):
        at = found.sel(trained_task=2, evaluated_task=number)
        now = of(learned[2], number)
        np.testing.assert_array_equal(at.components, components_for_variance(covariance_spectrum(now), 0.75))
        for directions, stage in (("now", 2), ("first", 0)):
            expected = shared_variance(of(learned[stage], 0), now)[:, 3]
            np.testing.assert_allclose(at.shared_variance.sel(directions=directions), expected)
    np.testing.assert_allclose(
        found.shared_variance.isel(trained_task=0, directions=0),
        found.shared_variance.isel(trained_task=0, directions=1),
    )


def test_from_scratch_has_nothing_above_the_diagonal():
    found = measure_run(run(Method(schedule=FromScratch())), SMALL)
    is_known = xr.DataArray(np.tril(np.ones((3, 3), bool)), dims=("trained_task", "evaluated_task"))
    for name in ("accuracy", "loss", "components", "shared_variance"):
        np.testing.assert_array_equal(*xr.broadcast(found[name].notnull(), is_known))
    kept = found.accuracy.sel(evaluated_task=0)
    assert (kept == kept.isel(trained_task=0)).all()
    assert found.stored.isel(seed=0).values.tolist() == [
        0,
        *(k * sum(map(np.prod, NETWORK.shapes.values())) for k in (1, 2)),
    ]


def test_all_tasks_at_once_are_one_row():
    (after,) = learned = run(Method(schedule=Multitask()))
    found = measure_run(learned, SMALL)
    for name in ("accuracy", "components", "stored", "importance"):
        rows = found[name].isel(trained_task=[0, 1])
        assert rows.isnull().all()
    assert found.accuracy.isel(trained_task=2).notnull().all()
    assert (found.iterations.isel(trained_task=2) == 60).all()
    means = [
        fisher_diagonal(
            NETWORK.answering(k), after.weights(k), task.fixed_set("importance", 8), task, "sampled", seeds=[3, 5]
        )["W_hh"].mean((1, 2))
        for k, task in enumerate(TASKS)
    ]
    mean = found.importance.sel(trained_task=2, connection="hh", statistic="mean", per="sequence")
    np.testing.assert_allclose(mean, torch.stack(means).mean(0))
    assert found.shared_variance.sel(trained_task=2, directions="first").isnull().all()


def test_the_test_set_is_not_drawn_if_it_is_not_asked_for():
    def refuse(generators, samples):
        assert samples != 40, "somebody looks at the test set"
        return TASKS[0].draw(generators, samples)

    tasks = [dataclasses.replace(TASKS[0], draw=refuse)]
    with pytest.raises(AssertionError, match="somebody looks"):
        measure_run(run(tasks=tasks, network=dataclasses.replace(NETWORK, heads=1)), SMALL)
    blind = dataclasses.replace(SMALL, data=("validation",), importance_samples=0, state_samples=0)
    found = measure_run(run(tasks=tasks, network=dataclasses.replace(NETWORK, heads=1)), blind)
    assert found.data.values.tolist() == ["validation"]
    assert {"importance", "components"}.isdisjoint(found.data_vars)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": ()}, r"data is \(\): give validation or test"),
        ({"data": ("test", "test")}, "each once"),
        ({"importance_samples": -1}, "importance_samples is -1: it must be at least 0"),
        ({"state_samples": 1}, "state_samples is 1: a covariance needs at least 2"),
        ({"shared_components": 0}, "shared_components is 0"),
        ({"variance": 75.0}, "variance is 75: it must be above 0 and at most 1"),
    ],
)
def test_senseless_measures_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Measures(**change)


def test_a_run_without_sessions_is_refused():
    with pytest.raises(ValueError, match="run has no session"):
        measure_run([])


def test_the_gain_of_the_last_third_is_that_of_the_curve(learned, found):
    for after in learned:
        curve = after.curves.validation_accuracy  # at 0, 10 and 20 of 20 steps
        assert curve.validation.values.tolist() == [0, 10, 20]
        expected = curve.sel(validation=20) - curve.sel(validation=10)  # the last one at or before two thirds
        np.testing.assert_allclose(found.late_gain.sel(trained_task=after.task), expected)
    assert (found.late_gain != 0).any()


@pytest.mark.parametrize(
    ("method", "network", "tasks", "told"),
    [
        (Method(), NETWORK, TASKS, "head"),
        (Method(), Elman(4, 12, 3), TASKS, ""),
        (Method(schedule=FromScratch()), Elman(4, 12, 3), TASKS, "weights"),
        (Method(parametrisation=named("masking").parametrisation), Elman(4, 12, 3), TASKS, "weights"),
        (Method(), Elman(7, 12, 3), with_task_identity(TASKS), "inputs"),
    ],
)
def test_a_result_says_what_tells_the_network_its_task(method, network, tasks, told):
    few = Measures(data=("validation",), importance_samples=0, state_samples=0)
    result = measure_run(run(method, tasks, network, seeds=(3,)), few)
    assert result.attrs["told_the_task_by"] == told
    axes = plot_accuracy_matrix(result.sel(data="validation", drop=True))
    assert ("told the task" in axes.get_xlabel()) == (told in ("weights", "inputs"))
