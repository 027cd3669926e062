"""Vectors of words that are learned: the same as training a table that starts from the given ones, a table a task."""

from dataclasses import replace
from importlib import import_module
from inspect import signature

import numpy as np
import pytest
import torch
import xarray as xr
from torch.nn.functional import embedding

from tests.gradients import task_gradient
from wmcl.data import ngram_vectors, random_vectors, stand_in_languages
from wmcl.importance import fisher_diagonal, memory_aware_synapses
from wmcl.likelihoods import Categorical
from wmcl.methods import CATALOGUE, Measures, measure_run, named, train_sequence
from wmcl.networks import LSTM
from wmcl.networks.vectors import CHANGES, changed_vectors
from wmcl.randomness import generator
from wmcl.tasks import Task, pos_tasks, with_task_identity
from wmcl.tasks.check import check_sequences
from wmcl.training import Adam, Options, Stop, evaluate, load_ensemble, save_ensemble, train
from wmcl.training.loop import begin, take_step
from wmcl.training.loss import task_loss
from wmcl.training.memory import step_bytes
from wmcl.training.objective import Batch, Objective
from wmcl.training.parts import Learner, Parametrisation
from wmcl.training.train import initial_values

sequence = import_module("wmcl.methods.train_sequence")  # the package has a function of this name
BANKS = stand_in_languages(3, train=12, validation=6, test=6)
FEATURES = 5
VECTORS = {bank.language: random_vectors(bank.words, FEATURES) for bank in BANKS}
FROZEN = pos_tasks(BANKS, VECTORS)
LEARNED = pos_tasks(BANKS, VECTORS, learned=True)
SIZES = [len(bank.words) for bank in BANKS]
OPTIONS = Options(batch=4, optimiser=Adam(0.05))


def tagger(direction="bidirectional", heads=3):
    return LSTM(FEATURES, 4, 17, direction=direction, heads=heads, initialisation="fan_in")


def random_parameters(network, words, members=2, seed=0):
    """In float64, with changes of all vectors."""
    torch.manual_seed(seed)
    found = {name: value.double() for name, value in network.init(range(members)).items()}
    return found | {CHANGES: torch.randn(members, words, FEATURES, dtype=torch.float64)}


def learner_of(network, task, seeds, options=OPTIONS, device="cpu"):
    return Learner(network, Parametrisation(), (task,), tuple(seeds), options, {}, device)


def initial_parameters(network, task, seeds):
    """All values before the first step, the changes of vectors among them."""
    return initial_values(learner_of(network, task, seeds), network.init(seeds))


def table_of(changes, task=0):
    """The vectors that given ones and changes make."""
    return torch.from_numpy(VECTORS[BANKS[task].language].table).double() + changes


def learned_run(method, tasks=LEARNED, heads=3, iterations=2, **changes):
    arguments = {"seeds": [0], "stop": Stop(iterations), "options": OPTIONS, "progress": False}
    return list(train_sequence(method, tagger(heads=heads), tasks, **{**arguments, **changes}))


def few_samples(method):
    """A method that measures or stores few sequences, to be quick."""
    return named(method, **({"samples": 3} if "samples" in signature(CATALOGUE[method]).parameters else {}))


def changes_of(values):
    return {name: value for name, value in values.items() if name.startswith(CHANGES)}


def words_in(task, part="train"):
    return np.unique(getattr(LEARNED[task].draw, part).rows[:, 0])


def test_numbers_of_words_stand_before_their_vectors():
    for bank, size, frozen, learned in zip(BANKS, SIZES, FROZEN, LEARNED, strict=True):
        assert (frozen.learned_vectors, learned.learned_vectors) == (None, (size, FEATURES))
        assert (learned.inputs, learned.outputs, learned.name) == (frozen.inputs, frozen.outputs, frozen.name)
        for made, other in ((learned.test, frozen.test), *((t.batch([0, 1], 3, 4) for t in (learned, frozen)),)):
            check_sequences(learned, made)
            assert torch.equal(made.inputs[..., 1:], other.inputs)
            assert torch.equal(made.targets, other.targets)
        for n in range(len(bank.test)):
            numbers = learned.test.inputs[0, :, n, 0]
            length = len(bank.test[n])
            assert numbers[:length].tolist() == (bank.test[n][:, 0] + 1).tolist()
            assert not numbers[length:].any()


