"""Tagging: every word is shown by its vector and asked for its tag, in whatever direction the network reads."""

import inspect
from typing import get_args

import numpy as np
import pytest
import torch

from wmcl.data import ngram_vectors, stand_in_languages
from wmcl.data.conllu_file import TAGS
from wmcl.data.word_vectors import WordVectors
from wmcl.methods import named, train_sequence
from wmcl.networks import LSTM
from wmcl.networks.network import Direction
from wmcl.randomness import generator
from wmcl.tasks import Phase, pos_tasks, with_task_identity
from wmcl.tasks.check import check_sequences
from wmcl.training import Adam, Options, Stop, evaluate, train

BANKS = stand_in_languages(3, train=30, validation=12, test=12)
DIRECTIONS = get_args(Direction)


def vectors_of(bank, without=(), features=5):
    """Of the words of a treebank, but for some."""
    words = ("<UNK>", *(word for word in bank.words if word not in without))
    table = np.random.default_rng(0).standard_normal((len(words), features)).astype(np.float32)
    return WordVectors("some", words, table)


def steps_of(sequences, sample):
    """Inputs, classes and scored steps of a sentence, and whether what follows is empty."""
    length = int(sequences.lengths[0, sample])
    x, y, s, p = (values[0, :, sample] for values in sequences.tensors())
    assert not x[length:].any()
    assert not y[length:].any()
    assert not s[length:].any()
    assert (p[length:] == Phase.padding).all()
    return x[:length].numpy(), y[:length].argmax(-1).tolist(), s[:length].tolist()


def test_every_word_is_shown_and_asked_for():
    tasks = pos_tasks(BANKS)
    assert [(task.inputs, task.outputs) for task in tasks] == [(64, 17)] * 3
    for bank, task in zip(BANKS, tasks, strict=True):
        assert bank.name in task.name
        assert "stand-in" in task.name
        table = ngram_vectors(bank.words)
        for part in ("validation", "test"):
            records, made = getattr(bank, part), getattr(task, part)
            check_sequences(task, made)
            assert made.samples == len(records)
            for n in range(len(records)):
                x, y, s = steps_of(made, n)
                np.testing.assert_array_equal(x, table[records[n][:, 0]])
                assert y == records[n][:, 1].tolist()
                assert s == [1] * len(records[n])
        sentences = {table[bank.train[n][:, 0]].tobytes() for n in range(len(bank.train))}
        batches = [task.batch([0], k, 8) for k in range(3)]
        for batch in (*batches, task.draw([generator(0, "coreset")], 8)):
            check_sequences(task, batch)
            assert {steps_of(batch, n)[0].tobytes() for n in range(8)} <= sentences


def test_vectors_of_a_file():
    bank = BANKS[0]
    vectors = vectors_of(bank)
    (task,) = pos_tasks([bank], {bank.language: vectors})
    assert task.inputs == 5
    expected = [vectors.table[vectors.words.index(word)] for word in bank.sentence("test", 3)]
    np.testing.assert_array_equal(steps_of(task.test, 3)[0], expected)


def test_unknown_words():
    """Either they have the vector of all unknown words, or their sentences are left out, as in the paper."""
    bank = BANKS[0]
    without = bank.sentence("test", 0)[0], bank.sentence("test", 5)[1]
    vectors = {bank.language: vectors_of(bank, without)}
    (kept,), (dropped,) = pos_tasks([bank], vectors), pos_tasks([bank], vectors, unknown="drop")
    np.testing.assert_array_equal(steps_of(kept.test, 0)[0][0], vectors[bank.language].table[0])
    for part in ("train", "validation", "test"):
        sentences = [bank.sentence(part, n) for n in range(len(getattr(bank, part)))]
        known = [n for n, sentence in enumerate(sentences) if not set(sentence) & set(without)]
        drawn = getattr(dropped.draw, part)
        assert len(getattr(kept.draw, part)) == len(sentences)
        assert 0 < len(drawn) == len(known) < len(sentences)
        assert drawn.lengths.tolist() == [len(sentences[n]) for n in known]
        expected = np.concatenate([getattr(bank, part)[n] for n in known])
        np.testing.assert_array_equal(drawn.rows[:, 0], expected[:, 0])
        np.testing.assert_array_equal(drawn.targets, expected[:, 1])


