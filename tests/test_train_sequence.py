"""A continual-learning run against the loop written out, and its schedules."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.float64 import Double, double_task
from tests.gradients import loss_and_gradient
from tests.same import assert_same
from wmcl.methods import FromScratch, Method, Multitask, train_sequence
from wmcl.networks import LSTM, Elman
from wmcl.tasks import copy_task, copy_task_sequence
from wmcl.training import Adam, Options, Stop, evaluate, train
from wmcl.training.loss import clip

TASKS = copy_task_sequence(3, 3, 4, order="permuted time", width=3, validation_samples=32)
HEADS = Elman(4, 12, 3, initialisation="orthogonal", heads=3)
SINGLE = dataclasses.replace(HEADS, heads=1)
FAST = Options(batch=16, optimiser=Adam(5e-3), validate_every=10, orthogonality=0.01, clip=0.5)


def fit(method=Method(), network=HEADS, tasks=TASKS, seeds=(3, 5), stop=Stop(15), options=FAST):  # noqa: B008
    return list(train_sequence(method, network, tasks, seeds, stop, options, progress=False))


@pytest.mark.parametrize("network", [HEADS, SINGLE, LSTM(4, 8, 3, heads=3, initialisation="fan_in")])
@pytest.mark.parametrize("reduction", ["scored bit", "sequence"])
def test_fine_tuning_is_the_loop_written_out(network, reduction):
    options = dataclasses.replace(FAST, reduction=reduction)
    learned = fit(network=network, options=options)
    parameters = network.init([3, 5])
    for number, (task, after) in enumerate(zip(TASKS, learned, strict=True)):
        adam = Adam(5e-3)
        state = adam.start(parameters)
        answering = network.answering(number if network.heads > 1 else 0)
        for iteration in range(15):
            batch = task.batch([3, 5], iteration, 16)
            _, gradient = loss_and_gradient(answering, task.likelihood, parameters, batch, reduction, 0.01)
            update, state = adam.propose(clip(gradient, 0.5)[0], state)
            parameters = {name: value + update[name] for name, value in parameters.items()}
        for name, value in after.values.items():
            torch.testing.assert_close(value, parameters[name], rtol=1e-5, atol=1e-6)
        assert after.task == number
        assert after.iterations.tolist() == [15, 15]
        assert after.stored == 0


def test_without_penalties_fine_tuning_is_training_bit_for_bit():
    options = dataclasses.replace(FAST, orthogonality=0.0)
    learned = fit(options=options, tasks=TASKS[:1], network=SINGLE)
    trained = train(SINGLE, TASKS[0], [3, 5], Stop(15), options, progress=False)
    assert_same(learned[0].values, trained.parameters)
    np.testing.assert_array_equal(learned[0].validation_loss, trained.validation_loss)


def test_from_scratch_trains_each_task_alone():
    learned = fit(Method(schedule=FromScratch()), options=dataclasses.replace(FAST, orthogonality=0.0))
    for number, after in enumerate(learned):
        answering = HEADS.answering(number)
        options = dataclasses.replace(FAST, orthogonality=0.0)
        alone = train(answering, TASKS[number], [3, 5], Stop(15), options, progress=False)
        assert_same(after.values, alone.parameters)
        for earlier in range(number + 1):
            assert_same(after.weights(earlier), learned[earlier].values)
        for later in range(number + 1, 3):
            assert after.weights(later) is None
        assert after.stored == number * sum(int(np.prod(shape)) for shape in HEADS.shapes.values())


def test_all_at_once_is_the_loop_written_out():
    (after,) = fit(Method(schedule=Multitask()), stop=Stop(5))
    parameters, adam = HEADS.init([3, 5]), Adam(5e-3)
    state = adam.start(parameters)
    for iteration in range(15):
        total = {name: torch.zeros_like(value) for name, value in parameters.items()}
        for number, size in enumerate([6, 5, 5]):
            batch = TASKS[number].batch([3, 5], iteration, size)
            strength = 0.01 if number == 0 else 0.0  # once a step
            _, gradient = loss_and_gradient(HEADS.answering(number), TASKS[number].likelihood, parameters, batch)
            _, both = loss_and_gradient(
                HEADS.answering(number), TASKS[number].likelihood, parameters, batch, "scored bit", strength
            )
            total = {n: value + gradient[n] * size / 16 + both[n] - gradient[n] for n, value in total.items()}
        update, state = adam.propose(clip(total, 0.5)[0], state)
        parameters = {name: value + update[name] for name, value in parameters.items()}
    for name, value in after.values.items():
        torch.testing.assert_close(value, parameters[name], rtol=1e-4, atol=1e-6)
    assert after.iterations.tolist() == [15, 15]
    losses = [evaluate(HEADS.answering(k), after.values, t.validation, t).loss for k, t in enumerate(TASKS)]
    np.testing.assert_allclose(after.validation_loss, torch.stack(losses).mean(0), rtol=1e-9)


def test_members_may_share_a_seed_and_differ_in_a_learning_rate():
    rates = dataclasses.replace(FAST, optimiser=Adam((5e-3, 1e-3)))
    arguments = {"network": Double(4, 12, 3, heads=3), "tasks": [double_task(task) for task in TASKS]}
    together = fit(seeds=(3, 3), options=rates, **arguments)
    for member, rate in enumerate((5e-3, 1e-3)):
        alone = fit(seeds=(3,), options=dataclasses.replace(FAST, optimiser=Adam(rate)), **arguments)
        for name, value in alone[-1].values.items():
            torch.testing.assert_close(together[-1].values[name][member], value[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tasks": []}, "tasks is empty"),
        ({"tasks": TASKS[:2]}, "heads of the network is 3 with 2 tasks: it must be 1, or one for each task"),
        ({"network": Elman(5, 4, 3, initialisation="fan_in")}, "inputs of the network is 5"),
        ({"network": Elman(4, 4, 2, initialisation="fan_in")}, "outputs of the network is 2"),
        ({"seeds": [-1]}, r"seeds is \[-1\]: each seed must lie"),
        ({"seeds": []}, "at least one seed"),
        ({"options": Options(optimiser=Adam((0.1, 0.2, 0.3)))}, "learning_rate has 3 entries for 2 seeds"),
        ({"tasks": [copy_task(2, width=2)]}, "inputs of the network is 4"),
        ({"device": "gpu"}, "device is 'gpu': it must be one that PyTorch knows"),
        (
            {"method": Method(schedule=Multitask()), "options": Options(batch=2)},
            "batch is 2 with 3 tasks at once: it must be at least 3",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_training(change, message):
    given = {"method": Method(), "network": SINGLE, "tasks": TASKS, "seeds": (3, 5), "stop": Stop(5)}
    if "tasks" in change and len(change["tasks"]) == 2:
        given["network"] = HEADS
    with pytest.raises(ValueError, match=message):
        train_sequence(**(given | change))
