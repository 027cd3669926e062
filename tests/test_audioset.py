"""AudioSet from its TFRecords: what is read, what is refused, and which classes are chosen."""

import json
import random
import struct
from collections import Counter

import google_crc32c
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.audioset_data import (
    CANDIDATES,
    CLASSES,
    CLIPS,
    MOST,
    PARTS,
    TEXTS,
    changed,
    clips,
    data_set,
    entry,
    framed,
    of_bytes,
    of_floats,
    of_integers,
    part,
    quality,
    tf_files,
    tfrecord,
    varint,
    write,
)
from wmcl import data
from wmcl.data.audioset import AUDIOSET, AUDIOSET_REDUCED
from wmcl.data.audioset_classes import candidates, choose_classes, members_of_classes, train_and_test
from wmcl.data.download import download
from wmcl.data.folders import originals_of, prepared_file
from wmcl.data.prepare import load, prepare, read_originals
from wmcl.data.sequence_example import sequence_example
from wmcl.data.tfrecord import masked_crc32c, tfrecords
from wmcl.data.universal_dependencies import UNIVERSAL_DEPENDENCIES, UNIVERSAL_DEPENDENCIES_REDUCED

SMALL = data_set()

pytestmark = pytest.mark.usefixtures("own_data_folder")


def test_the_checksum_is_that_of_tensorflow():
    assert google_crc32c.value(b"123456789") == 0xE3069283  # RFC 3720
    assert google_crc32c.implementation == "c"
    length = struct.pack("<Q", 1507)  # of the first record of the original archive, and what stands behind it there
    assert masked_crc32c(length).hex() == "f55dee6a"


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_records_come_back(contents):
    assert list(tfrecords(b"".join(map(framed, contents)), "file")) == contents


def test_every_changed_byte_and_every_missing_one_is_found():
    contents = [b"one", b"", b"three and more"]
    whole, ends = b"".join(map(framed, contents)), np.cumsum([0, *(len(each) + 16 for each in contents)]).tolist()
    for place in range(len(whole)):
        record = sum(place >= end for end in ends[1:])
        for bit in (0, 7):
            wrong = bytearray(whole)
            wrong[place] ^= 1 << bit
            with pytest.raises(ValueError, match=f"a file, record {record}: its (length|content) does not match"):
                list(tfrecords(bytes(wrong), "a file"))
        if place not in ends:
            with pytest.raises(ValueError, match=f"a file ends in record {record}"):
                list(tfrecords(whole[:place], "a file"))


def test_messages_are_taken_apart_in_every_form_that_they_may_have():
    one_by_one = part(3, varint(1 << 3) + varint(7) + varint(1 << 3) + varint(-2))
    floats = part(2, varint(1 << 3 | 5) + struct.pack("<f", 0.5))
    unknown = varint(9 << 3) + varint(300) + varint(10 << 3 | 1) + bytes(8) + varint(11 << 3 | 5) + bytes(4)
    message = (
        part(1, entry("a", of_integers(1, 2**62, -5)) + entry("b", one_by_one) + unknown)
        + unknown
        + part(1, entry("c", floats) + entry("d", of_floats(1.5, -2)) + entry("e", b""))
        + part(2, entry("f", part(1, of_bytes(b"xy", b"")) + part(1, of_integers())))
    )
    found = sequence_example(message)
    assert found.context == {"a": [1, 2**62, -5], "b": [7, -2], "c": [0.5], "d": [1.5, -2], "e": []}
    assert found.lists == {"f": [[b"xy", b""], []]}


def test_wrong_messages_end_in_a_sentence():
    message = CLIPS[0].message()
    chosen = random.Random(0)
    outcomes = Counter()
    for _ in range(200):
        wrong = bytearray(message[: chosen.randrange(1, len(message))] if chosen.random() < 0.5 else message)
        wrong[chosen.randrange(min(len(wrong), 200))] = chosen.randrange(256)
        try:
            sequence_example(bytes(wrong))
        except ValueError as error:
            outcomes[str(error)] += 1
    assert {"it ends within a field", "it ends within a number, or has one that is too long"} <= set(outcomes)
    for wrong, says in (
        (b"\x80" * 11, "within a number"),
        (b"\x0b", "unknown type 3"),
        (part(1, entry("a", part(2, part(1, b"abc")))), "list of floats holds something else"),
        (part(1, entry("a", part(3, varint(1 << 3 | 5) + bytes(4)))), "list of integers holds something else"),
    ):
        with pytest.raises(ValueError, match=says):
            sequence_example(wrong)