def test_the_first_sentences_are_taken_up_to_so_many_words():
    lengths = BANKS[0].train.lengths
    for most in (60, int(lengths[:5].sum()), int(lengths[:5].sum()) - 1):
        (task,) = pos_tasks(BANKS[:1], most_words=most)
        expected = int((lengths.cumsum() <= most).sum())
        assert task.draw.train.lengths.tolist() == lengths[:expected].tolist()


def test_sentences_that_are_left_out_have_no_part_in_so_many_words():
    bank = BANKS[0]
    without = {bank.sentence("train", 0)[0]}
    vectors = {bank.language: vectors_of(bank, tuple(without))}
    known = [n for n in range(len(bank.train)) if not without & set(bank.sentence("train", n))]
    lengths = bank.train.lengths[known]
    most = int(lengths[:5].sum())
    (task,) = pos_tasks([bank], vectors, unknown="drop", most_words=most)
    assert task.draw.train.lengths.tolist() == lengths[: int((lengths.cumsum() <= most).sum())].tolist()


NONE = {"x1": vectors_of(BANKS[0], BANKS[0].words), "x2": vectors_of(BANKS[1], features=4)}
SOME = {"x1": vectors_of(BANKS[0])}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pos_tasks([]), "treebanks is empty"),
        (lambda: pos_tasks(BANKS, most_words=0), "most_words is 0"),
        (lambda: pos_tasks(BANKS, most_words=2), "train of stand-in language 1 has no sentence .* at most 2 words"),
        (lambda: pos_tasks(BANKS, SOME), "vectors has none for x2, of stand-in language 2"),
        (lambda: pos_tasks(BANKS[:2], NONE), "vectors have features .*5.*4"),
        (lambda: pos_tasks(BANKS[:1], NONE, unknown="drop"), "train of .* has no sentence of known words"),
    ],
)
def test_what_cannot_be_made_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((BANKS[0],), r"^treebanks is Treebank\('stand-in language 1', .*\): it must be a list of treebanks"),
        (("UD_English-GUM",), "^treebanks is 'UD_English-GUM': it must be a list of treebanks"),
        ((BANKS, SOME["x1"]), r"^vectors is WordVectors\('some': .*\): it must be a dictionary with the WordVectors"),
        ((BANKS, {"x1": SOME["x1"].table}), "^vectors is {'x1': array.*: it must be a dictionary with the WordVectors"),
    ],
)
def test_arguments_of_another_kind_are_refused(arguments, message):
    """Of the function as users have it: in tests, the types of all arguments are checked before it begins."""
    with pytest.raises(ValueError, match=f"(?s){message}"):
        inspect.unwrap(pos_tasks)(*arguments)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_padding_changes_nothing(direction):
    """Loss, accuracy and answers of a sentence do not depend on the longer ones beside it."""
    (task,) = pos_tasks(BANKS[:1])
    network = LSTM(64, 6, 17, direction=direction, initialisation="fan_in")
    parameters = {name: value.double() for name, value in network.init([0, 1]).items()}
    made = task.test.to(torch.float64)
    together = network.apply(parameters, made.inputs, lengths=made.lengths).logits
    losses = []
    for n in range(made.samples):
        own = task.draw.of(task.draw.test, [np.array([n])])
        assert own.steps == made.lengths[0, n]
        alone = network.apply(parameters, own.inputs.double(), lengths=own.lengths).logits
        torch.testing.assert_close(together[:, : own.steps, n], alone[:, :, 0], rtol=1e-12, atol=1e-12)
        losses.append(own.steps * evaluate(network, parameters, own.to(torch.float64), task).loss)
    whole = evaluate(network, parameters, made, task).loss
    torch.testing.assert_close(sum(losses) / made.lengths.sum(), whole, rtol=1e-12, atol=0)


