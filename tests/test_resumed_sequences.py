"""A run over several tasks that was interrupted, in a session or between two, ends as if it had not been."""

import dataclasses
from functools import cache

import pytest

from tests.same import assert_same
from tests.test_checkpoints import Breaking, lose_power
from wmcl.methods import named, train_sequence
from wmcl.networks import Elman
from wmcl.tasks import copy_task_sequence
from wmcl.training import SGD, Adam, Cosine, Options, Stop

TASKS = copy_task_sequence(2, 2, 3, order="permuted time", width=3, validation_samples=16)
HEADS = Elman(4, 6, 3, heads=2)
OPTIONS = Options(batch=6, optimiser=Adam(2e-2), validate_every=5)
SMALL_HNET = {"chunk": 40, "hidden": (4,), "task_embedding": 3, "chunk_embedding": 2}
METHODS = {
    "online EWC": {"samples": 5, "decay": 0.9},
    "SI": {},
    "HNET (chunked)": SMALL_HNET,
    "HNET (chunked), looking ahead": SMALL_HNET | {"look_ahead": True},
    "coresets": {"samples": 4},
    "generative replay": {"latent": 2, "decoder_hidden": 5},
    "masking + SI": {"fraction_off": 0.4},
    "from scratch": {},
    "multitask": {},
}
INTERRUPTED_AT = [(0, 1), (0, 5), (1, 2), (1, 7)]
"""tasks and iterations: before and after a save, in the first session and the last"""


def method_of(name, **changes):
    return named(name.removesuffix(", looking ahead"), **METHODS[name] | changes)


def begin(method, checkpoint=None, tasks=TASKS, seeds=(3, 5), stop=Stop(8), options=OPTIONS):  # noqa: B008
    return train_sequence(
        method, HEADS, tasks, seeds, stop, options, progress=False, checkpoint=checkpoint, checkpoint_every=3
    )


@cache
def uninterrupted(name):
    return list(begin(method_of(name)))


def breaking(tasks, number, at):
    """The tasks, one of which breaks when the batch of some iteration is drawn."""
    fields = {field.name: getattr(tasks[number], field.name) for field in dataclasses.fields(tasks[number])}
    return [Breaking(**fields, at=at, act=lose_power) if n == number else task for n, task in enumerate(tasks)]


def assert_same_run(found, expected):
    """Everything but the wall time; learners are told apart by their seeds, as functions cannot be compared."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other, without=("seconds", "learner"))
        assert one.seeds == other.seeds
        assert_same(one.learner.fixed, other.learner.fixed)


@pytest.mark.parametrize(("number", "at"), INTERRUPTED_AT)
@pytest.mark.parametrize("name", METHODS)
def test_a_run_that_breaks_in_a_session_ends_as_if_it_had_not(name, number, at, tmp_path):
    with pytest.raises(OSError, match="power"):
        list(begin(method_of(name), tmp_path, breaking(TASKS, number, at)))
    is_first = number == 0 or name == "multitask"  # which has one session of both tasks
    assert (tmp_path / "session_0.safetensors").exists() == (at >= 3 or not is_first)
    assert (tmp_path / "session_1.safetensors").exists() == (at >= 3 and not is_first)
    assert_same_run(list(begin(method_of(name), tmp_path)), uninterrupted(name))
    first_would_break = breaking(TASKS, 0, 0)  # but a finished session is read, not trained
    assert_same_run(list(begin(method_of(name), tmp_path, first_would_break)), uninterrupted(name))


@pytest.mark.parametrize("name", METHODS)
def test_a_run_that_is_left_between_two_sessions_ends_as_if_it_had_not(name, tmp_path):
    first = next(begin(method_of(name), tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["session_0.safetensors"]
    assert_same_run([first], uninterrupted(name)[:1])
    assert_same_run(list(begin(method_of(name), tmp_path)), uninterrupted(name))


@pytest.mark.parametrize("name", ["online EWC", "coresets", "from scratch"])
def test_a_run_breaks_over_and_over_again(name, tmp_path):
    """With members that share a seed, a rate each, and an optimiser whose schedule begins anew in every session."""
    more = {"from scratch": {}}.get(name, {"strength": (0.0, 1.0, 30.0)})
    schedule = Cosine(12, warmup=4)
    arguments = {
        "seeds": (3, 5, 3),
        "stop": Stop(8, patience=5),
        "options": dataclasses.replace(OPTIONS, optimiser=SGD(0.3, momentum=0.9, schedule=schedule, weight_decay=1e-3)),
    }
    expected = list(begin(method_of(name, **more), **arguments))
    assert expected[0].networks == 2
    for number, at in INTERRUPTED_AT:
        with pytest.raises(OSError, match="power"):
            list(begin(method_of(name, **more), tmp_path, breaking(TASKS, number, at), **arguments))
    assert_same_run(list(begin(method_of(name, **more), tmp_path, **arguments)), expected)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The files of a finished run of online EWC, by name."""
    folder = tmp_path_factory.mktemp("run")
    list(begin(method_of("online EWC"), folder))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(content, tmp_path):
    for name, each in content.items():
        (tmp_path / name).write_bytes(each)
    return tmp_path


