"""Jobs of a sweep that were killed go on from their checkpoints."""

import os
import signal
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import xarray as xr

from tests.test_checkpoints import breaking
from tests.test_training import NETWORK, TASK
from wmcl import stored_file
from wmcl.methods import named, train_sequence
from wmcl.sweeps import CHECKPOINT_EVERY, checkpoint, run
from wmcl.training import Options, Stop, train
from wmcl.training.checkpoint import Pace

OPTIONS = Options(batch=4, validate_every=4, watch_every=4)
EVERY_STEP = timedelta()
STEPS = 9


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def lose_power():
    raise OSError("the power is gone")


def measure(folder, at, act, condition, seeds):
    """Train on one task or two; the first time, do something when the batch of an iteration is drawn."""
    folder = Path(folder)

    def break_once():
        if not (folder / "broken").exists():
            (folder / "broken").touch()
            act()

    class Logged(type(breaking(0, die))):
        def batch(self, seeds, iteration, samples):
            with (folder / "log").open("a") as file:
                file.write(f"{iteration} ")
            return super().batch(seeds, iteration, samples)

    task = Logged(**vars(breaking(at, break_once)))
    stop, every = Stop(STEPS), {"checkpoint_every": EVERY_STEP, "progress": False}
    if condition["tasks"] == 1:
        trained = train(NETWORK, task, seeds, stop, OPTIONS, checkpoint=checkpoint(), **every)
    else:
        tasks = [TASK, task]
        (*_, trained) = train_sequence(
            named("EWC", strength=1.0), NETWORK, tasks, seeds, stop, OPTIONS, checkpoint=checkpoint(), **every
        )
    if (folder / "fail").exists():
        raise ArithmeticError("no such number")
    values = trained.parameters if condition["tasks"] == 1 else trained.values
    weights = values["W_hh"].flatten(1).numpy()
    data = {"loss": ("seed", trained.validation_loss), "weights": (("seed", "weight"), weights)}
    return xr.Dataset(data, {"seed": list(seeds), "weight": range(weights.shape[1])})


def sweep(folder, at=STEPS + 1, act=die, tasks=1, seeds=(3,), **more):
    folder.mkdir(exist_ok=True)
    arguments = {"folder": folder / "entries", "progress": False, "ignored": ("folder", "at", "act")} | more
    return run(partial(measure, folder, at, act), [{"tasks": tasks}], seeds, **arguments)


def drawn(folder):
    return [int(number) for number in (folder / "log").read_text().split()]


def finished(folder, found, expected):
    """The results are the same bit for bit, and nothing but entries is left."""
    xr.testing.assert_identical(found.drop_attrs(deep=False), expected.drop_attrs(deep=False))
    assert {path.suffix for path in (folder / "entries").iterdir()} == {".safetensors"}


@pytest.mark.parametrize(("tasks", "members"), [(1, 1), (2, 1), (1, 2)])
def test_a_job_that_failed_goes_on_from_its_checkpoint(tmp_path, tasks, members):
    more = {"tasks": tasks, "seeds": range(members), "members": members}
    expected = sweep(tmp_path / "whole", **more)
    folder = tmp_path / "broken"
    with pytest.raises(OSError, match="the power is gone"):
        sweep(folder, 5, lose_power, **more)
    (kept,) = (path for path in (folder / "entries").iterdir())
    assert kept.suffix == ".checkpoint"
    (folder / "log").unlink()
    finished(folder, sweep(folder, 5, lose_power, **more), expected)
    assert drawn(folder) == list(range(5, STEPS))


@pytest.mark.filterwarnings("ignore:resource_tracker")
def test_a_job_whose_process_was_killed_goes_on_from_its_checkpoint(tmp_path):
    expected = sweep(tmp_path / "whole")
    folder = tmp_path / "killed"
    finished(folder, sweep(folder, 5, die, jobs=2), expected)
    assert drawn(folder) == [*range(5 + 1), *range(5, STEPS)]


def test_an_error_after_training_costs_no_training(tmp_path):
    (tmp_path / "fail").touch()
    with pytest.raises(ArithmeticError):
        sweep(tmp_path)
    (tmp_path / "fail").unlink()
    sweep(tmp_path)
    assert drawn(tmp_path) == list(range(STEPS))


def other_version(path):
    arrays, description = stored_file.read(path, "checkpoint", 2)
    stored_file.write(path, "checkpoint", 1, arrays, description)


def other_run(path):
    arrays, description = stored_file.read(path, "checkpoint", 2)
    description["configuration"]["options"]["batch"] = 5
    stored_file.write(path, "checkpoint", 2, arrays, description)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("tasks", "damage", "message"),
    [(1, other_version, "has version 1"), (1, truncate, "is damaged"), (2, other_run, r"options\.batch is 4")],
)
def test_a_checkpoint_that_does_not_fit_is_removed_with_one_warning(tmp_path, tasks, damage, message):
    expected = sweep(tmp_path / "whole", tasks=tasks)
    folder = tmp_path / "broken"
    with pytest.raises(OSError, match="the power is gone"):
        sweep(folder, 5, lose_power, tasks)
    (victim,) = (folder / "entries").rglob("training" if tasks == 1 else "training/session_1.safetensors")
    damage(victim)
    with pytest.warns(UserWarning, match=rf"^a checkpoint is removed, and its job begins anew: .*{message}") as warned:
        found = sweep(folder, 5, lose_power, tasks)
    assert len(warned) == 1
    finished(folder, found, expected)


def test_there_is_no_checkpoint_outside_of_a_sweep():
    assert checkpoint() is None


def test_runs_of_one_measure_have_checkpoints_of_their_own(tmp_path):
    seen = []

    def look(condition, seeds):
        seen.extend([checkpoint(), checkpoint("other")])
        return xr.Dataset({"a": ("seed", [1.0])}, {"seed": seeds})

    run(look, [{"p": 1}, {"p": 2}], [0], tmp_path, progress=False)
    assert len(set(seen)) == 4
    assert {path.parent.parent for path in seen} == {tmp_path}
    assert [path.name for path in seen] == ["training", "other"] * 2


def test_by_time_a_save_is_due_when_so_much_has_passed_and_short_runs_leave_no_file(monkeypatch, tmp_path):
    now = 1000.0
    monkeypatch.setattr("wmcl.training.checkpoint.time", SimpleNamespace(monotonic=lambda: now))
    pace = Pace(CHECKPOINT_EVERY)
    due = []
    for iteration in range(1, 100):
        now += 1
        if pace.due(iteration, 0):
            due.append(iteration)
            pace.saved()
        assert pace.keeps_ends == (iteration >= 30)
    assert due == [30, 60, 90]
    assert not Pace(timedelta(0)).due(7, 7)  # the run has just begun, or gone on
    assert Pace(10).keeps_ends
    assert [k for k in range(25) if Pace(10).due(k, 0)] == [10, 20]
    train(
        NETWORK, TASK, [0], Stop(3), OPTIONS, progress=False, checkpoint=tmp_path / "c", checkpoint_every=timedelta(1)
    )
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("every", "message"),
    [
        (0, "checkpoint_every is 0: it must be a whole number of at least 1"),
        (timedelta(seconds=-1), "checkpoint_every is -1 day, 23:59:59: it must not be negative"),
    ],
)
def test_senseless_paces_are_refused(every, message):
    with pytest.raises(ValueError, match=message):
        Pace(every)
