"""Fetch data sets from their public sources, prepare each once into one file, and read it in a moment."""

from wmcl.data.audioset import AUDIOSET, AUDIOSET_REDUCED, audioset
from wmcl.data.conllu_file import TAGS
from wmcl.data.data_set import DataSet
from wmcl.data.ngram_vectors import ngram_vectors
from wmcl.data.records import Records
from wmcl.data.stand_in import stand_in_strokes
from wmcl.data.stand_in_audioset import stand_in_audioset
from wmcl.data.stand_in_languages import stand_in_languages
from wmcl.data.stroke_mnist import STROKE_MNIST, stroke_mnist
from wmcl.data.treebank import read_treebank
from wmcl.data.universal_dependencies import (
    UNIVERSAL_DEPENDENCIES,
    UNIVERSAL_DEPENDENCIES_REDUCED,
    universal_dependencies,
    universal_dependencies_reduced,
)
from wmcl.data.vector_files import read_word_vectors
from wmcl.data.word_vectors import random_vectors

DATA_SETS: dict[str, DataSet] = {
    each.name: each
    for each in (
        STROKE_MNIST,
        AUDIOSET,
        AUDIOSET_REDUCED,
        UNIVERSAL_DEPENDENCIES,
        UNIVERSAL_DEPENDENCIES_REDUCED,
    )
}
"""all data sets by name"""

__all__ = [
    "DATA_SETS",
    "TAGS",
    "Records",
    "audioset",
    "ngram_vectors",
    "random_vectors",
    "read_treebank",
    "read_word_vectors",
    "stand_in_audioset",
    "stand_in_languages",
    "stand_in_strokes",
    "stroke_mnist",
    "universal_dependencies",
    "universal_dependencies_reduced",
]
