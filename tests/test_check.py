from dataclasses import replace

import pytest
import torch
from jaxtyping import TypeCheckError

from wmcl.networks import Elman
from wmcl.tasks import check_sequences, copy_task
from wmcl.training import Stop, train

TASK = copy_task(2, 3, width=3)


def good():
    return TASK.batch([0, 1], 0, 4)


def with_scored(step, value):
    scored = good().scored.clone()
    scored[0, step] = value
    return scored


def test_types_are_checked_in_every_process_that_runs_tests():
    with pytest.raises(TypeCheckError):
        check_sequences(TASK, "sequences")


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
    ],
)
def test_what_would_give_wrong_numbers_is_refused(field, value, message):
    made = good()
    object.__setattr__(made, field, value)  # past the type checks, which only run in tests
    with pytest.raises(ValueError, match=message):
        check_sequences(TASK, made)


def test_training_refuses_a_malformed_task_before_work_starts():
    wrong = replace(TASK, draw=lambda generators, samples: replace(TASK.draw(generators, samples), window=slice(5, 6)))
    with pytest.raises(ValueError, match="window of the sequences"):
        train(Elman(4, 8, 3, initialisation="fan_in"), wrong, [0], Stop(5), progress=False)
