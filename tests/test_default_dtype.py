"""Another default dtype of torch changes no number: tasks draw the same float32 tensors, and measures stay the same."""

import numpy as np
import pytest
import torch

from wmcl.data import stand_in_audioset, stand_in_languages, stand_in_strokes
from wmcl.dimensionality import (
    components_for_variance,
    covariance_spectrum,
    decodability,
    effective_rank,
    participation_ratio,
)
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.dimensionality.row_spaces import row_basis
from wmcl.dimensionality.subspaces import principal_angles
from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import (
    copy_task,
    copy_task_sequence,
    data_task,
    labelled,
    lag_copy_task,
    pos_tasks,
    recall_task,
    sequential_stroke_tasks,
    split_audioset_tasks,
    split_stroke_tasks,
    teacher_task,
    with_task_identity,
)
from wmcl.tasks.teacher import Teacher


def own(kind):
    """A task of recorded sequences with targets of a kind."""
    random = np.random.default_rng(0)
    steps = [random.standard_normal((n, 3)) for n in (4, 5, 6, 4, 5, 6, 7, 8, 9, 10)]
    targets, arguments = {
        "classes": ([n % 3 for n in range(10)], {"classes": 3}),
        "bits": ([[n % 2, 1] for n in range(10)], {}),
        "real numbers": ([random.standard_normal((len(each), 2)) for each in steps], {"real": True}),
    }[kind]
    return data_task("own", *labelled(steps, targets, **arguments).split(0.2, 0.2))


KINDS = {
    "copy": lambda: copy_task(3, 5),
    "copy, range of lengths": lambda: copy_task((2, 4)),
    "copy, range of inputs": lambda: copy_task(2, (3, 6)),
    "copy, scattered": lambda: copy_task(3, 7, filler="scattered"),
    "copy, controls": lambda: copy_task(
        3, 7, lead=3, lead_input="random", filler="random", visible_bits=2, independent_bits=3, input_power="bit"
    ),
    "copy, exclusive or": lambda: copy_task(5, order="permuted both", xor=2, filler="after stop"),
    "sequence of tasks": lambda: copy_task_sequence(2, 3, 5, order="permuted time")[1],
    "task identity": lambda: with_task_identity(copy_task_sequence(2, (3, 5), length_step=2))[1],
    "lag copy": lambda: lag_copy_task(3, 12, 4, 5, 2),
    "recall": lambda: recall_task(3, 4, 6, lead=2, tail=1),
    "teacher": lambda: teacher_task(Teacher(5, 20)),
    "classes": lambda: own("classes"),
    "bits": lambda: own("bits"),
    "real numbers": lambda: own("real numbers"),
    "split strokes": lambda: split_stroke_tasks(stand_in_strokes(100, 40), 2, validation=5)[1],
    "sequential strokes": lambda: sequential_stroke_tasks(
        stand_in_strokes(100, 40), 2, 2, labels="last digit", blank_lead=True, train=30, validation=5, test=5
    )[1],
    "sounds": lambda: split_audioset_tasks(stand_in_audioset(20, 30), 2)[1],
    "sounds, scaled": lambda: split_audioset_tasks(stand_in_audioset(20, 30), 2, scaled=True)[1],
    "words": lambda: pos_tasks(stand_in_languages(2, 40, 10, 10))[1],
    "words, learned vectors": lambda: pos_tasks(stand_in_languages(2, 40, 10, 10), learned=True)[1],
}


@pytest.fixture
def in_double():
    """Whatever is called by this runs with float64 as the default dtype."""
    before = torch.get_default_dtype()

    def call(function, *arguments):
        torch.set_default_dtype(torch.float64)
        try:
            return function(*arguments)
        finally:
            torch.set_default_dtype(before)

    yield call
    torch.set_default_dtype(before)


def drawn(make):
    task = make()
    return [task.batch([0, 3], 5, 4), task.validation, task.test, task.fixed_set("probe", 7)]


def is_same(one, other):
    return one.dtype == other.dtype and torch.equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_tasks_draw_the_same(kind, in_double):
    for usual, double in zip(drawn(KINDS[kind]), in_double(drawn, KINDS[kind]), strict=True):
        assert usual.window == double.window
        assert [values.dtype for values in double.tensors()] == [torch.float32] * 3 + [torch.int8]
        for one, other in zip(usual.tensors(), double.tensors(), strict=True):
            assert is_same(one, other)


def measured(network):
    """Parameters, hidden states, and what is measured on them."""
    task = copy_task((2, 4), width=3)
    parameters, test = network.init([0, 1]), task.fixed_set("probe", 40)
    inputs = test.inputs.expand(2, -1, -1, -1)
    hidden = network.apply(parameters, inputs, slice(0, 0), lengths=test.lengths).hidden
    logits = network.apply(parameters, inputs, lengths=test.lengths).logits
    states = hidden.flatten(1, 2)
    spectrum = covariance_spectrum(states)
    bits = test.targets[:, -1].expand(2, -1, -1)[0]
    decoded = decodability(hidden[:, :, :20], bits[:20], hidden[:, :, 20:], bits[20:])
    return [
        *parameters.values(),
        hidden,
        logits,
        spectrum,
        components_for_variance(spectrum),
        participation_ratio(spectrum),
        effective_rank(spectrum),
        kernel_spectrum(states[:, :30]),
        kernel_spectrum(states[:, :30], "rbf"),
        decoded.accuracy,
        decoded.information,
        row_basis(states),
        principal_angles(states[:, :99], states[:, 99:], 2),
    ]


@pytest.mark.parametrize("network", [Elman(4, 6, 3), LSTM(4, 5, 3, layers=2), GRU(4, 5, 3, direction="bidirectional")])
def test_networks_and_dimensions_are_the_same(network, in_double):
    for one, other in zip(measured(network), in_double(measured, network), strict=True):
        assert is_same(one, other)