@pytest.mark.parametrize("shared", [True, False])
def test_changes_are_added_where_there_is_a_word(shared):
    """Values and gradients, with any gradient from above, one word at a time; features after the vector stay."""
    members, time, samples, words = 2, 4, 3, 6
    torch.manual_seed(1)
    numbers = torch.randint(0, words + 1, (1 if shared else members, time, samples, 1))
    assert (numbers == 0).any()
    inputs = torch.cat([numbers, torch.randn(*numbers.shape[:3], FEATURES + 2)], -1).double()
    changes = torch.randn(members, words, FEATURES, dtype=torch.float64, requires_grad=True)
    found = changed_vectors(inputs, changes)
    above = torch.randn_like(found)
    (gradient,) = torch.autograd.grad((found * above).sum(), changes)
    expected, slopes = inputs[..., 1:].expand(members, -1, -1, -1).clone(), torch.zeros_like(changes)
    for m, t, s in np.ndindex(members, time, samples):
        number = int(numbers[0 if shared else m, t, s, 0])
        if number:
            expected[m, t, s, :FEATURES] += changes[m, number - 1]
            slopes[m, number - 1] += above[m, t, s, :FEATURES]
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(gradient, slopes, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_gradients_are_those_of_a_table(direction):
    """Against torch's lookup and the network of given vectors, a member and a sentence without padding at a time."""
    task, network = LEARNED[0], tagger(direction).answering(1)
    batch = task.draw([generator(seed, "any length") for seed in (0, 1)], 6).to(torch.float64)
    assert (batch.lengths.amin(1) < batch.steps).all()
    parameters = random_parameters(network, SIZES[0])
    loss, gradient = task_gradient(network, task.likelihood, parameters, batch)
    for member in range(2):
        weights = {n: p[member : member + 1].clone().requires_grad_() for n, p in parameters.items() if n != CHANGES}
        table = table_of(parameters[CHANGES][member]).requires_grad_()
        total = torch.zeros((), dtype=torch.float64)
        for sample, length in enumerate(batch.lengths[member].tolist()):
            words = batch.inputs[member, :length, sample, 0].long() - 1
            logits = network.apply(weights, embedding(words, table)[None, :, None]).logits
            tags = batch.targets[member, :length, sample].argmax(-1)
            total = total + torch.nn.functional.cross_entropy(logits[0, :, 0], tags, reduction="sum")
        total = total / batch.lengths[member].sum()
        slopes = torch.autograd.grad(total, [table, *weights.values()])
        torch.testing.assert_close(loss[member], total.detach(), rtol=1e-12, atol=0)
        for name, slope in zip([CHANGES, *weights], slopes, strict=True):
            own = slope if name == CHANGES else slope[0]
            torch.testing.assert_close(gradient[name][member], own, rtol=1e-10, atol=1e-14, msg=name)
        assert gradient[CHANGES][member].abs().sum() > 0.01


def test_steps_are_those_of_a_table_that_starts_from_the_given_vectors():
    """Against torch.nn.Embedding, its optimiser and clipping; words that do not occur keep their vectors."""
    task, network, maximum = LEARNED[0], tagger(), 0.2
    objective = Objective(learner_of(network, task, [3], replace(OPTIONS, clip=maximum)))
    parameters = {name: value.double() for name, value in initial_parameters(network, task, [3]).items()}
    looked_up = torch.nn.Embedding.from_pretrained(table_of(0.0), freeze=False)
    weights = {n: p.clone().requires_grad_() for n, p in parameters.items() if n != CHANGES}
    everything = [looked_up.weight, *weights.values()]
    torch_adam, was_clipped = torch.optim.Adam(everything, lr=0.05), []
    moving = begin(objective, parameters, Stop(4)).moving
    for iteration in range(4):
        batch = task.batch([3], iteration, 4).to(torch.float64)
        moving, record = take_step(objective, None, moving, Batch((batch,)))
        was_clipped.append(bool(record.clipped))
        is_word = batch.inputs[..., 0] > 0
        vectors = looked_up((batch.inputs[..., 0].long() - 1).clamp(min=0)) * is_word[..., None]
        logits = network.apply(weights, vectors, lengths=batch.lengths).logits
        torch_adam.zero_grad()
        task_loss(task.likelihood, logits, batch).sum().backward()
        norm = torch.stack([value.grad.square().sum() for value in everything]).sum().sqrt()
        for value in everything:
            value.grad = value.grad * (maximum / norm)  # not in place: two biases share one
        torch_adam.step()
    assert all(was_clipped)
    parameters = moving.values
    torch.testing.assert_close(table_of(parameters[CHANGES][0]), looked_up.weight.detach(), rtol=1e-9, atol=1e-9)
    for name, value in weights.items():
        torch.testing.assert_close(parameters[name], value.detach(), rtol=1e-9, atol=1e-9, msg=name)
    seen = {int(n) for k in range(4) for n in task.batch([3], k, 4).inputs[..., 0].unique() if n > 0}
    moved = parameters[CHANGES][0].abs().sum(1) > 0
    assert {int(n) + 1 for n in moved.nonzero()} == seen
    assert len(seen) < SIZES[0]


def test_vectors_start_as_they_are_given():
    """Before the first step everything is as with frozen vectors, importances included."""
    network, seeds = tagger(), [0, 1]
    frozen, learned = (initial_parameters(network, task, seeds) for task in (FROZEN[1], LEARNED[1]))
    assert set(learned) == {*frozen, CHANGES}
    assert not learned[CHANGES].any()
    found, other = (
        evaluate(network, parameters, each.test, each)
        for each, parameters in ((LEARNED[1], learned), (FROZEN[1], frozen))
    )
    assert torch.equal(found.loss, other.loss)
    _, gradient = task_gradient(network, Categorical(), learned, LEARNED[1].batch(seeds, 0, 4))
    _, expected = task_gradient(network, Categorical(), frozen, FROZEN[1].batch(seeds, 0, 4))
    assert all(torch.equal(gradient[name], value) for name, value in expected.items())


def importances(network, task, parameters, made):
    for kind in ("empirical", "sampled", "exact"):
        yield fisher_diagonal(network, parameters, made, task, kind, [0, 1])
    yield memory_aware_synapses(network, parameters, made)


def test_importances_are_those_of_a_network_that_is_shown_the_vectors_as_they_are():
    """Of all weights and of no vector."""
    network, task = tagger().answering(2), LEARNED[0]
    parameters, made = random_parameters(network, SIZES[0]), task.batch([0, 1], 0, 2).to(torch.float64)
    shown = replace(made, inputs=changed_vectors(made.inputs, parameters[CHANGES]))
    weights = {name: value for name, value in parameters.items() if name != CHANGES}
    for found, expected in zip(
        importances(network, task, parameters, made), importances(network, task, weights, shown), strict=True
    ):
        assert list(found) == list(expected) == list(network.shapes)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-12, atol=1e-18, msg=name)


