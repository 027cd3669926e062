import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from wmcl.data.prepare import read_originals
from wmcl.data.stroke_mnist import STROKE_MNIST

torch.set_num_threads(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a shell put into the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # children that tests start inherit that it is not ignored
settings.register_profile("default", deadline=None, max_examples=25)
settings.register_profile("slow", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

SHARED = Path(__file__).parents[2] / "shared"
REFERENCE = SHARED / "reference" / "arrays" / "basic_p5_i5_ewc.npz"
STROKE_FILES = SHARED / "data" / "stroke_mnist"
TREEBANK_FILES = SHARED / "data" / "universal_dependencies"


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
