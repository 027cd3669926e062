"""Vectors of words: of their characters, of text files and of polyglot's pickles, from which no code is run."""

import gzip
import os
import pickle
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wmcl.data import ngram_vectors, read_word_vectors
from wmcl.data.ngram_vectors import parts_of
from wmcl.data.word_vectors import WordVectors

TABLE = np.array([[0.5, -1, 2], [1, 2, 3], [0, 0, 1]], dtype=np.float32)
WORDS = ("the", "Ünë", "a")
LINES = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(WORDS, TABLE.tolist(), strict=True))


def test_parts_of_words():
    assert parts_of("where") == [
        *("<where>", "<wh", "whe", "her", "ere", "re>"),
        *("<whe", "wher", "here", "ere>", "<wher", "where", "here>"),
    ]
    assert parts_of("a") == ["<a>"]
    assert parts_of("ab") == ["<ab>", "<ab", "ab>"]


def test_vectors_of_characters_are_sums_of_those_of_the_parts():
    """A word of one letter has one part, so its vector is that part's, up to its length."""
    words = ("a", "ab", "walked", "walks", "träumte", "tree")
    found = ngram_vectors(words, 64)
    np.testing.assert_allclose(np.square(found).mean(1), 1, rtol=1e-5)
    for part in (words[:1], words[2:5], words[::-1]):
        for word, vector in zip(part, ngram_vectors(part, 64), strict=True):
            np.testing.assert_allclose(vector, found[words.index(word)], rtol=1e-5, atol=1e-6)
    assert not np.allclose(found, ngram_vectors(words, 64, seed=1))
    assert ngram_vectors(words, 64) is found
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0
    many = tuple(f"word{n}" for n in range(2100))  # more than are summed at once
    np.testing.assert_allclose(ngram_vectors(many, 8)[2050], ngram_vectors((many[2050],), 8)[0], rtol=1e-5, atol=1e-6)


def test_vectors_of_characters_are_the_same_everywhere():
    """Computed once, with numpy 2.4 on x86-64 under Linux."""
    found = ngram_vectors(("walked", "träumte"), 4)
    np.testing.assert_allclose(found, EVERYWHERE, atol=1e-4)


EVERYWHERE = [[-0.1514, 1.4967, 1.2305, 0.4721], [-0.2935, 0.4261, 1.9319, -0.0111]]


def test_the_similarity_of_words_is_that_of_their_parts():
    """The expected cosine of two vectors is the share of parts that are equal; it scatters by the root of 1/64."""
    random = np.random.default_rng(0)
    stems = ["".join(random.choice(list("abcdefghij"), 5)) for _ in range(400)]
    one, other = ([stem + ending for stem in stems] for ending in ("ing", "s"))
    cosines = (ngram_vectors(tuple(one)) * ngram_vectors(tuple(other))).mean(1)
    parts = [(set(parts_of(a)), set(parts_of(b))) for a, b in zip(one, other, strict=True)]
    expected = np.mean([len(a & b) / (len(a) * len(b)) ** 0.5 for a, b in parts])
    assert 0.3 < expected < 0.7
    assert abs(cosines.mean() - expected) < 4 / 64**0.5 / 400**0.5
    strangers = (ngram_vectors(tuple(one)) * ngram_vectors(tuple(other[1:] + other[:1]))).mean(1)
    assert abs(strangers.mean()) < 4 / 64**0.5 / 400**0.5


def test_which_form_of_a_word_is_taken():
    """Digits of other scripts stay as they are, as with the makers of polyglot."""
    words = ("<UNK>", "paris", "Paris", "PARIS", "##", "iPod", "rome", "12", "rome#")
    vectors = WordVectors("some", words, np.eye(9, 3, dtype=np.float32))
    for word, form in (
        *(("Paris", "Paris"), ("pAris", "paris"), ("34", "##"), ("12", "12"), ("٣٤", None)),
        *(("ROME", "rome"), ("Rome7", "rome#"), ("ipod", None), ("1", None), ("IPOD", None)),
    ):
        assert vectors.rank(word) == (None if form is None else words.index(form))
    found, known = vectors.of(["ROME", "ipod"])
    assert known.tolist() == [True, False]
    np.testing.assert_array_equal(found, vectors.table[[6, 0]])
    twice = WordVectors("twice", ("a", "b", "a"), TABLE)
    assert twice.rank("a") == 0
    np.testing.assert_allclose(twice.of(["c"])[0][0], TABLE.mean(0))


