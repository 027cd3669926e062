"""Read files of word vectors: text, as of word2vec, fastText and GloVe, and the pickles of polyglot.

The pickles are read in :mod:`wmcl.data.polyglot_file`.
"""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from wmcl.data.polyglot_file import read_polyglot
from wmcl.data.word_vectors import WordVectors

_LONGEST = 1 << 20  # bytes of a line: some thousand numbers and a word take less


def read_word_vectors(path: Path | str, most: int | None = None) -> WordVectors:
    """Read the vectors of a file.

    Args:
        path: ``.vec`` or ``.txt``, a word and its numbers a line, also with ``.gz``; or ``.pkl``, of polyglot. A first
            line of two whole numbers, the counts of words and of features, may be there.
        most: only so many words are kept, the first ones.

    Raises:
        ValueError: naming the file and the line, if it is empty, cut off, or not what it must be.
    """
    path = Path(path)
    if path.name.endswith(".pkl"):
        words, table = read_polyglot(path)
        return WordVectors(path.name, words[:most], table[:most])
    if not path.name.removesuffix(".gz").endswith((".vec", ".txt")):
        raise ValueError(f"{path} has another type: it must end in .vec, .txt, .vec.gz, .txt.gz or .pkl")
    try:
        with closing(gzip.open(path) if path.name.endswith(".gz") else path.open("rb")) as file:
            return _text(_lines(file, path.name), path.name, most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def _lines(file: BufferedIOBase, name: str) -> Iterator[bytes]:
    """Read the lines of a file, and refuse one that is too long before it fills the memory."""
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST + 1), b""), 1):
        if len(line) > _LONGEST:
            raise ValueError(f"{name}, line {number} has more than {_LONGEST} bytes: it must not be longer")
        yield line


def _text(lines: Iterator[bytes], name: str, most: int | None) -> WordVectors:
    words, rows, counts = list[str](), list[np.ndarray](), None
    for number, line in enumerate(lines, 1):
        where = f"{name}, line {number}"
        fields = _fields(line, where)
        if number == 1 and len(fields) == 2 and all(field.isdecimal() for field in fields):
            counts = tuple(map(int, fields))
            continue
        if len(words) == most:
            break
        features = counts[1] if counts else len(rows[0]) if rows else len(fields) - 1
        if len(fields) <= features or features < 1:
            raise ValueError(f"{where} has {len(fields)} fields: it must be a word and {features} numbers")
        words.append(" ".join(fields[:-features]))  # some have blanks in their words
        rows.append(_numbers(fields[-features:], where))
    if counts and len(words) < min(counts[0], counts[0] if most is None else most):
        raise ValueError(f"{name} has {len(words)} words: its first line says {counts[0]}, so it is cut off")
    if not words:
        raise ValueError(f"{name} is empty: it must have at least one word")
    return WordVectors(name, tuple(words), np.stack(rows))


def _fields(line: bytes, where: str) -> list[str]:
    try:
        return line.decode("utf-8").rstrip().split(" ")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is not UTF-8: {error}") from None


def _numbers(fields: list[str], where: str) -> Float32[np.ndarray, "feature"]:
    try:
        return np.array(fields, dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{where} must be a word and numbers: {error}") from None
