"""Tasks as data sets of PyTorch and as arrays: what items are, how they are drawn, and what workers do."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from tests.test_data_pages import examples
from tests.test_data_task import task_of
from tests.test_scored_weights import TASK as WEIGHTED
from wmcl.likelihoods import Categorical, Gaussian
from wmcl.networks import Elman
from wmcl.randomness import generator
from wmcl.tasks import copy_task, data_task, labelled, torch_data, with_task_identity
from wmcl.training import Options, Stop, train

TASKS = {
    "bits": copy_task(3, width=2),
    "bits of many lengths": copy_task((1, 4), width=2),
    "with a lead": copy_task((1, 4), width=2, lead=2),
    "a class": task_of(count=60),
    "a class a step": task_of(count=60, every_step=True),
    "recorded bits": task_of(count=60, classes=None),
    "real numbers": task_of(count=60, classes=None, real=True, every_step=True),
    "with identity": with_task_identity([task_of(count=60), task_of(count=60)])[1],
}
EVERY_TASK = pytest.mark.parametrize("name", TASKS)


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def drawn(task, seed, samples):
    return task.draw([generator(seed, "dataset")], samples)


@EVERY_TASK
def test_items_are_the_sequences_that_the_task_draws(name):
    task = TASKS[name]
    data, sequences = task.dataset(9, seed=3), drawn(task, 3, 9)
    assert len(data) == 9
    for n in range(9):
        item, scored = data[n], sequences.scored[0, :, n] > 0
        assert item._fields == ("inputs", "targets", "scored", "length")
        assert torch.equal(item.inputs, sequences.inputs[0, :, n])
        assert torch.equal(item.scored, scored)
        assert item.scored.dtype == torch.bool
        assert int(item.length) == int(sequences.lengths[0, n])
        assert not item.inputs[int(item.length) :].any()
        own = sequences.targets[0, :, n]
        if isinstance(task.likelihood, Categorical):
            assert item.targets.dtype == torch.int64
            assert item.targets.tolist() == [
                y.tolist().index(1) if s else -100 for y, s in zip(own, scored, strict=True)
            ]
        else:
            assert torch.equal(item.targets[scored], own[scored])
            assert not item.targets[~scored].any()
    with pytest.raises(IndexError):
        data[9]


@EVERY_TASK
def test_batches_of_a_plain_loader(name):
    task = TASKS[name]
    data = task.dataset(7)
    batches = list(DataLoader(data, batch_size=3))
    steps = data[0].inputs.shape[0]
    assert [tuple(each.inputs.shape) for each in batches] == [(n, steps, task.inputs) for n in (3, 3, 1)]
    assert type(batches[0]).__name__ == "Item"
    for number, (inputs, targets, scored, length) in enumerate(batches):
        for row in range(len(length)):
            assert same((inputs[row], targets[row], scored[row], length[row]), data[3 * number + row])
    time_first = task.dataset(7, batch_first=False)
    for collate, axes in ((data.collate, (0, 1)), (time_first.collate, (1, 0))):
        for number, batch in enumerate(DataLoader(data, batch_size=3, collate_fn=collate)):
            longest = int(batch.length.max())
            whole = batches[number]
            assert torch.equal(batch.length, whole.length)
            for found, expected in zip(batch[:3], whole[:3], strict=True):
                assert torch.equal(found.permute(*axes, *range(2, found.ndim)), expected[:, :longest])


@EVERY_TASK
def test_arrays_are_those_of_the_data_set(name):
    task = TASKS[name]
    arrays = task.arrays(6, seed=2)
    assert all(isinstance(each, np.ndarray) for each in arrays)
    assert same(map(torch.from_numpy, arrays), task.dataset(6, seed=2).items)
    other = task.arrays(6, seed=2, batch_first=False)
    for one, turned in zip(arrays[:3], other[:3], strict=True):
        np.testing.assert_array_equal(one.swapaxes(0, 1), turned)
    np.testing.assert_array_equal(arrays.length, other.length)


def test_draws_have_addresses_of_their_own():
    task = copy_task(8)
    again, other = task.dataset(50, seed=1), task.dataset(50, seed=2)
    assert same(again.items, task.dataset(50, seed=1).items)
    shown = {
        "data set": again.items,
        "another": other.items,
        "default": task.dataset(50).items,
        "validation": task.dataset(task.validation).items,
        "test": task.dataset(task.test).items,
        "batch": task.dataset(task.batch([0], 0, 50)).items,
    }
    patterns = {name: {tuple(each.flatten().tolist()) for each in items.inputs} for name, items in shown.items()}
    assert sum(map(len, patterns.values())) == len(set().union(*patterns.values()))
    assert torch.equal(shown["test"].inputs, task.test.inputs[0].transpose(0, 1))
    recorded = task_of(count=60)
    numbers = {float(each.inputs[0, 0]) for each in recorded.dataset(42)}
    train_set = recorded.draw.train
    assert numbers == set(train_set.rows[train_set.offsets[:-1], 0])  # all of them, none twice
    assert len(recorded.dataset(100)) == 100


@EVERY_TASK
def test_data_sets_can_be_read_again(name):
    task = TASKS[name]
    classes = task.outputs if isinstance(task.likelihood, Categorical) else None
    data = task.dataset(20, seed=5)
    real, expected = isinstance(task.likelihood, Gaussian), drawn(task, 5, 20)
    arrays = task.arrays(20, seed=5)
    for form in (data, DataLoader(data, batch_size=6), DataLoader(data, batch_size=6, collate_fn=data.collate)):
        read = labelled(form, classes=classes, real=real)
        found = read.sequences(np.arange(20)[None])
        assert torch.equal(found.inputs, expected.inputs)
        assert torch.equal(found.scored, expected.scored)
        assert torch.equal(found.lengths, expected.lengths)
        assert torch.equal(found.targets, expected.targets * expected.scored[..., None])
        assert read.has_one_class == (name in ("a class", "with identity"))
        twin = labelled(arrays.inputs, arrays.targets, classes, real, lengths=arrays.length, scored=arrays.scored)
        assert all(np.array_equal(getattr(read, each), getattr(twin, each)) for each in ("rows", "offsets", "targets"))


def test_a_network_learns_from_what_was_read_as_from_the_task():
    """The loss that PyTorch has for an item is the loss that the package has."""
    task = task_of(count=60, every_step=True)
    network = Elman(3, 5, 3, initialisation="fan_in")
    parameters = network.init([0])
    batch = task.dataset(task.test).items
    logits = network.apply(parameters, task.test.inputs, lengths=task.test.lengths).logits[0].transpose(0, 1)
    loss = torch.nn.CrossEntropyLoss()(logits.flatten(0, 1), batch.targets.flatten())
    nll = task.likelihood.nll(logits[None].transpose(1, 2), task.test.targets)[..., 0]
    torch.testing.assert_close(loss, (nll * task.test.scored).sum() / task.test.scored.sum())
    read = labelled(task.dataset(30), classes=3)
    again = data_task("read", *read.split(0.2, 0.2))
    train(network, again, [0], Stop(2), Options(batch=4), progress=False)


# ------------------------------------------------------------------------------------------------- endless streams


def first(iterable, number):
    return [each for each, _ in zip(iterable, range(number), strict=False)]


@pytest.mark.parametrize("batch_first", [True, False])
@EVERY_TASK
def test_a_stream_has_the_batches_of_training(name, batch_first):
    task = TASKS[name]
    stream = task.stream(seed=4, batch=5, batch_first=batch_first, start=2)
    for k, batch in enumerate(first(stream, 3)):
        expected = task.dataset(task.batch([4], 2 + k, 5)).items
        axes = (0, 1) if batch_first else (1, 0)
        for found, own in zip(batch[:3], expected[:3], strict=True):
            assert torch.equal(found.permute(*axes, *range(2, found.ndim)), own)
        assert torch.equal(batch.length, expected.length)
    loaded = first(DataLoader(stream, batch_size=None), 3)
    assert all(same(one, other) for one, other in zip(loaded, stream, strict=False))


@EVERY_TASK
def test_single_sequences_are_put_together(name):
    stream = TASKS[name].stream(seed=4)
    single = first(stream, 6)
    assert single[0].inputs.ndim == 2
    for number, batch in enumerate(first(DataLoader(stream, batch_size=3, collate_fn=stream.collate), 2)):
        for row in range(3):
            own = single[3 * number + row]
            steps = int(own.length)
            for found, expected in zip(batch[:3], own[:3], strict=True):
                assert torch.equal(found[row, :steps], expected[:steps])
            assert not batch.scored[row, steps:].any()
            assert (batch.targets[row, steps:] == (0 if batch.targets.ndim == 3 else -100)).all()
        assert batch.inputs.shape[1] == int(batch.length.max())


def test_what_a_stream_is_depends_on_its_seed_alone():
    task = copy_task(8)
    one, again, other = (first(task.stream(seed), 20) for seed in (1, 1, 2))
    assert all(same(a, b) for a, b in zip(one, again, strict=True))
    assert len({tuple(each.inputs.flatten().tolist()) for each in one + other}) == 40


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_workers_share_the_entries_out(workers, monkeypatch):
    stream = copy_task(8).stream(seed=1, start=3)
    whole = first(stream, 4 * workers)
    for worker in range(workers):
        monkeypatch.setattr(torch_data, "get_worker_info", lambda w=worker: SimpleNamespace(id=w, num_workers=workers))
        own = first(stream, 4)
        assert all(same(a, b) for a, b in zip(own, whole[worker::workers], strict=True))


def test_two_real_workers():
    """Single entries come in the order of one process, and batches are made of the entries of one worker each."""
    task = task_of(count=30)
    expected = first(task.stream(seed=1), 12)
    options = {"num_workers": 2, "multiprocessing_context": "spawn"}
    stream = task.stream(seed=1)
    loaded = iter(DataLoader(stream, batch_size=2, collate_fn=stream.collate, **options))
    found = first(loaded, 4)
    del loaded
    wanted = [expected[0:3:2], expected[1:4:2], expected[4:7:2], expected[5:8:2]]
    for batch, pair in zip(found, wanted, strict=True):
        assert same(batch, stream.collate(pair))


def test_the_page_on_tasks_runs():
    found = examples("guides/tasks.md")
    assert found["loss"].item() < 0.72
    assert found["batch"].inputs.shape == (16, 9, 3)


def test_what_does_not_fit_is_refused():
    task = copy_task(2)
    for call, message in (
        (lambda: task.dataset(0), "samples is 0: it must be a whole number of at least 1"),
        (lambda: task.arrays(True), "samples is True: it must be a whole number"),
        (lambda: task.dataset(3, seed=-1), "seed is -1: it must be a whole number of at least 0"),
        (lambda: task.stream(seed=-1), "seed is -1: it must be a whole number of at least 0"),
        (lambda: task.stream(batch=0), "batch is 0: it must be a whole number of at least 1"),
        (lambda: task.stream(start=-1), "start is -1: it must be a whole number of at least 0"),
        (
            lambda: task.dataset(task.batch([0, 1], 0, 3)),
            "samples has sequences of 2 members: they must be those of one",
        ),
        (lambda: WEIGHTED.dataset(3), r"scored holds the weight 0\.\d+: it must be 0 or 1 at every step, for a mask"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_what_they_are_is_shown():
    task = copy_task(3, width=2)
    assert repr(task.dataset(1000)) == "TaskDataset(1,000 sequences of up to 7 steps, 3 features)"
    assert repr(task.stream(2, batch=8)) == "TaskStream(batches of 8 sequences, seed 2, from 0 on)"
    assert repr(task.stream(2, start=5)) == "TaskStream(sequences, seed 2, from 5 on)"
