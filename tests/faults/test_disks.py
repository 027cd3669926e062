"""Disks that are full, and folders that cannot be written to."""

import errno
import os
import re
import resource
import stat
import subprocess

import pytest

from tests.faults.small import ENTRIES, files, small, start, whole
from wmcl.studies.run import check_output

IS_ROOT = os.geteuid() == 0


def mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"file systems cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, small enough to fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=32k", "none", folder)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_is_full(disk, undisturbed, tried):
    with pytest.raises(OSError, match=rf"No space left on device: '{disk}/entries/\w+\.safetensors'") as raised:
        small(disk)
    assert raised.value.errno == errno.ENOSPC
    kept = len(files(disk))
    assert 0 < kept < ENTRIES
    mount("-o", "remount,size=8m", disk)
    whole(disk, small(disk), undisturbed, ENTRIES - kept)
    tried()


def test_a_disk_fills_at_any_entry(tmp_path, undisturbed, monkeypatch, tried):
    """Where the system says so as late as when the data go to the disk."""
    flush = os.fsync
    for position in range(ENTRIES):
        folder, count = tmp_path / str(position), iter(range(ENTRIES))
        folder.mkdir()

        def full(handle, count=count, position=position):
            is_file = stat.S_ISREG(os.fstat(handle).st_mode)  # and not the folder, whose new name is forced out, too
            if is_file and next(count) == position:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            flush(handle)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=rf"No space left on device: '{folder}/entries/\w+\.safetensors'"):
            small(folder)
        monkeypatch.setattr(os, "fsync", flush)
        assert len(files(folder)) == position
        whole(folder, small(folder), undisturbed, ENTRIES - position)
        tried()


def no_large_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_files_may_not_be_that_large(context, tmp_path, undisturbed, tried):
    process = start(context, tmp_path, before=no_large_files)
    process.join(600)
    assert process.exitcode == 1
    assert re.match(rf"OSError: \[Errno 27\] File too large: '{tmp_path}/entries/", (tmp_path / "error").read_text())
    assert not list((tmp_path / "entries").iterdir())
    whole(tmp_path, small(tmp_path), undisturbed, ENTRIES)
    tried()


def test_a_disk_is_read_only(disk, undisturbed, tried):
    (disk / "entries").mkdir()
    mount("-o", "remount,ro", disk)
    with pytest.raises(OSError, match=f"Read-only file system: '{disk}/entries"):
        small(disk)
    with pytest.raises(ValueError, match=f"output is {disk}/r.nc: {disk} must be a folder that can be written to"):
        check_output(disk / "r.nc")
    mount("-o", "remount,rw", disk)
    assert not (disk / "log").exists()
    tried()


def become_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_is_not_ours(context, tmp_path, undisturbed, tried, mode):
    for parent in (tmp_path, *tmp_path.parents[:3]):
        os.chmod(parent, parent.stat().st_mode | 0o055)
    tmp_path.chmod(0o777)
    (tmp_path / "entries").mkdir()
    (tmp_path / "entries").chmod(mode)
    process = start(context, tmp_path, before=become_nobody)
    process.join(600)
    assert process.exitcode == 1
    error = (tmp_path / "error").read_text()
    assert error.startswith(f"PermissionError: [Errno 13] Permission denied: '{tmp_path}/entries")
    assert not (tmp_path / "log").exists()
    tried()


def test_outputs_that_cannot_be_written_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.nc").mkdir()
    for output in ("file/r.nc", "file/deeper/r.nc", "folder.nc", "r.txt", ".nc"):
        with pytest.raises(ValueError, match=f"output is {tmp_path / output}"):
            check_output(tmp_path / output)
    check_output(tmp_path / "new" / "deeper" / "r.nc")
    assert not (tmp_path / "new").exists()