@pytest.mark.parametrize(("method", "heads"), [("fine-tuning", 1), ("HNET + coresets", 3), ("online EWC", 3)])
def test_only_the_words_of_the_present_task_move(method, heads):
    """And of these, only words of training sentences: all other numbers stay bit for bit."""
    before = {f"{CHANGES}_{k}": torch.zeros(1, size, FEATURES) for k, size in enumerate(SIZES)}
    for task, learned in enumerate(learned_run(few_samples(method), heads=heads, iterations=1)):
        now = changes_of(learned.values)
        assert list(now) == list(before)
        for k, (name, value) in enumerate(now.items()):
            moved = (value != before[name])[0].any(-1).nonzero()[:, 0].tolist()
            assert set(moved) <= set(words_in(k).tolist())
            assert bool(moved) == (k == task)
            weights = learned.weights(k)
            assert weights is not None
            assert torch.equal(weights[CHANGES], value)
        before = now
    assert len(words_in(0)) < SIZES[0]


def test_vectors_that_are_not_trained_leave_the_run_of_frozen_ones(monkeypatch):
    """Bit for bit, penalties and clipping included."""
    method = named("online EWC", strength=1e3, samples=3)
    expected = learned_run(method, FROZEN[:2], heads=2)
    monkeypatch.setattr(sequence, "_changes_of_others", lambda learner, values, tasks: changes_of(values))
    found = learned_run(method, LEARNED[:2], heads=2)
    for one, other in zip(found, expected, strict=True):
        assert not any(value.any() for value in changes_of(one.values).values())
        assert {*one.values} == {*other.values, *changes_of(one.values)}
        assert all(torch.equal(one.values[name], value) for name, value in other.values.items())
        np.testing.assert_array_equal(one.validation_loss, other.validation_loss)


