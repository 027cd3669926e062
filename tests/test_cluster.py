"""Sweeps on a real Dask cluster of two processes that cannot import the analysis."""

import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import start_cluster
import xarray as xr

from tests.test_sweeps import CONDITIONS, calls, measure
from wmcl.sweeps import choose, cluster, run
from wmcl.sweeps.cluster import check_cluster

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # sockets that a client leaves to the collector
]


def interruptible():
    """Whoever runs the tests in the background may have switched Ctrl-C off for all that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Cluster:
    """The script, in a process of its own; -P keeps the folder of the analysis off the path of its workers."""

    def __init__(self, folder, *arguments, environment=ENVIRONMENT):
        command = [sys.executable, "-P", str(ROOT / "analyses" / "start_cluster.py"), *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=interruptible,
        )
        line = self.process.stdout.readline()
        self.address = re.fullmatch(r"--cluster (tcp://127\.0\.0\.1:\d+)\n", line)[1]

    def workers(self):
        with client(self.address) as connected:
            return connected.run(os.getpid)

    def close(self, blow=signal.SIGINT):
        self.process.send_signal(blow)
        rest = self.process.communicate(timeout=600)[0]
        return self.process.returncode, rest


def client(address):
    from distributed import Client

    return Client(address, set_as_default=False)


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("elsewhere"), "--local", 2)
    yield cluster
    code, rest = cluster.close()
    assert (code, rest) == (0, "The cluster is closed.\n")


@pytest.fixture
def two(started):
    """The cluster with both of its workers."""
    with client(started.address) as connected:
        connected.wait_for_workers(2)
    return started


@pytest.fixture
def mortal(tmp_path):
    """A cluster for one test, which may kill its workers: Dask does not always start them again."""
    cluster = Cluster(tmp_path, "--local", 2)
    with client(cluster.address) as connected:
        connected.wait_for_workers(2)
    yield cluster
    cluster.close()


def sweep(folder, function=measure, address=None, seeds=range(3), **more):
    arguments = {"folder": folder / "entries", "progress": False} | more
    return run(partial(function, str(folder / "log")), CONDITIONS, seeds, cluster=address, **arguments)


def same(found, expected):
    xr.testing.assert_identical(found.drop_attrs(deep=False), expected.drop_attrs(deep=False))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return sweep(tmp_path_factory.mktemp("undisturbed"))


def who(log, condition, seeds):
    return measure(log, condition, seeds).assign(process=("seed", np.full(len(seeds), float(os.getpid()))))


@pytest.mark.parametrize(("jobs", "members"), [(None, 1), (1, 2)])
def test_a_cluster_gives_the_values_of_this_machine(two, tmp_path, undisturbed, jobs, members):
    found = sweep(tmp_path, who, two.address, jobs=jobs, members=members)
    same(found.drop_vars("process"), undisturbed)
    assert found.attrs["entries_computed"] == "9 of 9"
    assert set(found.process.values.flatten()) <= set(two.workers().values())
    again = sweep(tmp_path, who, two.address)
    assert again.attrs["entries_computed"] == "0 of 9"


def under_way(log, condition, seeds):
    """How many jobs run at this moment, itself included."""
    mark = Path(log).with_suffix(f".{condition['p']}{condition['i']}{seeds[0]}.running")
    mark.touch()
    time.sleep(0.3)
    found = measure(log, condition, seeds).assign(at_once=("seed", [1.0 * len(list(mark.parent.glob("*.running")))]))
    mark.unlink()
    return found


def test_jobs_limits_what_is_under_way(two, tmp_path):
    assert sweep(tmp_path, under_way, two.address, jobs=1).at_once.max() == 1
    assert sweep(tmp_path, under_way, two.address, jobs=None, seeds=range(3, 6)).at_once.max() == 2


def slow(log, condition, seeds):
    time.sleep(0.4)
    return measure(log, condition, seeds)


def test_a_worker_that_is_killed_costs_its_running_job_alone(mortal, tmp_path, undisturbed):
    victim = next(iter(mortal.workers().values()))

    def kill():
        while len(calls(tmp_path)) < 3:
            time.sleep(0.05)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = sweep(tmp_path, slow, mortal.address)
    killer.join()
    same(found, undisturbed)
    assert found.attrs["failed_entries"] == ""
    assert victim not in mortal.workers().values()
    assert len(calls(tmp_path)) <= 9 + 1


def deadly(log, condition, seeds):
    if condition["i"] == 3 and seeds[0] == 1:
        with Path(log).with_suffix(".deaths").open("a") as file:
            file.write("x")
        time.sleep(1)  # Dask does not start a worker again that dies while its start is not yet complete
        os.kill(os.getpid(), signal.SIGKILL)
    return measure(log, condition, seeds)


@pytest.mark.skipif("FAULTS" not in os.environ, reason="starts six workers: make faults")
def test_a_job_that_kills_every_worker_is_recorded_and_the_rest_is_finished(mortal, tmp_path, undisturbed):
    found = sweep(tmp_path, deadly, mortal.address)
    assert found.attrs["failed_entries"] == "p=2 i=3 seed=1"
    assert found.attrs["entries_computed"] == "8 of 9"
    assert choose(found, p=2, i=3).value.sel(seed=1).isnull().all()
    np.testing.assert_array_equal(found.value.fillna(undisturbed.value), undisturbed.value)
    assert len((tmp_path / "log.deaths").read_text()) == 2 * (1 + 1)  # two tries of ours, of two starts by the cluster


def wrong(log, condition, seeds):
    if condition["i"] == 2 and not Path(f"{log}.mended").exists():
        raise ArithmeticError("no such number")
    return measure(log, condition, seeds)


def test_an_exception_on_a_worker_is_not_swallowed_and_finished_entries_are_kept(two, tmp_path):
    with pytest.raises(ArithmeticError, match="no such number") as raised:
        sweep(tmp_path, wrong, two.address, jobs=1, cost=lambda condition: -condition["i"])
    assert raised.value.__notes__ == ["while computing p=2 i=2 seed=0"]
    (tmp_path / "log.mended").touch()
    assert sweep(tmp_path, wrong).attrs["entries_computed"] == "6 of 9"


def shorter(log, condition, seeds):
    return measure(log, condition, seeds).isel(seed=[])


def test_results_with_a_wrong_label_are_refused(two, tmp_path):
    with pytest.raises(ValueError, match=r"measure returned \[\]"):
        sweep(tmp_path, shorter, two.address)


def test_a_lost_scheduler_is_an_error_and_not_a_wait(tmp_path):
    started = Cluster(tmp_path, "--local", 1)

    def stop():
        while not list((tmp_path / "entries").glob("*.safetensors")):
            time.sleep(0.05)
        started.process.send_signal(signal.SIGTERM)

    threading.Thread(target=stop).start()
    with pytest.raises(ConnectionError, match="the scheduler of the cluster is gone"):
        sweep(tmp_path, slow, started.address, seeds=range(20))
    started.process.communicate(timeout=600)
    assert started.process.returncode == 0
    kept = len(list((tmp_path / "entries").glob("*.safetensors")))
    assert 0 < kept < 60
    assert sweep(tmp_path, slow, seeds=range(20)).attrs["entries_computed"] == f"{60 - kept} of 60"


@pytest.mark.parametrize(
    "address",
    [
        *("", "here", "127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://host", "tcp://:8786", "tcp://host:0"),
        *("tcp://host:65536", "tcp://host:port", "tcp://host:1/path", "tcp://[host:1"),
    ],
)
def test_a_malformed_address_is_refused(address):
    with pytest.raises(ValueError, match=r"cluster is '.*': it must be the address .* tcp://host:port"):
        check_cluster(address)


def test_an_address_where_nobody_answers_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    with pytest.raises(ValueError, match=r"cluster is tcp://127.0.0.1:9: nobody answers there \(.*refused"):
        sweep(tmp_path, address="tcp://127.0.0.1:9")
    assert calls(tmp_path) == []


ANSWERS = {
    "nothing": (b"", False, r"nobody says anything there within 0\.5 s"),
    "nothing, and hangs up": (b"", True, r"what answers there is no Dask scheduler \(b''\)"),
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, r"what answers there is no Dask scheduler \(b'HTTP/1.1'\)"),
    "garbage": (bytes(range(200, 256)) * 100, False, "what answers there is no Dask scheduler"),
    "a huge number": (b"\x00\x00\x00\x00\x00\x00\x30\x00", False, "what answers there is no Dask scheduler"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_is_no_scheduler_is_refused_at_once(kind, monkeypatch):
    """Libraries wait for the first, and make room for as much as the last one announces."""
    answer, hangs_up, message = ANSWERS[kind]
    monkeypatch.setattr(cluster, "TIMEOUT", 1)
    held = []

    class Odd(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(answer)
            if not hangs_up:
                ended.wait(600)
            held.append(kind)

    ended = threading.Event()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            with pytest.raises(ValueError, match=rf"cluster is tcp://127.0.0.1:{server.server_address[1]}: {message}"):
                check_cluster(f"tcp://127.0.0.1:{server.server_address[1]}")
        finally:
            ended.set()
            server.shutdown()


def test_a_cluster_with_certificates_needs_some():
    with pytest.raises(ValueError, match=r"tls needs certificates, .* no distributed.comm.tls.ca-file, .*client.cert"):
        check_cluster("tls://127.0.0.1:9")


def test_a_cluster_without_workers_is_refused():
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=0, dashboard_address=":0", protocol="tcp://") as empty,
        pytest.raises(ValueError, match=f"cluster is {empty.scheduler_address}: it has no workers; start at least one"),
    ):
        check_cluster(empty.scheduler_address)


def test_a_cluster_needs_an_extra(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=re.escape("pip install 'wmcl[cluster]'")):
        check_cluster("tcp://127.0.0.1:8786")


@pytest.mark.parametrize("name", ["wmcl", "RESULTS_VERSION", "torch", "source of wmcl", "python"])
def test_workers_of_another_version_are_refused(two, monkeypatch, name):
    here = cluster.fingerprint()
    monkeypatch.setattr(cluster, "fingerprint", lambda: here | {name: "other"})
    with pytest.raises(ValueError, match=rf"cluster is tcp.*: {name} is {here[name]} on tcp://.* must have other"):
        check_cluster(two.address)


def test_workers_without_the_package_are_refused(two):
    answers = {"tcp://a:1": ModuleNotFoundError("No module named 'wmcl'")}
    with pytest.raises(ValueError, match=r"tcp://a:1 cannot use wmcl \(No module named 'wmcl'\); all workers must"):
        cluster._compare(cluster.fingerprint(), answers)


def test_a_worker_of_another_version_that_joins_later_computes_nothing(two, tmp_path, monkeypatch):
    shipped = cluster.ship(partial(measure, str(tmp_path / "log")))
    other = cluster.Shipped(shipped.measure, tuple((cluster.fingerprint() | {"torch": "1.0"}).items()))
    assert shipped({"p": 1, "i": 1}, [0]).value.item() == 110
    with pytest.raises(ValueError, match=r"torch is .* on this worker; all workers must have 1\.0"):
        other({"p": 1, "i": 1}, [0])


def test_the_fingerprint_holds_what_numbers_depend_on(monkeypatch, tmp_path):
    import torch

    import wmcl

    before = cluster.fingerprint()
    assert before["torch"] == torch.__version__.split("+")[0]
    assert before["wmcl"] == wmcl.__version__
    copy = tmp_path / "wmcl"
    copy.mkdir()
    (copy / "__init__.py").write_text("")
    monkeypatch.setattr(wmcl, "__file__", str(copy / "__init__.py"))
    assert cluster.fingerprint.__wrapped__()["source of wmcl"] != before["source of wmcl"]


def command(*arguments):
    script = [sys.executable, str(ROOT / "analyses" / "importance_vs_length.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*script, *map(str, arguments)], text=True, capture_output=True, check=False, env=environment)


TINY = ("--preset", "smoke", "--padded", "--equal-length-patterns", "--leads", "--bits", "--basic", "2", "3")


@pytest.mark.parametrize(
    "arguments",
    [
        (*TINY, "--iterations", "20"),
        pytest.param(
            ("--preset", "smoke"),
            marks=pytest.mark.skipif("FAULTS" not in os.environ, reason="takes a minute: make faults"),
        ),
    ],
    ids=["tiny", "smoke"],
)
def test_the_analysis_gives_the_same_on_workers_that_cannot_import_it(two, tmp_path, arguments):
    with client(two.address) as connected:
        found = connected.run(lambda: __import__("importlib.util").util.find_spec("length_study"))
    assert set(found.values()) == {None}
    near, far = tmp_path / "near.nc", tmp_path / "far.nc"
    for output, more in ((near, ()), (far, ("--cluster", two.address))):
        done = command(*arguments, "--output", output, *more)
        assert done.returncode == 0, done.stderr
    with xr.open_dataset(near) as here, xr.open_dataset(far) as there:
        xr.testing.assert_equal(here.drop_vars("seconds"), there.drop_vars("seconds"))
        assert there.attrs["device"] == here.attrs["device"]
        entries = len(here.condition) * len(here.seed)
        assert there.attrs["entries_computed"] == f"{entries} of {entries}"


def test_ctrl_c_keeps_finished_networks(two, tmp_path):
    script = [sys.executable, str(ROOT / "analyses" / "importance_vs_length.py"), *TINY, "--seeds", "15"]
    script += ["--output", str(tmp_path / "r.nc"), "--cluster", two.address, "--iterations", "60"]
    process = subprocess.Popen(
        script, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, preexec_fn=interruptible
    )
    deadline = time.monotonic() + 600
    while not len(list((tmp_path / "r.entries").glob("*.safetensors"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=600)[1]
    assert process.returncode == 130
    assert "Interrupted. Finished networks are kept: the same command goes on from there." in printed
    assert "Traceback" not in printed
    assert list((tmp_path / "r.entries").glob("*.safetensors"))


def test_the_command_line_refuses_a_cluster_in_one_sentence(tmp_path):
    done = command("--cluster", "localhost", "--output", tmp_path / "r.nc")
    assert done.returncode == 1
    assert done.stderr == "error: cluster is 'localhost': it must be the address of a Dask scheduler, tcp://host:port\n"
    assert not list(tmp_path.iterdir())


def test_without_a_cluster_dask_is_not_imported():
    script = (
        "import sys; sys.path.insert(0, 'analyses'); import importance_vs_length; print('distributed' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "local is None and slurm is None: give one of them"),
        ({"local": 1, "slurm": 1}, "local is 1 and slurm is 1: give one of them"),
        ({"local": 0}, "local is 0: it must be from 1 to"),
        ({"local": 10**6}, "local is 1000000: it must be from 1 to"),
        ({"slurm": 0}, "slurm is 0: it must be at least 1"),
        ({"slurm": 1, "cores": 0}, "cores is 0: it must be at least 1"),
        ({"slurm": 1, "memory": "lots"}, "memory is 'lots': it must be an amount such as 16GB"),
        ({"slurm": 1, "memory": "16"}, "memory is '16': it must be an amount"),
        ({"slurm": 1, "memory": "-3GB"}, "memory is '-3GB': it must be an amount"),
        ({"slurm": 1, "cores": 8, "memory": "7GB"}, "memory is '7GB': .* at least 1 GB for each of the 8 cores"),
        ({"slurm": 1, "walltime": "8 hours"}, "walltime is '8 hours': it must be hours:minutes:seconds"),
    ],
)
def test_senseless_clusters_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        start_cluster.check(start_cluster.Options(**change))


def test_slurm_without_its_package_is_refused(monkeypatch):
    monkeypatch.setattr(start_cluster, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="slurm is 2: it needs dask-jobqueue, pip install dask-jobqueue"):
        start_cluster.check(start_cluster.Options(slurm=2))


def test_the_job_script_is_the_documented_one():
    options = start_cluster.Options(slurm=20, cores=8, memory="16GB", partition="cpu", account="lab")
    start_cluster.check(options)
    with start_cluster.slurm(options) as submitting:
        script = submitting.job_script()
    documented = re.search(r"```bash\n(#!/.*?)```", (ROOT / "docs" / "guides" / "clusters.md").read_text(), re.DOTALL)[
        1
    ]
    expected = re.escape(documented.strip()).replace("ADDRESS", r"tcp://[\d.]+:\d+").replace("PYTHON", r"\S+")
    assert re.fullmatch(expected, script.strip())
