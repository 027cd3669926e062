"""The package on other machines, as far as this one can play them."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = sorted((ROOT / "wmcl").rglob("*.py"))
MODULES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES)


def python(program, *arguments, **environment):
    found = subprocess.run(
        [sys.executable, *arguments, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        cwd=ROOT.parent,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_every_module_can_be_imported_where_there_is_no_posix():
    """As on Windows, on which none of this was run: no such module, no such function, none of these signals."""
    python(
        f"""
import os, signal, sys
# what the libraries need of a POSIX system, they take before
import torch, numpy, xarray, joblib, seaborn, filelock, distributed, netCDF4, sklearn, statsmodels.api, tyro, tqdm
import platformdirs, requests, safetensors.numpy, google_crc32c, skdim
import multiprocessing.popen_fork, joblib.externals.loky, tempfile, subprocess, asyncio
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog"):
    sys.modules[name] = None
for name in ("fork", "getuid", "geteuid", "killpg", "setsid", "sysconf", "mkfifo", "O_DIRECTORY", "O_NONBLOCK",
             "sched_getaffinity", "getloadavg", "uname", "wait4", "WNOHANG"):
    if hasattr(os, name): delattr(os, name)
for name in ("SIGKILL", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGHUP", "alarm", "setitimer", "pthread_sigmask"):
    if hasattr(signal, name): delattr(signal, name)
for name in {[module for module in MODULES if module != "wmcl.__main__"]!r}:
    __import__(name)
"""
    )


HEAVY = (
    "torch",
    "xarray",
    "pandas",
    "scipy",
    "statsmodels",
    "sklearn",
    "seaborn",
    "matplotlib",
    "joblib",
    "distributed",
)


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import wmcl", (*HEAVY, "numpy")),
        ("from wmcl.command_line import main; main(['data', 'list'])", (*HEAVY, "requests")),
        ("import wmcl.training, wmcl.importance", ("statsmodels", "sklearn", "seaborn", "matplotlib", "distributed")),
        ("import wmcl.statistics", ("statsmodels", "sklearn", "seaborn", "matplotlib")),
    ],
)
def test_what_is_not_needed_is_not_imported(program, absent):
    assert python(f"{program}\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])").endswith(
        "[]\n"
    )


def test_parts_are_there_by_their_names():
    import wmcl

    assert "training" in dir(wmcl)
    assert wmcl.training.train is not None
    with pytest.raises(AttributeError, match=r"module 'wmcl' has no attribute 'trainings'; it has .*training"):
        _ = wmcl.trainings


def imported(path):
    """Packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        yield from (name.partition(".")[0] for name in names)


def named(requirements):
    return {re.split(r"[^A-Za-z0-9_.-]", each)[0].lower().replace("_", "-") for each in requirements}


def test_everything_that_is_imported_is_declared():
    declared = named(PROJECT["dependencies"])
    optional = named([each for name in ("intrinsic", "cluster") for each in PROJECT["optional-dependencies"][name]])
    owners = packages_distributions()
    for path in SOURCES:
        for package in set(imported(path)) - sys.stdlib_module_names - {"wmcl"}:
            owner = {each.lower().replace("_", "-") for each in owners.get(package, [package])}
            assert owner & (declared | optional | {"dask", "dask-jobqueue"}), (path.name, package)


def test_text_is_read_and_written_in_one_encoding():
    """That of a console or of a country would not do."""
    files = [*SOURCES, *(ROOT / "analyses").rglob("*.py"), *(ROOT / "figures").rglob("*.py")]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in ("read_text", "write_text"):
                assert "encoding" in {each.arg for each in node.keywords}, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
@pytest.mark.parametrize("arguments", [("--help",), ("data", "list"), ("data", "where"), ("--version",)])
def test_the_command_prints_on_any_console(encoding, arguments):
    found = subprocess.run(
        [sys.executable, "-m", "wmcl", *arguments],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        cwd=ROOT.parent,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout


def test_the_version_is_said():
    import wmcl

    assert python(
        "import runpy, sys; sys.argv = ['wmcl', '--version']\n"
        "try: runpy.run_module('wmcl', run_name='__main__')\nexcept SystemExit: pass"
    ).strip() == (f"wmcl {wmcl.__version__}")


STAND_IN = """#!/bin/sh
# a stand-in of Python that makes a virtual environment of itself, and takes its time to install
case "$*" in
  *"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"pip install"*) echo installed >> log; sleep 2; echo "Successfully installed" ;;
esac
"""


def test_two_makes_at_once_install_once(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    python = tmp_path / "python"
    python.write_text(STAND_IN, encoding="utf-8")
    python.chmod(0o755)
    command = ["make", ".venv/.installed", f"PYTHON3={python}"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=600)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert (tmp_path / "log").read_text(encoding="utf-8") == "installed\n"
    assert sum("Waiting for another make" in each for each in said) == 1
    assert not (tmp_path / ".venv.lock").exists()
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "installed\n"
