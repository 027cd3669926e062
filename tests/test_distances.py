import numpy as np
import pytest

from wmcl.tasks import copy_task, copy_task_sequence, distances, lag_copy_task


def seen_in(task):
    """Steps back to the only input step that always shows what an output step asks for, found in the sequences."""
    data = task.fixed_set("probe", 60)
    width = task.outputs
    window = data.scored[0, :, 0].nonzero()[:, 0].tolist()
    found = []
    for t in window:
        same = [s for s in range(window[0]) if (data.inputs[0, s, :, :width] == data.targets[0, t]).all()]
        assert len(same) == 1
        found.append(t - same[0])
    return found


TASKS = [
    copy_task(4),
    copy_task(4, order="reversed"),
    copy_task(5, order="permuted time", task_seed=3),
    copy_task(4, 9, order="permuted time", task_seed=1),
    copy_task(4, 9, order="permuted time", filler="random", lead=3, lead_input="random"),
    copy_task(4, 9, order="permuted time", filler="after stop"),
    copy_task(4, 9, order="reversed"),
    copy_task(4, 9, filler="scattered", task_seed=2),
    *copy_task_sequence(3, 4, 7, order="permuted time"),
    *copy_task_sequence(2, 4, 7, order="permuted time", inputs="identical"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_distances_are_those_in_the_sequences(task):
    assert distances(task).tolist() == seen_in(task)


def test_the_first_permutation_of_the_papers_code():
    """Order 1 4 2 3 0 at p = i = 5, as their figure has it; a longer input adds its steps to each."""
    settings = {"order": "permuted time", "seed": 42, "task_draws": "reference"}
    assert distances(copy_task_sequence(1, 5, **settings)[0]).tolist() == [5, 3, 6, 6, 10]
    assert distances(copy_task_sequence(1, 5, 25, **settings)[0]).tolist() == [25, 23, 26, 26, 30]


def test_the_mean_over_a_permutation_is_the_retention():
    for task in copy_task_sequence(4, 5, 8, order="permuted time"):
        assert np.mean(distances(task)) == task.memory_demand.retention == 9


def test_what_has_no_single_source_is_refused():
    for task, message in (
        (copy_task(3, xor=1, order="permuted time", task_seed=4), "each of its output steps must recall one step"),
        (copy_task(3, order="permuted both"), "each of its output steps must recall one step"),
        (copy_task(2, (2, 4)), "its lengths must be the same"),
        (lag_copy_task(2), "it must be a Copy Task"),
    ):
        with pytest.raises(ValueError, match=message):
            distances(task)
