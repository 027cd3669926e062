"""Time to draw a large set of Copy Task sequences.

python benchmarks/sequences.py
"""

import time

import torch
from timing import machine

from wmcl.tasks import copy_task

SAMPLES = 100_000


def main() -> None:
    """Print the median of five draws."""
    torch.set_num_threads(1)
    task = copy_task(20)
    seconds = []
    for iteration in range(5):
        began = time.perf_counter()
        task.batch([0], iteration, SAMPLES)
        seconds.append(time.perf_counter() - began)
    print(f"{machine()}\n\n{SAMPLES} sequences of p = i = 20: {sorted(seconds)[2]:.2f} s (median of 5)")


if __name__ == "__main__":
    main()
