"""Random numbers have addresses: a draw is a function of (seed, purpose, index), never of what was drawn before.

Every generator is a Philox counter generator whose key is made of the seed and the purpose and whose
counter starts at the index. So batches can be drawn ahead, in any order or in parallel, and a resumed run
needs no generator state (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
"""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Seeds: TypeAlias = Sequence[int] | np.ndarray | Any
"""whole numbers, one for each member of an ensemble; also a tensor, which is not named as torch takes long to import"""

_UNIFORMS_PER_COUNTER = 4  # Philox yields four 64-bit words for each value of its counter


def as_seeds(seeds: Seeds, members: int | None = None) -> tuple[int, ...]:
    """Turn seeds of any integer type into a tuple of Python's own integers.

    Args:
        seeds: a sequence, array or tensor of whole numbers.
        members: how many there must be; ``None`` allows any number but zero.

    Raises:
        ValueError: if they are no whole numbers in a single row, or of the wrong number.
    """
    if getattr(seeds, "is_meta", False):
        raise ValueError("seeds is a tensor on the device meta, which holds no numbers: it must hold whole numbers")
    found = seeds.tolist() if hasattr(seeds, "tolist") else seeds
    is_row = isinstance(found, Sequence) and not isinstance(found, str)
    if not is_row or any(isinstance(each, bool) or not isinstance(each, (int, np.integer)) for each in found):
        raise ValueError(f"seeds is {seeds!r}: it must be a sequence of whole numbers, such as range(3)")
    if not len(found) or members not in (None, len(found)):
        needed = "at least one seed" if members is None else f"one seed for each of the {members} members"
        raise ValueError(f"seeds is {seeds!r}: it must hold {needed}")
    if not all(0 <= each < 2**64 for each in found):
        raise ValueError(f"seeds is {seeds!r}: each seed must lie between 0 and 2**64 - 1")
    return tuple(int(each) for each in found)


def generator(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Make the random generator of an address.

    Args:
        seed: non-negative integer, below 2**64.
        purpose: what the numbers are for, e.g. ``"batch"``; different purposes give independent streams.
        index: position within the purpose, e.g. the training iteration.

    Raises:
        ValueError: if the seed or the index is negative or too large.
    """
    return np.random.Generator(_philox(seed, purpose, index))


def side_stream(generator: np.random.Generator, number: int) -> np.random.Generator:
    """Make another stream of random numbers that belongs to a generator, which stays as it is.

    Numbers from 1 on give independent streams; each is a function of the generator's state, so take it before drawing.
    """
    return np.random.Generator(generator.bit_generator.jumped(number))  # type: ignore[attr-defined]


def uniforms(seed: int, purpose: str, start: int, count: int, size: int) -> np.ndarray:
    """Draw the uniform numbers in [0, 1) of rows ``start`` to ``start + count - 1`` of an endless table.

    Row r is the same in whatever range it is drawn, so results do not depend on the chunk size.

    Returns:
        float64 array of shape (count, size).
    """
    stride = -(-size // _UNIFORMS_PER_COUNTER)
    philox = _philox(seed, purpose, 0)
    philox.advance(start * stride)
    table = np.random.Generator(philox).random((count, stride * _UNIFORMS_PER_COUNTER))
    return table[:, :size]


def bits(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw fair coin flips, as uint8 zeros and ones."""
    size = int(np.prod(shape))
    packed = np.frombuffer(generator.bytes(-(-size // 8)), dtype=np.uint8)
    return np.unpackbits(packed, count=size).reshape(shape)


def _philox(seed: int, purpose: str, index: int) -> np.random.Philox:
    for name, value in (("seed", seed), ("index", index)):
        if not 0 <= value < 2**64:
            raise ValueError(f"{name} is {value}: it must lie between 0 and 2**64 - 1")
    word = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")
    return np.random.Philox(
        key=np.array([seed, word], dtype=np.uint64), counter=np.array([0, 0, 0, index], dtype=np.uint64)
    )
