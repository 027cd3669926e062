import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from tests.gradients import loss_and_gradient
from wmcl.networks import Elman
from wmcl.tasks import copy_task
from wmcl.training import Adam, Options, Reason, Stop, evaluate, train
from wmcl.training.loss import clip

TASK = copy_task(2, 3, width=3, validation_samples=64)
NETWORK = Elman(4, 24, 3, initialisation="orthogonal")
FAST = Options(batch=32, optimiser=Adam(5e-3), validate_every=10, watch_every=2)


DOUBLE = dataclasses.replace(FAST, precision="float64")


def fit(seeds, stop=Stop(60), options=FAST, task=TASK, network=NETWORK, **more):  # noqa: B008
    return train(network, task, seeds, stop, options, progress=False, **more)


def test_training_is_the_loop_written_out():
    options = dataclasses.replace(FAST, orthogonality=0.01, clip=0.1)
    trained = fit([3], Stop(12), options)
    parameters, adam = NETWORK.init([3]), Adam(5e-3)
    state = adam.start(parameters)
    for iteration in range(12):
        batch = TASK.batch([3], iteration, 32)
        _, gradient = loss_and_gradient(NETWORK, TASK.likelihood, parameters, batch, orthogonality=0.01)
        update, state = adam.propose(clip(gradient, 0.1)[0], state)
        parameters = {name: value + update[name] for name, value in parameters.items()}
    for name, value in trained.parameters.items():
        torch.testing.assert_close(value, parameters[name], rtol=0, atol=0)
    assert trained.curves.sizes["iteration"] == 12
    assert trained.reason == (Reason.iterations,)


def test_the_network_learns_and_curves_are_labelled():
    trained = fit([0, 7], Stop(400, loss=0.05))
    result = evaluate(NETWORK, trained.parameters, TASK.test, TASK)
    assert all(reason is Reason.loss for reason in trained.reason)
    assert result.accuracy.min() > 0.97
    assert trained.curves.seed.values.tolist() == [0, 7]
    assert (
        trained.curves.validation_loss.sel(seed=7).dropna("validation").values[-1] == trained.validation_loss[1] <= 0.05
    )
    assert trained.curves.training_loss.sel(iteration=0).values == pytest.approx(np.log(2), abs=0.1)
    assert trained.curves.training_loss.attrs["units"] == "nats per scored answer"


@given(others=st.lists(st.integers(1, 50), max_size=3, unique=True), place=st.integers(0, 3))
@settings(max_examples=5)
def test_a_member_does_not_depend_on_the_others(others, place):
    """50 steps in float64, with milestones and stop rules that other members meet at other times."""
    seeds = [*others[:place], 0, *others[place:]]
    network = Elman(4, 12, 3, initialisation="orthogonal")
    arguments = {"stop": Stop(50, loss=0.3), "network": network, "options": DOUBLE, "milestones": (0.6, 0.4)}
    alone, together = fit([0], **arguments), fit(seeds, **arguments)
    here = seeds.index(0)
    assert together.iterations[here] == alone.iterations[0]
    assert together.reason[here] == alone.reason[0]
    for name, value in alone.parameters.items():
        torch.testing.assert_close(together.parameters[name][here], value[0], rtol=0, atol=1e-9)
    for mine, theirs in zip(alone.milestones, together.milestones, strict=True):
        assert mine.reached[0] == theirs.reached[here]
        assert mine.before.iteration[0] == theirs.before.iteration[here]
        assert mine.after.iteration[0] == theirs.after.iteration[here]
        torch.testing.assert_close(
            theirs.after.parameters["W_hh"][here], mine.after.parameters["W_hh"][0], rtol=0, atol=1e-9
        )


def test_the_same_call_gives_identical_results():
    first, second = fit([5], Stop(20)), fit([5], Stop(20))
    assert all(torch.equal(value, second.parameters[name]) for name, value in first.parameters.items())


def test_a_member_that_stops_is_frozen_and_the_others_go_on():
    options = dataclasses.replace(FAST, optimiser=Adam((5e-3, 1e-6)))
    trained = fit([0, 1], Stop(150, loss=0.4), options)
    assert trained.reason == (Reason.loss, Reason.iterations)
    assert trained.iterations[0] < 150 == trained.iterations[1]
    alone = fit([0], Stop(int(trained.iterations[0])), dataclasses.replace(FAST, optimiser=Adam(5e-3)))
    torch.testing.assert_close(trained.parameters["W_hh"][0], alone.parameters["W_hh"][0], rtol=0, atol=1e-6)
    assert trained.curves.training_loss.isel(seed=0).count() == trained.iterations[0]


