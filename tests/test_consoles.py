"""Programs on consoles of every kind, with sizes and names that no machine has room for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from length_study.study import STUDY as STUDY_OF_LENGTH

from figures.importance_law import FIGURES
from wmcl.networks import Elman
from wmcl.plotting.options import FileOptions, write
from wmcl.sweeps import run
from wmcl.tasks import copy_task
from wmcl.training import Stop, train

ROOT = Path(__file__).parents[1]
STUDY = "analyses/importance_vs_length.py"
FIGURE = "figures/importance_law.py"
QUICK = ("-m wmcl --help", "-m wmcl data list")
TINY = (
    f"{STUDY} --preset smoke --basic 2 --padded --equal-length-patterns --leads --bits --seeds 1 --iterations 2"
    " --jobs 1"
)


def shell(line, **environment):
    own = {name: value for name, value in os.environ.items() if environment.get(name, "") is not None}
    own |= {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("PY", sys.executable)],
        cwd=ROOT,
        capture_output=True,
        env=own | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        *((program, {"PYTHONIOENCODING": "ascii"}) for program in (*QUICK, f"{STUDY} --help", f"{FIGURE} --help")),
        (QUICK[1], {"HOME": None, "COLUMNS": "20", "TERM": "dumb"}),
        (
            f"{STUDY} --help",
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "MPLBACKEND": "nonsense", "COLUMNS": "20"},
        ),
    ],
)
def test_help_is_printed_anywhere(program, environment):
    found = shell(f"PY {program}", **environment)
    assert found.returncode == 0, found.stderr
    assert found.stdout
    assert b"Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("program", "end"),
    [
        *((program, end) for program in QUICK for end in ("2>&-", ">&-", ">&- 2>&-", "| head -1", "| true")),
        *((f"{STUDY} --help", end) for end in (">&- 2>&-", "| head -1")),
    ],
)
def test_a_closed_stream_or_a_reader_that_leaves_is_no_error(program, end):
    found = shell(f"PY {program} {end}")
    assert found.returncode == 0, found.stderr
    assert b"Traceback" not in found.stderr


@pytest.mark.parametrize("end", [">&- 2>&-", "| true"])
def test_a_study_ends_with_its_file_whoever_listens(tmp_path, end):
    found = shell(f"PY {TINY} --output {tmp_path}/r.nc {end}", PYTHONIOENCODING="ascii")
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "r.nc").exists()
    assert b"Traceback" not in found.stderr


LONG = "a" * 300


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (f"--output {{folder}}/{LONG}.nc", "^error: output is .*: File name too long"),
        (f"--output {{folder}}/{LONG}/r.nc", "^error: output is .*: File name too long"),
        ("--output {folder}", "^error: output is .*: it must be the name of a file that ends in .nc"),
        ("--seeds 1000000000", "^error: seeds is 1000000000: it must be at least 1 and at most 10000"),
        ("--hidden 1000000000", r"^error: network is Elman\(8, 1000000000, 7\): 1 of it have .* GB of memory"),
        ("--basic 2 2", r"^error: basic is \(2, 2\): each may occur once"),
        ("--leads 3 3", r"^error: leads is \(3, 3\): each may occur once"),
        ("--jobs 100000", "^error: jobs is 100000: this machine has .* processors, so at most"),
        ("--jobs 0", "^error: jobs is 0: it must be at least 1"),
        ("--iterations -5", "^error: iterations is -5: it must be at least 0"),
    ],
)
def test_what_no_machine_can_do_is_refused_before_anything_is_done(options, message, tmp_path, monkeypatch):
    given = options.replace("{folder}", str(tmp_path))
    given += "" if "--output" in given else f" --output {tmp_path}/r.nc"
    monkeypatch.setattr("sys.argv", ["importance_vs_length", "--preset", "smoke", *given.split()])
    with pytest.raises(SystemExit, match=message) as ended:
        STUDY_OF_LENGTH.main()
    assert "\n" not in ended.value.code
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["text", "folder", "pipe", "nothing"])
def test_a_figure_of_what_is_no_dataset_is_refused(kind, tmp_path):
    path = tmp_path / "x.nc"
    {"text": lambda: path.write_text("hello"), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}.get(
        kind, lambda: None
    )()
    with pytest.raises((ValueError, FileNotFoundError), match=r"x\.nc"):
        write(FIGURES, FileOptions(path, tmp_path))


def test_a_network_that_no_memory_holds_is_refused_before_it_is_made():
    task = copy_task(2, 2, width=3, validation_samples=4, test_samples=4)
    with pytest.raises(ValueError, match=r"network is Elman\(4, 1000000000, 3\): 2 of it have .* parameters"):
        train(Elman(4, 10**9, 3), task, [0, 1], Stop(1), progress=False)


def test_a_sweep_without_end_is_refused(tmp_path):
    with pytest.raises(ValueError, match="conditions has 1 entries and seeds 1000000000: a sweep has at most"):
        run(print, [{"p": 1}], range(10**9), tmp_path, progress=False)
