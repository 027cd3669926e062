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

from wmcl.methods import CATALOGUE, Learned, learn, named
from wmcl.networks import Elman
from wmcl.tasks import copy_task_sequence
from wmcl.training import Options, Stop


@dataclass(frozen=True)
class Setting:
    """What is timed."""

    hidden: int = 256
    """units"""
    pattern_length: int = 5
    batch: int = 128
    iterations: int = 30
    """of each task and round"""
    rounds: int = 5


def learned(name: str, setting: Setting, tasks: int = 2) -> Learned:
    """A network of a method after its last phase."""
    sequence = copy_task_sequence(tasks, setting.pattern_length, order="permuted time")
    network = Elman(sequence[0].inputs, setting.hidden, sequence[0].outputs, heads=tasks, initialisation="fan_in")
    # one validation before and one after: what is timed are steps
    options = Options(batch=setting.batch, validate_every=10**6)
    stop = Stop(setting.iterations)
    return list(learn(named(name), network, sequence, [0], stop, options, progress=False))[-1]


def main(setting: Setting) -> None:
    """Print a table of times and of what each method keeps."""
    torch.set_num_threads(1)
    names = ["fine-tuning", *(name for name in CATALOGUE if name != "fine-tuning")]
    times = np.empty((setting.rounds, len(names)))
    kept = {}
    for each in tqdm(range(setting.rounds), "rounds", unit="round"):
        for place, name in enumerate(names):
            after = learned(name, setting)
            times[each, place] = 1e3 * after.seconds / float(after.iterations[0])
            kept[name] = after.stored
    ratios = np.median(times / times[:, :1], axis=0)
    print(f"{machine()}. {setting.hidden} units, p = i = {setting.pattern_length}, batch {setting.batch}, two tasks.\n")
    rows = [[name, *np.median(times, 0)[[k]], ratios[k], kept[name]] for k, name in enumerate(names)]
    print_table(["method", "ms / iteration", "over fine-tuning", "values kept beyond the network"], rows)


if __name__ == "__main__":
    main(tyro.cli(Setting, description=__doc__))
