"""How far training and sweeps are, as they tell it; and that telling it changes nothing."""

import errno
import io
import json
import threading
from functools import partial

import numpy as np
import pytest
import xarray as xr
from tqdm import tqdm

from tests.same import assert_same
from tests.test_cluster import started, two  # noqa: F401 (fixtures)
from tests.test_training import NETWORK, TASK
from wmcl.methods import named, train_sequence
from wmcl.progress import Progress, in_session, watched_by
from wmcl.sweeps import checkpoint, run
from wmcl.sweeps.display import Display
from wmcl.sweeps.grid import entries
from wmcl.sweeps.place import Place, Reporter, working_at
from wmcl.training import Options, Stop, train

OPTIONS = Options(batch=4, validate_every=2, watch_every=2)


def fit(steps=4, seeds=(0,)):
    return train(NETWORK, TASK, list(seeds), Stop(steps), OPTIONS, progress=False)


def test_every_step_is_reported_and_changes_nothing():
    seen = []
    with watched_by(seen.append):
        watched = fit()
    assert seen == [Progress(step, 4, 1, 1) for step in range(5)]
    assert_same(fit(), watched)
    assert len(seen) == 5


def test_a_run_over_tasks_tells_its_sessions():
    seen = []
    with watched_by(seen.append):
        list(train_sequence(named("fine-tuning"), NETWORK, [TASK, TASK], [0], Stop(2), OPTIONS, progress=False))
    assert seen == [Progress(step, 2, session, 2) for session in (1, 2) for step in range(3)]
    assert [at.fraction for at in seen] == [0, 0.25, 0.5, 0.5, 0.75, 1]


def test_a_run_without_steps_is_at_its_end():
    assert Progress(0, 0, 2, 4).fraction == 0.5


def test_threads_have_watchers_sessions_and_checkpoints_of_their_own(tmp_path):
    both, found = threading.Barrier(2), {}

    def work(name, number):
        seen = []
        with working_at(Place(name, tmp_path, None)), watched_by(seen.append), in_session(number, 2):
            both.wait(60)
            fit()
            found[name] = (checkpoint(), {at.session for at in seen}, len(seen))
            both.wait(60)

    threads = [threading.Thread(target=work, args=each) for each in (("a", 1), ("b", 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {
        "a": (tmp_path / "a.checkpoint" / "training", {1}, 5),
        "b": (tmp_path / "b.checkpoint" / "training", {2}, 5),
    }
    assert checkpoint() is None


def test_reports_are_a_second_apart_and_tell_the_speed():
    now, sent = 0.0, []
    reporter = Reporter("job", lambda text: sent.append(json.loads(text)), lambda: now)
    for step in range(10):  # a step takes a quarter of a second, and training goes on at step 100
        reporter(Progress(100 + step, 200, 1, 1))
        now += 0.25
    assert [report["step"] for report in sent] == [100, 104, 108]
    assert [report["speed"] for report in sent] == [0, 4, 4]
    assert {report["job"] for report in sent} == {"job"}
    for step in range(9):  # another run, half as fast
        reporter(Progress(step, 200, 1, 1))
        now += 0.5
    assert [(report["step"], report["speed"]) for report in sent[3:]] == [(1, 2), (3, 2), (5, 2), (7, 2)]


def test_a_full_disk_and_a_missing_folder_stop_no_job(tmp_path, monkeypatch):
    (tmp_path / "reports").mkdir()
    for folder in (tmp_path / "reports", tmp_path / "missing"):
        with working_at(Place("job", None, folder)):
            fit()
    assert json.loads((tmp_path / "reports" / "job.json").read_text())["steps"] == 4

    def full(*arguments, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with working_at(Place("job", None, tmp_path / "reports")):
        fit()


def display(jobs, costs, **more):
    every = [entry for job in jobs for entry in job]
    bar = tqdm(total=sum(costs.values()), file=io.StringIO(), bar_format="{postfix}")
    names = {job: f"job {number}" for number, job in enumerate(jobs)}
    return Display(bar, {entry: costs[entry] for entry in every}, names, ["p"], 2, **({"finished": set()} | more))


def report(job, **progress):
    return json.dumps({"job": job, "speed": 12.34, "step": 0, "steps": 100, "session": 1, "sessions": 1} | progress)


def test_the_bar_moves_by_the_finished_share_of_what_running_jobs_cost():
    a, b, c, d = entries([{"p": 1, "i": 7}, {"p": 2, "i": 7}], [0, 1])
    jobs = [(a,), (b,), (c, d)]
    shown = display(jobs, {a: 1.0, b: 1.0, c: 4.0, d: 4.0})
    shown.started(jobs[1:])
    assert shown.bar.postfix == "0/4 done; now 1 seed 1; 2 seed 0,1"
    shown.take(report("job 2", step=50, session=2, sessions=4))
    shown.draw()
    assert shown.bar.n == pytest.approx(8 * 1.5 / 4)
    assert shown.bar.postfix == "0/4 done; now 1 seed 1; 2 seed 0,1 (task 2 of 4, step 50 of 100, 12.3 steps/s)"
    shown.take(report("job 1", step=100))
    shown.draw()
    assert shown.bar.n == pytest.approx(1 + 3)
    shown.finish(b)  # which counts once
    assert shown.bar.n == pytest.approx(1 + 3)
    shown.started([jobs[2], jobs[0]])
    shown.finish(c)
    assert shown.bar.n == pytest.approx(1 + 4 + 4 * 1.5 / 4)
    shown.take(report("job 2"))  # its process died, and it began again: the bar does not go back
    shown.draw()
    assert shown.bar.n == pytest.approx(6.5)
    shown.finish(d)
    shown.finish(a)
    shown.started([])
    assert shown.bar.n == pytest.approx(10)
    assert shown.bar.postfix == ""


def training(log, condition, seeds):
    """Train a few steps, and note which threads there are."""
    trained = fit(4, seeds)
    with open(log, "a") as file:
        file.write("\n".join(thread.name for thread in threading.enumerate()) + "\n")
    return xr.Dataset({"loss": ("seed", trained.validation_loss)}, {"seed": list(seeds)})


@pytest.mark.parametrize("progress", [True, False])
def test_without_a_bar_there_is_neither_thread_nor_report(tmp_path, monkeypatch, progress, capsys):
    watched = []
    monkeypatch.setattr("wmcl.sweeps.place.Reporter.__call__", lambda self, at: watched.append(at))
    run(partial(training, tmp_path / "log"), [{"p": 1}], [0], tmp_path / "entries", progress=progress)
    assert ("progress of a sweep" in (tmp_path / "log").read_text()) == progress
    assert len(watched) == 5 * progress
    assert ("100%" in capsys.readouterr().err) == progress


def test_jobs_of_a_cluster_report_to_its_scheduler(two, tmp_path):  # noqa: F811 (a fixture)
    from tests.test_cluster import client

    measure = partial(training, str(tmp_path / "log"))
    found = run(measure, [{"p": 1}], range(2), tmp_path / "entries", cluster=two.address)
    with client(two.address) as connected:
        topics = {name: events for name, events in connected.get_events().items() if name.startswith("wmcl-")}
    (events,) = topics.values()
    told = [json.loads(text) for _, text in events]
    assert len({each["job"] for each in told}) == 2
    assert all(each["steps"] == 4 for each in told)
    here = run(measure, [{"p": 1}], range(2), tmp_path / "here", progress=False)
    np.testing.assert_array_equal(found.loss, here.loss)
