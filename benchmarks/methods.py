"""Time of an iteration with each method of the catalogue, beside fine-tuning.

    python benchmarks/methods.py

Prints Markdown. Each method learns two tasks; the second counts, since nothing is protected before. A round trains all
methods for some iterations, so that drift of the machine hits all alike.
"""

from dataclasses import dataclass

import numpy as np
import torch
import tyro
from timing import machine, print_table
from tqdm import tqdm

from wmcl.methods import CATALOGUE, TrainedSession, named, train_sequence
from wmcl.networks import Elman
from wmcl.tasks import copy_task_sequence
from wmcl.training import Options, Stop


@dataclass(frozen=True)
class Timing:
    """What is timed."""

    hidden: int = 256
    """units"""
    pattern_length: int = 5
    batch: int = 128
    iterations: int = 30
    """of each task and round"""
    rounds: int = 5


def learned(name: str, timing: Timing, tasks: int = 2) -> TrainedSession:
    """A network of a method after its last session."""
    sequence = copy_task_sequence(tasks, timing.pattern_length, order="permuted time")
    network = Elman(sequence[0].inputs, timing.hidden, sequence[0].outputs, heads=tasks, initialisation="fan_in")
    # one validation before and one after: what is timed are steps
    options = Options(batch=timing.batch, validate_every=10**6)
    stop = Stop(timing.iterations)
    return list(train_sequence(named(name), network, sequence, [0], stop, options, progress=False))[-1]


def main(timing: Timing) -> None:
    """Print a table of times and of what each method keeps."""
    torch.set_num_threads(1)
    names = ["fine-tuning", *(name for name in CATALOGUE if name != "fine-tuning")]
    times = np.empty((timing.rounds, len(names)))
    kept = {}
    for each in tqdm(range(timing.rounds), "rounds", unit="round"):
        for place, name in enumerate(names):
            after = learned(name, timing)
            times[each, place] = 1e3 * after.seconds / float(after.iterations[0])
            kept[name] = after.stored
    ratios = np.median(times / times[:, :1], axis=0)
    print(f"{machine()}. {timing.hidden} units, p = i = {timing.pattern_length}, batch {timing.batch}, two tasks.\n")
    rows = [[name, *np.median(times, 0)[[k]], ratios[k], kept[name]] for k, name in enumerate(names)]
    print_table(["method", "ms / iteration", "over fine-tuning", "values kept beyond the network"], rows)


if __name__ == "__main__":
    main(tyro.cli(Timing, description=__doc__))