OTHER_TASKS = copy_task_sequence(2, 2, 4, order="permuted time", width=3, validation_samples=16)
FIRST, SECOND = "session_0.safetensors", "session_1.safetensors"


@pytest.mark.parametrize(
    ("change", "file", "message"),
    [
        ({"method": method_of("online EWC", strength=2.0)}, FIRST, r"penalty\.strength is 2\.0: .* made with 1\.0"),
        ({"method": method_of("online EWC", samples=6)}, FIRST, r"penalty\.importance\.samples is 6: .* with 5"),
        ({"method": method_of("SI")}, FIRST, r"observer is .*'PathIntegral'.*: .* made with None"),
        ({"tasks": [TASKS[0], OTHER_TASKS[1]]}, FIRST, "tasks is .*'validation_digest': .* was made with .*'name'"),
        ({"tasks": TASKS[::-1]}, FIRST, "tasks is .*: .* was made with"),
        ({"seeds": (3, 6)}, FIRST, r"seeds is \[3, 6\]: .* was made with \[3, 5\]"),
        ({"stop": Stop(7)}, FIRST, "stop.iterations is 7: .* was made with 8"),
        ({"stop": Stop(9)}, FIRST, "stop.iterations is 9: .* was made with 8"),
        ({"options": dataclasses.replace(OPTIONS, batch=7)}, FIRST, r"options\.batch is 7: .* made with 6"),
    ],
)
def test_files_of_another_run_are_refused(change, file, message, folder, content):
    with pytest.raises(ValueError, match=message) as caught:
        list(begin(**{"method": method_of("online EWC"), "checkpoint": folder} | change))
    assert str(folder / file) in str(caught.value)
    assert (folder / file).read_bytes() == content[file]


def test_files_that_changed_places_are_refused(folder, content):
    (folder / FIRST).write_bytes(content[SECOND])
    with pytest.raises(ValueError, match=r"session is \[0\]: the checkpoint .*session_0.* was made with \[1\]"):
        list(begin(method_of("online EWC"), folder))


@pytest.mark.parametrize("file", [FIRST, SECOND])
def test_a_damaged_file_is_refused(file, folder, content):
    whole = content[file]
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], b"", b"something else that is long enough"):
        (folder / file).write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{file} is (damaged|no checkpoint)"):
            list(begin(method_of("online EWC"), folder))
        assert (folder / file).read_bytes() == damaged


def test_a_session_from_whose_end_the_next_one_began_is_not_made_longer(folder, content):
    for file in (FIRST, SECOND):
        (folder / file).write_bytes(content[file])
    with pytest.raises(ValueError, match=r"stop.iterations is 99: the checkpoint .*session_0.* was made with \d+"):
        list(begin(method_of("online EWC"), folder, stop=Stop(99)))
    assert all((folder / file).read_bytes() == content[file] for file in (FIRST, SECOND))


def test_a_longer_last_session_goes_on_from_its_file(folder):
    """Sessions from scratch depend on no other, so more iterations are a run that goes on."""
    run = method_of("from scratch")
    list(begin(run, folder / "scratch"))
    assert_same_run(list(begin(run, folder / "scratch", stop=Stop(11))), list(begin(run, stop=Stop(11))))
