"""Files that are damaged by chance, or made to deceive with a digest that fits: the right values, or a sentence."""

import copy
import gzip
import hashlib
import math
import os
import random
import warnings

import numpy as np
import pytest
import xarray as xr

from tests.audioset_data import Clip, tfrecord
from tests.conllu_data import conllu, some_sentences
from tests.faults.conftest import rounds
from tests.stroke_data import ARRAYS, TEXTS, data_set, write_arrays
from tests.test_checkpoints import fit_small
from wmcl import stored_file
from wmcl.data import read_treebank, read_word_vectors
from wmcl.data.audioset_segments import segments
from wmcl.data.files import members
from wmcl.data.folders import prepared_file
from wmcl.data.prepare import load, prepare, read_originals
from wmcl.sweeps.store import ENTRY_VERSION, Store
from wmcl.training import load_ensemble, save_ensemble
from wmcl.training.checkpoint import CHECKPOINT_VERSION
from wmcl.training.ensemble_file import ENSEMBLE_VERSION

KEY = "a key"
RESULT = xr.Dataset({"x": (("seed", "step"), np.arange(6.0).reshape(2, 3))}, {"seed": [0, 1]}, {"unit": "1"})
SENSELESS = (
    *(None, True, -1, 0, 1.5, math.nan, 10**9, 10**18, 2**70, "", "x", "F32", "..", [], {}, [[]], [None], [10**9]),
    *([-1], [10**18, 10**18], {"class": "Elman"}, ["Elman"], "\ud800"),
)


def ensemble(folder):
    save_ensemble(folder / "file", fit_small(None))
    return lambda: load_ensemble(folder / "file")


def checkpoint(folder):
    fit_small(folder / "file")
    return lambda: fit_small(folder / "file")


def entry(folder):
    Store(folder).write(KEY, RESULT)
    next(folder.glob("*.safetensors")).rename(folder / "file")

    def read():
        (folder / "file").replace(Store(folder)._path(KEY))
        found = Store(folder).read(KEY)
        if found is None:
            raise ValueError(f"{folder / 'file'} is damaged")
        return found

    return read


STORED = {
    "ensemble": (ensemble, ENSEMBLE_VERSION),
    "checkpoint": (checkpoint, CHECKPOINT_VERSION),
    "entry": (entry, ENTRY_VERSION),
}


def places(value, path=()):
    """Every place in JSON values, as the keys that lead there."""
    yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*path, number))


def forged(arrays, description, chance):
    """Another description, or other arrays, that are as senseless as chance makes them."""
    arrays, description = dict(arrays), copy.deepcopy(description)
    if chance.random() < 0.4 and arrays:
        name = chance.choice(list(arrays))
        old = arrays[name]
        changes = {
            "gone": None,
            "flat": old.reshape(-1),
            "longer": np.concatenate([old.reshape(-1), old.reshape(-1)]),
            "empty": old[..., :0] if old.ndim else old.reshape(1)[:0],
            "whole numbers": np.zeros(old.shape, np.int8),
            "truth values": np.zeros(old.shape, bool),
            "a row more": np.concatenate([old, old]) if old.ndim else np.stack([old, old]),
        }
        new = changes[chance.choice(list(changes))]
        arrays.pop(name)
        if new is not None:
            arrays[name] = new
        return arrays, description
    path = chance.choice([path for path in places(description) if path])
    owner = description
    for key in path[:-1]:
        owner = owner[key]
    if chance.random() < 0.3:
        del owner[path[-1]]
    else:
        owner[path[-1]] = chance.choice(SENSELESS)
    return arrays, description


@pytest.mark.parametrize("kind", STORED)
def test_forged(tmp_path, kind, tried):
    """A file with a fitting digest is not believed for it: nothing is built of it that does not fit together."""
    make, version = STORED[kind]
    read = make(tmp_path)
    path = tmp_path / "file"
    arrays, description = stored_file.read(path, kind, version)
    for seed in rounds(30):
        tried()
        chance = random.Random(f"{kind} {seed}")
        stored_file.write(path, kind, version, *forged(arrays, description, chance))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = read()
            except ValueError as error:
                assert str(path) in str(error) or "checkpoint" in str(error), (seed, error)  # noqa: PT017
                continue
        if kind == "ensemble":
            members = len(found.seeds)
            wanted = {name: (members, *shape) for name, shape in found.network.shapes.items()}
            assert {name: tuple(value.shape) for name, value in found.parameters.items()} == wanted
            assert {len(each) for each in (found.iterations, found.reason, found.validation_loss)} == {members}


HEADERS = {
    "no JSON": b'{"__metadata__":{"digest":"%s"',
    "a list": b'["digest":"%s"]',
    "no description": b'{"__metadata__":{"digest":"%s","kind":"wmcl entry","version":"1","names":"[]"}}',
    "deep": b'{"__metadata__":{"digest":"%s","kind":"wmcl entry","version":"1","names":"[]","description":"'
    + b"[" * 100_000
    + b'"}}',
    "an array without a shape": b'{"__metadata__":{"digest":"%s","kind":"wmcl entry","version":"1","names":"[\\"a\\"]",'
    b'"description":"{}"},"a":{"dtype":"F32","data_offsets":[0,4]}}',
    "an array beyond the end": b'{"__metadata__":{"digest":"%s","kind":"wmcl entry","version":"1","names":"[\\"a\\"]",'
    b'"description":"{}"},"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}',
    "a negative shape": b'{"__metadata__":{"digest":"%s","kind":"wmcl entry","version":"1","names":"[\\"a\\"]",'
    b'"description":"{}"},"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}',
    "another type": b'{"__metadata__":{"digest":"%s","kind":"wmcl entry","version":"1","names":"[\\"a\\"]",'
    b'"description":"{}"},"a":{"dtype":"O8","shape":[1],"data_offsets":[0,8]}}',
}


