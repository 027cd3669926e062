"""A folder whose files are damaged, mixed up, or not ours."""

import random
import shutil
import warnings

import pytest
import xarray as xr

from tests.faults.conftest import rounds
from tests.faults.small import ENTRIES, files, small, whole
from wmcl.sweeps import store
from wmcl.sweeps.grid import digest


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


def renamed_content(path, chance):
    """One character of the digest of the content, which is then wrong."""
    head, middle, tail = path.name.split(".")
    k = chance.randrange(len(middle))
    path.rename(path.with_name(f"{head}.{middle[:k]}{'0' if middle[k] != '0' else '1'}{middle[k + 1 :]}.{tail}"))


def over_the_file_of_another(path, chance):
    """The content of another entry under this entry's name."""
    other = chance.choice([p for p in path.parent.glob("*.nc") if p != path])
    shutil.copy(other, path)


def with_a_name_that_fits(path, chance):
    """No netCDF, but whoever wrote it computed the digest."""
    junk = chance.randbytes(chance.choice([0, 1, 300]))
    path.unlink()
    path.with_name(f"{path.name.split('.')[0]}.{digest(junk)}.nc").write_bytes(junk)


def without_a_configuration(path, chance):
    content = bytes(xr.Dataset({"mean": ("seed", [1.0])}).to_netcdf(None, engine="netcdf4"))
    path.unlink()
    path.with_name(f"{path.name.split('.')[0]}.{digest(content)}.nc").write_bytes(content)


DAMAGES = [
    *(truncated, longer, flipped_in_the_header, flipped_in_the_middle, flipped_at_the_end, emptied, renamed_content),
    *(over_the_file_of_another, with_a_name_that_fits, without_a_configuration),
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


def test_a_file_has_the_name_of_another(tmp_path, finished, undisturbed, tried):
    """That other entry then has two files, of which one is right; the wrong one goes when it is looked at."""
    for seed in rounds(2):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        shutil.copytree(finished, folder)
        victim, other = chance.sample(files(folder), 2)
        renamed = other.with_name(f"{other.name.split('.')[0]}.{victim.name.split('.')[1]}.nc")
        victim.rename(renamed)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            found = small(folder)
        assert [renamed.name in str(w.message) for w in warned] == [True] * (not renamed.exists())
        renamed.unlink(missing_ok=True)
        whole(folder, found, undisturbed, 1)
        tried()


def test_strangers_are_in_the_folder(tmp_path, finished, undisturbed, tried):
    folder = tmp_path / "f"
    shutil.copytree(finished, folder)
    entries = folder / "entries"
    key = files(folder)[0].name.split(".")[0]
    (entries / "notes.txt").write_text("mine")
    (entries / "foreign.nc").write_bytes(b"CDF\x01")
    (entries / "a folder").mkdir()
    (entries / f"{key}.{'0' * 24}.nc").mkdir()
    (entries / f"{key}.nc").write_bytes(b"")
    (entries / "left.part").write_bytes(b"half")
    (entries / f"{key}.{'1' * 24}.nc").symlink_to(tmp_path / "nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = small(folder)
    assert {p.name for p in entries.iterdir()} == {p.name for p in files(finished)} | {
        *("notes.txt", "foreign.nc", "a folder", f"{key}.{'0' * 24}.nc", f"{key}.nc", f"{key}.{'1' * 24}.nc")
    }
    assert found.attrs["entries_computed"] == f"0 of {ENTRIES}"
    tried()


def test_a_good_file_is_put_back(tmp_path, finished, undisturbed, monkeypatch, tried):
    """Another run repairs a damaged file between this run's look at it and its removal."""
    folder = tmp_path / "f"
    shutil.copytree(finished, folder)
    looks, believed = [], store._believed

    def first_look_fails(name, content, key):
        looks.append(name)
        return None if len(looks) == 1 else believed(name, content, key)

    monkeypatch.setattr(store, "_believed", first_look_fails)
    whole(folder, small(folder), undisturbed, 0)
    assert len(looks) == ENTRIES + 1
    tried()
