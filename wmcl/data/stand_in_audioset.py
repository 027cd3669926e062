"""Draw embeddings at random, which stand in for AudioSet where that is not at hand.

They have its form, and a network can tell their classes apart. They are good for trying things out; no number that is
made on them says anything about AudioSet.
"""

import numpy as np
from jaxtyping import UInt8

from wmcl.data.audioset import AudioSet
from wmcl.data.audioset_classes import HELD_OUT
from wmcl.data.audioset_segments import FEATURES, STEPS
from wmcl.data.records import Records, ended
from wmcl.data.strokes import Split
from wmcl.randomness import generator

NAME = "stand-in AudioSet"
_MIDDLE = 127.5
_OF_CLASSES, _OF_SEQUENCES, _OF_STEPS = 40.0, 30.0, 50.0  # standard deviations


def stand_in_audioset(classes: int = 20, sequences: int = 50, seed: int = 0) -> AudioSet:
    """Make so many sequences of each class: its embedding, moved at random for each sequence and each step.

    A class depends on the seed and its number alone, and a sequence on seed, class, split and its number in these.

    Args:
        classes: how many, at most 100.
        sequences: of each class, one fifth of them to test on; at least 5.
        seed: of the classes and of the sequences.

    Raises:
        ValueError: if a number is out of range.
    """
    if not 1 <= classes <= 100:
        raise ValueError(f"classes is {classes}: it must be 1 to 100")
    if sequences < HELD_OUT:
        raise ValueError(f"sequences is {sequences}: it must be at least {HELD_OUT}")
    test = sequences // HELD_OUT
    return AudioSet(NAME, _records("train", sequences - test, classes, seed), _records("test", test, classes, seed))


def _records(split: Split, count: int, classes: int, seed: int) -> Records:
    labels = np.repeat(np.arange(classes, dtype=np.int8), count)
    rows = np.concatenate([_sequence(split, label, n, seed) for label in range(classes) for n in range(count)])
    names = tuple(f"stand-in {label}" for label in range(classes))
    return Records(rows, ended(np.full(len(labels), STEPS)), labels, names)


def _sequence(split: Split, label: int, number: int, seed: int) -> UInt8[np.ndarray, "step 128"]:
    of_class = generator(seed, "stand-in AudioSet class", label).normal(_MIDDLE, _OF_CLASSES, FEATURES)
    random = generator(seed, f"stand-in AudioSet {split} {label}", number)
    of_sequence = random.normal(0, _OF_SEQUENCES, FEATURES)
    steps = of_class + of_sequence + random.normal(0, _OF_STEPS, (STEPS, FEATURES))
    return np.clip(np.rint(steps), 0, 255).astype(np.uint8)