# -- what is chosen, by loops over clips


def expected_members():
    """The clips of each class, found one by one."""
    complete = sorted((each for each in CLIPS if len(each.steps) == 10), key=lambda each: each.video)
    alone = [set(each.labels) & set(CANDIDATES) for each in complete]
    counts = Counter(label for labels in alone if len(labels) == 1 for label in labels)
    best = sorted(sorted(CANDIDATES, key=lambda label: (-counts[label], label))[:CLASSES])
    members = {label: [] for label in best}
    for clip in complete:
        own = set(clip.labels) & set(best)
        if len(own) == 1:
            members[own.pop()].append(clip)
    assert sum(map(len, members.values())) > sum(counts[label] for label in best)  # the second look found more
    assert max(map(len, members.values())) > MOST > min(map(len, members.values()))
    return members


def test_prepared_sequences_are_those_of_the_chosen_classes(tmp_path):
    write(tmp_path / "mine")
    assert prepare(SMALL, tmp_path / "mine", progress=False) == prepared_file(SMALL)
    found = load(SMALL)
    members = expected_members()
    names = tuple(f"Sound {label}, heard" for label in members)
    for records in found.values():
        assert (records.rows.dtype, records.labels.dtype, records.classes) == (np.uint8, np.int8, names)
        assert set(records.lengths.tolist()) == {10}
    for number, own in enumerate(members.values()):
        bodies = {b"".join(clip.steps) for clip in own}
        train, test = (
            [records[n].tobytes() for n in np.flatnonzero(records.labels == number)] for records in found.values()
        )
        kept = min(len(own), MOST)
        assert (len(train), len(test)) == (kept - kept // 5, kept // 5)
        assert len({*train, *test}) == kept
        assert {*train, *test} <= bodies


def test_sequences_do_not_depend_on_the_order_of_files_and_records(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    write(one)
    parts = {name: random.Random(1).sample(some, len(some)) for name, some in reversed(PARTS.items())}
    write(other, [*tf_files(parts, files=5), ("unbal_train/0.tfrecord", b"not read")])
    first, second = (read_originals(SMALL, folder) for folder in (one, other))
    for split in ("train", "test"):
        for field in ("rows", "offsets", "labels"):
            np.testing.assert_array_equal(getattr(first[split], field), getattr(second[split], field))


def test_all_parts_are_taken_that_are_asked_for(tmp_path):
    """As of the whole archive, with a part whose size is known about."""
    parts = {"bal_train": CLIPS[:40], "eval": CLIPS[40:60], "unbal_train": CLIPS[60:]}
    write(tmp_path / "three", tf_files(parts))
    write(tmp_path / "two")
    counts = {"bal_train": range(40, 41), "eval": range(20, 21), "unbal_train": range(50, 70)}
    one, other = (
        read_originals(each, tmp_path / name) for name, each in (("three", data_set(counts=counts)), ("two", SMALL))
    )
    for split in ("train", "test"):
        np.testing.assert_array_equal(one[split].rows, other[split].rows)
    with pytest.raises(ValueError, match="unbal_train has 60 segments: it must have 61 to 99"):
        read_originals(data_set(counts=counts | {"unbal_train": range(61, 100)}), tmp_path / "three")


def test_candidates_are_whole_unrestricted_and_well_rated():
    found = candidates(TEXTS)
    assert found.labels == CANDIDATES
    assert found.names == tuple(f"Sound {label}, heard" for label in CANDIDATES)
    again = quality({5: "69%", 9: "100%", 4: "100%", 100: "-"})
    twice = TEXTS | {"confidence_data.csv": f"{TEXTS['confidence_data.csv']}\n{again}"}
    assert candidates(twice).labels == (2, 9, 100, 526)  # the lowest counts, wherever it stands


@given(arrays(bool, st.tuples(st.integers(0, 12), st.just(5))), st.integers(1, 5))
def test_classes_are_the_ones_with_most_segments_of_their_own(bears, classes):
    counts = [sum(row[c] and row.sum() == 1 for row in bears) for c in range(5)]
    best = sorted(sorted(range(5), key=lambda c: (-counts[c], c))[:classes])
    chosen = choose_classes(bears, classes)
    assert chosen.tolist() == best
    members = members_of_classes(bears[:, chosen])
    for c, own in zip(best, members, strict=True):
        assert own.tolist() == [n for n, row in enumerate(bears) if row[c] and sum(row[d] for d in best) == 1]


def test_a_class_is_divided_at_random_and_always_alike():
    members = np.arange(100, 230)
    train, test = train_and_test(members, label=7, most=100)
    assert (len(train), len(test)) == (80, 20)
    assert len(set(train) | set(test)) == 100
    assert set(train) | set(test) < set(members)
    assert max(test) > 120 > min(test)
    assert max(train) > 200  # not the first hundred of them
    np.testing.assert_array_equal(test, train_and_test(members, 7, 100)[1])
    assert not np.array_equal(test, train_and_test(members, 8, 100)[1])


# -- what is refused

STEPS = CLIPS[4].steps
WRONG_CLIPS = {
    "no video": ({"without": ("video_id",)}, "it has no video_id"),
    "no start": ({"without": ("start_time_seconds",)}, "it has no start_time_seconds"),
    "no end": ({"without": ("end_time_seconds",)}, "it has no end_time_seconds"),
    "no labels": ({"labels": ()}, "it has no labels"),
    "labels are missing": ({"without": ("labels",)}, "it has no labels"),
    "no embedding": ({"without": ("audio_embedding",)}, "audio_embedding has 0 steps: it must have 1 to 10"),
    "no steps": ({"steps": ()}, "audio_embedding has 0 steps"),
    "too many steps": ({"steps": (STEPS[0], *STEPS)}, "audio_embedding has 11 steps"),
    "a short step": ({"steps": (*STEPS[:3], STEPS[3][:-1], *STEPS[4:])}, "step 3 of its audio_embedding is not of 128"),
    "an unknown label": ({"labels": (2, 527)}, "its label 527 is unknown: labels go from 0 to 526"),
    "a negative label": ({"labels": (-1,)}, "its label -1 is unknown"),
    "backwards": ({"start": 40.0, "end": 30.0}, "goes from 40 to 30 seconds"),
    "before the video": ({"start": -1.0}, "goes from -1 to 40 seconds"),
    "no number": ({"start": float("nan")}, "goes from nan to 40 seconds"),
    "without end": ({"end": float("inf")}, "goes from 30 to inf seconds"),
    "two videos": ({"context": {"video_id": of_bytes(b"a", b"b")}}, "video_id has 2 values: it must have one"),
    "labels as texts": ({"context": {"labels": of_bytes(b"2")}}, "its labels is not of type int"),
    "a video that is no text": ({"context": {"video_id": of_bytes(b"\xff\xfe")}}, "can't decode"),
}


@pytest.mark.parametrize("wrong", WRONG_CLIPS)
def test_wrong_segments_are_refused_by_file_and_record(wrong, tmp_path):
    fields, message = WRONG_CLIPS[wrong]
    write(tmp_path, changed(4, **fields))
    where = r"small.tar.gz: audioset_v1_embeddings/bal_train/1.tfrecord, record 1: "
    with pytest.raises(ValueError, match=where + f".*{message}"):
        prepare(SMALL, tmp_path, progress=False)
    assert not prepared_file(SMALL).exists()


def with_file(change):
    """The files, with the content of the second one changed."""
    files = tf_files()
    files[1] = files[1][0], change(files[1][1])
    return files


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]


SECOND = "small.tar.gz: audioset_v1_embeddings/bal_train/1.tfrecord"
WRONG_FILES = {
    "a bit": (with_file(lambda x: flipped(x, 700)), f"{SECOND}, record 0: its content does not match its checksum"),
    "a length": (with_file(lambda x: flipped(x, 1)), f"{SECOND}, record 0: its length does not match its checksum"),
    "truncated": (with_file(lambda x: x[:-1]), f"{SECOND} ends in record 22"),
    "truncated in a length": (with_file(lambda x: x + bytes(5)), f"{SECOND} ends in record 23"),
    "one record less": (
        with_file(lambda x: tfrecord(PARTS["bal_train"][4::3])),
        "bal_train has 69 .*: it must have 70",
    ),
    "one file less": (tf_files()[:-1], "eval has 34 segments: it must have 50"),
    "no part": (tf_files({"bal_train": PARTS["bal_train"]}), "eval has 0 segments: it must have 50"),
    "a segment twice": (
        tf_files(PARTS | {"eval": [*PARTS["eval"][1:], CLIPS[5]]}),
        r"eval/\d.tfrecord: video video-00005 is there twice from 30 seconds on",
    ),
    "no message": (with_file(lambda x: framed(b"\x0b")), f"{SECOND}, record 0: a field has the unknown type 3"),
    "empty": ([], "bal_train has 0 segments"),
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_wrong_files_are_refused_by_name(wrong, tmp_path):
    files, message = WRONG_FILES[wrong]
    write(tmp_path, files)
    with pytest.raises(ValueError, match=message):
        prepare(SMALL, tmp_path, progress=False)
    assert not prepared_file(SMALL).exists()


def lines(name, change):
    return TEXTS | {name: "\n".join(change(TEXTS[name].split("\n")))}


NAMES, TREE, RATES = TEXTS
WRONG_TEXTS = {
    "no header": (lines(NAMES, lambda x: x[1:]), "does not begin with index,mid,display_name"),
    "a label less": (lines(NAMES, lambda x: x[:-2]), "does not have the labels 0 to 526"),
    "reordered": (lines(NAMES, lambda x: [*x[:4], x[5], x[4], *x[6:]]), "does not have the labels 0 to 526"),
    "two columns": (lines(NAMES, lambda x: [*x[:4], "3,/m/003", *x[5:]]), "does not have the labels 0 to 526"),
    "no json": (TEXTS | {TREE: TEXTS[TREE][:-7]}, "ontology.json is not the ontology of AudioSet"),
    "another json": (TEXTS | {TREE: '{"a": 1}'}, "ontology.json is not the ontology of AudioSet"),
    "no children": (TEXTS | {TREE: '[{"id": "/m/000"}]'}, "ontology.json is not the ontology of AudioSet"),
    "an entry less": (TEXTS | {TREE: json.dumps(json.loads(TEXTS[TREE])[1:])}, "has no /m/000, which is label 0 of"),
    "no percent": (TEXTS | {RATES: quality({2: "70"})}, "confidence_data.csv, record 0: it must have ten columns"),
    "too many percent": (TEXTS | {RATES: quality({2: "170%"})}, "confidence_data.csv, record 0"),
    "cut": (TEXTS | {RATES: TEXTS[RATES][:-4]}, "confidence_data.csv, record 9: it must have ten columns"),
    "no ratings": (TEXTS | {RATES: ""}, "candidates for classes are 0: there must be at least 3"),
}


@pytest.mark.parametrize("wrong", WRONG_TEXTS)
def test_wrong_files_on_labels_are_refused_by_name(wrong, tmp_path):
    texts, message = WRONG_TEXTS[wrong]
    write(tmp_path, texts=texts)
    with pytest.raises(ValueError, match=message):
        prepare(SMALL, tmp_path, progress=False)


def test_too_few_segments_of_a_class_are_refused(tmp_path):
    few = {"bal_train": clips(8, seed=1), "eval": []}
    write(tmp_path, tf_files(few))
    with pytest.raises(ValueError, match=r"class Sound \d+, heard has \d segments: it must have at least 5"):
        prepare(data_set(counts={"bal_train": range(5, 9)}), tmp_path, progress=False)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9999])
