"""Lay out the sequences of a Copy Task in time.

After the lead, a pattern of p steps is shown during i input steps, a stop flag is raised, and from step lead + i + 1 on
the pattern is recalled, during p steps. With p = 2, i = 4, two channels, and x for random bits that no target depends
on, what the other i - p steps are (the ``filler``) is one of

    step          0 1 2 3 4 5 6
    blank         a c . . | . .      (| the stop flag, on a channel of its own)
                  b d . . | . .
    random        a c x x | . .
                  b d x x | . .
    scattered     x a x c | . .      (the same steps in every sequence)
                  x b x d | . .
    after stop    a c | . . . .
                  b d | . . . .
    targets                 a c
                            b d

If lengths vary between sequences, all start together, and the shorter ones are padded at their end.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int, Int64, UInt8
from torch import Tensor

from wmcl.tasks.copy_memory_demand import copy_memory_demand
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.target_map import TargetMap
from wmcl.tasks.task import check_counts

LeadInput = Literal["blank", "random"]
InputPower = Literal["step", "bit"]
Filler = Literal["blank", "random", "scattered", "after stop"]
Lengths = int | tuple[int, int]
"""a number of steps, or the shortest and the longest"""


@dataclass(frozen=True)
class CopyLayout:
    """A copy layout says where everything stands in the sequences of a Copy Task.

    Raises:
        ValueError: if a field lies outside of its range or contradicts another, naming it.
    """

    pattern_length: Lengths
    """p, steps of random bits to remember; a range (shortest, longest) means that of the input: p = i"""
    input_length: Lengths
    """i, steps from the first step of the pattern to the stop flag; with a range, each sequence has its own"""
    width: int = 7
    """channels of a pattern step; the stop flag is one more input feature"""
    lead: int = 0
    """steps before the pattern"""
    lead_input: LeadInput = "blank"
    """content of the lead: nothing, or random bits that no target depends on"""
    independent_bits: int | None = None
    """b, independent bits of a pattern step: channel c shows bit c mod b; None means the width"""
    input_power: InputPower = "step"
    """part whose input energy is the same for every b: a pattern step, or (``bit``) an independent bit, by showing bits
    with amplitude √(b / width)"""
    visible_bits: int = 0
    """channels that are shown again at the step of their target"""
    filler: Filler = "blank"
    """content of the i - p steps that the pattern leaves: blank or random steps after it, random steps around it
    (``scattered``), or blank steps after the stop flag"""
    pattern_steps: tuple[int, ...] | None = None
    """the steps of the input, from 0, that show the pattern; needed if it is scattered, else the first p"""

    def __post_init__(self) -> None:
        for name in ("pattern_length", "input_length"):
            _check_lengths(name, getattr(self, name))
        check_counts(width=self.width)
        check_counts(0, lead=self.lead, visible_bits=self.visible_bits)
        check_counts(independent_bits=self.bits)
        for name, value in (("independent_bits", self.bits), ("visible_bits", self.visible_bits)):
            if value > self.width:
                raise ValueError(f"{name} is {value}: it must be at most the width, {self.width}")
        for name, allowed in (("lead_input", LeadInput), ("input_power", InputPower), ("filler", Filler)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must be one of {', '.join(get_args(allowed))}")
        self._check_ranges()
        self._check_pattern_steps()

    def _check_ranges(self) -> None:
        p, i = self.pattern_length, self.input_length
        if isinstance(p, tuple):
            if p != i:
                raise ValueError(
                    f"pattern_length is {p} and input_length is {i}: a range of pattern lengths means p = i, so"
                    " input_length must be the same range, or left out"
                )
            if self.filler != "blank":
                raise ValueError(f"filler is {self.filler!r} and pattern_length is {p}: p = i leaves nothing to fill")
            return
        if isinstance(i, tuple) and self.filler == "scattered":
            raise ValueError(f"filler is 'scattered' and input_length is {i}: its steps need a single input_length")
        if p > shortest(i):
            raise ValueError(
                f"pattern_length is {p} and input_length is {i}: the pattern is part of the input, so pattern_length"
                " must be at most input_length"
            )

    def _check_pattern_steps(self) -> None:
        p, i, steps = self.pattern_length, self.input_length, self.pattern_steps
        if (self.filler == "scattered") != (steps is not None):
            raise ValueError(
                f"pattern_steps is {steps} and filler is {self.filler!r}: a scattered pattern, and no other, needs the"
                " steps that show it"
            )
        if steps is None:
            return
        i = longest(i)
        if list(steps) != sorted(set(steps)) or len(steps) != p or not 0 <= steps[0] <= steps[-1] < i:
            raise ValueError(f"pattern_steps is {steps}: it must be {p} different steps from 0 to {i - 1}, in order")

    @property
    def bits(self) -> int:
        """Return the number of independent bits of a pattern step (b)."""
        return self.width if self.independent_bits is None else self.independent_bits

    @property
    def input_lengths(self) -> range:
        """Return every input length that occurs; each is as likely as the others."""
        return range(shortest(self.input_length), longest(self.input_length) + 1)

    @property
    def steps(self) -> int:
        """Return T, the number of steps of the longest sequence."""
        return self.lead + longest(self.input_length) + 1 + longest(self.pattern_length)

    @property
    def window(self) -> slice:
        """Return the smallest window that holds the scored steps of every sequence."""
        return slice(self.lead + shortest(self.input_length) + 1, self.steps)

    @property
    def memory_demand(self) -> MemoryDemand:
        """Return the working-memory demand of copying every channel in order."""
        return self.memory_demand_of(TargetMap(self.width))

    def memory_demand_of(self, target_map: TargetMap) -> MemoryDemand:
        """Return the working-memory demand with other targets than a copy of the pattern."""
        return copy_memory_demand(
            [(self._shown(i), i + 1) for i in self.input_lengths],
            target_map,
            lead=self.lead,
            width=self.width,
            bits=self.bits,
            visible_bits=self.visible_bits,
        )

    def lay_out(
        self,
        pattern_bits: UInt8[np.ndarray, "member sample pattern bit"],
        lead_bits: UInt8[np.ndarray, "member sample lead bit"] | None = None,
        filler_bits: UInt8[np.ndarray, "member sample filler bit"] | None = None,
        input_lengths: Int[np.ndarray, "member sample"] | None = None,
        target_map: TargetMap | None = None,
    ) -> Sequences:
        """Return the sequences of given bits, of zeros and ones.

        Args:
            pattern_bits: of the longest pattern; a sequence with a shorter one shows and recalls its first steps.
            lead_bits: without them the lead is blank.
            filler_bits: of the input steps that do not show the pattern, in order; without them these are blank.
            input_lengths: i of each sequence, if it is not the same for all.
            target_map: from the pattern to the targets; ``None``: the targets are the pattern as it was shown.
        """
        samples, channels = pattern_bits.shape[1], np.arange(self.width) % self.bits
        pattern = pattern_bits[..., channels]
        recalled = pattern if target_map is None else target_map.apply(pattern)
        i = torch.from_numpy(np.full((1, 1), self.input_lengths[-1]) if input_lengths is None else input_lengths)[
            :, None
        ]
        p = i if isinstance(self.pattern_length, tuple) else torch.full_like(i, self.pattern_length)
        phase, scored = self._phases(p, i)
        inputs = self._inputs(pattern, *(x if x is None else x[..., channels] for x in (lead_bits, filler_bits)))
        if input_lengths is not None:
            inputs *= self._time < self.lead + i[..., None]  # nothing of a longer pattern or filler
        targets = self._targets(recalled, self.lead + i + 1, scored)
        inputs[..., : self.visible_bits] += self._amplitude * targets[..., : self.visible_bits]
        inputs[..., self.width] = (phase == Phase.stop).to(inputs.dtype)
        weights = scored.to(inputs.dtype)
        return Sequences(inputs, targets, weights.expand(-1, -1, samples), phase.expand(-1, -1, samples), self.window)

    @property
    def _time(self) -> Int64[Tensor, "1 time 1 1"]:
        return torch.arange(self.steps)[None, :, None, None]

    @property
    def _amplitude(self) -> float:
        return (self.bits / self.width) ** 0.5 if self.input_power == "bit" else 1.0

    def _shown(self, input_length: int) -> tuple[int, ...]:
        """Return the steps of the input that show the pattern."""
        if self.pattern_steps is not None:
            return self.pattern_steps
        return tuple(range(input_length if isinstance(self.pattern_length, tuple) else self.pattern_length))

    def _phases(self, p: Tensor, i: Tensor) -> tuple[Tensor, Bool[Tensor, "#member time #sample"]]:
        """Return the phase of each step and whether it is scored.

        Pattern and input lengths have the shape (member, 1, sample) or (1, 1, 1).
        """
        t, answer = self._time[..., 0], self.lead + i + 1
        stop = self.lead + (p if self.filler == "after stop" else i)
        phase = torch.full((i + t).shape, int(Phase.input), dtype=torch.int8)
        phase.masked_fill_(t < self.lead, int(Phase.lead)).masked_fill_(t == stop, int(Phase.stop))
        phase.masked_fill_(t > stop, int(Phase.output)).masked_fill_(t >= answer + p, int(Phase.padding))
        return phase, (t >= answer) & (t < answer + p)

    def _inputs(
        self, pattern: np.ndarray, lead: np.ndarray | None, filler: np.ndarray | None
    ) -> Float32[Tensor, "member time sample feature"]:
        """Return the inputs before the stop flag, for the longest input length."""
        input_length = self.input_lengths[-1]
        shown = np.array(self._shown(input_length))
        inputs = torch.zeros(pattern.shape[0], self.steps, pattern.shape[1], self.width + 1, dtype=torch.float32)
        bits = inputs[..., : self.width]
        if lead is not None:
            bits[:, : self.lead] = self._amplitude * _by_time(lead)
        if filler is not None:
            bits[:, self.lead + np.setdiff1d(np.arange(input_length), shown)] = self._amplitude * _by_time(filler)
        bits[:, self.lead + shown] = self._amplitude * _by_time(pattern)
        return inputs

    def _targets(
        self, recalled: UInt8[np.ndarray, "member sample pattern output"], answer: Tensor, scored: Tensor
    ) -> Float32[Tensor, "member time sample output"]:
        """Return the targets, which begin at the step ``answer`` of each sequence."""
        members, samples, length, outputs = recalled.shape
        if len(self.input_lengths) == 1:
            targets = torch.zeros(members, self.steps, samples, outputs, dtype=torch.float32)
            targets[:, self.window] = _by_time(recalled)
            return targets
        place = (self._time[..., 0] - answer).clamp(0, length - 1)
        row = place + length * torch.arange(members * samples).view(members, 1, samples)
        table = torch.from_numpy(recalled).reshape(-1, outputs)  # rows of bytes are quicker to pick than single numbers
        return table[row].float().masked_fill_(~scored[..., None], 0)


def shortest(lengths: Lengths) -> int:
    """Return the first length of a range, or the only one."""
    return lengths[0] if isinstance(lengths, tuple) else lengths


def longest(lengths: Lengths) -> int:
    """Return the last length of a range, or the only one."""
    return lengths[1] if isinstance(lengths, tuple) else lengths


def every_sample(values: Tensor, samples: int) -> Tensor:
    """Expand values of the shape (time,) to (1, time, sample), without copying."""
    return values[None, :, None].expand(1, -1, samples)


def _by_time(values: UInt8[np.ndarray, "member sample time channel"]) -> Float32[Tensor, "member time sample channel"]:
    return torch.from_numpy(values).transpose(1, 2).float()


def _check_lengths(name: str, lengths: Lengths) -> None:
    if isinstance(lengths, tuple) and len(lengths) != 2:
        raise ValueError(f"{name} is {lengths}: a range must be (shortest, longest)")
    for length in lengths if isinstance(lengths, tuple) else (lengths,):
        check_counts(**{name: length})
    if shortest(lengths) > longest(lengths):
        raise ValueError(f"{name} is {lengths}: a range must be (shortest, longest)")
