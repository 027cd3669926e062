"""Make the Copy Task and its variants.

A pattern of p steps of random bits is shown, then i - p blank steps, then a stop flag; afterwards the network
repeats the pattern while its input is blank. With p = 2, i = 3 and two channels (last row: stop flag):

    step      0 1 2 3 4 5
    inputs    a c . . . .
              b d . . . .
              . . . 1 . .
    targets           a c
                      b d
    phase     i i i s o o      (input, stop, output)

Variants change where things stand in time (``wmcl/tasks/layout.py``) or what the targets are
(``wmcl/tasks/target_map.py``). Three controls change one quantity and leave the others alone. ``lead`` puts steps
before the pattern (length without retention). ``independent_bits`` makes the channels repeat (load without scored
bits). ``visible_bits`` shows channels again while they are recalled (output length without memory). With a lead of 2,
one independent bit and one visible:

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

import numpy as np

from wmcl.check_arguments import checked
from wmcl.likelihoods import Bernoulli
from wmcl.randomness import bits, side_stream
from wmcl.tasks.layout import CopyLayout, Filler, InputPower, LeadInput, Lengths, longest
from wmcl.tasks.sequences import Sequences
from wmcl.tasks.target_map import TargetMap
from wmcl.tasks.target_rule import Order, TargetRule, XorMode
from wmcl.tasks.task import Task, check_counts
from wmcl.tasks.task_draws import TaskDraws, scattered_steps


@dataclass(frozen=True)
class CopyDraw:
    """A copy draw makes the sequences of a layout with their targets; equal ones draw the same."""

    layout: CopyLayout
    target_map: TargetMap

    @property
    def matrix(self) -> np.ndarray:
        """Return whether each target bit depends on each independent bit of the longest pattern."""
        layout = self.layout
        return self.target_map.matrix(longest(layout.pattern_length), layout.width, layout.bits)

    def __call__(self, generators: Sequence[np.random.Generator], samples: int) -> Sequences:
        """Draw sequences of random patterns: one member a generator.

        The pattern comes first from a generator, and filler and lengths from streams beside it. So variants with equal
        seeds share their patterns.
        """
        layout = self.layout
        p, lengths = longest(layout.pattern_length), layout.input_lengths
        filler_steps = lengths[-1] - p if layout.filler in ("random", "scattered") else 0
        filler = input_lengths = None
        if filler_steps:
            shape = (samples, filler_steps, layout.bits)
            filler = np.stack([bits(side_stream(g, 1), shape) for g in generators])
        if len(lengths) > 1:
            ends = lengths[0], lengths[-1]
            input_lengths = np.stack(
                [side_stream(g, 2).integers(*ends, size=samples, endpoint=True) for g in generators]
            )
        drawn_steps = p + (layout.lead if layout.lead_input == "random" else 0)
        drawn = np.stack([bits(g, (samples, drawn_steps, layout.bits)) for g in generators])
        pattern, lead = np.split(drawn, [p], axis=2)
        shown_lead = lead if layout.lead_input == "random" else None
        return layout.lay_out(pattern, shown_lead, filler, input_lengths, self.target_map)


def has_targets(draw: object) -> bool:
    """Tell whether a draw of a Copy Task has any targets but zeros."""
    return not isinstance(draw, CopyDraw) or bool(draw.matrix.any())


def has_same_targets(one: object, other: object) -> bool:
    """Tell whether two draws of Copy Tasks show the same and have the same targets, however these are described."""
    if not isinstance(one, CopyDraw) or not isinstance(other, CopyDraw) or one.layout != other.layout:
        return one == other
    return bool(np.array_equal(one.matrix, other.matrix))


@checked
def copy_task(
    pattern_length: Lengths,
    input_length: Lengths | None = None,
    width: int = 7,
    *,
    lead: int = 0,
    lead_input: LeadInput = "blank",
    independent_bits: int | None = None,
    input_power: InputPower = "step",
    visible_bits: int = 0,
    filler: Filler = "blank",
    order: Order = "forward",
    xor: int | None = None,
    xor_mode: XorMode = "separate",
    output_width: int | None = None,
    task_seed: int = 0,
    task_draws: TaskDraws = "addressed",
    validation_samples: int = 512,
    test_samples: int = 1000,
) -> Task:
    """Make the Copy Task of Ehret et al. (2021), Section 5, one of its variants, or a control of load or length.

    Args:
        pattern_length: p, steps of random bits to remember. A range (shortest, longest): each sequence has a length of
            its own, p = i, uniform on the whole numbers of the range; sequences shorter than the longest are padded.
        input_length: i, steps from the first step of the pattern to the stop flag; ``None`` means p. A range: as above,
            with p fixed.
        width: channels of a pattern step. The stop flag is one more input feature.
        lead: steps before the pattern.
        lead_input: what they show: nothing, or random bits that no target depends on.
        independent_bits: b, of a pattern step; the channels repeat them. ``None`` means the width.
        input_power: what b leaves unchanged: the input energy of a pattern ``step``, or that of a ``bit``.
        visible_bits: channels that are shown again at the step of their target.
        filler: what the i - p steps are that the pattern leaves: ``blank`` or ``random`` after it; random around it
            (``scattered``, over steps that are fixed for the task); or blank, but ``after stop``, before the targets.
        order: in which the pattern is recalled: ``forward``; ``reversed`` in time; ``pairwise``, neighbouring steps
            swapped; or by a random permutation, fixed for the task, of its steps (``permuted time``), of its channels
            (``permuted width``) or of all its bits (``permuted both``).
        xor: r, for targets that are exclusive ors of the pattern with r of its permutations instead of a permuted
            pattern. They can cancel: where all targets are 0, the load that the task demands is 0.
        xor_mode: ``separate``, x ⊕ P_1 x ⊕ … ⊕ P_r x, or ``iterated``, r times y ← y ⊕ P y from y = x.
        output_width: the first channels, which alone are recalled; ``None`` means the width.
        task_seed: of permutations and scattered steps.
        task_draws: how they are drawn from it: ``addressed``, or as in the paper's code (``reference``).
        validation_samples: size of the validation set.
        test_samples: size of the test set.

    Returns:
        A task with ``width + 1`` inputs, ``output_width`` outputs and sequences of lead + i + 1 + p steps.

    Raises:
        ValueError: if a number is not whole or lies outside of its range, if p > i, or if arguments contradict each
            other.
    """
    check_counts(validation_samples=validation_samples, test_samples=test_samples)
    check_counts(0, task_seed=task_seed)
    i = pattern_length if input_length is None else input_length
    steps = None
    if (
        filler == "scattered"
        and not isinstance(pattern_length, tuple)
        and not isinstance(i, tuple)
        and 0 < pattern_length <= i
    ):
        steps = scattered_steps(pattern_length, i, task_seed, task_draws)
    layout = CopyLayout(
        pattern_length, i, width, lead, lead_input, independent_bits, input_power, visible_bits, filler, steps
    )
    outputs = width if output_width is None else output_width
    rule = TargetRule(outputs, order, xor, xor_mode, task_seed, task_draws)
    rule.check(layout)
    draw = CopyDraw(layout, rule.of_pattern(longest(pattern_length)))
    return Task(
        name=_name(layout, rule),
        inputs=width + 1,
        outputs=outputs,
        likelihood=Bernoulli(),
        draw=draw,
        memory_demand=layout.memory_demand_of(draw.target_map),
        validation_samples=validation_samples,
        test_samples=test_samples,
    )


def _name(layout: CopyLayout, rule: TargetRule) -> str:
    is_drawn = rule.is_random or layout.filler == "scattered"
    extras = {
        "lead": layout.lead,
        "bits": layout.bits if layout.bits < layout.width else 0,
        "visible": layout.visible_bits,
        "lead_input": layout.lead_input if layout.lead and layout.lead_input != "blank" else 0,
        "input_power": layout.input_power if layout.input_power != "step" else 0,
        "filler": layout.filler if layout.filler != "blank" else 0,
        "order": rule.order if rule.order != "forward" else 0,
        "xor": f"{rule.xor} {rule.xor_mode}" if rule.xor else 0,
        "output_width": rule.output_width if rule.output_width < layout.width else 0,
        "seed": f"{rule.task_seed} {rule.task_draws}" if is_drawn else 0,
    }
    more = "".join(f" {name}={value}" for name, value in extras.items() if value)
    p, i = ("-".join(map(str, x)) if isinstance(x, tuple) else x for x in (layout.pattern_length, layout.input_length))
    return f"copy p={p} i={i}{more}"