def test_truncated_archives_are_refused(share, tmp_path):
    write(tmp_path)
    archive = tmp_path / "small.tar.gz"
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(ValueError, match=r"small.tar.gz.* damaged|bal_train has 0 segments"):
        prepare(SMALL, tmp_path, progress=False)


# -- where it comes from


def test_unpacked_records_are_not_taken_as_their_folders_count(tmp_path):
    write(tmp_path)
    (tmp_path / "small.tar.gz").unlink()
    (tmp_path / "0.tfrecord").write_bytes(tf_files()[0][1])
    with pytest.raises(ValueError, match=r"small \(1\): small.tar.gz\nFiles .*, but archives must not be unpacked"):
        prepare(SMALL, tmp_path, progress=False)


def test_an_archive_without_a_public_address_is_taken_where_it_lies():
    with pytest.raises(ValueError, match=r"class_labels_indices.csv could not be fetched"):
        download(SMALL, progress=False)
    write(originals_of(SMALL))
    archive = originals_of(SMALL) / "small.tar.gz"
    content = archive.read_bytes()
    archive.unlink()
    for name in TEXTS:  # as if they had been downloaded
        assert (originals_of(SMALL) / name).exists()
    with pytest.raises(ValueError, match=r"(?s)small.tar.gz has no public address.*small.tar.gz  \(has no public add"):
        download(SMALL, progress=False)
    archive.write_bytes(content)
    assert download(SMALL, progress=False).exists()


