"""Map patterns to targets: their bits in another order, exclusive ors of them, or fewer of them.

Every target bit is the exclusive or of some bits of the pattern: a linear map over the field of two elements. Bits are
numbered step by step, step · width + channel. With x the pattern and P_k permutations, (P x)[j] = x[P[j]], it is

    in an order       y = P x
    separate          y = x ⊕ P_1 x ⊕ … ⊕ P_r x
    iterated          y_0 = x, y_k = y_{k-1} ⊕ P y_{k-1}, and y = y_r

as in Ehret et al. (2021). Where P moves nothing, r = 1 gives a target bit that is always 0.

Iterating is multiplying by I ⊕ P: y = (I ⊕ P)^r x, in which P^k has the coefficient C(r, k) mod 2, which is 1 if
every binary digit of k is at most that of r (Lucas).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Bool, Int64, UInt8


@dataclass(frozen=True)
class TargetMap:
    """A target map is the linear map from the bits of a pattern to the target bits."""

    output_width: int
    """the first channels of the pattern, which alone matter"""
    sources: tuple[tuple[int, ...], ...] | None = None
    """the terms of the exclusive or: each says for every target bit which bit of these channels it is; ``None``: the
    pattern as it was shown, however long it is"""

    def apply(
        self, shown: UInt8[np.ndarray, "member sample step channel"]
    ) -> UInt8[np.ndarray, "member sample step output"]:
        """Return the targets of a pattern of zeros and ones."""
        kept = shown[..., : self.output_width]
        if self.sources is None:
            return kept
        flat = kept.reshape(*kept.shape[:2], -1)
        terms = (flat[..., np.array(places)] for places in self.sources)
        return reduce(np.bitwise_xor, terms).reshape(kept.shape)

    def matrix(self, length: int, width: int, bits: int) -> Bool[np.ndarray, "target source"]:
        """Return whether each target bit depends on each independent bit (step · bits + bit) of a pattern.

        Args:
            length: steps of the pattern.
            width: its channels.
            bits: its independent bits a step: channel c shows bit c mod ``bits``.
        """
        size = length * self.output_width
        counts = np.zeros((size, length * width), dtype=np.int64)
        for places in (range(size),) if self.sources is None else self.sources:
            step, channel = np.divmod(np.array(places), self.output_width)
            counts[np.arange(size), step * width + channel] += 1
        sources = np.arange(length * width)
        shows = np.zeros((length * bits, size), dtype=np.int64)
        np.add.at(shows, sources // width * bits + sources % width % bits, counts.T)
        return shows.T % 2 == 1


def in_order(order: Int64[np.ndarray, "bit"], output_width: int) -> TargetMap:
    """Return the map to the bits of the pattern in another order."""
    return TargetMap(output_width, _terms([order]))


def exclusive_or(permutations: Sequence[Int64[np.ndarray, "bit"]], output_width: int) -> TargetMap:
    """Return the map to the pattern ⊕ each of its permutations (``separate``)."""
    return TargetMap(output_width, _terms([np.arange(len(permutations[0])), *permutations]))


def iterated_exclusive_or(permutation: Int64[np.ndarray, "bit"], times: int, output_width: int) -> TargetMap:
    """Return the map to the pattern ⊕ its permutation, and again with the result, as many times (``iterated``)."""
    powers = [np.arange(len(permutation))]
    for _ in range(times):
        powers.append(powers[-1][permutation])
    return TargetMap(output_width, _terms([powers[k] for k in range(times + 1) if k & times == k]))


def by_steps(order: Sequence[int] | np.ndarray, width: int) -> Int64[np.ndarray, "bit"]:
    """Turn an order of steps into an order of bits: all channels alike."""
    return (np.asarray(order, dtype=np.int64)[:, None] * width + np.arange(width)).ravel()


def by_channels(order: Sequence[int] | np.ndarray, length: int) -> Int64[np.ndarray, "bit"]:
    """Turn an order of channels into an order of bits: all steps alike."""
    return (np.arange(length)[:, None] * len(order) + np.asarray(order, dtype=np.int64)).ravel()


def swapped_in_pairs(length: int) -> list[int]:
    """Return the order 1 0 3 2 …, in which neighbours change places, and the last of an odd number stays."""
    return [k if length % 2 and k == length - 1 else k ^ 1 for k in range(length)]


def _terms(permutations: Sequence[np.ndarray]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(places.tolist()) for places in permutations)