@pytest.mark.parametrize("name", ["x.vec", "x.txt", "x.vec.gz", "x.txt.gz"])
@pytest.mark.parametrize("first", ["", "3 3\n"])
def test_text_files(name, first, tmp_path):
    content = (first + LINES).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    found = read_word_vectors(tmp_path / name)
    assert (found.name, found.words) == (name, WORDS)
    np.testing.assert_array_equal(found.table, TABLE)
    assert read_word_vectors(str(tmp_path / name), most=2).words == WORDS[:2]  # a string names a file, too


def test_words_with_blanks(tmp_path):
    """Some files have them, and numbers at the ends of lines say where a word ends."""
    (tmp_path / "x.vec").write_text("2 2\nat name 1 2\n. . 3 4 \n")
    found = read_word_vectors(tmp_path / "x.vec")
    assert found.words == ("at name", ". .")
    np.testing.assert_array_equal(found.table, [[1, 2], [3, 4]])


WRONG = {
    "empty": ("x.vec", b"", "x.vec is empty"),
    "a count and no more": ("x.vec", b"3 3\n", "x.vec has 0 words: its first line says 3"),
    "cut off": ("x.vec", b"4 3\n" + LINES.encode(), "x.vec has 3 words: its first line says 4, so it is cut off"),
    "cut off in a line": ("x.vec", LINES.encode()[:-8], "x.vec, line 3 has 2 fields: it must be a word and 3 numbers"),
    "words": ("x.txt", b"a 1 2\nb 1 x\n", "x.txt, line 2 must be a word and 2 numbers"),
    "nan": ("x.txt", b"a 1 2\nb 1 nan\n", "the vector of 'b' has a number that is not finite"),
    "a word alone": ("x.txt", b"a\n", "x.txt, line 1 has 1 fields"),
    "other digits": ("x.txt", "a 1\nb ١\n".encode(), "x.txt, line 2 must be a word and 1 numbers"),
    "an underscore": ("x.txt", b"a 1 2\nb 1_0 2\n", "x.txt, line 2 must be a word and 2 numbers"),
    "a number too many": ("x.txt", b"a 1 2\nb 7 1 2\n", "x.txt, line 2 has 4 fields: it must be a word and 2 numbers"),
    "a number too many, after a count": ("x.vec", b"1 2\nb 7 1 2\n", "Whether 7 belongs to the word or is a number"),
    "a nan too many": ("x.vec", b"1 2\nb nan 1 2\n", "Whether nan belongs to the word or is a number too many"),
    "no word": ("x.vec", b"1 2\n 1 2\n", "x.vec, line 2 has no word before its 2 numbers"),
    "a number less": ("x.vec", b"2 2\na 1 2\nb 1\n", "x.vec, line 3 has 2 fields: it must be a word and 2 numbers"),
    "two words less of a thousand": (
        "x.vec",
        b"1000 1\n" + b"".join(b"w%d 1\n" % k for k in range(998)),
        "x.vec has 998 words: its first line says 1000, so it is cut off",
    ),
    "too many that are not UTF-8": (
        "x.txt",
        b"\xff 1\n" * 101,
        "x.txt has more than 100 times a word that is not UTF-8, first in line 1 and last in line 101",
    ),
    "truncated": ("x.vec.gz", gzip.compress(LINES.encode())[:-12], "is damaged"),
    "a line without end": ("x.vec.gz", gzip.compress(b"a" * 3_000_000), "x.vec.gz, line 1 has more than 1048576 bytes"),
    "a long line": ("x.vec", b"a 1\nb" + b" 1" * (1 << 19) + b"\n", "x.vec, line 2 has more than 1048576 bytes"),
    "not gzip": ("x.vec.gz", LINES.encode(), "is damaged"),
    "another type": ("x.bin", b"", "x.bin has another type: it must end in .vec"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_files_are_refused_by_line(wrong, tmp_path):
    name, content, message = WRONG[wrong]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="x") as error:
        read_word_vectors(tmp_path / name)
    assert message in str(error.value)


FORGIVEN = {
    "a byte-order mark": ("x.vec", b"\xef\xbb\xbf" + LINES.encode(), r"a byte-order mark \(line 1\)"),
    "a byte-order mark before counts": ("x.vec", b"\xef\xbb\xbf3 3\n" + LINES.encode(), "a byte-order mark"),
    "tabs": ("x.txt", LINES.replace(" ", "\t").encode(), r"tabs between fields \(line 1 and 2 more\)"),
    "empty lines": ("x.txt", LINES.replace("\n", "\n \n").encode(), r"an empty line \(line 2 and 2 more\)"),
    "no end": ("x.vec", LINES.rstrip("\n").encode(), r"no end of the last line, which may be cut off \(line 3\)"),
    "more words": ("x.vec", b"2 3\n" + LINES.encode(), "3 words where the first line says 2"),
}


@pytest.mark.parametrize("fault", FORGIVEN)
def test_small_faults_are_forgiven_and_said(fault, tmp_path):
    name, content, message = FORGIVEN[fault]
    (tmp_path / name).write_bytes(content)
    with pytest.warns(UserWarning, match=f"{name} was read in spite of small faults: {message}") as told:
        found = read_word_vectors(tmp_path / name)
    assert (len(told), told[0].filename) == (1, __file__)
    assert found.words == WORDS
    np.testing.assert_array_equal(found.table, TABLE)


def test_a_public_file_of_fast_text_is_read(tmp_path):
    """A row fewer than its first line says, blanks at the ends of lines, and a word that is not UTF-8."""
    lines = [b"w%d 1 %d \n" % (k, k) for k in range(1999)]
    lines[1000] = b"d\xe9j\xe0 1 1000 \n"
    (tmp_path / "x.VEC").write_bytes(b"2000 2\n" + b"".join(lines))
    with pytest.warns(UserWarning, match="line 1002.*1999 words where the first line says 2000"):
        found = read_word_vectors(tmp_path / "x.VEC")
    assert found.words[1000] == "d\ufffdj\ufffd"
    np.testing.assert_array_equal(found.table[:, 1], np.arange(1999))
    with pytest.warns(UserWarning, match="line 1002"):
        assert len(read_word_vectors(tmp_path / "x.VEC", most=1500).words) == 1500


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zs"]), min_size=1), min_size=1, max_size=6),
    st.integers(1, 4),
    st.booleans(),
    st.data(),
)
def test_a_good_file_is_read_as_it_is_and_a_damaged_one_rightly_or_not_at_all(words, features, has_counts, data):
    table = np.arange(len(words) * features, dtype=np.float32).reshape(len(words), features) / 8
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, table.tolist(), strict=True)]
    first = [f"{len(words)} {features}"] if has_counts else []
    content = "\n".join([*first, *lines, ""]).encode()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.vec"
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = read_word_vectors(path)
        assert found.words == tuple(words)
        np.testing.assert_array_equal(found.table, table)
        place = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:place] + data.draw(st.binary(max_size=3)) + content[place + 1 :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read_word_vectors(path)
            except ValueError as error:
                assert str(error).startswith(("x.vec", str(path)))  # noqa: PT017


def pickled(tmp_path, content):
    path = tmp_path / "polyglot-xx.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=2))
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8"])
def test_pickles_of_words_and_an_array(protocol, kind, tmp_path):
    for words in (WORDS, list(WORDS)):
        for array in (TABLE.astype(kind), np.asfortranarray(TABLE.astype(kind))):
            found = read_word_vectors(pickled(tmp_path, pickle.dumps((words, array), protocol=protocol)))
            assert found.words == WORDS
            np.testing.assert_array_equal(found.table, TABLE)
            assert found.table.dtype == np.float32


def test_a_pickle_of_python_2(tmp_path):
    """As Python 2 writes them: bytes of an array and words in UTF-8 are its strings, other words its unicode."""
    state = TABLE.astype("<f4").tobytes()
    content = (
        b"\x80\x02(X\x03\x00\x00\x00the"  # unicode
        + b"U\x05\xc3\x9cn\xc3\xab"  # a string
        + b"U\x01atcnumpy.core.multiarray\n_reconstruct\n"
        + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x03K\x03\x86"
        + b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"U"
        + bytes([len(state)])
        + state
        + b"tb\x86."
    )
    found = read_word_vectors(pickled(tmp_path, content))
    assert found.words == WORDS
    np.testing.assert_array_equal(found.table, TABLE)


class Harmful:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_that_would_run_code_is_refused_before_it_does(tmp_path):
    made = str(tmp_path / "executed")
    for harm, name in (
        (Harmful(os.mkdir, made), "posix.mkdir"),
        (Harmful(eval, f"__import__('os').mkdir({made!r})"), "__builtin__.eval"),
        (Harmful(np.load, made), "numpy.load"),
        (Harmful(getattr, "text", "join"), "__builtin__.getattr"),
        ({1, 2}, "__builtin__.set"),
    ):
        with pytest.raises(ValueError, match=f"polyglot-xx.pkl asks for {name}: a file of polyglot must hold arrays"):
            read_word_vectors(pickled(tmp_path, (WORDS, TABLE, harm)))
    assert os.listdir(tmp_path) == ["polyglot-xx.pkl"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps((WORDS, TABLE), protocol=2)[:-40],
        {"words": 1},
        (WORDS, TABLE, 3),
        (WORDS, WORDS),
        (WORDS, TABLE[0]),
        ((1, 2, 3), TABLE),
        (WORDS, TABLE.astype(np.int32)),
        (WORDS, np.array(WORDS)),
        (WORDS, np.array(WORDS, dtype=object)),
        5,
    ],
    ids=str,
)
def test_other_pickles_are_refused(content, tmp_path):
    with pytest.raises(ValueError, match=r"polyglot-xx.pkl is damaged, or no pickle of polyglot"):
        read_word_vectors(pickled(tmp_path, content))


