"""What a task asks of a network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Demand:
    """The quantities whose effects on importance are told apart."""

    load: int
    """independent bits held at once"""
    retention: int
    """steps from the one at which a bit is shown to the one at which it is asked for; 0 if nothing is held"""
    lead: int
    """steps before the first one that matters"""
    steps: int
    """T, steps of a sequence: how often the recurrent weights are used"""
    scored_bits: int
    """S, scored output units of a sequence, summed over its steps"""
