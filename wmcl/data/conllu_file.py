"""Read sentences from CoNLL-U files: words and their parts of speech.

A line is a word, in ten columns; sentences end in an empty line (https://universaldependencies.org/format.html). Lines
of several words at once (``3-4``) and of words that are not there (``5.1``) are left out, and so are words without a
tag (``_``).
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple

import conllu
from conllu.exceptions import ParseException

from wmcl.data.files import Member

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
_COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_AS_IT_IS = {name: lambda line, place: line[place] for name in _COLUMNS if name != "id"}
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
    """
    text = _text(member)
    found, number = [], 0
    parsed = conllu.parse_incr(StringIO(text), fields=(*_COLUMNS, "surplus"), field_parsers=_AS_IT_IS)
    try:
        for number, tokens in enumerate(parsed, 1):
            found.append(_sentence(tokens, tokens.metadata.get("sent_id"), f"{member.where}, sentence {number}"))
    except ParseException as error:
        raise ValueError(f"{member.where}, sentence {number + 1}: {error}") from None
    return [sentence for sentence in found if sentence.words]


def _text(member: Member) -> str:
    try:
        text = member.content(MOST_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{member.where} is not UTF-8: {error}") from None
    if not text.strip():
        raise ValueError(f"{member.where} is empty: it must have at least one sentence")
    if not text.replace("\r\n", "\n").endswith("\n\n"):
        raise ValueError(f"{member.where} is cut off: its last sentence must end in an empty line")
    return text


def _sentence(tokens: Sequence[Mapping[str, Any]], given: str | None, where: str) -> Sentence:
    where = f"{where} ({given})" if given else where
    words, tags, last = [], [], 0
    for token in tokens:
        if tuple(token) != _COLUMNS:
            columns = "more" if "surplus" in token else len(token)
            raise ValueError(f"{where}: a word has {columns} columns; it must have ten, {', '.join(_COLUMNS)}")
        if isinstance(token["id"], tuple):
            continue
        if token["id"] != last + 1:
            raise ValueError(f"{where}: word {token['id']} follows word {last}; ids must be 1, 2, 3, …")
        last += 1
        if token["upos"] == "_":
            continue
        if token["upos"] not in _CLASSES:
            raise ValueError(f"{where}: word {last} has the tag {token['upos']!r}; it must be one of {', '.join(TAGS)}")
        if not token["form"]:
            raise ValueError(f"{where}: word {last} is empty")
        words.append(token["form"])
        tags.append(_CLASSES[token["upos"]])
    if not last:
        raise ValueError(f"{where} has no words")
    return Sentence(given or "", words, tags)
