"""Peak memory and time of the Fisher diagonal by chunk size.

    python benchmarks/fisher_memory.py

Each chunk size runs in a process of its own. One CPU thread, one network with output stage, 256 units, 41 steps
(p = i = 20), 1024 sequences. Linux only. Prints Markdown.

The peak is the kernel's VmHWM: a process inherits ``ru_maxrss`` from the one that started it, which may be larger.
"""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import torch
import tyro
from timing import compare, machine, print_table

from wmcl.importance import fisher_diagonal
from wmcl.networks import Elman
from wmcl.tasks import copy_task

LENGTH = 20
HIDDEN = 256
SAMPLES = 1024


def memory(field: str) -> float:
    """A field of this process's status in MB, e.g. ``VmRSS`` (now) or ``VmHWM`` (peak)."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found, f"the kernel does not tell {field}"
    return int(found.group(1)) * 1024 / 1e6


def measure(chunk: int, repeats: int) -> tuple[float, float]:
    """Peak memory above that before the first call (MB), and ms a sequence of the calls after it."""
    torch.set_num_threads(1)
    task = copy_task(LENGTH)
    network = Elman(task.inputs, HIDDEN, task.outputs, initialisation="orthogonal")
    run = partial(fisher_diagonal, network, network.init([0]), likelihood=task, kind="sampled", seeds=[0], chunk=chunk)
    sequences = task.fixed_set("fisher", SAMPLES)
    run(data=sequences.take(slice(0, 1)))  # loads what PyTorch loads on first use
    before = memory("VmRSS")
    run(data=sequences)
    peak = memory("VmHWM") - before
    return peak, compare({"fisher": partial(run, data=sequences)}, repeats, warm_up=0)["fisher"].median / SAMPLES


def measure_apart(chunk: int, repeats: int) -> tuple[float, float]:
    """The same in a fresh process."""
    command = [sys.executable, __file__, "--chunks", str(chunk), "--repeats", str(repeats), "--inside"]
    return tuple(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


def main(chunks: tuple[int, ...] = (16, 64, 128, 512, 1024), repeats: int = 3, inside: bool = False) -> None:
    """Measure the Fisher diagonal at several chunk sizes, and print a table.

    Args:
        chunks: sequences in memory at a time.
        repeats: timings of each chunk size.
        inside: measure the first chunk size in this process, and print its numbers alone.
    """
    if inside:
        print(json.dumps(measure(chunks[0], repeats)))
        return
    torch.set_num_threads(1)
    rows = [[chunk, *measure_apart(chunk, repeats)] for chunk in chunks]
    print(f"## Fisher diagonal by chunk size\n\n{machine()}. {HIDDEN} units, p = i = {LENGTH}, {SAMPLES} sequences.\n")
    print_table(["chunk", "peak memory MB", "ms / sequence"], rows)


if __name__ == "__main__":
    tyro.cli(main)
