"""Treebanks: words and tags as the files have them, parts as they are said to be, and nothing else is believed."""

import gzip
import re
import tarfile
import warnings
from io import BytesIO

import conllu as library
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conllu_data import conllu, line, some_sentences, write
from wmcl import command_line, data
from wmcl.data import stand_in_languages
from wmcl.data.conllu_file import TAGS, Sentence, read_conllu
from wmcl.data.files import Member
from wmcl.data.languages import FULL, REDUCED
from wmcl.data.prepare import prepare, read_originals
from wmcl.data.treebank import dealt, read_treebank, treebank
from wmcl.data.universal_dependencies import (
    UNIVERSAL_DEPENDENCIES,
    UNIVERSAL_DEPENDENCIES_REDUCED,
    as_splits,
    as_treebank,
    universal_dependencies,
    universal_dependencies_reduced,
)


def read(text):
    content = text if isinstance(text, bytes) else text.encode()
    return read_conllu(Member("x.conllu", "x.conllu", BytesIO(content)))


def test_words_and_their_tags():
    """Contractions, words that are not there and words without a tag are left out; CONJ is an older name."""
    text = "\n".join(
        [
            "# sent_id = a-1",
            "# text = No sé, 1 000 # no",
            line(1, "No", "ADV"),
            line("2-3", "sélo", "_"),
            line(2, "sé", "VERB"),
            line(3, "lo", "CONJ"),
            line("3.1", "nada", "VERB"),
            line(4, "1 000", "NUM"),
            line(5, "#", "SYM"),
            line(6, "x", "_"),
            line(7, "ñ\u2028", "CCONJ"),
            "",
            "# sent_id = a-2",
            line(1, "gone", "_"),
            "",
            line(1, "Fin", "NOUN"),
            "",
            "",
        ]
    )
    assert len(TAGS) == len(set(TAGS)) == 17
    assert list(TAGS) == sorted(TAGS)
    for content in (text, text.replace("\n", "\r\n")):
        assert read(content) == [
            Sentence(
                "a-1",
                ["No", "sé", "lo", "1 000", "#", "ñ\u2028"],
                [TAGS.index(tag) for tag in ("ADV", "VERB", "CCONJ", "NUM", "SYM", "CCONJ")],
            ),
            Sentence("", ["Fin"], [TAGS.index("NOUN")]),
        ]


