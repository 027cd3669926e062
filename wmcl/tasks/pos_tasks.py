"""Make tasks of part-of-speech tagging, a language each, for continual learning (Ehret et al., 2021).

A step shows the vector of a word, and its target is the part of speech: one of 17, the same in all languages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from wmcl.data.conllu_file import TAGS
from wmcl.data.ngram_vectors import ngram_vectors
from wmcl.data.records import Records
from wmcl.data.treebank import PARTS, Treebank
from wmcl.data.word_vectors import WordVectors
from wmcl.tasks.data_task import BLOCKS, DataTask, data_task
from wmcl.tasks.labelled import Labelled
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import check_counts

Unknown = Literal["keep", "drop"]

MOST_WORDS = 300_000


def pos_tasks(
    treebanks: Sequence[Treebank],
    vectors: Mapping[str, WordVectors] | None = None,
    *,
    unknown: Unknown = "keep",
    learned: bool = False,
    most_words: int = MOST_WORDS,
    blocks: int = BLOCKS,
) -> list[DataTask]:
    """Make tasks of tagging the words of sentences, in one language after the other.

    A task holds the numbers of words and one table; a batch has the vectors of its own words. Vectors are frozen, or
    start as given and are learned with the task, by each member for itself (:mod:`wmcl.networks.vectors`).

    Args:
        treebanks: from :func:`wmcl.data.universal_dependencies`, :func:`wmcl.data.universal_dependencies_reduced`,
            :func:`wmcl.data.read_treebank`, or what stands in for them.
        vectors: of each language, from :func:`wmcl.data.read_word_vectors`; ``None``: those of
            :func:`wmcl.data.ngram_vectors`, which know every word.
        unknown: what is done with words that the vectors know in no form: ``keep`` gives them the vector of unknown
            words; ``drop`` leaves out the sentences that have any, as the paper does.
        learned: whether vectors are learned. The same networks take either kind of task.
        most_words: of each part, the first sentences are taken, up to so many words in all.
        blocks: as in :func:`wmcl.tasks.data_task`.

    Raises:
        ValueError: if an argument is of another kind, if a number is out of range, if vectors are missing or differ in
            their features, or if a part has no sentence left.
    """
    _check_kinds(treebanks, vectors)
    check_counts(most_words=most_words, blocks=blocks)
    if unknown not in get_args(Unknown):
        raise ValueError(f"unknown is {unknown!r}: it must be one of {', '.join(get_args(Unknown))}")
    if not treebanks:
        raise ValueError("treebanks is empty: there must be at least one")
    tables = [_table(each, vectors) for each in treebanks]
    features = {each.name: table.shape[1] for each, (table, _) in zip(treebanks, tables, strict=True)}
    if len(set(features.values())) > 1:
        raise ValueError(f"vectors have features {features}: there must be as many in all languages")
    made = []
    for k, (each, (table, known)) in enumerate(zip(treebanks, tables, strict=True)):
        kept = np.ones_like(known) if unknown == "keep" else known
        train, validation, test = (
            _labelled(getattr(each, part), kept, most_words, f"{part} of {each.name}") for part in PARTS
        )
        task = data_task(f"{k + 1}: parts of speech of {each.name}", train, validation, test, blocks)
        task = task.changed(LookUp(torch.from_numpy(table.copy()), learned), table.shape[1])
        made.append(replace(task, learned_vectors=(len(table), table.shape[1])) if learned else task)
    return made


@dataclass(frozen=True, eq=False)
class LookUp:
    """This puts the vectors of words where their numbers stand, and zeros where a sentence is over."""

    table: Float[Tensor, "word feature"]
    numbers: bool = False
    """flag of numbers that stay in front of the vectors: from 1 on, and 0 where a sentence is over"""

    def __call__(self, made: Sequences) -> Sequences:
        """Return the sequences with vectors in place of numbers."""
        is_word = (made.phase != Phase.padding)[..., None]
        shown = self.table[made.inputs[..., 0].long()] * is_word
        return replace(made, inputs=torch.cat([(made.inputs + 1) * is_word, shown], -1) if self.numbers else shown)


def _check_kinds(treebanks: object, vectors: object) -> None:
    """Refuse one treebank in place of several, and the vectors of one language in place of those of all."""
    if not isinstance(treebanks, Sequence) or not all(isinstance(each, Treebank) for each in treebanks):
        raise ValueError(f"treebanks is {treebanks!r}: it must be a list of treebanks, also if it has a single one")
    if vectors is None:
        return
    if not isinstance(vectors, Mapping) or not all(isinstance(each, WordVectors) for each in vectors.values()):
        raise ValueError(
            f"vectors is {vectors!r}: it must be a dictionary with the WordVectors of each language, by the language,"
            " e.g. 'en'"
        )


def _table(
    treebank: Treebank, vectors: Mapping[str, WordVectors] | None
) -> tuple[Float32[np.ndarray, "word feature"], Bool[np.ndarray, "word"]]:
    """Return the vectors of a vocabulary, and which of its words are known."""
    if vectors is None:
        return ngram_vectors(treebank.words), np.ones(len(treebank.words), dtype=bool)
    if treebank.language not in vectors:
        raise ValueError(f"vectors has none for {treebank.language}, of {treebank.name}: it must have some")
    return vectors[treebank.language].of(treebank.words)


def _labelled(records: Records, kept: Bool[np.ndarray, "word"], most_words: int, where: str) -> Labelled:
    """Take sentences of words that are kept, from the first one on."""
    is_whole = np.logical_and.reduceat(kept[records.rows[:, 0]], records.offsets[:-1])
    lengths = np.where(is_whole, records.lengths, 0)
    chosen = np.flatnonzero(is_whole & (np.cumsum(lengths) <= most_words))
    if not chosen.size:
        raise ValueError(f"{where} has no sentence of known words, of at most {most_words} words: it must have some")
    some = records.take(chosen)
    return Labelled(some.rows[:, :1], some.offsets, some.rows[:, 1].astype(np.int64), len(TAGS))
