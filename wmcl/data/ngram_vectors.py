"""Make vectors of words from their characters alone: nothing is downloaded, and every word has one.

A word in angle brackets, and all its parts of 3 to 5 characters, have a random vector each; the vector of the word is
their sum, brought to the length of an average random vector. Words that look alike get vectors that are alike, as those
of fastText before any training (Bojanowski et al., 2017).
"""

import zlib
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import chain

import numpy as np
from jaxtyping import Float32

from wmcl.data.records import ended
from wmcl.randomness import generator

FEATURES = 64
SHORTEST, LONGEST = 3, 5

_ROWS = 1 << 16  # parts of words share these random vectors, by their checksum
_AT_ONCE = 2000  # words


def parts_of(word: str) -> list[str]:
    """Return the word in angle brackets, and all its parts of 3 to 5 characters."""
    whole = f"<{word}>"
    sizes = range(SHORTEST, min(LONGEST, len(whole) - 1) + 1)
    return [whole, *(whole[start : start + size] for size in sizes for start in range(len(whole) - size + 1))]


@lru_cache(maxsize=64)
def ngram_vectors(
    words: tuple[str, ...], features: int = FEATURES, seed: int = 0
) -> Float32[np.ndarray, "word feature"]:
    """Return the vector of each word, a function of the word and the seed alone.

    Its length is the root of the number of features: the mean square of its numbers is 1.

    Args:
        words: the vocabulary; a further call with the same one returns the same array, which is read-only.
        features: numbers of a vector.
        seed: of the random vectors.
    """
    table, found = _random(features, seed), np.empty((len(words), features), dtype=np.float32)
    for first in range(0, len(words), _AT_ONCE):
        some = words[first : first + _AT_ONCE]
        found[first : first + len(some)] = _sums(table, [parts_of(word) for word in some])
    found /= np.sqrt(np.square(found).mean(1, keepdims=True))
    found.flags.writeable = False
    return found


def _sums(
    table: Float32[np.ndarray, "row feature"], parts: Sequence[Sequence[str]]
) -> Float32[np.ndarray, "word feature"]:
    rows = [zlib.crc32(part.encode()) % _ROWS for part in chain.from_iterable(parts)]
    return np.add.reduceat(table[rows], ended([len(each) for each in parts])[:-1], axis=0)


@cache
def _random(features: int, seed: int) -> Float32[np.ndarray, "row feature"]:
    return generator(seed, "vectors of parts of words").standard_normal((_ROWS, features), dtype=np.float32)