GOOD = conllu(some_sentences(3))
SECOND = "x.conllu, sentence 2 (s2)"
WRONG = {
    "empty": ("", "x.conllu is empty"),
    "blank": ("\n\n", "x.conllu is empty"),
    "cut off in a line": (GOOD[:-9], "sentence 3 (s3): a word has 7 columns"),
    "not UTF-8": (GOOD.encode() + b"\xff\n\n", "x.conllu is not UTF-8"),
    "unknown tag": (GOOD.replace("\tADV\t", "\tADVERB\t", 1), "word 2 has the tag 'ADVERB'"),
    "a column less": (GOOD.replace("w1.1\t_\t", "w1.1\t"), "a word has 9 columns"),
    "a column more": (GOOD.replace("w1.1\t_\t", "w1.1\t_\t_\t"), "a word has 11 columns"),
    "no columns": (GOOD.replace(line(2, "w1.1", "ADV"), "word"), f"{SECOND}: a word has 1 columns"),
    "other columns": ("# global.columns = ID UPOS FORM\n" + GOOD, "sentence 1 (s1): a word has"),
    "no id": (GOOD.replace("2\tw1.1", "x\tw1.1"), f"{SECOND}: word x follows word 1"),
    "an empty id": (GOOD.replace("2\tw1.1", "_\tw1.1"), f"{SECOND}: word _ follows word 1"),
    "ids out of order": (GOOD.replace("2\tw1.1", "3\tw1.1"), f"{SECOND}: word 3 follows word 1"),
    "an id twice": (GOOD.replace("2\tw1.1", "1\tw1.1"), f"{SECOND}: word 1 follows word 1"),
    "no word": (GOOD.replace("w1.1", ""), f"{SECOND}: word 2 is empty"),
    "no words": (GOOD + "# sent_id = s9\n\n", "sentence 4 (s9) has no words"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_files_are_refused_by_file_and_sentence(wrong):
    text, message = WRONG[wrong]
    assert text != GOOD
    with pytest.raises(ValueError, match=r"x\.conllu") as error:
        read(text)
    assert message in str(error.value)


FORGIVEN = {
    "a byte-order mark": ("\ufeff" + GOOD, r"a byte-order mark \(line 1\)"),
    "a byte-order mark in a word": (GOOD.replace("w1.1", "\ufeffw1.1"), "a byte-order mark in a word"),
    "no empty line at the end": (GOOD[:-1], "no empty line at the end, so the last sentence may be cut off"),
    "no end of the last line": (GOOD[:-2], "no end of the last line"),
    "a blank line": (GOOD.replace("\n\n", "\n \t\n"), r"a line of blanks \(line 4 and 2 more\)"),
    "carriage returns alone": (GOOD.replace("\n", "\r"), "lines that end in carriage returns"),
    "two of them": (GOOD.replace("\n", "\r\r\n", 2), "a carriage return within a line"),
    "in a word": (GOOD.replace("w1.1", "w1\r.1"), r"a carriage return within a line \(line 8\)"),
    "several blanks": (GOOD.replace("\t", "   "), "columns separated by several blanks"),
}


@pytest.mark.parametrize("fault", FORGIVEN)
def test_small_faults_are_forgiven_and_said(fault):
    text, message = FORGIVEN[fault]
    assert text != GOOD
    with pytest.warns(UserWarning, match=f"x.conllu was read in spite of small faults: {message}") as told:
        assert read(text) == read(GOOD)
    assert len(told) == 1


def test_no_more_than_a_stated_number_of_faults_is_forgiven():
    long = conllu(some_sentences(200))
    with pytest.raises(ValueError, match=r"x.conllu has more than 100 times a byte-order mark in a word, first in"):
        read(re.sub(r"\tw", "\t\ufeffw", long))


@pytest.mark.parametrize("form", ["vis  à  vis", "1\u00a0000", "a\u2028b", "a\x85b", "#", "=", "_", " ", "\x0b"])
def test_words_are_what_stands_between_the_tabs(form):
    assert read(conllu([[(form, "NOUN")]]))[0].words == [form]


forms = st.text(st.characters(exclude_characters="\t\n\r\ufeff", exclude_categories=["Cs"]), min_size=1, max_size=5)
sentences_of_any_words = st.lists(
    st.lists(st.tuples(forms, st.sampled_from(TAGS)), min_size=1, max_size=4), min_size=1, max_size=4
)


@given(sentences_of_any_words)
def test_good_files_are_read_as_the_library_of_the_format_reads_them(sentences):
    """But for several blanks in a word, which it takes for a separator."""
    text = conllu(sentences)
    found = read(text)
    assert [list(zip(each.words, each.tags, strict=True)) for each in found] == [
        [(form, TAGS.index(tag)) for form, tag in words] for words in sentences
    ]
    assert [each.name for each in found] == [f"s{number}" for number in range(1, len(sentences) + 1)]
    if "  " not in text:
        theirs = library.parse(text, field_parsers={"form": lambda line, place: line[place]})
        assert [[token["form"] for token in each] for each in theirs] == [each.words for each in found]


@given(sentences_of_any_words, st.data())
def test_damaged_files_are_read_or_refused_in_a_sentence(sentences, data):
    content = conllu(sentences).encode()
    place = data.draw(st.integers(0, len(content)))
    damaged = content[:place] + data.draw(st.binary(max_size=3)) + content[place + data.draw(st.integers(0, 2)) :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read(damaged)
        except ValueError as error:
            assert str(error).startswith("x.conllu")  # noqa: PT017


def test_a_file_that_is_far_too_long_is_not_read(monkeypatch):
    """Also in an archive, which as a whole may be much longer than a file."""
    monkeypatch.setattr("wmcl.data.conllu_file.MOST_BYTES", len(GOOD))
    assert len(read(GOOD)) == 3
    with pytest.raises(ValueError, match=rf"x.conllu has more than {len(GOOD)} bytes"):
        read(GOOD + "\n")


def folder_of(path, packed=False, **changes):
    """A treebank of 40 + 20 + 10 sentences."""
    parts = {"train": (40, 0), "dev": (20, 40), "test": (10, 60)}
    for part, sizes in parts.items():
        text = changes.get(part, conllu(some_sentences(*sizes), f"{part}-"))
        if text is not None:
            write(path / f"xx_toy-ud-{part}.conllu{'.gz' if packed else ''}", text, packed)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_is_a_treebank(packed, tmp_path):
    found = read_treebank(folder_of(tmp_path / "UD_Xish-Toy", packed))
    assert (found.name, found.language) == ("Xish-Toy", "xx")
    expected = some_sentences(70)
    for part, first, count in (("train", 0, 40), ("validation", 40, 20), ("test", 60, 10)):
        records = getattr(found, part)
        assert len(records) == count
        for n in range(count):
            words, tags = zip(*expected[first + n], strict=True)
            assert found.sentence(part, n) == list(words)
            assert [TAGS[tag] for tag in records[n][:, 1]] == list(tags)
    assert list(found.words) == [word for sentence in expected for word, _ in sentence]


def test_a_folder_may_be_named_in_a_string(tmp_path):
    folder = folder_of(tmp_path / "UD_Xish-Toy")
    assert read_treebank(str(folder)).words == read_treebank(folder).words


def test_training_files_are_read_in_the_order_of_their_names(tmp_path):
    folder = folder_of(tmp_path / "UD_Xish-Toy", train=None)
    write(folder / "xx_toy-ud-train-b.conllu", conllu([[("last", "X")]], "b"))
    write(folder / "xx_toy-ud-train-a.conllu", conllu([[("first", "X")]], "a"))
    found = read_treebank(folder, "yy", "toy")
    assert (found.name, found.language) == ("toy", "yy")
    assert [found.sentence("train", n) for n in range(2)] == [["first"], ["last"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dev": None}, r"no file \*-ud-dev.conllu"),
        ({"dev": ""}, "xx_toy-ud-dev.conllu is empty"),
        ({"test": conllu([[("gone", "_")]])}, "Toy has no sentences in test"),
        ({"test": conllu(some_sentences(3), "train-")}, "sentence train-1 is in train and in test; .* one release"),
    ],
)
def test_a_folder_that_is_no_treebank_is_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_treebank(folder_of(tmp_path / "UD_Xish-Toy", **changes))


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_file_is_refused(share, tmp_path):
    folder = folder_of(tmp_path / "UD_Xish-Toy", packed=True)
    path = folder / "xx_toy-ud-dev.conllu.gz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"xx_toy-ud-dev.conllu.gz is (damaged|empty)"):
        read_treebank(folder)


def test_sentences_are_dealt_in_blocks():
    sentences = [Sentence(str(n), ["w"], [0]) for n in range(130)]
    train, validation, test = dealt(sentences, (3, 1, 1))
    assert [int(each.name) for each in train] == [*range(60), *range(100, 130)]
    assert [int(each.name) for each in validation] == list(range(60, 80))
    assert [int(each.name) for each in test] == list(range(80, 100))


def write_languages(folder, languages, count=100, packed=False, skip=()):
    """Files of small treebanks, as their repositories have them, each with words of its own.

    The words of a test file begin with number 0, those of a development file with 1000, those of a training file with
    2000.
    """
    for language in languages:
        for place, name in enumerate(reversed(language.files)):
            if name not in skip:
                text = conllu(some_sentences(count, 1000 * place), f"{name}-{language.treebank}")
                write(folder / f"UD_{language.treebank}" / f"{name}{'.gz' if packed else ''}", text, packed)


@pytest.mark.usefixtures("own_data_folder")
def test_the_paper_has_twenty_languages_in_its_order(tmp_path):
    order = re.findall("..", "enarcsdadeesfifrhehihriditltnlnoplptslsv")
    assert [each.language for each in FULL] == [each.language for each in REDUCED] == order
    assert all(each.is_full and each.release == "2.6" and "reduced" not in each.name for each in FULL)
    assert [each.language for each in REDUCED if each.is_full] == ["en", "id", "lt", "pt", "sv"]
    for full, reduced in zip(FULL, REDUCED, strict=True):
        assert ("reduced" in reduced.name) == (reduced.division != "own")
        if reduced.is_full and reduced.release == "2.6":
            assert full == reduced
    write_languages(tmp_path, FULL)
    prepare(UNIVERSAL_DEPENDENCIES, tmp_path, progress=False)
    found = universal_dependencies()
    assert [each.name for each in found] == [each.name for each in FULL]
    assert [len(each.train) for each in found] == [400 if each.language == "cs" else 100 for each in found]


@pytest.mark.usefixtures("own_data_folder")
def test_the_reduced_languages_divide_the_files_that_they_have(tmp_path):
    write_languages(tmp_path, REDUCED, count=200, packed=True)
    prepare(UNIVERSAL_DEPENDENCIES_REDUCED, tmp_path, progress=False)
    sizes = {"own": (200, 200, 200), "dev": (160, 40, 200), "test": (120, 40, 40)}  # two rounds of five blocks
    for each, language in zip(universal_dependencies_reduced(), REDUCED, strict=True):
        assert each.name == language.name
        assert tuple(map(len, (each.train, each.validation, each.test))) == sizes[language.division]
        if language.division == "dev":
            words = [each.sentence("validation", n)[0] for n in range(40)]
            assert words == [f"w{number}.0" for number in [*range(1080, 1100), *range(1180, 1200)]]
        if language.division == "own":
            firsts = [each.sentence(part, 0)[0] for part in ("train", "validation", "test")]
            assert firsts == ["w2000.0", "w1000.0", "w0.0"]
        if language.division == "test":  # in the order of the ids as strings
            by_id = sorted(range(1, 201), key=str)
            words = [each.sentence("validation", n)[0] for n in range(40)]
            assert words == [f"w{number - 1}.0" for number in [*by_id[60:80], *by_id[160:180]]]


def archive(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"ud-treebanks-v2.6/{name}")
            info.size = len(text.encode())
            tar.addfile(info, BytesIO(text.encode()))


def test_the_archive_has_all_czech_in_one_file(tmp_path):
    files = {}
    for language in FULL:
        for name in language.files:
            files[f"UD_{language.treebank}/{name}"] = conllu(some_sentences(2), f"{name}-")
    once = "UD_Czech-PDT/cs_pdt-ud-train.conllu"
    parts = [name for name in files if "cs_pdt-ud-train-" in name]
    whole = {name: text for name, text in files.items() if name not in parts} | {once: conllu(some_sentences(7), "w-")}
    other = {"UD_Xish-Toy/xx_toy-ud-dev.conllu": "of no matter"}
    path = tmp_path / "archive" / "ud-treebanks-v2.6.tgz"
    path.parent.mkdir()
    archive(path, whole | other)
    assert len(read_originals(UNIVERSAL_DEPENDENCIES, path.parent)["cs/train"]) == 7
    for name, text in whole.items():  # the same, unpacked
        write(tmp_path / "unpacked" / name, text)
    assert len(read_originals(UNIVERSAL_DEPENDENCIES, tmp_path / "unpacked")["cs/train"]) == 7
    (tmp_path / "unpacked" / once).unlink()
    (tmp_path / "unpacked" / "UD_English-GUM" / "en_gum-ud-dev.conllu").unlink()
    with pytest.raises(
        ValueError, match=r"These files are missing:\n  files \(5\): en_gum-ud-dev.conllu, cs_pdt-ud-train-c"
    ):
        read_originals(UNIVERSAL_DEPENDENCIES, tmp_path / "unpacked")
    archive(path, {name: text for name, text in whole.items() if name != once})
    with pytest.raises(ValueError, match=r"4 files are missing: cs_pdt-ud-train-c.conllu, "):
        read_originals(UNIVERSAL_DEPENDENCIES, path.parent)
    archive(path, files | {once: whole[once]})
    with pytest.raises(ValueError, match=r"cs_pdt-ud-train.conllu is there beside cs_pdt-ud-train-c.conllu, "):
        read_originals(UNIVERSAL_DEPENDENCIES, path.parent)
    archive(path, files | {"again/en_gum-ud-dev.conllu": GOOD})
    with pytest.raises(ValueError, match=r"again/en_gum-ud-dev.conllu: there are two files of this name"):
        read_originals(UNIVERSAL_DEPENDENCIES, path.parent)


def test_a_treebank_is_stored_as_it_is():
    made = treebank(
        "x", "xx", {p: [Sentence("", [p, "ŝñ😀", "a b"], [0, 1, 2])] for p in ("train", "validation", "test")}
    )
    back = as_treebank(as_splits([made]), "x", "xx")
    assert back.words == made.words
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(back, part).rows, getattr(made, part).rows)
        assert back.sentence(part, 0) == [part, "ŝñ😀", "a b"]


@pytest.mark.usefixtures("own_data_folder")
def test_licences_are_listed_by_treebank(capsys):
    assert command_line.main(["data", "list"]) == 0
    printed = capsys.readouterr().out
    for each in (*FULL, *REDUCED):
        assert f"{each.name}, {each.licence}" in printed
    with pytest.raises(ValueError, match="universal-dependencies-reduced is not in") as error:
        universal_dependencies_reduced()
    for text in (
        "https://raw.githubusercontent.com/UniversalDependencies/UD_Indonesian-GSD/r2.1/id-ud-train.conllu",
        "https://raw.githubusercontent.com/UniversalDependencies/UD_German-GSD/r2.6/de_gsd-ud-dev.conllu",
        "--from FOLDER",
    ):
        assert text in str(error.value)


def test_stand_in_languages_are_addressed_by_seed_and_number():
    some, more = stand_in_languages(2, 5, 3, 2, seed=1), stand_in_languages(3, 8, 3, 2, seed=1)
    for one, other in zip(some, more, strict=False):
        assert [one.sentence("train", n) for n in range(5)] == [other.sentence("train", n) for n in range(5)]
    first, second = (set(each.words) for each in more[:2])
    assert len(first & second) < 0.3 * len(first)  # numbers and signs, and few words by chance
    another = stand_in_languages(1, 5, 3, 2, seed=2)[0]
    assert [another.sentence("train", n) for n in range(5)] != [some[0].sentence("train", n) for n in range(5)]
    assert all("stand-in" in each.name for each in more)


def test_some_words_of_stand_in_languages_are_told_by_their_place_alone():
    for each in stand_in_languages(3):
        rows = each.train.rows
        tags = {word: set(rows[rows[:, 0] == word, 1]) for word in np.unique(rows[:, 0])}
        double = [word for word, found in tags.items() if len(found) > 1]
        assert 3 <= len(double) <= 8
        assert all({TAGS[tag] for tag in tags[word]} == {"NOUN", "VERB"} for word in double)


def test_real_files_have_the_published_counts(treebank_files):
    """Of two small ones; all of them take half a minute."""
    found = read_treebank(treebank_files / "UD_Lithuanian-ALKSNIS")
    counts = [(len(part), len(part.rows), part.lengths.max()) for part in (found.train, found.validation, found.test)]
    assert counts == [(1056, 17508, 114), (618, 11444, 102), (684, 10802, 111)]
    assert found.sentence("train", 0)[:4] == ["Siūloma", "viešinti", "aukštųjų", "mokyklų"]
    with gzip.open(treebank_files / "UD_Hebrew-HTB" / "he_htb-ud-test.conllu.gz") as file:
        sentences = read_conllu(Member("he", "he", file))
    assert (len(sentences), sum(len(each.words) for each in sentences)) == (491, 12284)


def test_a_data_set_is_known_by_its_name():
    assert {"universal-dependencies", "universal-dependencies-reduced"} < set(data.DATA_SETS)