def test_a_member_does_not_depend_on_the_others():
    network, task = tagger(), LEARNED[2]
    parameters = random_parameters(network, SIZES[2], members=3)
    _, together = task_gradient(network, task.likelihood, parameters, task.batch([4, 5, 6], 2, 4).to(torch.float64))
    one = {name: value[1:2] for name, value in parameters.items()}
    _, alone = task_gradient(network, task.likelihood, one, task.batch([5], 2, 4).to(torch.float64))
    for name, value in alone.items():
        torch.testing.assert_close(together[name][1:2], value, rtol=1e-10, atol=1e-14, msg=name)
    both, one = (learned_run(named("SI"), LEARNED[:2], heads=2, seeds=seeds)[-1].values for seeds in ([0, 7], [7]))
    for name in changes_of(one):
        torch.testing.assert_close(both[name][1:], one[name], rtol=1e-4, atol=1e-6, msg=name)


GENERATIVE = ("generative replay", "HNET + replay")


@pytest.mark.parametrize("method", [name for name in CATALOGUE if name not in GENERATIVE])
def test_every_method_learns_them(method):
    """Penalties keep nothing of vectors, and these do not count as stored."""
    runs = [learned_run(few_samples(method), tasks[:2], heads=2, iterations=1) for tasks in (LEARNED, FROZEN)]
    for learned, frozen in zip(*runs, strict=True):
        kept, usual = learned.penalty_memory or (), frozen.penalty_memory or ()
        assert [list(part) for term in kept for part in term] == [list(part) for term in usual for part in term]
        practised = sum(made.inputs[0, ..., 0].numel() for made in learned.rehearsal_memory or ())
        assert learned.stored == frozen.stored + practised  # numbers of words stand beside the vectors of sequences
        assert all(learned.weights(task)[CHANGES].any() for task in learned.session.tasks)


def test_what_is_measured_after_each_session_has_no_vectors():
    measures = Measures(importance_samples=4, state_samples=4)
    runs = (learned_run(named("HNET"), tasks[:2], heads=2, iterations=1) for tasks in (LEARNED, FROZEN))
    learned, frozen = (measure_run(run, measures) for run in runs)
    xr.testing.assert_equal(learned.coords.to_dataset(), frozen.coords.to_dataset())
    assert learned.keys() == frozen.keys()
    for name, values in learned.items():
        assert values.notnull().equals(frozen[name].notnull())


@pytest.mark.parametrize("method", GENERATIVE)
def test_words_are_not_generated(method):
    with pytest.raises(ValueError, match=r"GenerativeReplay with the task '1: .*learns the vectors of its words"):
        train_sequence(
            named(method, input_likelihood="gaussian"), tagger(), LEARNED, [0], Stop(1), OPTIONS, progress=False
        )


def test_a_new_network_for_each_task_has_its_own_vectors():
    first, second = learned_run(named("from scratch"), LEARNED[:2], heads=2)
    assert torch.equal(second.weights(0)[CHANGES], first.weights(0)[CHANGES])
    assert second.weights(0)[CHANGES].any()


def test_a_run_goes_on_from_its_checkpoint_and_an_ensemble_comes_back(tmp_path):
    network, path = tagger(heads=1), tmp_path / "file"
    whole = train(network, LEARNED[0], [0, 1], Stop(4), OPTIONS, progress=False)
    train(network, LEARNED[0], [0, 1], Stop(2), OPTIONS, progress=False, checkpoint=path)
    resumed = train(network, LEARNED[0], [0, 1], Stop(4), OPTIONS, progress=False, checkpoint=path)
    assert whole.parameters[CHANGES].any()
    for name, value in whole.parameters.items():
        assert torch.equal(resumed.parameters[name], value)
    save_ensemble(tmp_path / "ensemble", whole)
    found = load_ensemble(tmp_path / "ensemble")
    assert torch.equal(found.parameters[CHANGES], whole.parameters[CHANGES])
    with pytest.raises(ValueError, match=r"the checkpoint .* was made with"):
        train(network, FROZEN[0], [0, 1], Stop(4), OPTIONS, progress=False, checkpoint=path)


