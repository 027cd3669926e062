"""Preparing and loading: every form gives the same records, and nothing else is believed."""

import gzip
import importlib
import io
import os
import random
import tarfile

import numpy as np
import pytest

from benchmarks.stroke_archive import npy, padded, write_archive
from tests.stroke_data import ARRAYS, STROKES, TEXTS, data_set, write_arrays, write_plain, write_text
from wmcl import data, tasks
from wmcl.data.folders import prepared_file
from wmcl.data.prepare import load, prepare
from wmcl.data.published import check_published
from wmcl.data.records import Records, ended

SMALL = data_set()


pytestmark = pytest.mark.usefixtures("own_data_folder")


def assert_strokes(splits):
    for split in ("train", "test"):
        expected, found = getattr(STROKES, split), splits[split]
        assert (found.rows.dtype, found.offsets.dtype, found.labels.dtype) == (np.int8, np.int64, np.int8)
        for field in ("rows", "offsets", "labels"):
            np.testing.assert_array_equal(getattr(found, field), getattr(expected, field))


def shuffled(files):
    names = sorted(files)
    random.Random(0).shuffle(names)
    return {name: files[name] for name in names}


FORMS = {
    "arrays in archives": write_arrays,
    "arrays": lambda folder: write_plain(folder, ARRAYS),
    "gzipped arrays": lambda folder: write_plain(folder, ARRAYS, gzip.compress, ".gz"),
    "arrays of another type": lambda folder: write_plain(
        folder, ARRAYS | {"train-padded-leading.npy": npy(padded(STROKES.train, 90).astype(np.int16))}
    ),
    "arrays in a folder below": lambda folder: write_arrays(folder / "numpy-encoded"),
    "text in an archive": write_text,
    "text in an archive in another order": lambda folder: write_text(folder, shuffled(TEXTS), under=""),
    "text": lambda folder: write_plain(folder / "sequences", TEXTS),
    "gzipped text": lambda folder: write_plain(folder, TEXTS, gzip.compress, ".gz"),
    "text beside the archive it was unpacked from": lambda folder: (
        write_text(folder),
        write_plain(folder / "sequences", TEXTS),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_records(form, tmp_path):
    FORMS[form](tmp_path / "mine")
    path = prepare(SMALL, tmp_path / "mine", progress=False)
    assert path == prepared_file(SMALL)
    assert_strokes(load(SMALL))


def test_originals_in_the_folder_of_the_data_set_are_prepared_when_they_are_asked_for(tmp_path):
    write_arrays(tmp_path / "wmcl data" / "originals" / "small-strokes")
    assert_strokes(load(SMALL))
    assert prepared_file(SMALL).exists()


def test_the_prepared_file_is_read_and_nothing_else(tmp_path):
    write_arrays(tmp_path)
    prepare(SMALL, tmp_path, progress=False)
    for file in tmp_path.glob("*.tar.gz"):
        file.unlink()
    assert_strokes(load(SMALL))


def test_what_is_not_there_is_explained(tmp_path):
    with pytest.raises(ValueError, match="small-strokes is not in") as error:
        load(SMALL)
    for text in (
        "train-labels.tar.gz  http://127.0.0.1:9/train-labels.tar.gz",
        "wmcl data download small-strokes --from",
    ):
        assert text in str(error.value)
    write_plain(tmp_path / "mine", {name: content for name, content in ARRAYS.items() if name != "test-labels.npy"})
    with pytest.raises(ValueError, match=r"arrays \(1\): test-labels.tar.gz\n  text \(1\): sequences.tar.gz\n"):
        prepare(SMALL, tmp_path / "mine", progress=False)


def arrays_with(name, change):
    """The files of the array form, one of them changed as an array or as bytes."""
    values = np.load(io.BytesIO(ARRAYS[name]))
    changed = change(values)
    return ARRAYS | {name: changed if isinstance(changed, bytes) else npy(changed)}


def put(*index, value):
    def change(values):
        values = values.copy()
        values[index] = value
        return values

    return change


def swapped(values):
    values = values.copy()
    values[[3, 7]] = values[[7, 3]]
    return values


DIGITS, LABELS = "train-padded-leading.npy", "train-labels.npy"
WRONG_ARRAYS = {
    "too few": (DIGITS, lambda x: x[:-1], r"shape \(22, 117, 4\): it must hold numbers of shape \(23, \*, 4\)"),
    "reordered": (DIGITS, swapped, r"record 3, differs from the published .* \(2 do\)"),
    "steps reordered": (DIGITS, lambda x: x[:, ::-1], "record 0, has a row of zeros"),
    "labels reordered": (LABELS, swapped, r"train-padded-leading.npy, record 3, differs .* its label"),
    "label changed": (LABELS, put(5, value=0), "record 5, differs"),
    "no digit": (LABELS, put(5, value=10), "train-labels.npy, record 5: its label is 10"),
    "too few labels": (LABELS, lambda x: x[:-2], "train-labels.npy has 21 labels: there must be 23"),
    "labels of another type": (LABELS, lambda x: x.astype(float), "whole number a digit"),
    "empty record": (DIGITS, put(9, value=0), "train-padded-leading.npy, record 9, has no rows"),
    "fraction": (DIGITS, put(4, -1, 0, value=0.5), "record 4, holds a number that is not small and whole"),
    "not a number": (DIGITS, put(4, -1, 0, value=np.nan), "record 4, holds a number"),
    "too large": (DIGITS, put(4, -1, 0, value=300), "record 4, holds a number"),
    "too far": (DIGITS, put(4, -1, 0, value=99), "record 4, moves the pen by more than 28"),
    "flag": (DIGITS, put(4, -2, 2, value=2), "record 4, has a flag that is neither"),
    "not ended": (DIGITS, put(4, -1, 3, value=0), "record 4, does not end"),
    "ended too early": (DIGITS, put(4, -3, 3, value=1), "record 4, ends its digit before its last row"),
    "another movement": (DIGITS, put(4, -2, 0, value=3), "record 4, differs"),
    "truncated": (DIGITS, lambda x: npy(x)[:-5000], r"train-padded-leading.npy ends in record 21"),
    "truncated labels": (LABELS, lambda x: npy(x)[:-6], r"train-labels.npy ends in record 21 of 23"),
    "longer": (DIGITS, lambda x: npy(x) + b"0", "goes on after its last record"),
    "no npy": (DIGITS, lambda x: b"PK\x03\x04 and so on", "is no npy file"),
    "empty": (DIGITS, lambda x: b"", "is no npy file"),
    "columns first": (DIGITS, lambda x: npy(np.asfortranarray(x)), "row by row"),
}


@pytest.mark.parametrize("wrong", WRONG_ARRAYS)
def test_wrong_arrays_are_refused_by_file_and_record(wrong, tmp_path):
    name, change, message = WRONG_ARRAYS[wrong]
    for number, write in enumerate((write_arrays, write_plain)):
        write(tmp_path / str(number), arrays_with(name, change))
        with pytest.raises(ValueError, match=message):
            prepare(SMALL, tmp_path / str(number), progress=False)
    assert not prepared_file(SMALL).exists()


def test_objects_are_not_unpickled(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    values = np.empty(23, dtype=object)
    values[:] = [Harmful() for _ in values]
    write_plain(tmp_path / "mine", ARRAYS | {LABELS: npy(values)})
    with pytest.raises(ValueError, match="it must hold plain numbers"):
        prepare(SMALL, tmp_path / "mine", progress=False)
    assert not (tmp_path / "executed").exists()


ONE, OTHER = "trainimg-4-inputdata.txt", "trainimg-14-inputdata.txt"
WRONG_TEXTS = {
    "missing": ({ONE: None}, "trainimg-4-inputdata.txt is missing"),
    "missing labels": ({"testlabels.txt": None}, "testlabels.txt is missing"),
    "empty": ({ONE: b""}, r"trainimg-4-inputdata.txt has 0 numbers"),
    "truncated": ({ONE: TEXTS[ONE][:-8]}, "trainimg-4-inputdata.txt does not end"),
    "cut in a row": ({ONE: TEXTS[ONE][:-3]}, "trainimg-4-inputdata.txt has .* numbers: it must have 4 a row"),
    "words": ({ONE: b"1 2 0 zero\n"}, "trainimg-4-inputdata.txt is not made of whole numbers"),
    "large": ({ONE: b"1000 2 1 1\n"}, "trainimg-4-inputdata.txt holds a number"),
    "long": ({ONE: b"1 1 0 0\n" * 100_000}, "trainimg-4-inputdata.txt has more than 65536 bytes"),
    "exchanged": ({ONE: TEXTS[OTHER], OTHER: TEXTS[ONE]}, r"trainimg-4-inputdata.txt differs .* \(2 do\)"),
    "one more": (
        {"trainimg-23-inputdata.txt": TEXTS[ONE]},
        "trainimg-23-inputdata.txt is beyond the last of 23 digits",
    ),
    "one label more": ({"trainlabels.txt": TEXTS["trainlabels.txt"] + b"3\n"}, "trainlabels.txt has 24 labels"),
    "a wrong label": (
        {"testlabels.txt": TEXTS["testlabels.txt"].replace(b"7", b"1", 1)},
        "testimg-7-inputdata.txt differs",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_TEXTS)
def test_wrong_texts_are_refused_by_file(wrong, tmp_path):
    changes, message = WRONG_TEXTS[wrong]
    files = {name: content for name, content in (TEXTS | changes).items() if content is not None}
    for number, write in enumerate((write_text, write_plain)):
        write(tmp_path / str(number), files)
        with pytest.raises(ValueError, match=message):
            prepare(SMALL, tmp_path / str(number), form="text", progress=False)


def test_a_file_that_is_there_twice_is_refused(tmp_path):
    write_archive(tmp_path / "sequences.tar.gz", [*TEXTS.items(), (f"again/{ONE}", TEXTS[ONE])])
    with pytest.raises(ValueError, match=r"again/trainimg-4-inputdata.txt: there are two files of this name"):
        prepare(SMALL, tmp_path, progress=False)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.97, 0.9999])
def test_truncated_archives_are_refused_by_name(share, tmp_path):
    write_arrays(tmp_path)
    archive = tmp_path / "train-padded-leading.tar.gz"
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        ValueError, match=r"train-padded-leading.* (damaged|no npy|ends)|train-padded-leading.npy is missing"
    ):
        prepare(SMALL, tmp_path, progress=False)


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_byte_is_refused_or_harmless(seed, tmp_path):
    """Bytes of the gzip header, such as its time, mean nothing."""
    write_text(tmp_path)
    archive = tmp_path / "sequences.tar.gz"
    content, chosen = bytearray(archive.read_bytes()), random.Random(seed)
    place = chosen.randrange(len(content))
    content[place] ^= chosen.randrange(1, 256)
    archive.write_bytes(content)
    try:
        prepare(SMALL, tmp_path, progress=False)
    except ValueError:
        assert not prepared_file(SMALL).exists()
    else:
        assert_strokes(load(SMALL))


def member(name, **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


UNSAFE = {
    "a path upwards": (member("../outside.txt"), "leads out of the archive"),
    "an absolute path": (member("/tmp/outside.txt"), "leads out of the archive"),
    "a link": (member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link or a device"),
    "a hard link": (member("a", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "is a link or a device"),
    "a device": (member("a", type=tarfile.CHRTYPE), "is a link or a device"),
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_archives_that_could_do_harm_are_refused(kind, tmp_path):
    info, message = UNSAFE[kind]
    with tarfile.open(tmp_path / "sequences.tar.gz", "w:gz") as tar:
        tar.addfile(info)
    with pytest.raises(ValueError, match=rf"sequences.tar.gz: .*{message}"):
        prepare(SMALL, tmp_path, progress=False)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_name_longer_than_any_is_not_read(kind, tmp_path):
    """Its library would take as much memory as the header says, before anybody sees a file."""
    long = member("././@LongLink", type=kind, size=2_000_000)
    with gzip.open(tmp_path / "sequences.tar.gz", "wb") as file:
        file.write(long.tobuf(tarfile.GNU_FORMAT) + bytes(2_000_384) + member("a").tobuf() + bytes(1024))
    with pytest.raises(ValueError, match=r"sequences.tar.gz is damaged: a header has 2000000 bytes"):
        prepare(SMALL, tmp_path, progress=False)


def test_archives_that_unpack_to_far_too_much_are_refused(tmp_path):
    write_archive(tmp_path / "sequences.tar.gz", [("large", bytes(20_000_000)), *TEXTS.items()])
    with pytest.raises(ValueError, match=r"large has 20000000 bytes: it must not have more than 10000000"):
        prepare(SMALL, tmp_path, progress=False)
    files = [(f"piece-{n}", bytes(6_000_000)) for n in range(2)]
    write_archive(tmp_path / "sequences.tar.gz", [*files, *TEXTS.items()])
    with pytest.raises(ValueError, match=r"sequences.tar.gz has more than 10000000 bytes when unpacked"):
        prepare(SMALL, tmp_path, progress=False)
    (tmp_path / "sequences.tar.gz").unlink()
    write_plain(tmp_path, ARRAYS | {DIGITS: bytes(20_000_000)}, gzip.compress, ".gz")
    with pytest.raises(ValueError, match=r"no npy file|bytes when unpacked"):
        prepare(SMALL, tmp_path, progress=False)


def test_a_damaged_prepared_file_is_refused(tmp_path):
    write_arrays(tmp_path)
    path = prepare(SMALL, tmp_path, progress=False)
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    again = r"its digest.\nMake it again:  wmcl data download small-strokes\n"
    with pytest.raises(ValueError, match=rf"small-strokes-1.safetensors is damaged: .*{again}"):
        load(SMALL)


def test_stand_in_strokes_are_digits_addressed_by_seed_and_number():
    some, more = data.stand_in_strokes(train=30, test=10, seed=3), data.stand_in_strokes(train=50, test=10, seed=3)
    for n in range(30):
        np.testing.assert_array_equal(some.train[n], more.train[n])
        assert some.train.labels[n] == more.train.labels[n] == n % 10
    other = data.stand_in_strokes(train=30, test=10, seed=4)
    assert not any(np.array_equal(some.train[n], other.train[n]) for n in range(30))
    assert not any(np.array_equal(some.train[n], some.test[n]) for n in range(10))
    assert "stand-in" in some.name
    for n in range(30):
        pen = np.cumsum(some.train[n][:, :2].astype(int), axis=0)
        assert pen.min() >= 1
        assert pen.max() < 28


BANK = data.stand_in_languages(1, 30, 12, 11)[0]
TASK = tasks.pos_tasks([BANK])[0]
SOUNDS = data.stand_in_audioset(20, 100)


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (BANK, f"Treebank('stand-in language 1', x1: 30, 12 and 11 sentences, {len(BANK.words)} words)"),
        (data.random_vectors(["a"] * 1200), "WordVectors('random, seed 0': 1,200 words, 64 features)"),
        (SOUNDS, "AudioSet('stand-in AudioSet': 1,600 and 400 sequences, 20 classes)"),
        (SOUNDS.train, "Records(1,600 sequences, 16,000 rows of (128,) uint8, 20 classes)"),
        (STROKES, "Strokes('stand-in strokes': 23 and 11 digits)"),
        (STROKES.test, f"Records(11 sequences, {len(STROKES.test.rows)} rows of (4,) int8)"),
        (TASK, f"DataTask({TASK.name!r}: 64 inputs, 17 outputs, 30, 12 and 11 sequences)"),
        (TASK.draw.test, "Labelled(11 sequences of (time, 1), 17 classes at every step)"),
        (
            tasks.labelled([np.zeros((3, 2))], [np.zeros(4)]),
            "Labelled(1 sequences of (time, 2), 4 bits at the last step)",
        ),
        (
            tasks.labelled([np.zeros((3, 2))], [np.zeros(4)], real=True),
            "Labelled(1 sequences of (time, 2), 4 real numbers at the last step)",
        ),
    ],
)
def test_data_are_shown_in_a_line(shown, line):
    assert repr(shown) == line
    assert repr([shown]) == f"[{line}]"


def test_chosen_records():
    records = STROKES.train
    chosen = np.array([4, 0, 4, 22])
    taken = records.take(chosen)
    for place, record in enumerate(chosen):
        np.testing.assert_array_equal(taken[place], records[record])
        assert (taken.lengths[place], taken.labels[place]) == (len(records[record]), records.labels[record])
    assert len(records.take(np.array([], dtype=np.int64))) == 0


@pytest.mark.parametrize("lengths", [[2, 0, 3], [2, 2]])
def test_records_that_do_not_fit_are_refused(lengths):
    with pytest.raises(ValueError, match="offsets"):
        Records(np.zeros((5, 4), np.int8), ended(lengths), np.zeros(len(lengths), np.int8))
    with pytest.raises(ValueError, match="labels are 2 for 1 records"):
        Records(np.zeros((5, 4), np.int8), ended([5]), np.zeros(2, np.int8))


def test_published_counts(published_strokes):
    """Of MNIST, and lengths as its makers of strokes left them."""
    train, test = published_strokes["train"], published_strokes["test"]
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    for records, figures in ((train, (13, 40, 39.9, 117)), (test, (13, 40, 39.4, 108))):
        lengths = records.lengths
        assert (lengths.min(), np.median(lengths), round(lengths.mean(), 1), lengths.max()) == figures
        assert (records.rows[:, :2].min(), records.rows[:, :2].max()) == (-18, 28)


@pytest.mark.parametrize("number", [2, 12, 13, 25, 58])
def test_published_text_of_a_digit_is_its_record(published_strokes, stroke_files, number):
    rows = np.loadtxt(stroke_files / "fig" / f"trainimg-{number}-inputdata.txt", dtype=int)
    np.testing.assert_array_equal(published_strokes["train"][number], rows)


def test_another_version_of_a_digit_is_not_the_published_one(published_strokes, stroke_files):
    expected = importlib.import_module("wmcl.data.stroke_mnist").published()["train"]
    older = np.loadtxt(stroke_files / "fig" / "trainimg-7-inputdata.txt", dtype=np.int8)
    records = published_strokes["train"]
    rows = [records[n] for n in range(len(records))]
    rows[7] = older
    changed = Records(np.concatenate(rows), ended([len(each) for each in rows]), records.labels)
    with pytest.raises(ValueError, match=r"digit 7 differs from the published record of this number, .*label$"):
        check_published(changed, expected, lambda n: f"digit {n}")