def test_the_reduced_set_is_called_that():
    assert data.DATA_SETS["audioset-reduced"] is AUDIOSET_REDUCED
    assert "reduced" in AUDIOSET_REDUCED.title
    assert {prepared_file(each).name for each in (AUDIOSET, AUDIOSET_REDUCED)} == {
        "audioset-1.safetensors",
        "audioset-reduced-1.safetensors",
    }
    with pytest.raises(ValueError, match=r"audioset is not in [^,]*\n") as error:
        data.audioset()
    assert "but" not in str(error.value)


def test_where_one_set_alone_is_there_the_error_says_what_reads_it():
    def put(data_set):
        prepared_file(data_set).parent.mkdir(parents=True, exist_ok=True)
        prepared_file(data_set).write_bytes(b"damaged")

    put(AUDIOSET_REDUCED)
    with pytest.raises(
        ValueError, match=r"audioset is not in .*, but audioset-reduced is: wmcl.data.audioset\(reduced=True\) reads it"
    ):
        data.audioset()
    with pytest.raises(ValueError, match="is no audioset-reduced of wmcl"):
        data.audioset(reduced=True)
    put(UNIVERSAL_DEPENDENCIES)
    with pytest.raises(
        ValueError,
        match=r"reduced is not in .*, but universal-dependencies is: wmcl.data.universal_dependencies\(\) re",
    ):
        data.universal_dependencies_reduced()
    prepared_file(UNIVERSAL_DEPENDENCIES).unlink()
    put(UNIVERSAL_DEPENDENCIES_REDUCED)
    with pytest.raises(ValueError, match=r"but .*-reduced is: wmcl.data.universal_dependencies_reduced\(\) reads it"):
        data.universal_dependencies()


