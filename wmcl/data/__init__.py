"""Fetch data sets from their public sources, prepare each once into one file, and read it in a moment."""

from wmcl.data.audioset import AUDIOSET, AUDIOSET_REDUCED, AudioSet, audioset
from wmcl.data.conllu_file import TAGS
from wmcl.data.data_set import DataSet, Form, Original
from wmcl.data.download import download, verify
from wmcl.data.folders import folder
from wmcl.data.ngram_vectors import ngram_vectors
from wmcl.data.prepare import load, prepare
from wmcl.data.records import Records
from wmcl.data.stand_in import stand_in_strokes
from wmcl.data.stand_in_audioset import stand_in_audioset
from wmcl.data.stand_in_languages import stand_in_languages
from wmcl.data.stroke_mnist import STROKE_MNIST, stroke_mnist
from wmcl.data.strokes import Strokes
from wmcl.data.treebank import Treebank, read_treebank
from wmcl.data.universal_dependencies import (
    UNIVERSAL_DEPENDENCIES,
    UNIVERSAL_DEPENDENCIES_REDUCED,
    universal_dependencies,
    universal_dependencies_reduced,
)
from wmcl.data.vector_files import read_word_vectors
from wmcl.data.word_vectors import WordVectors, random_vectors

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
    "AUDIOSET",
    "AUDIOSET_REDUCED",
    "DATA_SETS",
    "STROKE_MNIST",
    "TAGS",
    "UNIVERSAL_DEPENDENCIES",
    "UNIVERSAL_DEPENDENCIES_REDUCED",
    "AudioSet",
    "DataSet",
    "Form",
    "Original",
    "Records",
    "Strokes",
    "Treebank",
    "WordVectors",
    "audioset",
    "download",
    "folder",
    "load",
    "ngram_vectors",
    "prepare",
    "random_vectors",
    "read_treebank",
    "read_word_vectors",
    "stand_in_audioset",
    "stand_in_languages",
    "stand_in_strokes",
    "stroke_mnist",
    "universal_dependencies",
    "universal_dependencies_reduced",
    "verify",
]
