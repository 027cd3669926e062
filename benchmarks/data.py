"""Time and memory of preparing and loading data sets.

python benchmarks/data.py --from FOLDER        (of the originals of Stroke MNIST, in any form)
python benchmarks/data.py --audioset FOLDER    (of those of reduced AudioSet)

As text, the digits are written to an archive of the form of ``sequences.tar.gz`` first, which does not count.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from stroke_archive import text_files, write_archive
from timing import machine, print_table

from wmcl.data import stroke_mnist
from wmcl.data.audioset import AUDIOSET_REDUCED
from wmcl.data.data_set import DataSet
from wmcl.data.folders import VARIABLE
from wmcl.data.prepare import prepare
from wmcl.data.stroke_mnist import STROKE_MNIST

_LOADING = """
import resource, sys, time
from wmcl.data import DATA_SETS, load
def kept(): return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark is what is in use now
before, began = kept(), time.perf_counter()
splits = load(DATA_SETS[sys.argv[1]])
seconds, peak = time.perf_counter() - began, kept() - before
size = sum(each.nbytes for s in splits.values() for each in (s.rows, s.offsets, s.labels))
print(seconds, peak, size, sum(len(s) for s in splits.values()))
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="strokes", type=Path, help="of the originals of Stroke MNIST")
    parser.add_argument("--audioset", type=Path, help="of the originals of reduced AudioSet")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as made:
        os.environ[VARIABLE] = str(Path(made) / "data")
        if asked.strokes is not None:
            _strokes(asked.strokes, Path(made) / "text" / "sequences.tar.gz")
        if asked.audioset is not None:
            _audioset(asked.audioset)


def _strokes(originals: Path, archive: Path) -> None:
    first = _seconds(STROKE_MNIST, originals)
    archive.parent.mkdir()
    write_archive(archive, text_files(stroke_mnist()), folder="sequences/")
    second = _seconds(STROKE_MNIST, archive.parent, "text")
    print_table(
        ["preparing", "archive MB", "s", "of these on the processor"],
        [["as found", "", *first], ["as text", archive.stat().st_size / 1e6, *second]],
    )
    _print_loading(STROKE_MNIST)


def _audioset(originals: Path) -> None:
    before = _most_memory()
    taken = _seconds(AUDIOSET_REDUCED, originals)
    print_table(
        ["preparing", "s", "of these on the processor", "MB of memory"],
        [["reduced AudioSet", *taken, (_most_memory() - before) / 1e6]],
    )
    _print_loading(AUDIOSET_REDUCED)


def _most_memory() -> int:
    """Bytes that this process ever had (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds(data_set: DataSet, folder: Path, form: str | None = None) -> tuple[float, float]:
    """Of wall time, and of the time that the process had a core."""
    began, used = time.perf_counter(), time.process_time()
    prepare(data_set, folder, form, progress=False)
    return time.perf_counter() - began, time.process_time() - used


def _print_loading(data_set: DataSet) -> None:
    seconds, peak, size, count = sorted(_load(data_set) for _ in range(5))[2]
    print_table(
        ["loading", "sequences", "s", "MB", "peak memory over size"],
        [[data_set.name, int(count), seconds, size / 1e6, peak / size]],
    )


def _load(data_set: DataSet) -> tuple[float, ...]:
    """In a process of its own, whose memory tells (Linux)."""
    done = subprocess.run([sys.executable, "-c", _LOADING, data_set.name], capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


if __name__ == "__main__":
    main()