@pytest.mark.parametrize("header", HEADERS)
def test_forged_headers(tmp_path, header, tried):
    tried()
    text = HEADERS[header].replace(b"%s", b"0" * 64)
    content = len(text).to_bytes(8, "little") + text + bytes(16)
    content = content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode())
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="file is"):
        stored_file.read(tmp_path / "file", "entry", 1)


def damaged(content, chance):
    """The content with a piece cut off, changed, put in, taken out, doubled, or lines that change places."""
    place = chance.randrange(len(content) + 1)
    length = chance.choice([1, 2, 8, 100])
    match chance.choice(["cut", "flip", "put in", "take out", "double", "lines", "zeros", "text"]):
        case "cut":
            return content[:place]
        case "flip" if place < len(content):
            return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
        case "put in":
            return content[:place] + chance.randbytes(length) + content[place:]
        case "take out":
            return content[:place] + content[place + length :]
        case "double":
            return content[: place + length] + content[place:]
        case "lines":
            lines = content.split(b"\n")
            chance.shuffle(lines)
            return b"\n".join(lines)
        case "zeros":
            return content[:place] + bytes(length) + content[place + length :]
        case _:
            piece = chance.choice(
                [b"\xef\xbb\xbf", b"\r", b"\t", b"  ", b"\xff", b"nan", b"-1", b"99999999999999999999"]
            )
            return content[:place] + piece + content[place:]


def of_vectors(folder):
    lines = "".join(f"w{k} {k / 4} {-k} 1e-{k}\n" for k in range(8))
    return {"x.vec": f"8 3\n{lines}".encode()}, lambda: read_word_vectors(folder / "x.vec")


def of_packed_vectors(folder):
    return {"x.txt.gz": gzip.compress(b"a 1 2\nb 3 4\n")}, lambda: read_word_vectors(folder / "x.txt.gz")


def of_treebank(folder):
    names = ("train", "dev", "test")
    files = {
        f"xx_toy-ud-{name}.conllu": conllu(some_sentences(4, 10 * place), f"{name}-").encode()
        for place, name in enumerate(names)
    }
    return files, lambda: read_treebank(folder)


def of_stroke_arrays(folder):
    return ARRAYS, lambda: read_originals(data_set(), folder, "arrays")


def of_stroke_text(folder):
    return TEXTS, lambda: read_originals(data_set(), folder, "text")


def of_segments(folder):
    content = tfrecord([Clip(f"video{k}", (k, 3), (bytes(128),) * (k + 1)) for k in range(3)])

    def read():
        read = members(folder / "00.tfrecord", lambda _: True, 10_000_000, is_archive=False)
        return [list(segments(member)) for member in read]

    return {"00.tfrecord": content}, read


READ = {
    "vectors": of_vectors,
    "packed vectors": of_packed_vectors,
    "treebank": of_treebank,
    "stroke arrays": of_stroke_arrays,
    "stroke text": of_stroke_text,
    "segments": of_segments,
}


@pytest.mark.parametrize("kind", READ)
def test_damaged_files_of_others(tmp_path, kind, tried):
    """They are read or refused in a sentence that names the file, and never in the words of a library."""
    files, read = READ[kind](tmp_path)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    read()
    for seed in rounds(30):
        tried()
        chance = random.Random(f"{kind} {seed}")
        name = chance.choice(sorted(files))
        (tmp_path / name).write_bytes(damaged(files[name], chance))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read()
            except ValueError as error:
                assert "\n" not in str(error).strip(), (seed, error)  # noqa: PT017
                stems = {name.partition(".")[0] for name in files} | {tmp_path.name}
                assert any(stem in str(error) for stem in stems), (seed, error)  # noqa: PT017
        (tmp_path / name).write_bytes(files[name])


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("other", ["pipe", "folder", "link to nothing", "link", "device"])
def test_other_things_than_files(tmp_path, kind, other, tried):
    """A pipe is never waited for, and a link leads to what it leads to."""
    tried()
    make, _ = STORED[kind]
    read = make(tmp_path)
    path = tmp_path / "file"
    content = path.read_bytes()
    path.unlink()
    match other:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.symlink_to(tmp_path / "elsewhere")
    if other == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        assert read() is not None
    elif kind == "checkpoint" and other == "link to nothing":
        assert read() is not None  # there is none, so training begins
    else:
        with pytest.raises((ValueError, OSError), match="file"):
            read()


def test_a_prepared_file_that_is_a_pipe(tmp_path, own_data_folder, tried):
    tried()
    write_arrays(tmp_path)
    path = prepare(data_set(), tmp_path, progress=False)
    assert path == prepared_file(data_set())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="is no file"):
        load(data_set())
