"""Read twenty languages of Universal Dependencies, with the part of speech of every word.

There are two data sets: ``universal-dependencies`` is what Ehret et al. (2021) trained on, and
``universal-dependencies-reduced`` takes small files in place of most training files. What is said of the one cannot be
said of the other.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from wmcl.data.conllu_file import MOST_BYTES, Sentence, read_conllu
from wmcl.data.data_set import DataSet, Form, Original, Splits
from wmcl.data.files import Member
from wmcl.data.languages import FULL, REDUCED, Language
from wmcl.data.prepare import load_or_name
from wmcl.data.records import Records, ended
from wmcl.data.treebank import PARTS, Treebank

_ARCHIVE = "ud-treebanks-v2.6.tgz"
_HANDLE = "http://hdl.handle.net/11234/1-3226"
_LINDAT = f"https://lindat.mff.cuni.cz/repository/xmlui/bitstream/handle/11234/1-3226/{_ARCHIVE}"
_WORDS = "words"


def universal_dependencies() -> list[Treebank]:
    """Read the treebanks of the paper, in its order.

    Raises:
        ValueError: if they are not on this machine, in a sentence that says how to get them.
    """
    other = UNIVERSAL_DEPENDENCIES_REDUCED
    splits = load_or_name(UNIVERSAL_DEPENDENCIES, other, "wmcl.data.universal_dependencies_reduced()")
    return _treebanks(splits, FULL)


def universal_dependencies_reduced() -> list[Treebank]:
    """Read the languages of the paper in small files; the names of the treebanks say which are reduced.

    Raises:
        ValueError: if they are not on this machine, in a sentence that says how to get them.
    """
    other = UNIVERSAL_DEPENDENCIES
    splits = load_or_name(UNIVERSAL_DEPENDENCIES_REDUCED, other, "wmcl.data.universal_dependencies()")
    return _treebanks(splits, REDUCED)


def as_splits(treebanks: Sequence[Treebank]) -> Splits:
    """Turn treebanks into what is stored: their parts, and their vocabularies as the bytes of the words."""
    splits: Splits = {}
    for each in treebanks:
        splits |= {f"{each.language}/{part}": getattr(each, part) for part in PARTS}
        coded = [word.encode() for word in each.words]
        letters = np.frombuffer(b"".join(coded), dtype=np.uint8)
        splits[f"{each.language}/{_WORDS}"] = Records(letters, ended([*map(len, coded)]), np.arange(len(coded)))
    return splits


def as_treebank(splits: Splits, name: str, language: str) -> Treebank:
    """Return a treebank as it was before it was stored."""
    coded = splits[f"{language}/{_WORDS}"]
    letters, ends = coded.rows.tobytes(), coded.offsets.tolist()
    words = tuple(letters[start:stop].decode() for start, stop in pairwise(ends))
    return Treebank(name, language, words, *(splits[f"{language}/{part}"] for part in PARTS))


def _treebanks(splits: Splits, languages: Sequence[Language]) -> list[Treebank]:
    return [as_treebank(splits, each.name, each.language) for each in languages]


def _read(members: Iterator[Member], languages: Sequence[Language]) -> Splits:
    files: dict[str, list[Sentence]] = {}
    for member in members:
        if member.name in files:
            raise ValueError(f"{member.where}: there are two files of this name")
        files[member.name] = read_conllu(member)
    missing = _missing(files, languages)
    if missing:
        raise ValueError(f"{len(missing)} files are missing: {', '.join(missing)}")
    return as_splits([each.made_of(files) for each in languages])


def _missing(names: Collection[str], languages: Sequence[Language]) -> list[str]:
    return [name for each in languages for name in each.missing(names)]


def _data_set(name: str, title: str, languages: Sequence[Language], has_archive: bool) -> DataSet:
    files = tuple(original for each in languages for original in each.originals)
    pattern = "|".join(each.pattern for each in languages)
    archive = Original(_ARCHIVE, _LINDAT, pattern, needed=partial(_missing, languages=languages))
    read = partial(_read, languages=languages)
    forms = {"files": Form(files, read, MOST_BYTES)}
    if has_archive:
        forms["archive"] = Form((archive,), read, 20 * MOST_BYTES)
    return DataSet(
        name=name,
        title=title,
        preparation=1,
        page="https://universaldependencies.org",
        licence="one a treebank:" + "".join(f"\n    {each.name}, {each.licence}" for each in languages),
        citation=(
            f"Daniel Zeman, Joakim Nivre et al., Universal Dependencies 2.6, {_HANDLE}, 2020, and the makers of each"
            " treebank, whom its README names."
        ),
        forms=forms,
    )


UNIVERSAL_DEPENDENCIES = _data_set(
    "universal-dependencies", "twenty languages with parts of speech: Universal Dependencies 2.6", FULL, True
)
UNIVERSAL_DEPENDENCIES_REDUCED = _data_set(
    "universal-dependencies-reduced",
    "the same twenty languages in small files: development sets in place of most training files",
    REDUCED,
    False,
)
