"""Read files of word vectors: text, as of word2vec, fastText and GloVe, and the pickles of polyglot.

The rule for text, which every line must fit:

- Fields are separated by blanks; blanks at the end of a line do not count. The first line may be two whole numbers, the
  counts of words and of features.
- Without it, the numbers at the end of the first line are its vector; a word must stand before them.
- The last fields of every line, as many as there are features, are numbers. What stands before them is the word. It may
  have blanks in it, as some do in GloVe's files. If its last part is a number as well, the line may have a number too
  many as well as a word with a number at its end, and is refused.

These faults are forgiven, as they leave no doubt, and a warning says what and where (:mod:`wmcl.data.forgiven`): a
byte-order mark at the beginning, tabs between fields, empty lines, a word that is not UTF-8 (what is wrong in it
becomes U+FFFD), a last line that does not end where no count is given, and a first line that promises another number
of words than there are, if at most one in a thousand is missing. The pickles are read in
:mod:`wmcl.data.polyglot_file`.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import closing
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from wmcl.data.forgiven import Forgiven
from wmcl.data.polyglot_file import read_polyglot
from wmcl.data.word_vectors import WordVectors

_LONGEST = 1 << 20  # bytes of a line: some thousand numbers and a word take less
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_OF_NUMBERS = re.compile(r"[-+.0-9eE naifty]*", re.IGNORECASE)


def read_word_vectors(path: Path | str, most: int | None = None) -> WordVectors:
    """Read the vectors of a file.

    Args:
        path: ``.vec`` or ``.txt``, a word and its numbers a line, also with ``.gz``; or ``.pkl``, of polyglot.
        most: only so many words are kept, the first ones.

    Raises:
        ValueError: naming the file and the line, if it is empty, cut off, or not what it must be.

    Warns:
        UserWarning: of small faults that were forgiven.
    """
    path = Path(path)
    kind = path.name.lower()
    if kind.endswith(".pkl"):
        words, table = read_polyglot(path)
        return WordVectors(path.name, words[:most], table[:most])
    if not kind.removesuffix(".gz").endswith((".vec", ".txt")):
        raise ValueError(f"{path} has another type: it must end in .vec, .txt, .vec.gz, .txt.gz or .pkl")
    forgiven = Forgiven(path.name)
    try:
        with closing(gzip.open(path) if kind.endswith(".gz") else path.open("rb")) as file:
            found = _text(_lines(file, path.name), path.name, most, forgiven)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    forgiven.tell()
    return found


def _lines(file: BufferedIOBase, name: str) -> Iterator[bytes]:
    """Read the lines of a file, and refuse one that is too long before it fills the memory."""
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST + 1), b""), 1):
        if len(line) > _LONGEST:
            raise ValueError(f"{name}, line {number} has more than {_LONGEST} bytes: it must not be longer")
        yield line


def _text(lines: Iterator[bytes], name: str, most: int | None, forgiven: Forgiven) -> WordVectors:
    words, rows = list[str](), list[np.ndarray]()
    counts: tuple[int, int] | None = None
    features, is_first = None, True
    for number, line in enumerate(lines, 1):
        where = f"line {number}"
        if number == 1 and line.startswith(codecs.BOM_UTF8):
            line = line.removeprefix(codecs.BOM_UTF8)
            forgiven.add("a byte-order mark", where)
        fields = _fields(line, where, forgiven)
        if fields == [""]:
            forgiven.add("an empty line", where, is_habit=True)
            continue
        if is_first and len(fields) == 2 and all(re.fullmatch("[0-9]+", field) for field in fields):
            counts, is_first = (int(fields[0]), int(fields[1])), False
            features = counts[1]
            continue
        is_first = False
        if len(words) == most:
            break
        if not line.endswith(b"\n") and counts is None:
            forgiven.add("no end of the last line, which may be cut off", where)
        if features is None:
            features = _trailing_numbers(fields)
        words.append(_word(fields, features, f"{name}, {where}"))
        rows.append(_numbers(fields[-features:], f"{name}, {where}"))
    if counts and (most is None or len(words) < min(most, counts[0])):
        _check_count(len(words), counts[0], name, forgiven)
    if not words:
        raise ValueError(f"{name} is empty: it must have at least one word")
    return WordVectors(name, tuple(words), np.stack(rows))


def _check_count(found: int, promised: int, name: str, forgiven: Forgiven) -> None:
    if promised - found > promised // 1000:
        raise ValueError(f"{name} has {found} words: its first line says {promised}, so it is cut off")
    if found != promised:
        forgiven.add(f"{found} words where the first line says {promised}", "line 1")


def _fields(line: bytes, where: str, forgiven: Forgiven) -> list[str]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
        forgiven.add("a word that is not UTF-8", where)
    text = text.rstrip(" \t\r\n")
    if "\t" in text:
        forgiven.add("tabs between fields", where, is_habit=True)
    return text.replace("\t", " ").split(" ")


def _trailing_numbers(fields: list[str]) -> int:
    """Count the numbers at the end of a line, but for what may be its word."""
    count = 0
    while count < len(fields) - 1 and _NUMBER.fullmatch(fields[-1 - count]):
        count += 1
    return max(1, count)


def _word(fields: list[str], features: int, where: str) -> str:
    if len(fields) <= features or features < 1:
        raise ValueError(f"{where} has {len(fields)} fields: it must be a word and {features} numbers")
    parts = fields[:-features]
    if len(parts) > 1 and _NUMBER.fullmatch(parts[-1]):
        raise ValueError(
            f"{where} has {len(fields)} fields: it must be a word and {features} numbers. Whether {parts[-1]} belongs"
            " to the word or is a number too many cannot be told"
        )
    word = " ".join(parts)
    if not word.strip(" "):
        raise ValueError(f"{where} has no word before its {features} numbers")
    return word


def _numbers(fields: list[str], where: str) -> Float32[np.ndarray, "feature"]:
    try:
        if not _OF_NUMBERS.fullmatch(" ".join(fields)):  # Python would take digits of other scripts, and 1_000
            raise ValueError("they have other signs than those of numbers")
        return np.array(fields, dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{where} must be a word and {len(fields)} numbers: {error}") from None
