"""Hold the tagged sentences of a language: words as numbers in a vocabulary, one after the other."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from wmcl.data.conllu_file import MOST_BYTES, Sentence, read_conllu
from wmcl.data.files import members
from wmcl.data.records import Records, ended

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
FILES: tuple[str, ...] = ("train", "dev", "test")
"""names of the three parts in the names of files"""

_BLOCK = 20  # sentences that stay together


@dataclass(frozen=True, eq=False, repr=False)
class Treebank:
    """A treebank holds sentences with the part of speech of every word.

    A row of the records is a word: its number in ``words``, and its tag's in :data:`wmcl.data.TAGS`.
    """

    name: str
    """name of the treebank, with ``reduced`` in it, where a part was made of another one's file"""
    language: str
    """code of the language, e.g. ``en``"""
    words: tuple[str, ...]
    """the vocabulary of all three parts, in order of first appearance"""
    train: Records
    validation: Records
    test: Records

    def __repr__(self) -> str:
        train, validation, test = (f"{len(part):,}" for part in (self.train, self.validation, self.test))
        sentences = f"{train}, {validation} and {test} sentences"
        return f"Treebank({self.name!r}, {self.language}: {sentences}, {len(self.words):,} words)"

    def sentence(self, part: Part, number: int) -> list[str]:
        """Return the words of a sentence."""
        return [self.words[word] for word in getattr(self, part)[number][:, 0]]


def treebank(name: str, language: str, parts: Mapping[Part, Sequence[Sentence]]) -> Treebank:
    """Make a treebank of these sentences.

    Raises:
        ValueError: if a part is missing or has no sentence, or if a sentence of one part is in another one, too.
    """
    for part in PARTS:
        if not parts.get(part):
            raise ValueError(f"{name} has no sentences in {part}: it must have some")
    _check_apart(name, parts)
    known = {word: number for number, word in enumerate(dict.fromkeys(_words(parts[part] for part in PARTS)))}
    return Treebank(name, language, tuple(known), *(_records(parts[part], known) for part in PARTS))


def read_treebank(folder: Path | str, language: str | None = None, name: str | None = None) -> Treebank:
    """Read the treebank in a folder of Universal Dependencies, e.g. ``UD_English-GUM``.

    Args:
        folder: holds files whose names have ``-ud-train``, ``-ud-dev`` and ``-ud-test`` in them, of the type
            ``.conllu`` or ``.conllu.gz``. Several of one part are read in the order of their names.
        language: e.g. ``en``; ``None``: what the names of the files begin with.
        name: of the treebank; ``None``: that of the folder.

    Raises:
        ValueError: if a part is missing, or if a file is not what it must be.
    """
    folder = Path(folder)
    found: dict[Part, list[Sentence]] = {}
    paths = sorted(path for path in folder.glob("*-ud-*") if path.name.endswith((".conllu", ".conllu.gz")))
    for part, stem in zip(PARTS, FILES, strict=True):
        own = [path for path in paths if f"-ud-{stem}" in path.name]
        if not own:
            raise ValueError(f"{folder} has no file *-ud-{stem}.conllu or *-ud-{stem}.conllu.gz: it must have one")
        found[part] = list(chain.from_iterable(_of_file(path) for path in own))
    shown = name or folder.name.removeprefix("UD_")
    return treebank(shown, language or paths[0].name.split("-ud-")[0].split("_")[0], found)


def dealt(sentences: Sequence[Sentence], shares: Sequence[int]) -> list[list[Sentence]]:
    """Deal sentences out in blocks of 20 that follow one another, so that neighbours mostly stay together.

    Args:
        sentences: in the order in which they are dealt.
        shares: blocks that each receiver gets of every ``sum(shares)``, e.g. (3, 1, 1).
    """
    receiver = np.repeat(np.arange(len(shares)), shares)[np.arange(len(sentences)) // _BLOCK % sum(shares)]
    return [[each for each, to in zip(sentences, receiver, strict=True) if to == place] for place in range(len(shares))]


def _of_file(path: Path) -> list[Sentence]:
    return next(read_conllu(member) for member in members(path, lambda _: True, MOST_BYTES, is_archive=False))


def _words(parts: Iterable[Sequence[Sentence]]) -> Iterator[str]:
    return chain.from_iterable(sentence.words for sentences in parts for sentence in sentences)


def _records(sentences: Sequence[Sentence], known: Mapping[str, int]) -> Records:
    rows = [(known[word], tag) for each in sentences for word, tag in zip(each.words, each.tags, strict=True)]
    offsets = ended([len(each.words) for each in sentences])
    return Records(np.array(rows, dtype=np.int32), offsets, np.arange(len(sentences), dtype=np.int32))


def _check_apart(name: str, parts: Mapping[Part, Sequence[Sentence]]) -> None:
    """Refuse parts of different releases, between which sentences were moved."""
    owner: dict[str, Part] = {}
    for part in PARTS:
        for sentence in parts[part]:
            if sentence.name and owner.setdefault(sentence.name, part) != part:
                raise ValueError(
                    f"{name}: sentence {sentence.name} is in {owner[sentence.name]} and in {part}; all files must be of"
                    " one release"
                )
