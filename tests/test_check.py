from dataclasses import replace

import pytest
import torch

from wmcl.data import stand_in_audioset
from wmcl.networks import Elman
from wmcl.tasks import copy_task, recall_task, split_audioset_tasks
from wmcl.tasks.check import check_sequences
from wmcl.training import Stop, train

TASK = copy_task(2, 3, width=3)
NAN, INF = float("nan"), float("inf")


def good():
    return TASK.batch([0, 1], 0, 4)


def with_value(values, place, value):
    changed = values.clone()
    changed[place] = value
    return changed


def with_scored(step, value):
    scored = good().scored.clone()
    scored[0, step] = value
    return scored


def test_the_copy_task_passes():
    check_sequences(TASK, good())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("window", slice(5, 6), r"window .* but steps \[4\] are scored"),
        ("window", slice(4, 4), "window .* at least one"),
        ("window", slice(4, 99), "window .* of the 6 steps"),
        ("window", slice(0, 6, 2), "window .* step 1"),
        ("targets", 2 * good().targets - 1, "targets .* from -1 to 1"),
        ("targets", good().targets[:, :, :, :2], r"targets .* \(2, 6, 4, 2\): it must be \(2, 6, 4, 3\)"),
        ("inputs", good().inputs[..., :3], "inputs .* 3 features: it must be the 4 of the task"),
        ("targets", good().targets.double(), "targets .*float64"),
        ("scored", with_scored(4, -1.0), "scored .* -1"),
        ("scored", torch.zeros(1, 6, 4), "scored .* 0 at every step"),
        ("scored", torch.ones(3, 6, 4), "scored .* shape"),
        ("phase", good().phase.int(), "phase .*int32"),
        (
            "inputs",
            with_value(good().inputs, (0, 1, 0, 0), NAN),
            "inputs of the sequences holds nan: it must be finite",
        ),
        ("inputs", with_value(good().inputs, (1, 0, 0, 0), -INF), "inputs of the sequences holds -inf"),
        ("inputs", good().inputs.numpy(), "inputs of the sequences is of type ndarray: it must be a torch.Tensor"),
        ("targets", None, "targets of the sequences is of type NoneType"),
        ("phase", good().phase.tolist(), "phase of the sequences is of type list"),
        ("scored", with_scored(4, INF), "scored of the sequences holds inf: it must be finite"),
        ("scored", good().scored.to("meta"), "scored of the sequences is on meta: it must be on cpu, where the inputs"),
        ("targets", good().targets.to("meta"), "targets of the sequences is on meta"),
    ],
)
def test_what_would_give_wrong_numbers_is_refused(field, value, message):
    made = good()
    object.__setattr__(made, field, value)  # past the type checks, which only run in tests
    with pytest.raises(ValueError, match=message):
        check_sequences(TASK, made)


BY_LIKELIHOOD = {
    "bits": TASK,
    "real numbers": recall_task(2, 2, 3),
    "classes": split_audioset_tasks(stand_in_audioset(4, 10), 1, 4)[0],
}


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("kind", BY_LIKELIHOOD)
def test_targets_that_are_not_finite_are_refused_whatever_their_likelihood(kind, value):
    task = BY_LIKELIHOOD[kind]
    made = task.batch([0, 1], 0, 4)
    check_sequences(task, made)
    step = int((made.scored[0, :, 1] > 0).nonzero()[0])
    wrong = replace(made, targets=with_value(made.targets, (0, step, 1, 0), value))
    with pytest.raises(ValueError, match=rf"targets of the sequences holds {value}: it must be finite"):
        check_sequences(task, wrong)


def test_targets_outside_of_the_window_may_be_missing():
    made = good()
    check_sequences(TASK, replace(made, targets=with_value(made.targets, (0, 0, 1, 0), NAN)))


def test_a_missing_target_in_the_window_is_refused_though_its_step_is_not_scored():
    made = replace(good(), scored=with_scored(4, 0.0))
    with pytest.raises(ValueError, match="targets of the sequences holds nan: it must be finite in the window"):
        check_sequences(TASK, replace(made, targets=with_value(made.targets, (0, 4, 1, 0), NAN)))


def test_training_refuses_a_malformed_task_before_work_starts():
    wrong = replace(TASK, draw=lambda generators, samples: replace(TASK.draw(generators, samples), window=slice(5, 6)))
    with pytest.raises(ValueError, match="window of the sequences"):
        train(Elman(4, 8, 3, initialisation="fan_in"), wrong, [0], Stop(5), progress=False)
