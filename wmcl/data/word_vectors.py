"""Hold vectors of words: a table with a row a word, and which row a word takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32

from wmcl.randomness import generator

UNKNOWN = ("<UNK>", "<unk>", "UNK", "unk")
"""names that files give the vector of all words that they do not know"""

_DIGIT = re.compile("[0-9]")


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors:
    """Word vectors are those of a vocabulary, from :func:`wmcl.data.read_word_vectors`.

    Raises:
        ValueError: if words and rows are not equally many, or a number is not finite.
    """

    name: str
    words: tuple[str, ...]
    """words in the order of their rank: the more frequent ones first, in most files"""
    table: Float32[np.ndarray, "word feature"]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.table) or not self.words:
            raise ValueError(
                f"{self.name} has {len(self.words)} words and {len(self.table)} vectors: one each, and some"
            )
        wrong = np.flatnonzero(~np.isfinite(self.table).all(1))
        if wrong.size:
            raise ValueError(f"{self.name}: the vector of {self.words[wrong[0]]!r} has a number that is not finite")

    def __repr__(self) -> str:
        return f"WordVectors({self.name!r}: {len(self.words):,} words, {self.table.shape[1]} features)"

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Return the row of each word; the first one, of a word that is there twice."""
        return {word: len(self.words) - 1 - place for place, word in enumerate(reversed(self.words))}

    @cached_property
    def of_unknown(self) -> Float32[np.ndarray, "feature"]:
        """Return the vector of words that are not known: that of ``<UNK>``, or the mean of all if there is none."""
        for word in UNKNOWN:
            if word in self.ranks:
                return self.table[self.ranks[word]]
        return self.table.mean(0, dtype=np.float64).astype(np.float32)

    def rank(self, word: str) -> int | None:
        """Return the row of a word, or else of the form of it that is known.

        As the makers of polyglot do (Al-Rfou et al., 2013): the word itself; with # for every digit from 0 to 9, but
        none of other scripts; and the best ranked of the forms of that in lower case, in upper case, and with a
        capital.
        """
        for form in (word, _DIGIT.sub("#", word)):
            if form in self.ranks:
                return self.ranks[form]
        cases = (form.lower(), form.upper(), form.title())
        return min((self.ranks[each] for each in cases if each in self.ranks), default=None)

    def of(self, words: Sequence[str]) -> tuple[Float32[np.ndarray, "entry feature"], Bool[np.ndarray, "entry"]]:
        """Return the vector of each word, and whether it is known."""
        found = [self.rank(word) for word in words]
        known = np.array([rank is not None for rank in found], dtype=bool)
        rows = [0 if rank is None else rank for rank in found]
        return np.where(known[:, None], self.table[rows], self.of_unknown), known


def random_vectors(words: Sequence[str], features: int = 64, seed: int = 0) -> WordVectors:
    """Draw vectors of standard normal numbers, from which learned vectors start where there are no others.

    Args:
        words: the vocabulary.
        features: numbers of a vector.
        seed: of the numbers; all members of an ensemble start from the same ones.
    """
    random = generator(seed, "random vectors of words")
    table = random.standard_normal((len(words), features), dtype=np.float32)
    return WordVectors(f"random, seed {seed}", tuple(words), table)
