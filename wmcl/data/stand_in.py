"""Make digits from a few lines drawn by hand, with noise, which stand in for Stroke MNIST where that is not at hand.

They have its form and about its lengths, and a network can tell them apart. They are good for trying things out; no
number that is made on them says anything about Stroke MNIST.
"""

from math import cos, pi, sin

import numpy as np
from jaxtyping import Float, Int, Int8

from wmcl.data.records import Records, ended
from wmcl.data.strokes import CLASSES, Split, Strokes
from wmcl.randomness import generator

NAME = "stand-in strokes"
_SIZE = 28  # pixels

Number = int | float
Line = list[tuple[Number, Number]]


def _arc(x: Number, y: Number, width: Number, height: Number, start: Number, turn: Number) -> Line:
    """Return points of an ellipse around (x, y); angles are in turns, clockwise, from three o'clock."""
    angles = [2 * pi * (start + turn * k / 12) for k in range(13)]
    return [(x + width * cos(angle), y + height * sin(angle)) for angle in angles]


_DRAWN: tuple[list[Line], ...] = (
    [_arc(14, 14, 6, 9, 0.75, -1)],
    [[(14, 5), (14, 23)]],
    [[*_arc(13, 9, 5, 4, 0.55, 0.55), (8, 22), (20, 22)]],
    [[*_arc(13, 9, 5, 4, 0.6, 0.65), *_arc(13, 18, 6, 5, 0.75, 0.65)]],
    [[(8, 5), (7, 14), (20, 14)], [(18, 5), (17, 23)]],
    [[(9, 5), (9, 12), *_arc(13, 17, 6, 5, 0.65, 0.7)], [(9, 5), (19, 5)]],
    [[(16, 4), (10, 13), *_arc(14, 18, 5, 5, 0.5, -1)]],
    [[(7, 6), (20, 6), (12, 23)]],
    [[*_arc(14, 9, 5, 5, 0.25, 1), *_arc(14, 19, 5, 5, 0.75, -1)]],
    [[*_arc(13, 10, 5, 5, 0, -1), (18, 12), (16, 23)]],
)


def stand_in_strokes(train: int = 2000, test: int = 500, seed: int = 0) -> Strokes:
    """Make so many digits, of each class in turn; a digit depends on seed, split and its number alone."""
    return Strokes(NAME, train=_records("train", train, seed), test=_records("test", test, seed))


def _records(split: Split, count: int, seed: int) -> Records:
    labels = np.arange(count) % CLASSES
    digits = [_digit(int(label), generator(seed, f"stand-in strokes {split}", n)) for n, label in enumerate(labels)]
    return Records(np.concatenate(digits), ended([len(digit) for digit in digits]), labels.astype(np.int8))


def _digit(label: int, random: np.random.Generator) -> Int8[np.ndarray, "row 4"]:
    """Draw the lines of a digit, larger or smaller, slanted, shifted and bent, and walk along them by pixels."""
    size, slant = random.uniform(0.8, 1.15, 2), random.normal(0, 0.15)
    shape = np.array([[size[0], slant], [0, size[1]]])
    centre = _SIZE / 2 + random.normal(0, 1, 2)
    pen, rows = np.zeros(2, dtype=np.int64), []
    for line in _DRAWN[label]:
        points = (np.array(line) - _SIZE / 2) @ shape.T + centre + random.normal(0, 0.35, (len(line), 2))
        pixels = np.vstack([pen, _pixels(points)])
        rows += [[dx, dy, 0, 0] for dx, dy in np.diff(pixels, axis=0).tolist()]
        rows.append([0, 0, 1, 0])
        pen = pixels[-1]
    rows[-1][3] = 1
    return np.array(rows, dtype=np.int8)


def _pixels(points: Float[np.ndarray, "point 2"]) -> Int[np.ndarray, "pixel 2"]:
    """Return the pixels along a line, each another one than the one before."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(lengths)])
    places = np.linspace(0, along[-1], max(2, int(np.ceil(along[-1]))))
    walked = np.stack([np.interp(places, along, points[:, k]) for k in (0, 1)], axis=1)
    pixels = np.clip(np.rint(walked).astype(np.int64), 1, _SIZE - 1)  # above 0, so that no first row is one of zeros
    return pixels[np.concatenate([[True], np.diff(pixels, axis=0).any(1)])]