def test_learning_rates_are_per_member():
    both = fit([0, 1], Stop(10), dataclasses.replace(FAST, optimiser=Adam((1e-3, 1e-2))))
    for member, rate in ((0, 1e-3), (1, 1e-2)):
        alone = fit([member], Stop(10), dataclasses.replace(FAST, optimiser=Adam(rate)))
        torch.testing.assert_close(both.parameters["W_ih"][member], alone.parameters["W_ih"][0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("stop", "options", "reason"),
    [
        (Stop(400, loss=0.5), FAST, Reason.loss),
        (Stop(400, accuracy=0.8), FAST, Reason.accuracy),
        (
            Stop(400, patience=20, accuracy=1.0),
            dataclasses.replace(FAST, optimiser=Adam(3.0), clip=None),
            Reason.patience,
        ),
        (Stop(15, loss=1e-9), FAST, Reason.iterations),
        (Stop(0), FAST, Reason.iterations),
    ],
)
def test_stop_rules(stop, options, reason):
    trained = fit([0], stop, options)
    assert trained.reason == (reason,)
    loss = trained.curves.validation_loss.isel(seed=0).dropna("validation")
    accuracy = trained.curves.validation_accuracy.isel(seed=0).dropna("validation")
    if reason is Reason.loss:
        assert loss[-1] <= 0.5 < loss[:-1].min()
    elif reason is Reason.accuracy:
        assert accuracy[-1] >= 0.8 > accuracy[:-1].max()
    elif reason is Reason.patience:
        assert trained.iterations[0] - int(loss.idxmin()) >= 20
    else:
        assert trained.iterations[0] == stop.iterations


def test_a_non_finite_member_is_stopped_reported_and_keeps_its_last_finite_parameters():
    class Broken(Elman):
        def init(self, seeds, dtype=torch.float32):
            parameters = super().init(seeds, dtype)
            parameters["W_out"][list(seeds).index(1), 0, 0] = float("inf")
            return parameters

    with pytest.warns(RuntimeWarning, match="seed 1 has a non-finite loss, gradient or update at iteration 0"):
        trained = fit([0, 1], Stop(20), network=Broken(4, 24, 3, initialisation="orthogonal"))
    assert trained.reason == (Reason.iterations, Reason.nonfinite)
    assert trained.iterations.tolist() == [20, 0]
    assert torch.equal(trained.parameters["W_hh"][1], trained.initial["W_hh"][1])
    torch.testing.assert_close(
        trained.parameters["W_hh"][0], fit([0], Stop(20)).parameters["W_hh"][0], rtol=0, atol=1e-6
    )
    assert trained.curves.training_loss.sel(seed=1).isnull().all()


def test_evaluation_is_the_loop_over_sequences():
    parameters = {name: value.double() for name, value in NETWORK.init([0, 1]).items()}
    data = TASK.fixed_set("probe", 9).to(torch.float64)
    steps = torch.arange(data.inputs.shape[1])
    window = steps[data.window].tolist()
    result = evaluate(NETWORK, parameters, data, TASK)
    for member in range(2):
        loss, correct, variance, by_step, loss_by_step = 0.0, [], [], np.zeros(2), np.zeros(2)
        for sample in range(9):
            inputs, targets, scored = naive.sequence(data, member, sample)
            logits = naive.forward(NETWORK, parameters, member, inputs)[2]
            loss += naive.nll(logits, targets, scored).item()
            right = ((logits >= 0) == targets.bool())[scored.bool()]
            p = torch.sigmoid(logits[scored.bool()])
            correct.append(right.double().mean().item())
            variance.append((p * (1 - p)).mean().item())
            by_step += right.double().mean(1).numpy() / 9
            loss_by_step += [naive.nll(logits, targets, 1.0 * (steps == t)).item() / (9 * 3) for t in window]
        assert result.loss[member].item() == pytest.approx(loss / (9 * 6), rel=1e-10)
        assert result.accuracy[member].item() == pytest.approx(np.mean(correct))
        assert result.output_variance[member].item() == pytest.approx(np.mean(variance))
        np.testing.assert_allclose(result.accuracy_by_step[member], by_step)
        np.testing.assert_allclose(result.loss_by_step[member], loss_by_step)


def test_evaluation_in_chunks():
    parameters = NETWORK.init([0])
    whole, chunks = (evaluate(NETWORK, parameters, TASK.test, TASK, chunk) for chunk in (512, 37))
    torch.testing.assert_close(chunks.loss, whole.loss, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": []}, "seeds is"),
        ({"seeds": [1, 1]}, r"seeds is \[1, 1\]"),
        (
            {"network": Elman(5, 4, 3, initialisation="fan_in")},
            "inputs of the network is 5: the task 'copy p=2 i=3' needs 4",
        ),
        ({"options": Options(optimiser=Adam((1e-3, 1e-2)))}, "2 entries for 1 seeds"),
        ({"milestones": (0.1, 0.0)}, "every loss must be positive and finite"),
        ({"device": "gpu"}, "device is 'gpu': it must be one that PyTorch knows"),
        pytest.param(
            {"device": "cuda"},
            "device is 'cuda': there is no GPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU"),
        ),
    ],
)
def test_senseless_runs_are_refused_before_work_starts(change, message):
    with pytest.raises(ValueError, match=message):
        fit(**({"seeds": [0]} | change))


@pytest.mark.parametrize(
    ("make", "field", "value"),
    [
        (Stop, "iterations", -1),
        (Stop, "loss", 0.0),
        (Stop, "accuracy", 1.5),
        (Stop, "patience", 0),
        (Options, "batch", 0),
        (Adam, "learning_rate", -1.0),
        (Options, "clip", 0.0),
        (Options, "orthogonality", -0.1),
        (Adam, "weight_decay", -0.1),
        (Options, "validate_every", 0),
        (Options, "watch_every", 0),
        (Options, "watch_within", 0.5),
    ],
)
def test_senseless_fields_are_refused_by_name(make, field, value):
    with pytest.raises(ValueError, match=f"{field} is {value}: "):
        make(**({"iterations": 1} if make is Stop else {}) | {field: value})
