"""Define the working-memory demand of a task."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryDemand:
    """A memory demand holds the quantities of a task whose effects on importance are told apart."""

    load: int
    """independent bits held at once, at the most"""
    retention: int | float
    """steps from the one at which a bit is shown to the one at which it is recalled, on average over all pairs of a
    target bit and a bit that it depends on; 0 if nothing is held"""
    lead: int
    """steps before the first one that matters"""
    steps: int | float
    """T, steps of a sequence, on average: how often the recurrent weights are used"""
    scored_bits: int | float
    """S, scored output units of a sequence, summed over its steps, on average"""
