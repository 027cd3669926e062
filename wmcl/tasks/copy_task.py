"""The Copy Task: basic (p = i), padded (p < i), and the controls that take load, retention and length apart.

A pattern of p steps of random bits is shown, then i - p blank steps, then a stop flag; afterwards the network
repeats the pattern while its input is blank. With p = 2, i = 3 and two channels (last row: stop flag):

    step      0 1 2 3 4 5
    inputs    a c . . . .
              b d . . . .
              . . . 1 . .
    targets           a c
                      b d
    phase     i i i s o o      (input, stop, output)

Three controls change one quantity and leave the others alone. ``lead`` puts steps before the pattern (length without
retention). ``independent_bits`` makes the channels repeat (load without scored bits). ``visible_bits`` shows channels
again while they are asked for (output length without memory). With a lead of 2, one independent bit and one visible:

    step      0 1 2 3 4 5 6 7
    inputs    . . a b . . a b
              . . a b . . . .
              . . . . . 1 . .
    targets               a b
                          a b
    phase     l l i i i s o o  (lead)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import UInt8

from wmcl.likelihoods import Bernoulli
from wmcl.randomness import bits
from wmcl.tasks.demand import Demand
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task, check_counts

LeadInput = Literal["blank", "random"]
InputPower = Literal["step", "bit"]


@dataclass(frozen=True)
class CopyLayout:
    """Where everything stands in the sequences of a Copy Task.

    Raises:
        ValueError: if a field lies outside of its range, naming it.
    """

    pattern_length: int
    """p, steps of random bits to remember"""
    input_length: int
    """i, steps from the first step of the pattern to the stop flag"""
    width: int = 7
    """channels of a pattern step; the stop flag is one more input feature"""
    lead: int = 0
    """steps before the pattern"""
    lead_input: LeadInput = "blank"
    """what the lead shows: nothing, or random bits that are never asked for"""
    independent_bits: int | None = None
    """b, independent bits of a pattern step: channel c shows bit c mod b; None means the width"""
    input_power: InputPower = "step"
    """whose input energy is the same for every b: that of a pattern step, or (``bit``) that of an independent bit, by
    showing bits with amplitude √(b / width)"""
    visible_bits: int = 0
    """channels that are shown again at the step at which they are asked for"""

    def __post_init__(self) -> None:
        check_counts(pattern_length=self.pattern_length, input_length=self.input_length, width=self.width)
        check_counts(0, lead=self.lead, visible_bits=self.visible_bits)
        check_counts(independent_bits=self.bits)
        if self.pattern_length > self.input_length:
            raise ValueError(
                f"pattern_length is {self.pattern_length} and input_length is {self.input_length}: the pattern is part"
                " of the input, so pattern_length must be at most input_length"
            )
        for name, value in (("independent_bits", self.bits), ("visible_bits", self.visible_bits)):
            if value > self.width:
                raise ValueError(f"{name} is {value}: it must be at most the width, {self.width}")
        for name, allowed in (("lead_input", get_args(LeadInput)), ("input_power", get_args(InputPower))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must be one of {', '.join(allowed)}")

    @property
    def bits(self) -> int:
        """Independent bits of a pattern step (b)."""
        return self.width if self.independent_bits is None else self.independent_bits

    @property
    def demand(self) -> Demand:
        """Bits that are visible when asked for need not be held."""
        load = self.pattern_length * max(self.bits - self.visible_bits, 0)
        return Demand(
            load=load,
            retention=self.input_length + 1 if load else 0,
            lead=self.lead,
            steps=self.lead + self.input_length + 1 + self.pattern_length,
            scored_bits=self.pattern_length * self.width,
        )

    def draw(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        """Sequences of random patterns: one member a generator."""
        drawn_steps = self.pattern_length + (self.lead if self.lead_input == "random" else 0)
        drawn = np.stack([bits(g, (samples, drawn_steps, self.bits)) for g in generators])
        pattern, lead = np.split(drawn, [self.pattern_length], axis=2)
        return self.lay_out(pattern, lead if self.lead_input == "random" else None)

    def lay_out(
        self,
        pattern_bits: UInt8[np.ndarray, "member sample pattern bit"],
        lead_bits: UInt8[np.ndarray, "member sample lead bit"] | None = None,
    ) -> Sequences:
        """The sequences of given patterns and leads, of zeros and ones; without lead bits, the lead is blank."""
        members, samples = pattern_bits.shape[:2]
        first, stop, steps = self.lead, self.lead + self.input_length, self.demand.steps
        window = slice(stop + 1, steps)
        pattern = self._channels(pattern_bits)
        amplitude = (self.bits / self.width) ** 0.5 if self.input_power == "bit" else 1.0
        inputs = torch.zeros(members, steps, samples, self.width + 1)
        if lead_bits is not None:
            inputs[:, :first, :, : self.width] = amplitude * self._channels(lead_bits)
        inputs[:, first : first + self.pattern_length, :, : self.width] = amplitude * pattern
        inputs[:, window, :, : self.visible_bits] = amplitude * pattern[..., : self.visible_bits]
        inputs[:, stop, :, self.width] = 1
        targets = torch.zeros(members, steps, samples, self.width)
        targets[:, window] = pattern
        phase = torch.full((steps,), int(Phase.input), dtype=torch.int8)
        phase[:first], phase[stop], phase[window] = Phase.lead, Phase.stop, Phase.output
        scored = (phase == Phase.output).to(inputs.dtype)
        return Sequences(inputs, targets, every_sample(scored, samples), every_sample(phase, samples), window)

    def _channels(self, values: UInt8[np.ndarray, "member sample time bit"]) -> torch.Tensor:
        """(member, time, sample, channel): channel c shows bit c mod b."""
        repeated = values[..., np.arange(self.width) % self.bits]
        return torch.from_numpy(repeated).transpose(1, 2).float()


def copy_task(
    pattern_length: int,
    input_length: int | None = None,
    width: int = 7,
    *,
    lead: int = 0,
    lead_input: LeadInput = "blank",
    independent_bits: int | None = None,
    input_power: InputPower = "step",
    visible_bits: int = 0,
    validation_samples: int = 512,
    test_samples: int = 1000,
) -> Task:
    """The Copy Task of Ehret et al. (2021), Section 5, its padded variant, and controls of load and length.

    Args:
        pattern_length: p, steps of random bits to remember.
        input_length: i, steps from the first step of the pattern to the stop flag; ``None`` means p.
        width: channels of a pattern step. The stop flag is one more input feature.
        lead: steps before the pattern.
        lead_input: what they show: nothing, or random bits that are never asked for.
        independent_bits: b, of a pattern step; the channels repeat them. ``None`` means the width.
        input_power: what b leaves unchanged: the input energy of a pattern ``step``, or that of a ``bit``.
        visible_bits: channels that are shown again at the step at which they are asked for.
        validation_samples: size of the validation set.
        test_samples: size of the test set.

    Returns:
        A task with ``width + 1`` inputs, ``width`` outputs and sequences of lead + i + 1 + p steps.

    Raises:
        ValueError: if a number is not whole or lies outside of its range, or if p > i.
    """
    check_counts(validation_samples=validation_samples, test_samples=test_samples)
    layout = CopyLayout(
        pattern_length,
        pattern_length if input_length is None else input_length,
        width,
        lead,
        lead_input,
        independent_bits,
        input_power,
        visible_bits,
    )
    return Task(
        name=_name(layout),
        inputs=width + 1,
        outputs=width,
        likelihood=Bernoulli(),
        draw=layout.draw,
        demand=layout.demand,
        validation_samples=validation_samples,
        test_samples=test_samples,
    )


def _name(layout: CopyLayout) -> str:
    extras = {
        "lead": layout.lead,
        "bits": layout.bits if layout.bits < layout.width else 0,
        "visible": layout.visible_bits,
        "lead_input": layout.lead_input if layout.lead and layout.lead_input != "blank" else 0,
        "input_power": layout.input_power if layout.input_power != "step" else 0,
    }
    more = "".join(f" {name}={value}" for name, value in extras.items() if value)
    return f"copy p={layout.pattern_length} i={layout.input_length}{more}"


def every_sample(values: torch.Tensor, samples: int) -> torch.Tensor:
    """(time,) -> (1, time, sample), without copying."""
    return values[None, :, None].expand(1, -1, samples)
