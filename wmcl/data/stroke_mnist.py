"""Read Stroke MNIST: digits of MNIST as strokes of a pen (de Jong, 2016), 60,000 to train and 10,000 to test.

Its source offers two forms, ``arrays`` and ``text`` (:mod:`wmcl.data.stroke_arrays`, :mod:`wmcl.data.stroke_text`).
"""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np

from wmcl.data.data_set import DataSet, Form, Original, Splits
from wmcl.data.files import Member
from wmcl.data.prepare import load
from wmcl.data.published import Published
from wmcl.data.stroke_arrays import read_stroke_arrays
from wmcl.data.stroke_text import TEXT, read_stroke_text
from wmcl.data.strokes import Split, Strokes

_SOURCE = "https://github.com/edwin-de-jong/mnist-digits-stroke-sequence-data"


def stroke_mnist() -> Strokes:
    """Read the digits, from the prepared file or from originals in the folder of the data set.

    Raises:
        ValueError: if they are not on this machine, in a sentence that says how to get them.
    """
    return Strokes("Stroke MNIST", **load(STROKE_MNIST))


@cache
def published() -> dict[Split, Published]:
    """Return what identifies the digits of the source."""
    sums = np.load(BytesIO((files("wmcl.data") / "stroke_mnist_checksums.npy").read_bytes()), allow_pickle=False)
    return {
        "train": Published(60_000, "6f8bd3ba836f31919919b117b9524ba47b7a54262823a3de0487ce7947f0b9f5", sums[:60_000]),
        "test": Published(10_000, "26cd76cfcd42ffb307aaac5de6032d5d2f49846953d3b2fa3b110336e77ebee0", sums[60_000:]),
    }


def _arrays(members: Iterator[Member]) -> Splits:
    return read_stroke_arrays(members, published())


def _text(members: Iterator[Member]) -> Splits:
    return read_stroke_text(members, published())


def _array(name: str, digest: str) -> Original:
    return Original(f"{name}.tar.gz", f"{_SOURCE}/raw/master/numpy-encoded/{name}.tar.gz", rf"{name}\.npy", digest)


STROKE_MNIST = DataSet(
    name="stroke-mnist",
    title="MNIST digits as strokes of a pen: 60,000 to train, 10,000 to test",
    preparation=1,
    page=_SOURCE,
    licence="CC BY-SA 3.0 (https://creativecommons.org/licenses/by-sa/3.0/)",
    citation=(
        'Edwin D. de Jong, "Incremental Sequence Learning", arXiv:1611.03068, 2016. A derivative of MNIST, by Yann'
        " LeCun and Corinna Cortes, which is one of NIST data."
    ),
    forms={
        "arrays": Form(
            originals=(
                _array("train-padded-leading", "7ad3a368e3608d9adf3e7bd6105ff609f760c5d8a60a6cc74bcf79d84db28250"),
                _array("train-labels", "7f9d2c4c69dcb98ce0cdbc9b7255e8e660ad005ef3fe286efae8315c593e3b61"),
                _array("test-padded-leading", "0beaf9be441f4efa5497f0accd0c0423eaad9f6ad353f991a28ec99f5c71b404"),
                _array("test-labels", "2fe59743940ee6dc3c69c847504d380f603666a621bb81235b900f8c4f4dba86"),
            ),
            read=_arrays,
            most_bytes=300_000_000,
        ),
        "text": Form(
            originals=(Original("sequences.tar.gz", f"{_SOURCE}/raw/master/sequences.tar.gz", TEXT.pattern),),
            read=_text,
            most_bytes=1_000_000_000,
        ),
    },
)
