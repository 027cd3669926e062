"""Read sentences from CoNLL-U files: words and their parts of speech.

A line is a word, in ten columns separated by tabs; sentences end in an empty line
(https://universaldependencies.org/format.html). Lines of several words at once (``3-4``) and of words that are not
there (``5.1``) are left out, and so are words without a tag (``_``).

These faults are forgiven, as they leave no doubt, and a warning says what and where (:mod:`wmcl.data.forgiven`): a
byte-order mark, at the beginning or in a word; a carriage return within a line; lines that end in carriage returns
alone; a line of blanks between sentences; columns separated by several blanks; and no empty line at the end, after a
line of ten columns.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wmcl.data.files import Member
from wmcl.data.forgiven import Forgiven

TAGS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)
"""the universal parts of speech; the class of a word is its place here"""

_CLASSES = {tag: number for number, tag in enumerate(TAGS)} | {"CONJ": TAGS.index("CCONJ")}  # CONJ: before version 2
_COLUMNS = "ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC"
_LEFT_OUT = re.compile("[0-9]+[-.][0-9]+")
_MARK = "\ufeff"
MOST_BYTES = 400_000_000
"""largest size of a file, unpacked: several times the largest treebank"""


class Sentence(NamedTuple):
    """A sentence holds its words that have a tag."""

    name: str
    """``sent_id``; empty where there is none"""
    words: list[str]
    tags: list[int]
    """places in ``TAGS``"""


def read_conllu(member: Member) -> list[Sentence]:
    """Read the sentences of a file, in its order; those without any tagged word are left out.

    Raises:
        ValueError: naming the file and the sentence, if it is empty, cut off or too long, or if a word has another
            number of columns than ten, an unknown tag, or an id out of order.

    Warns:
        UserWarning: of small faults that were forgiven.
    """
    forgiven = Forgiven(member.where)
    blocks = enumerate(_blocks(_text(member, forgiven), forgiven), 1)
    found = [_sentence(lines, f"{member.where}, sentence {number}", forgiven) for number, lines in blocks]
    forgiven.tell()
    return [sentence for sentence in found if sentence.words]


def _text(member: Member, forgiven: Forgiven) -> str:
    try:
        text = member.content(MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{member.where} is not UTF-8: {error}") from None
    if text.startswith(_MARK):
        forgiven.add("a byte-order mark", "line 1")
        text = text.removeprefix(_MARK)
    if not text.strip():
        raise ValueError(f"{member.where} is empty: it must have at least one sentence")
    text = text.replace("\r\n", "\n")
    if "\n" not in text and "\r" in text:
        forgiven.add("lines that end in carriage returns", "line 1")
        text = text.replace("\r", "\n")
    return text


def _blocks(text: str, forgiven: Forgiven) -> Iterator[list[str]]:
    """Yield the lines of each sentence."""
    block: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if "\r" in line:
            forgiven.add("a carriage return within a line", f"line {number}")
            line = line.replace("\r", "")
        if line.strip(" \t"):
            block.append(line)
            continue
        if line:
            forgiven.add("a line of blanks", f"line {number}", is_habit=True)
        if block and number == len(lines):
            forgiven.add("no empty line at the end, so the last sentence may be cut off", f"line {number - 1}")
        if block:
            yield block
        block = []
    if block:
        forgiven.add("no end of the last line, so the last sentence may be cut off", f"line {len(lines)}")
        yield block


def _sentence(lines: Sequence[str], where: str, forgiven: Forgiven) -> Sentence:
    comments = dict(_comment(line) for line in lines if line.startswith("#"))
    given = comments.get("sent_id", "")
    where = f"{where} ({given})" if given else where
    if comments.get("global.columns", _COLUMNS).split() != _COLUMNS.split():
        raise ValueError(f"{where}: a word has the columns {comments['global.columns']}; it must have {_COLUMNS}")
    words, tags, last = [], [], 0
    for line in lines:
        if line.startswith("#"):
            continue
        number, form, tag = _columns(line, where, forgiven)
        if _LEFT_OUT.fullmatch(number):
            continue
        if number != str(last + 1):
            raise ValueError(f"{where}: word {number} follows word {last}; ids must be 1, 2, 3, …")
        last += 1
        if tag == "_":
            continue
        if tag not in _CLASSES:
            raise ValueError(f"{where}: word {last} has the tag {tag!r}; it must be one of {', '.join(TAGS)}")
        if not form:
            raise ValueError(f"{where}: word {last} is empty")
        words.append(form)
        tags.append(_CLASSES[tag])
    if not last:
        raise ValueError(f"{where} has no words")
    return Sentence(given, words, tags)


def _comment(line: str) -> tuple[str, str]:
    key, _, value = line[1:].partition("=")
    return key.strip(), value.strip()


def _columns(line: str, where: str, forgiven: Forgiven) -> tuple[str, str, str]:
    """Return id, form and tag of a line."""
    columns = line.split("\t")
    if len(columns) == 1:
        columns = re.split(" {2,}", line.strip(" "))
        forgiven.add("columns separated by several blanks", where, is_habit=True)
    if len(columns) != _COLUMNS.count(" ") + 1:
        raise ValueError(f"{where}: a word has {len(columns)} columns; it must have ten, {_COLUMNS}")
    number, form, _, tag, *_ = columns
    if _MARK in form:
        forgiven.add("a byte-order mark in a word", where)
        form = form.replace(_MARK, "")
    return number, form, tag
