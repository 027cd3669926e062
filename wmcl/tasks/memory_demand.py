"""What a task asks of a network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryDemand:
    """The quantities whose effects on importance are told apart."""

    load: int
    """independent bits held at once, at the most"""
    retention: int | float
    """steps from the one at which a bit is shown to the one at which it is asked for, on average over the bits that are
    asked for and what they depend on; 0 if nothing is held"""
    lead: int
    """steps before the first one that matters"""
    steps: int | float
    """T, steps of a sequence, on average: how often the recurrent weights are used"""
    scored_bits: int | float
    """S, scored output units of a sequence, summed over its steps, on average"""