TUPLES = b"".join(2 * (b"h" + bytes([k])) + b"\x86q" + bytes([k + 1]) for k in range(40))  # the last one of 2**40 ones
LARGE = {
    "a far place": (b"\x80\x02]r\xff\xff\xff\xff.", "keeps a value at the place 4294967295"),
    "a negative place": (b"\x80\x02]p-1\n.", "at the place -1"),
    "a key of a dictionary": (b"\x80\x02(K\x01q\x00" + TUPLES + b"}h(K\x01st.", "it has the operation EMPTY_DICT"),
    "an object with a dictionary": (b"\x80\x02cnumpy\nndarray\n)\x81.", "it has the operation NEWOBJ"),
    "a long length": (b"\x80\x04\x8e" + (1 << 45).to_bytes(8, "little") + b"a.", "but only 2 remain"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_pickles_that_would_fill_the_memory_are_refused(kind, tmp_path):
    """Each has less than a kilobyte, and would take gigabytes or for ever."""
    content, message = LARGE[kind]
    assert len(content) < 1000
    with pytest.raises(ValueError, match=f"polyglot-xx.pkl is damaged, or no pickle of polyglot.*{message}"):
        read_word_vectors(pickled(tmp_path, content))


def test_lists_in_lists_are_not_written_out(tmp_path):
    """Written out, the word would have 2**30 numbers."""
    word = 1
    for _ in range(30):
        word = [word, word]
    wrong = (np.ones((1, 1), np.float32), [word])
    for content, message in ((([word], 5), "a list stands where a word must be"), (wrong, "damaged")):
        with pytest.raises(ValueError, match=message) as error:
            read_word_vectors(pickled(tmp_path, content))
        assert len(str(error.value)) < 300


def test_nothing_is_made_of_the_same_text_again_and_again(tmp_path):
    """As bytes of a text, or as words of a string of Python 2."""
    text, call = "a" * 200, b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R"
    start = b"\x80\x02](X" + (200).to_bytes(4, "little") + text.encode() + b"q\x00"
    with pytest.raises(ValueError, match=r"polyglot-xx.pkl .* makes more bytes of its texts than it has itself"):
        read_word_vectors(pickled(tmp_path, start + 4 * call + b"eK\x05\x86."))
    string = b"\x80\x02](U" + bytes([200]) + text.encode() + b"q\x00"
    with pytest.raises(ValueError, match=r"polyglot-xx.pkl .* its words have more letters than it has bytes"):
        read_word_vectors(pickled(tmp_path, string + 4 * b"h\x00" + b"eK\x05\x86."))


def test_fewer_vectors_than_words_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"polyglot-xx.pkl has 3 words and 2 vectors"):
        read_word_vectors(pickled(tmp_path, (WORDS, TABLE[:2])))
