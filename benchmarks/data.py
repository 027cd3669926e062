"""Time and memory of preparing and loading Stroke MNIST.

python benchmarks/data.py --from FOLDER    (of the originals, in any form)

As text, the digits are written to an archive of the form of ``sequences.tar.gz`` first, which does not count.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from stroke_archive import text_files, write_archive
from timing import machine, print_table

from wmcl.data import STROKE_MNIST, prepare, stroke_mnist
from wmcl.data.folders import VARIABLE

_LOADING = """
import resource, sys, time
from wmcl.data import STROKE_MNIST, load
def kept(): return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) * 1024
open("/proc/self/clear_refs", "w").write("5")  # the high-water mark is what is in use now
before, began = kept(), time.perf_counter()
splits = load(STROKE_MNIST)
seconds, peak = time.perf_counter() - began, kept() - before
size = sum(each.nbytes for s in splits.values() for each in (s.rows, s.offsets, s.labels))
print(seconds, peak, size, sum(len(s) for s in splits.values()))
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, required=True, help="of the originals")
    originals = parser.parse_args().folder
    torch.set_num_threads(1)
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as made:
        os.environ[VARIABLE] = str(Path(made) / "data")
        first = _seconds(originals)
        archive = Path(made) / "text" / "sequences.tar.gz"
        archive.parent.mkdir()
        write_archive(archive, text_files(stroke_mnist()), folder="sequences/")
        second = _seconds(archive.parent, "text")
        print_table(
            ["preparing", "archive MB", "s", "of these on the processor"],
            [["as found", "", *first], ["as text", archive.stat().st_size / 1e6, *second]],
        )
        loads = [_load() for _ in range(5)]
        seconds, peak, size, count = sorted(loads)[2]
        print_table(
            ["loading", "sequences", "s", "MB", "peak memory over size"],
            [["prepared", int(count), seconds, size / 1e6, peak / size]],
        )


def _seconds(folder: Path, form: str | None = None) -> tuple[float, float]:
    """Of wall time, and of the time that the process had a core."""
    began, used = time.perf_counter(), time.process_time()
    prepare(STROKE_MNIST, folder, form, progress=False)
    return time.perf_counter() - began, time.process_time() - used


def _load() -> tuple[float, ...]:
    """In a process of its own, whose memory tells (Linux)."""
    done = subprocess.run([sys.executable, "-c", _LOADING], capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.split()))


if __name__ == "__main__":
    main()
