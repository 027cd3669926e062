"""Compute the working-memory demand of a Copy Task, whatever its targets are.

- Load: bits that must be held at the stop flag, where most are: the rank, over the field of two elements, of the map
  from the pattern to the targets. A network can take exclusive ors as the bits come in, so the load of an
  exclusive or can be less than the bits it depends on; what is always 0 is no load. With several lengths, that of the
  longest.
- Retention: the mean, over all pairs of a target bit and a pattern bit that it depends on, of the steps from the one
  that shows the pattern bit to the one at which the target bit is recalled. For a permutation it is i + 1, like that of
  the copy, as the mean of a permutation's displacements is 0. With several lengths, the pairs of all are taken
  together.

Bits that are shown again at the step of their target need not be held, and count in neither.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.target_map import TargetMap


def copy_memory_demand(
    timings: Sequence[tuple[Sequence[int], int]],
    target_map: TargetMap,
    *,
    lead: int,
    width: int,
    bits: int,
    visible_bits: int,
) -> MemoryDemand:
    """Return the working-memory demand of a Copy Task.

    Args:
        timings: for each input length, which are equally likely: the steps that show the pattern, and the step of
            the first target, both counted from the end of the lead.
        target_map: from the pattern to the targets.
        lead: steps before the input.
        width: channels.
        bits: independent bits of a pattern step.
        visible_bits: channels that are shown again at the steps of their targets.
    """
    loads, firsts, delays, pairs, steps, scored = [], [], 0, 0, 0, 0
    for shown, answer in timings:
        depends = target_map.matrix(len(shown), width, bits)
        depends[:, np.arange(depends.shape[1]) % bits < visible_bits] = False
        target, source = depends.nonzero()
        from_step = np.array(shown)[source // bits]
        loads.append(binary_rank(depends))
        firsts += from_step.tolist()
        delays += int((answer + target // target_map.output_width - from_step).sum())
        pairs += len(target)
        steps += lead + answer + len(shown)
        scored += len(depends)
    return MemoryDemand(
        load=max(loads),
        retention=_quotient(delays, pairs) if pairs else 0,
        lead=lead + min(firsts, default=0),
        steps=_quotient(steps, len(timings)),
        scored_bits=_quotient(scored, len(timings)),
    )


def binary_rank(matrix: Bool[np.ndarray, "row column"]) -> int:
    """Return the rank over the field of two elements.

    Rows, as binary numbers, are reduced by those of the same length.
    """
    by_lead: dict[int, int] = {}
    for packed in np.packbits(matrix, axis=1):
        row = int.from_bytes(packed.tobytes(), "big")
        while row and row.bit_length() in by_lead:
            row ^= by_lead[row.bit_length()]
        if row:
            by_lead[row.bit_length()] = row
    return len(by_lead)


def _quotient(total: int, count: int) -> int | float:
    return total // count if total % count == 0 else total / count
