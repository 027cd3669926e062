"""The Copy Task, basic (p = i) and padded (p < i).

A pattern of p steps of random bits is shown, then i - p blank steps, then a stop flag; afterwards the network
repeats the pattern while its input is blank. With p = 2, i = 3 and two channels (last row: stop flag):

    step      0 1 2 3 4 5
    inputs    a c . . . .
              b d . . . .
              . . . 1 . .
    targets           a c
                      b d
    phase     i i i s o o      (input, stop, output)
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import UInt8

from wmcl.likelihoods import Bernoulli
from wmcl.randomness import bits
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task


def copy_task(
    pattern_length: int,
    input_length: int | None = None,
    width: int = 7,
    validation_samples: int = 512,
    test_samples: int = 1000,
) -> Task:
    """The Copy Task of Ehret et al. (2021), Section 5 and its padded variant.

    Args:
        pattern_length: p, steps of random bits to remember.
        input_length: i, steps from the first step of the pattern to the stop flag; ``None`` means p.
        width: bits of a pattern step. The stop flag is one more input feature.
        validation_samples: size of the validation set.
        test_samples: size of the test set.

    Returns:
        A task with ``width + 1`` inputs, ``width`` outputs and sequences of i + 1 + p steps.

    Raises:
        ValueError: if a number is not a positive integer, or if p > i.
    """
    input_length = pattern_length if input_length is None else input_length
    for name, value in (
        ("pattern_length", pattern_length),
        ("input_length", input_length),
        ("width", width),
        ("validation_samples", validation_samples),
        ("test_samples", test_samples),
    ):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name} is {value!r}: it must be a whole number of at least 1")
    if pattern_length > input_length:
        raise ValueError(
            f"pattern_length is {pattern_length} and input_length is {input_length}: the pattern is part of the"
            " input, so pattern_length must be at most input_length"
        )
    return Task(
        name=f"copy p={pattern_length} i={input_length}",
        inputs=width + 1,
        outputs=width,
        likelihood=Bernoulli(),
        draw=partial(_draw, pattern_length, input_length, width),
        validation_samples=validation_samples,
        test_samples=test_samples,
    )


def copy_sequences(patterns: UInt8[np.ndarray, "member sample pattern width"], input_length: int) -> Sequences:
    """Lay out given patterns as Copy Task sequences.

    Args:
        patterns: zeros and ones.
        input_length: i, at least the length of the patterns.
    """
    members, samples, pattern_length, width = patterns.shape
    steps = input_length + 1 + pattern_length
    window = slice(input_length + 1, steps)
    shown = torch.from_numpy(patterns).transpose(1, 2)
    inputs = torch.zeros(members, steps, samples, width + 1)
    inputs[:, :pattern_length, :, :width] = shown
    inputs[:, input_length, :, width] = 1
    targets = torch.zeros(members, steps, samples, width)
    targets[:, window] = shown
    phase = torch.full((steps,), int(Phase.input), dtype=torch.int8)
    phase[input_length] = Phase.stop
    phase[window] = Phase.output
    scored = (phase == Phase.output).to(inputs.dtype)
    return Sequences(inputs, targets, _every_sample(scored, samples), _every_sample(phase, samples), window)


def _every_sample(values: torch.Tensor, samples: int) -> torch.Tensor:
    """(time,) -> (1, time, sample), without copying."""
    return values[None, :, None].expand(1, -1, samples)


def _draw(
    pattern_length: int,
    input_length: int,
    width: int,
    generators: Sequence[np.random.Generator],
    samples: int,
) -> Sequences:
    shape = (samples, pattern_length, width)
    return copy_sequences(np.stack([bits(g, shape) for g in generators]), input_length)