def test_memory_grows_with_the_words():
    """Gradient, moments, update and vectors after the step: between 4 and 8 tables."""
    tasks = [replace(LEARNED[0], learned_vectors=(words, FEATURES)) for words in (100_000, 200_000)]
    there = replace(OPTIONS, optimiser=OPTIONS.optimiser.on("meta"))
    few, many = (step_bytes(Objective(learner_of(tagger(), task, range(2), there, "meta")), None) for task in tasks)
    table = 2 * 4 * 100_000 * FEATURES
    assert 4 * table < many - few < 8 * table


def test_task_identity_stands_behind_the_vectors():
    for k, (task, plain) in enumerate(zip(with_task_identity(LEARNED), LEARNED, strict=True)):
        check_sequences(task, task.test)
        assert task.learned_vectors == plain.learned_vectors
        network = LSTM(task.inputs, 3, 17, initialisation="fan_in")
        parameters = initial_parameters(network, task, [0])
        parameters[CHANGES] += 1
        shown = changed_vectors(task.test.inputs, parameters[CHANGES])
        torch.testing.assert_close(shown[..., :FEATURES], FROZEN[k].test.inputs + task.test.scored[..., None])
        assert torch.equal(shown[..., FEATURES:], task.test.inputs[..., 1 + FEATURES :])
        assert evaluate(network, parameters, task.test, task).loss.isfinite().all()


def test_random_vectors_are_standard_normal_numbers():
    words = tuple(map(str, range(2000)))
    found = random_vectors(words)
    assert found.table.shape == (2000, 64) == ngram_vectors(words).shape
    assert np.abs(found.table.mean(0)).max() < 5 / np.sqrt(2000)
    assert np.abs(found.table.std() - 1) < 5 / np.sqrt(2 * found.table.size)
    np.testing.assert_array_equal(random_vectors(words).table, found.table)
    assert (random_vectors(words, seed=1).table != found.table).any()


def other_first(task, value):
    made = task.test
    return task, replace(
        made, inputs=torch.cat([made.inputs[..., :1] * 0 + value * made.scored[..., None], made.inputs[..., 1:]], -1)
    )


def resized(*shape):
    return replace(LEARNED[0], learned_vectors=shape), LEARNED[0].test


@pytest.mark.parametrize(
    ("task", "made", "message"),
    [
        (LEARNED[0], FROZEN[0].test, "has 5 features: it must be the 5 of the task and the number of a word"),
        (FROZEN[0], LEARNED[0].test, "has 6 features: it must be the 5 of the task"),
        (*other_first(LEARNED[0], 0.5), "no number of a word: it must be whole, 0 to"),
        (*other_first(LEARNED[0], -1), "no number of a word"),
        (*other_first(LEARNED[0], SIZES[0] + 1), f"no number of a word: it must be whole, 0 to {SIZES[0]}"),
        (*resized(SIZES[0], FEATURES + 1), "learned_vectors of the sequences is .* 1 to 5 features"),
        (*resized(1 << 24, FEATURES), "learned_vectors of the sequences is .*1 to 16777215 words"),
    ],
)
def test_numbers_of_no_words_are_refused(task: Task, made, message):
    with pytest.raises(ValueError, match=message):
        check_sequences(task, made)


def test_words_need_changes_of_their_vectors_and_changes_need_words():
    network = tagger()
    frozen, learned = (initial_parameters(network, tasks[0], [0]) for tasks in (FROZEN, LEARNED))
    with pytest.raises(
        ValueError, match="its last axis must have 5 features, as the parameters hold no vector_changes"
    ):
        network.apply(frozen, LEARNED[0].test.inputs)
    with pytest.raises(
        ValueError, match="its last axis must have 6 features, the number of a word and 5 more, as the parameters hold"
    ):
        network.apply(learned, FROZEN[0].test.inputs)