def test_stand_in_embeddings_are_addressed_by_seed_class_and_number():
    some, more = data.stand_in_audioset(3, 10, seed=5), data.stand_in_audioset(4, 20, seed=5)
    other = data.stand_in_audioset(3, 10, seed=6)
    assert (len(some.train), len(some.test), some.classes[2]) == (24, 6, "stand-in 2")
    assert some.train.rows.dtype == np.uint8
    for n in range(24):
        label, number = divmod(n, 8)
        np.testing.assert_array_equal(some.train[n], more.train[label * 16 + number])
        assert not np.array_equal(some.train[n], other.train[n])
        assert some.train[n].shape == (10, 128)
    assert "stand-in" in some.name
    for wrong in ({"classes": 0}, {"classes": 101}, {"sequences": 4}):
        with pytest.raises(ValueError, match=rf"{next(iter(wrong))} is {next(iter(wrong.values()))}"):
            data.stand_in_audioset(**wrong)


# -- the real one


def test_published_counts(prepared_audioset):
    """Of the reduced set: 189 candidates, of which 100 are chosen."""
    train, test = prepared_audioset.train, prepared_audioset.test
    counts = np.bincount(train.labels) + np.bincount(test.labels)
    assert (len(train.classes), len(train), len(test), counts.sum()) == (100, 10_504, 2_579, 13_083)
    assert (counts.min(), np.median(counts), counts.max()) == (90, 111, 1000)
    np.testing.assert_array_equal(np.bincount(test.labels), counts // 5)
    assert 125 < train.rows.mean() < 128


def test_candidates_of_the_paper(audioset_files):
    texts = {name: (audioset_files / name).read_text() for name in TEXTS}
    found = candidates(texts)
    assert len(found.labels) == 189
    assert found.names[:2] == ("Male speech, man speaking", "Female speech, woman speaking")


def test_nearest_means_tell_classes_of_audioset_apart(prepared_audioset):
    """Labels belong to their sequences, also in the test set; chance is 10 %."""
    train, test = (
        (some.rows.reshape(-1, 10, 128).mean(1), some.labels)
        for records in (prepared_audioset.train, prepared_audioset.test)
        for some in [records.take(np.flatnonzero(records.labels % 10 == 3))]
    )
    means = np.stack([train[0][train[1] == label].mean(0) for label in range(3, 100, 10)])
    nearest = ((test[0][:, None] - means) ** 2).sum(2).argmin(1)
    assert (10 * nearest + 3 == test[1]).mean() > 0.6
