"""Confusion matrices and F1, against scikit-learn, and where they are measured."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from wmcl.data import stand_in_languages
from wmcl.methods import FromScratch, Measures, Method, Multitask, measure_run, train_sequence
from wmcl.networks import LSTM
from wmcl.tasks import copy_task, pos_tasks
from wmcl.training import Options, Stop, evaluate, weighted_f1
from wmcl.training.evaluation import confusion

TASKS = pos_tasks(stand_in_languages(2, train=30, validation=12, test=16))
NETWORK = LSTM(64, 4, 17, direction="bidirectional", heads=2, initialisation="fan_in")


@pytest.mark.parametrize("seed", range(20))
def test_f1_is_that_of_scikit_learn(seed):
    """Classes that are never asked for, never answered, or neither, among them."""
    random = np.random.default_rng(seed)
    classes = int(random.integers(2, 9))
    asked, answered = (random.choice(random.permutation(classes)[: classes - seed % 2], 40) for _ in range(2))
    counts = torch.from_numpy(confusion_matrix(asked, answered, labels=range(classes)))
    expected = f1_score(asked, answered, average="weighted", zero_division=0)
    np.testing.assert_allclose(weighted_f1(counts), expected, rtol=1e-12)
    np.testing.assert_allclose(weighted_f1(counts[None, None].double())[0, 0], expected, rtol=1e-12)


def test_f1_of_the_extremes():
    assert weighted_f1(torch.eye(3) * 5) == 1
    assert weighted_f1(torch.tensor([[0, 4], [2, 0]])) == 0
    assert weighted_f1(torch.tensor([[3, 0], [1, 0]])) == pytest.approx(0.75 * 2 * 3 / 7)
    assert weighted_f1(torch.zeros(3, 3)).isnan()


@pytest.mark.parametrize("members", [1, 3])
def test_answers_are_counted_where_they_are_scored(members):
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 4, 6, generator=random)
    asked = torch.randint(6, (members, 5, 4), generator=random)
    scored = (torch.rand(members, 5, 4, generator=random) < 0.6).float()
    found = confusion(logits, torch.nn.functional.one_hot(asked, 6).float(), scored)
    for member in range(3):
        own = min(member, members - 1)
        where = scored[own] > 0
        expected = confusion_matrix(asked[own][where], logits[member].argmax(-1)[where], labels=range(6))
        np.testing.assert_array_equal(found[member], expected)


def test_evaluation_counts_every_word_once():
    """In chunks or at once; and padding is no word."""
    task, network = TASKS[0], LSTM(64, 4, 17, initialisation="fan_in")
    parameters = network.init([0, 1])
    whole, chunks = (evaluate(network, parameters, task.test, task, chunk) for chunk in (512, 5))
    assert torch.equal(whole.confusion, chunks.confusion)
    logits = network.apply(parameters, task.test.inputs).logits
    where = task.test.scored[0] > 0
    asked = task.test.targets[0][where].argmax(-1)
    for member in range(2):
        answered = logits[member][where].argmax(-1)
        np.testing.assert_allclose(whole.accuracy[member], accuracy_score(asked, answered))
        expected = f1_score(asked, answered, average="weighted", zero_division=0)
        np.testing.assert_allclose(whole.weighted_f1[member], expected)
    bits = evaluate(
        LSTM(8, 4, 7, initialisation="fan_in"),
        LSTM(8, 4, 7, initialisation="fan_in").init([0]),
        copy_task(2).fixed_set("few", 4),
        copy_task(2),
    )
    assert bits.confusion is None
    assert bits.weighted_f1 is None


@pytest.mark.parametrize("method", [Method(), Method(schedule=FromScratch()), Method(schedule=Multitask())], ids=str)
def test_f1_is_measured_after_each_phase(method):
    run = list(train_sequence(method, NETWORK, TASKS, [0, 1], Stop(2), Options(batch=8), progress=False))
    found = measure_run(run, Measures(importance_samples=0, state_samples=0))
    for after in run:
        for number, task in enumerate(TASKS):
            at = found.weighted_f1.sel(trained_task=after.task, evaluated_task=number, data="test")
            weights = after.weights(number)
            if weights is None:
                assert np.isnan(at).all()
            else:
                network = after.learner.network_of(number)
                np.testing.assert_array_equal(at, evaluate(network, weights, task.test, task).weighted_f1)
