"""Make artificial languages, which stand in for treebanks where none is at hand.

Each has words of its own, made of its own syllables; an order of words; and endings. A fifth of its nouns look as verbs
do, so that only their place tells what they are. They are good for trying things out; no number that is made on them
says anything about a language.
"""

from dataclasses import dataclass

import numpy as np

from wmcl.data.conllu_file import TAGS, Sentence
from wmcl.data.treebank import Part, Treebank, treebank
from wmcl.randomness import generator

NAME = "stand-in language"

_CONSONANTS, _VOWELS = "bdfgjklmnprstvz", "aeiou"
_ORDERS = ("SVO", "SOV", "VSO", "OVS")
_STEMS = {"NOUN": 40, "VERB": 24, "ADJ": 16, "ADV": 8, "ADP": 5, "DET": 3, "PRON": 4, "CCONJ": 2}


def stand_in_languages(
    count: int = 3, train: int = 200, validation: int = 50, test: int = 50, seed: int = 0
) -> list[Treebank]:
    """Make so many languages, with so many sentences.

    A sentence depends on seed, language, part and its number alone.

    The order of the words is subject, verb, object in the first one, and another one in the next three.
    """
    made = []
    for number in range(count):
        language = _language(number, seed)
        sizes: dict[Part, int] = {"train": train, "validation": validation, "test": test}
        parts = {
            part: [_sentence(language, generator(seed, f"{NAME} {number} {part}", n)) for n in range(size)]
            for part, size in sizes.items()
        }
        made.append(treebank(f"{NAME} {number + 1}", f"x{number + 1}", parts))
    return made


@dataclass(frozen=True)
class _Language:
    words: dict[str, list[str]]
    """words of each part of speech"""
    order: str
    """order of subject, verb and object"""
    is_head_first: bool
    """flag of nouns that stand before adjectives, and after the adposition that belongs to them"""


def _language(number: int, seed: int) -> _Language:
    random = generator(seed, f"{NAME} {number}")
    consonants = random.permutation(list(_CONSONANTS))[:9]
    endings = ["", *("".join(_syllable(random, consonants)) for _ in range(6))]
    stems = iter(_distinct(random, consonants, sum(_STEMS.values())))
    words = {
        tag: [f"{next(stems)}{endings[place % len(endings)]}" for _ in range(size)]
        for place, (tag, size) in enumerate(_STEMS.items())
    }
    shared = _STEMS["VERB"] // 3
    words["NOUN"][:shared] = words["VERB"][:shared]
    words |= {"NUM": [str(n) for n in range(2, 30)], "PUNCT": [".", "!", "?"]}
    return _Language(words, _ORDERS[number % len(_ORDERS)], bool(random.integers(2)))


def _distinct(random: np.random.Generator, consonants: np.ndarray, count: int) -> list[str]:
    """Draw stems of two syllables, none twice."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(_syllable(random, consonants) + _syllable(random, consonants))] = None
    return list(found)


def _syllable(random: np.random.Generator, consonants: np.ndarray) -> list[str]:
    return [str(random.choice(consonants)), str(random.choice(list(_VOWELS)))]


def _sentence(language: _Language, random: np.random.Generator) -> Sentence:
    tags = _clause(language, random)
    if random.random() < 0.3:
        tags = [*tags, "CCONJ", *_clause(language, random)]
    tags.append("PUNCT")
    words = [str(random.choice(language.words[tag])) for tag in tags]
    return Sentence("", words, [TAGS.index(tag) for tag in tags])


def _clause(language: _Language, random: np.random.Generator) -> list[str]:
    phrases = {
        "S": ["PRON"] if random.random() < 0.3 else _noun_phrase(language, random),
        "V": ["VERB", "ADV"] if random.random() < 0.3 else ["VERB"],
        "O": _noun_phrase(language, random),
    }
    tags = [tag for place in language.order for tag in phrases[place]]
    if random.random() < 0.4:
        inner = _noun_phrase(language, random)
        tags += ["ADP", *inner] if language.is_head_first else [*inner, "ADP"]
    return tags


def _noun_phrase(language: _Language, random: np.random.Generator) -> list[str]:
    first = "DET" if random.random() < 0.7 else "NUM"
    core = ["NOUN"] if random.random() < 0.6 else ["NOUN", "ADJ"] if language.is_head_first else ["ADJ", "NOUN"]
    return [first, *core]