def published(network, parameters, inputs, lengths):
    """Logits of a sentence as the paper's code computes them, in loops: torch's LSTM in both directions, one sentence
    at a time, and then the forward half set to zero, which its code does by mistake."""
    torch_lstm = torch.nn.LSTM(network.inputs, network.hidden, bidirectional=True).double()
    for name, value in torch_lstm.named_parameters():
        kind, layer = name.split("_")[0], name.split("_")[1]
        ours = f"{'W' if kind == 'weight' else 'b'}_{layer}{'_reverse' if name.endswith('_reverse') else ''}"
        value.data.copy_(parameters[ours][0])
    found = []
    for sample, length in enumerate(lengths):
        hidden, _ = torch_lstm(inputs[0, :length, sample])
        hidden[:, : network.hidden] = 0
        found.append((hidden @ parameters["W_out"][0].T + parameters["b_out"][0]).detach())
    return found


def test_the_network_of_the_paper_reads_backwards_alone():
    """Its forward half is zero at every step, so a network of the other half gives the same answers."""
    (task,) = pos_tasks(BANKS[:1])
    both, backward = (
        LSTM(64, 5, 17, direction=direction, initialisation="fan_in") for direction in ("bidirectional", "backward")
    )
    parameters = {name: value.double() for name, value in both.init([3]).items()}
    half = {name: parameters[f"{name}_reverse"] for name in ("W_ih", "b_ih", "W_hh", "b_hh")}
    half |= {"W_out": parameters["W_out"][..., both.hidden :], "b_out": parameters["b_out"]}
    made = task.test.to(torch.float64)
    found = backward.apply(half, made.inputs, lengths=made.lengths).logits
    true = both.apply(parameters, made.inputs, lengths=made.lengths).logits
    lengths = made.lengths[0].tolist()
    for sample, expected in enumerate(published(both, parameters, made.inputs, lengths)):
        own = slice(lengths[sample])
        torch.testing.assert_close(found[0, own, sample], expected, rtol=1e-12, atol=1e-12)
        assert (true[0, own, sample] - expected).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("direction", "heads", "method"),
    [*((each, 2, "online EWC") for each in DIRECTIONS), ("bidirectional", 1, "SI"), ("bidirectional", 2, "coresets")],
)
def test_methods_learn_them_in_every_direction(direction, heads, method):
    tasks = pos_tasks(BANKS[:2])
    network = LSTM(64, 4, 17, direction=direction, heads=heads, initialisation="fan_in")
    learned = list(train_sequence(named(method), network, tasks, [0], Stop(2), Options(batch=4), progress=False))
    assert [each.learner.network_of(1).head for each in learned] == [heads - 1] * 2
    weights = learned[-1].weights(0)
    assert weights is not None
    assert all(value.isfinite().all() for value in weights.values())


def test_task_identity_stands_beside_the_vectors():
    plain, told = pos_tasks(BANKS), with_task_identity(pos_tasks(BANKS))
    for k, (task, other) in enumerate(zip(plain, told, strict=True)):
        assert torch.equal(other.test.inputs[..., :64], task.test.inputs)
        assert torch.equal(other.test.inputs[..., 64 + k], task.test.scored)


def test_a_network_learns_what_order_and_endings_tell():
    (task,) = pos_tasks(stand_in_languages(1))
    network = LSTM(64, 8, 17, direction="bidirectional", initialisation="fan_in")
    trained = train(network, task, [0], Stop(40), Options(batch=16, optimiser=Adam(0.02)), progress=False)
    counts = np.bincount(task.draw.test.targets, minlength=len(TAGS))
    found = evaluate(network, trained.parameters, task.test, task)
    assert found.accuracy > 0.9 > 2 * counts.max() / counts.sum()
    assert found.weighted_f1 > 0.9
