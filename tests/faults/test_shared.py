"""Several runs in the same folder, and clocks and languages that change between runs."""

import locale
import os
import random
import shutil
import subprocess
import time
from functools import partial

import pytest
import xarray as xr

from tests.faults.conftest import rounds
from tests.faults.small import ENTRIES, files, same, small, start, whole
from wmcl import stored_file
from wmcl.sweeps.store import ENTRY_VERSION, Store


def is_sound(path):
    try:
        return bool(stored_file.read(path, "entry", ENTRY_VERSION))
    except ValueError:
        return False


def test_two_runs_share_a_folder(context, tmp_path, undisturbed, tried):
    """Half of the folder is there, some of it damaged, and an earlier run left half a file."""
    ready = tmp_path / "before"
    ready.mkdir()
    small(ready)
    for seed in rounds(3, 4):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        shutil.copytree(ready, folder)
        for path in files(folder)[::2]:
            path.unlink() if chance.random() < 0.5 else path.write_bytes(path.read_bytes()[:-1])
        (folder / "entries" / "left.part").write_bytes(b"half")
        before = {path: path.read_bytes() for path in files(folder) if is_sound(path)}
        processes = [start(context, folder, 0.005) for _ in range(3)]
        for process in processes:
            process.join(600)
            assert process.exitcode == 0, (folder / "error").read_text()
            with xr.open_dataset(folder / f"result.{process.pid}") as found:
                xr.testing.assert_equal(found, undisturbed)
        assert all(path.read_bytes() == content for path, content in before.items())
        assert all(is_sound(path) for path in files(folder))
        whole(folder, small(folder), undisturbed, 0)
        tried()


def test_half_written_files_go_when_nobody_writes(tmp_path):
    store = Store(tmp_path)
    part = tmp_path / "x.part"
    part.write_bytes(b"half")
    with store.in_use():
        assert not part.exists()
        part.write_bytes(b"half")
        with Store(tmp_path).in_use():
            assert part.exists()
        assert part.exists()
    with store.in_use():
        assert not part.exists()


def test_two_runs_may_differ_in_what_they_ask_for(context, tmp_path, undisturbed):
    processes = [start(context, tmp_path, 0.01 + k / 1000, ignored=("log",)) for k in range(2)]
    for process in processes:
        process.join(600)
        assert process.exitcode == 0
    assert len(files(tmp_path)) == 2 * ENTRIES


@pytest.mark.parametrize("year", [1970, 2100])
def test_files_have_other_times(tmp_path, undisturbed, tried, year):
    small(tmp_path)
    for path in files(tmp_path):
        os.utime(path, times=(seconds := (year - 1970) * 365.25 * 86400, seconds))
    whole(tmp_path, small(tmp_path), undisturbed, 0)
    tried()


def backwards():
    """A clock that runs back by an hour each time it is read."""
    began = time.time()
    hours = iter(range(10**9))
    time.time = lambda: began - 3600 * next(hours)


def ahead():
    """A clock that jumps ahead by a day each time it is read."""
    began = time.time()
    days = iter(range(10**9))
    time.time = lambda: began + 86400 * next(days)


@pytest.mark.parametrize("clock", [backwards, ahead], ids=lambda clock: clock.__name__)
def test_the_clock_runs(context, tmp_path, undisturbed, tried, clock):
    small(tmp_path)
    for path in files(tmp_path)[:3]:
        path.unlink()
    process = start(context, tmp_path, before=clock, progress=True)
    process.join(600)
    assert process.exitcode == 0, (tmp_path / "error").read_text()
    with xr.open_dataset(tmp_path / f"result.{process.pid}") as found:
        xr.testing.assert_equal(found, undisturbed)
    whole(tmp_path, small(tmp_path), undisturbed, 0)
    tried()


def speak(name):
    locale.setlocale(locale.LC_ALL, name)
    time.tzset()


@pytest.fixture(scope="module")
def turkish(tmp_path_factory):
    """Made here, as few machines have it."""
    folder = tmp_path_factory.mktemp("locales")
    made = shutil.which("localedef") and subprocess.run(
        ["localedef", "-i", "tr_TR", "-f", "UTF-8", folder / "tr_TR.UTF-8"], capture_output=True, check=False
    )
    if not (folder / "tr_TR.UTF-8").exists():
        pytest.skip(f"the Turkish locale cannot be made here: {made.stderr.decode() if made else 'no localedef'}")
    return str(folder)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns"])
@pytest.mark.parametrize("name", ["C", "tr_TR.UTF-8"])
def test_language_and_zone_are(context, tmp_path, undisturbed, tried, request, name, zone):
    """Turkish has a comma before decimals, and an I that is not a capital i."""
    more = {"LOCPATH": request.getfixturevalue("turkish")} if name.startswith("tr") else {}
    environment = {"LC_ALL": name, "TZ": zone, **more}
    small(tmp_path)
    files(tmp_path)[0].unlink()
    process = start(context, tmp_path, environment=environment, before=partial(speak, name))
    process.join(600)
    assert process.exitcode == 0, (tmp_path / "error").read_text()
    found = small(tmp_path)
    whole(tmp_path, found, undisturbed, 0)
    same(found, undisturbed)
    tried()
