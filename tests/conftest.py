import fcntl
import os
import signal
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import settings

from wmcl.data.audioset import audioset
from wmcl.data.prepare import read_originals
from wmcl.data.stroke_mnist import STROKE_MNIST

torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell put into the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # children that tests start inherit that it is not ignored
settings.register_profile("default", deadline=None, max_examples=25)
settings.register_profile("slow", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
REFERENCE = SHARED / "reference" / "arrays" / "basic_p5_i5_ewc.npz"
AUDIOSET_FILES = SHARED / "data" / "audioset"
STROKE_FILES = SHARED / "data" / "stroke_mnist"
TREEBANK_FILES = SHARED / "data" / "universal_dependencies"
PROCESSES = ("tests/faults/", "tests/test_checkpoints.py", "tests/test_cluster.py", "tests/test_sweeps.py")
"""tests that start, kill and wait for processes, which must not run against each other"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Of several processes, one runs all tests of a file, as they share results; and one runs all of PROCESSES."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "processes" if nodeid.startswith(PROCESSES) else nodeid.split("::")[0]

    return ByFile(config, log)


def pytest_terminal_summary(terminalreporter):
    """Faults as counted in tests/faults; a report brings its counts along from the process that ran the test."""
    withstood, failed = Counter(), Counter()
    for report in (each for reports in terminalreporter.stats.values() for each in reports):
        faults = [value for name, value in getattr(report, "user_properties", ()) if name == "fault"]
        if faults and report.when == "call":
            withstood[faults[0]] += len(faults) - 1  # the first one names the kind before any was tried
            failed[faults[0]] += report.failed
    if withstood:
        terminalreporter.section("faults")
    for kind in sorted(withstood):
        terminalreporter.write_line(f"{withstood[kind]:5d} withstood, {failed[kind]} not: {kind}")


@pytest.fixture(scope="session")
def reference():
    """Weights, activations, losses and Fisher values computed by the authors' code, where they are at hand."""
    if not REFERENCE.exists():
        pytest.skip("the reference arrays of the authors' code are not on this machine")
    with np.load(REFERENCE) as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def stroke_files():
    """The folder of the originals of Stroke MNIST, where they are at hand."""
    if not STROKE_FILES.exists():
        pytest.skip("the files of Stroke MNIST are not on this machine")
    return STROKE_FILES


@pytest.fixture(scope="session")
def published_strokes(stroke_files):
    """The records of both splits."""
    return read_originals(STROKE_MNIST, stroke_files)


@pytest.fixture(scope="session")
def audioset_files():
    """The folder of the originals of reduced AudioSet, where they are at hand."""
    if not AUDIOSET_FILES.exists():
        pytest.skip("the files of AudioSet are not on this machine")
    return AUDIOSET_FILES


@pytest.fixture(scope="session")
def prepared_audioset(audioset_files, tmp_path_factory):
    """Reduced AudioSet, prepared by the command, which is faster than with all types checked."""
    folder = tmp_path_factory.mktemp("audioset")
    command = [sys.executable, "-m", "wmcl.command_line", "data", "download", "audioset-reduced", "--from"]
    subprocess.run([*command, str(audioset_files)], env=os.environ | {"WMCL_DATA": str(folder)}, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WMCL_DATA", str(folder))
        return audioset(reduced=True)


@pytest.fixture(scope="session")
def treebank_files():
    """The folder of treebanks of Universal Dependencies, where they are at hand."""
    if not TREEBANK_FILES.exists():
        pytest.skip("the treebanks of Universal Dependencies are not on this machine")
    return TREEBANK_FILES


@pytest.fixture
def own_data_folder(tmp_path, monkeypatch):
    """Prepared data sets of the test alone."""
    monkeypatch.setenv("WMCL_DATA", str(tmp_path / "wmcl data"))


@pytest.fixture(autouse=True)
def own_ctrl_c():
    """What answers to Ctrl-C is as it was before the test: dask-jobqueue puts its own answer in place."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


class Smoke(NamedTuple):
    """What the preset smoke of a study has printed and written."""

    printed: str
    output: Path
    results: xr.Dataset


@pytest.fixture(scope="session")
def smoke_of(tmp_path_factory):
    """Runs the preset smoke of a study by its command, once for all processes that run tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    @cache
    def of(script, *arguments):
        name = "_".join([script, *arguments]).replace("-", "")
        output, printed = shared / f"{name}.nc", shared / f"{name}.txt"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not printed.exists():
                command = [f"analyses/{script}.py", "--preset", "smoke", *arguments, "--output", str(output)]
                done = subprocess.run([sys.executable, *command], cwd=ROOT, text=True, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr
                printed.write_text(done.stdout)
        return Smoke(printed.read_text(), output, xr.load_dataset(output))

    return of


@pytest.fixture
def refusal(tmp_path, monkeypatch, capsys):
    """What an analysis says when it refuses a command line, before it has written anything."""

    def of(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["analysis", "--output", str(tmp_path / "r.nc"), *arguments])
        with pytest.raises(SystemExit) as raised:
            main()
        printed = capsys.readouterr()
        assert raised.value.code not in (None, 0)
        assert not list(tmp_path.iterdir())
        return " ".join(f"{raised.value.code} {printed.err} {printed.out}".split())

    return of
