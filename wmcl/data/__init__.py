"""Data sets of others: fetched from their sources, prepared once, read in a moment."""

from wmcl.data.audioset import AUDIOSET, AUDIOSET_REDUCED, AudioSet, audioset
from wmcl.data.data_set import DataSet, Form, Original
from wmcl.data.download import download, verify
from wmcl.data.folders import folder
from wmcl.data.prepare import load, prepare
from wmcl.data.records import Records
from wmcl.data.stand_in import stand_in_strokes
from wmcl.data.stand_in_audioset import stand_in_audioset
from wmcl.data.stroke_mnist import STROKE_MNIST, stroke_mnist
from wmcl.data.strokes import Strokes

DATA_SETS: dict[str, DataSet] = {each.name: each for each in (STROKE_MNIST, AUDIOSET, AUDIOSET_REDUCED)}
"""by the names that they are asked for by"""

__all__ = [
    "AUDIOSET",
    "AUDIOSET_REDUCED",
    "DATA_SETS",
    "STROKE_MNIST",
    "AudioSet",
    "DataSet",
    "Form",
    "Original",
    "Records",
    "Strokes",
    "audioset",
    "download",
    "folder",
    "load",
    "prepare",
    "stand_in_audioset",
    "stand_in_strokes",
    "stroke_mnist",
    "verify",
]
