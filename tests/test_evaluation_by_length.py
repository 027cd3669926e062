"""Evaluation of sequences that differ in length leaves their padding out, and nobody can see it in the results."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import naive
from tests.cases import ragged, shifted
from tests.same import assert_same
from wmcl.likelihoods import Bernoulli, Categorical, Gaussian
from wmcl.networks import GRU, LSTM
from wmcl.tasks import Phase, Task, copy_task
from wmcl.tasks.check import check_sequences
from wmcl.training import evaluate
from wmcl.training.evaluation import _by_length

LIKELIHOODS = {"bits": Bernoulli(), "classes": Categorical(), "real numbers": Gaussian(1.3)}
NETWORKS = [LSTM(4, 3, 3, initialisation="fan_in"), GRU(4, 3, 3, direction="bidirectional", initialisation="fan_in")]


def sequences_of(kind, last=False, members=2):
    """Members have sequences of their own length; they are asked at the last step, or at random steps."""
    each = [ragged(1, samples=9, seed=member, junk=0.0) for member in range(members)]
    inputs, targets, scored, phase = (torch.cat(values) for values in zip(*(s.tensors() for s in each), strict=True))
    lengths = (phase != Phase.padding).sum(1)
    steps = torch.arange(inputs.shape[1])[:, None]
    if last:
        scored = (steps == lengths[:, None] - 1).double()
    else:  # steps 0 and 3 and the last one are never scored, but the last own one of a shorter sequence is
        scored = scored * (steps != 3) * (steps != inputs.shape[1] - 1) + (steps == lengths[:, None] - 2)
    if kind == "real numbers":
        targets = 3 * inputs[..., :3] - 1
    if kind == "classes":
        targets = torch.nn.functional.one_hot((5 * inputs[..., 0]).long() % 3, 3).double()
    window = slice(1, inputs.shape[1])
    return replace(each[0], inputs=inputs, targets=targets, scored=scored, phase=phase, window=window).map(
        lambda values: values.contiguous()
    )


def task_of(kind, sequences):
    return Task(kind, 4, 3, LIKELIHOODS[kind], draw=lambda generators, samples: sequences)


@pytest.mark.parametrize("chunk", [1, 4, 512])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_results_are_those_of_sequences_one_by_one(kind, last, chunk):
    data, network = sequences_of(kind, last), NETWORKS[last]
    assert len(set(data.lengths.flatten().tolist())) > 3
    parameters = shifted(network.init([0, 1], dtype=torch.float64))
    found = evaluate(network, parameters, data, task_of(kind, data), chunk)
    for member in range(2):
        expected = naive.evaluation(network, parameters, member, data, LIKELIHOODS[kind])
        assert len(expected["loss_by_step"]) == data.steps - 1
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(found, name)[member], value, rtol=1e-10)
    if not last:
        assert found.loss_by_step.isnan().any()
        assert not found.loss_by_step[:, :2].isnan().any()


def test_chunks_go_from_short_to_long_and_hold_every_sequence_once():
    data = sequences_of("bits", last=True, members=1)
    chunks = list(_by_length(data, 2))
    assert [part.samples for part in chunks] == [2, 2, 2, 2, 1]
    assert [part.steps for part in chunks] == sorted(part.steps for part in chunks)
    assert sum(part.steps * part.samples for part in chunks) < 0.85 * data.steps * data.samples

    def signs(parts):
        return sorted(float(part.inputs[0, 0, s, 0]) for part in parts for s in range(part.samples))

    assert signs(chunks) == signs([data])
    for part in chunks:
        assert part.steps == part.lengths.max()
        check_sequences(task_of("bits", data), part)


def test_sequences_of_one_length_are_taken_as_they_are():
    data = copy_task(2, width=3).fixed_set("probe", 5)
    whole, last = _by_length(data, 3)
    assert_same(dict(enumerate(whole.tensors())), dict(enumerate(data.take(slice(3)).tensors())))
    assert whole.window == data.window
    assert last.samples == 2


def test_what_is_trimmed_ends_with_the_longest_and_is_scored_at_both_ends():
    data = sequences_of("bits", members=1)
    short = data.take(slice(1, 2))  # the first one is the longest
    made = short.trimmed()
    assert made.steps == short.lengths.max() < short.steps
    asked = (short.scored > 0).any(2).any(0).nonzero().flatten().tolist()
    assert (made.window.start, made.window.stop) == (asked[0], asked[-1] + 1)
    for one, other in zip(made.tensors(), short.tensors(), strict=True):
        assert torch.equal(one, other[:, : made.steps])
        assert one.data_ptr() == other.data_ptr()
    nothing = replace(short, scored=torch.zeros_like(short.scored)).trimmed()
    assert nothing.window == slice(1, made.steps)
