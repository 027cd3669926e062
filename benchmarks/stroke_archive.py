"""Strokes in the forms in which their source offers them, for whoever reads these."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from wmcl.data.records import Records
from wmcl.data.strokes import Strokes


def text_files(strokes: Strokes) -> Iterator[tuple[str, bytes]]:
    """Every file of ``sequences.tar.gz``: labels, and for each digit its rows, its targets and its points."""
    for split, records in (("train", strokes.train), ("test", strokes.test)):
        yield f"{split}labels.txt", _lines(records.labels[:, None])
        for n in range(len(records)):
            rows, name = records[n], f"{split}img-{n}"
            label = np.tile(np.arange(10) == records.labels[n], (len(rows), 1)).astype(int)
            yield f"{name}-inputdata.txt", _lines(rows)
            yield f"{name}-targetdata.txt", _lines(np.hstack([label, np.roll(rows, -1, axis=0)]))
            yield f"{name}-points.txt", b"x,y\n" + _lines(np.cumsum(rows[:, :2], 0)).replace(b" ", b",")


def array_files(strokes: Strokes, steps: int = 117) -> Iterator[tuple[str, bytes]]:
    """The npy files of ``numpy-encoded``: zeros before each digit, and labels."""
    for split, records in (("train", strokes.train), ("test", strokes.test)):
        yield f"{split}-padded-leading.npy", npy(padded(records, steps))
        yield f"{split}-labels.npy", npy(records.labels.astype(np.int32))


def padded(records: Records, steps: int) -> np.ndarray:
    """Digits with zeros before each, as float64."""
    made = np.zeros((len(records), steps, 4))
    for n, length in enumerate(records.lengths):
        made[n, steps - length :] = records[n]
    return made


def npy(values: np.ndarray) -> bytes:
    """An npy file."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def write_archive(path: Path, files: Iterable[tuple[str, bytes]], folder: str = "") -> None:
    """A .tar.gz of the files, in the given order."""
    with tarfile.open(path, "w:gz", compresslevel=6) as tar:
        for name, content in files:
            info = tarfile.TarInfo(folder + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _lines(rows: np.ndarray) -> bytes:
    return ("\n".join(" ".join(map(str, row)) for row in rows.tolist()) + "\n").encode()
