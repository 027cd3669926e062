"""A folder whose files are damaged, mixed up, or not ours."""

import random
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.faults.conftest import rounds
from tests.faults.small import ENTRIES, files, small, whole
from wmcl import stored_file
from wmcl.sweeps import store


def truncated(path, chance):
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def longer(path, chance):
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.randint(1, 50)))


def flip(path, chance, low, high):
    content = bytearray(path.read_bytes())
    content[chance.randrange(int(low * len(content)), max(1, int(high * len(content))))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def flipped_in_the_header(path, chance):
    flip(path, chance, 0, 0.02)


def flipped_in_the_middle(path, chance):
    flip(path, chance, 0.02, 0.98)


def flipped_at_the_end(path, chance):
    flip(path, chance, 0.98, 1)


def emptied(path, chance):
    path.write_bytes(b"")


def over_the_file_of_another(path, chance):
    """The content of another entry under this entry's name."""
    other = chance.choice([p for p in path.parent.glob("*.safetensors") if p != path])
    shutil.copy(other, path)


def junk(path, chance):
    path.write_bytes(chance.randbytes(chance.choice([1, 8, 300])))


def of_another_kind(path, chance):
    stored_file.write(path, "checkpoint", store.ENTRY_VERSION, {"mean": np.ones(1)}, {})


def without_a_key(path, chance):
    arrays, description = stored_file.read(path, "entry", store.ENTRY_VERSION)
    del description["key"]
    stored_file.write(path, "entry", store.ENTRY_VERSION, arrays, description)


DAMAGES = [
    *(truncated, longer, flipped_in_the_header, flipped_in_the_middle, flipped_at_the_end, emptied),
    *(over_the_file_of_another, junk, of_another_kind, without_a_key),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    small(folder)
    return folder


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_file_is(tmp_path, finished, undisturbed, tried, damage):
    for seed in rounds(2):
        folder, chance = tmp_path / str(seed), random.Random(f"{damage.__name__} {seed}")
        shutil.copytree(finished, folder)
        damage(chance.choice(files(folder)), chance)
        with pytest.warns(UserWarning, match="is damaged: removed, and its entry is computed again") as warned:
            found = small(folder)
        assert len(warned) == 1
        whole(folder, found, undisturbed, 1)
        tried()


def test_a_name_belongs_to_no_entry(tmp_path, finished, undisturbed, tried):
    """Its entry is computed again, and the file is nobody's."""
    for seed in rounds(2):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        shutil.copytree(finished, folder)
        victim = chance.choice(files(folder))
        k = chance.randrange(24)
        stray = victim.with_name(f"{victim.name[:k]}g{victim.name[k + 1 :]}")
        victim.rename(stray)
        found = small(folder)
        assert stray.exists()
        stray.unlink()
        whole(folder, found, undisturbed, 1)
        tried()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")], ids=["folder", "broken link"])
def test_an_entry_is_no_file(tmp_path, finished, undisturbed, tried, make):
    """It is left alone, until its place is needed."""
    folder = tmp_path / "f"
    shutil.copytree(finished, folder)
    victim = files(folder)[0]
    victim.unlink()
    make(victim)
    if victim.is_dir():
        with pytest.raises(OSError, match=f"Is a directory: '{victim}'"):
            small(folder)
        victim.rmdir()
    whole(folder, small(folder), undisturbed, 1)
    tried()


def test_strangers_are_in_the_folder(tmp_path, finished, undisturbed, tried):
    folder = tmp_path / "f"
    shutil.copytree(finished, folder)
    entries = folder / "entries"
    key = files(folder)[0].name.split(".")[0]
    (entries / "notes.txt").write_text("mine")
    (entries / "foreign.nc").write_bytes(b"CDF\x01")
    (entries / "a folder").mkdir()
    (entries / f"{key}.nc").write_bytes(b"")
    (entries / "left.part").write_bytes(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = small(folder)
    assert {p.name for p in entries.iterdir()} == {p.name for p in files(finished)} | {
        *("notes.txt", "foreign.nc", "a folder", f"{key}.nc")
    }
    assert found.attrs["entries_computed"] == f"0 of {ENTRIES}"
    tried()


def test_a_good_file_is_put_back(tmp_path, finished, undisturbed, monkeypatch, tried):
    """Another run repairs a damaged file between this run's look at it and its removal."""
    folder = tmp_path / "f"
    shutil.copytree(finished, folder)
    looks, believed = [], store._believed

    def first_look_fails(path, key):
        looks.append(path)
        return None if len(looks) == 1 else believed(path, key)

    monkeypatch.setattr(store, "_believed", first_look_fails)
    whole(folder, small(folder), undisturbed, 0)
    assert len(looks) == ENTRIES + 1
    tried()
