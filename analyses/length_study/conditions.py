"""Which tasks and training settings the networks are compared across."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

from wmcl.networks.initialisation import Initialisation
from wmcl.studies.constraints import GIVEN, ONCE, Seeds
from wmcl.tasks import MemoryDemand, Task, copy_task
from wmcl.tasks.layout import InputPower, LeadInput
from wmcl.training.loss import Reduction

Condition = dict[str, int | str]

TASK = ("pattern_length", "input_length", "lead", "lead_input", "independent_bits", "input_power", "visible_bits")
"""names of a condition that settle the task; the others settle the training"""
WIDTH = 7


@dataclass(frozen=True)
class Conditions:
    """Conditions."""

    basic: Annotated[tuple[int, ...], ONCE] = (2, 5, 10, 15, 20)
    """lengths of the basic Copy Task, p = i"""
    padded_pattern: int = 5
    """pattern length p of the padded Copy Task"""
    padded: Annotated[tuple[int, ...], ONCE] = (10, 15, 20, 30)
    """input lengths i of the padded Copy Task"""
    equal_length: int = 31
    """T of the conditions of equal length, i = T - 1 - p"""
    equal_length_patterns: Annotated[tuple[int, ...], ONCE] = (5, 10, 15)
    """their pattern lengths p"""
    control_length: int = 10
    """p = i of the controls below"""
    leads: Annotated[tuple[int, ...], ONCE] = (10, 40)
    """blank steps before the pattern: length without retention"""
    bits: Annotated[tuple[int, ...], ONCE] = (1, 3)
    """independent bits a pattern step, of 7: load at the same number of scored bits"""
    seeds: Seeds = 5
    """networks a condition, with seeds 0, 1, ..."""


@dataclass(frozen=True)
class Factorial:
    """Factorial: load, retention and lead crossed."""

    pattern: int = 5
    """pattern length p of all its conditions"""
    input_lengths: Annotated[tuple[int, ...], ONCE] = ()
    """input lengths i: retention is i + 1"""
    factorial_leads: Annotated[tuple[int, ...], ONCE] = (0, 10, 40)
    """blank steps before the pattern"""
    factorial_bits: Annotated[tuple[int, ...], ONCE] = (1, 3, 7)
    """independent bits a pattern step: load is p times that"""
    checks: bool = True
    """also vary the load by p, the lead by distractors, the input power by bit, and what is visible"""


@dataclass(frozen=True)
class Training:
    """Training settings that are crossed with all conditions."""

    initialisations: Annotated[tuple[Initialisation, ...], GIVEN, ONCE] = ("orthogonal",)
    """of the weights; orthogonal concerns the recurrent ones"""
    reductions: Annotated[tuple[Reduction, ...], GIVEN, ONCE] = ("scored bit",)
    """what the loss is divided by: scored bits or sequences"""


def grid(conditions: Conditions, factorial: Factorial, training: Training) -> list[Condition]:
    """Every condition once, in order."""
    tasks = [*_single(conditions), *_crossed(factorial)]
    variants = [
        {"initialisation": initialisation, "reduction": reduction}
        for initialisation, reduction in product(training.initialisations, training.reductions)
    ]
    every = [task | variant for variant, task in product(variants, tasks)]
    if factorial.input_lengths and factorial.checks and variants:
        every += [task | variants[0] for task in _checks(factorial)]
    return _once(every)


def task_of(condition: Mapping[str, Any], **samples: int) -> Task:
    """The task of a condition."""
    settings: dict[str, Any] = {name: condition[name] for name in TASK} | samples
    return copy_task(**settings, width=WIDTH)


def demand_of(condition: Mapping[str, Any]) -> MemoryDemand:
    """What the task of a condition demands of working memory."""
    demand = task_of(condition).memory_demand
    assert demand is not None  # as of every Copy Task
    return demand


def in_law(condition: Mapping[str, Any], factorial: Factorial) -> bool:
    """Whether a condition is one that the law of load, retention and lead is about.

    It has no distractors, energy by bit or visible bits; and where there is a factorial, it belongs to it.
    """
    is_plain = (condition["lead_input"], condition["input_power"], condition["visible_bits"]) == ("blank", "step", 0)
    return is_plain and (not factorial.input_lengths or condition["pattern_length"] == factorial.pattern)


def _condition(
    p: int,
    i: int,
    lead: int = 0,
    lead_input: LeadInput = "blank",
    bits: int = WIDTH,
    input_power: InputPower = "step",
    visible: int = 0,
) -> Condition:
    return dict(zip(TASK, (p, i, lead, lead_input, bits, input_power, visible), strict=True))


def _single(conditions: Conditions) -> list[Condition]:
    """Each control changes one quantity of a Copy Task."""
    c, n = conditions, conditions.control_length
    return [
        *(_condition(p, p) for p in c.basic),
        *(_condition(c.padded_pattern, i) for i in c.padded),
        *(_condition(p, c.equal_length - 1 - p) for p in c.equal_length_patterns),
        *(_condition(n, n, lead=lead) for lead in c.leads),
        *(_condition(n, n, bits=bits) for bits in c.bits),
    ]


def _crossed(f: Factorial) -> list[Condition]:
    crossed = product(f.factorial_bits, f.input_lengths, f.factorial_leads)
    return [_condition(f.pattern, i, lead, bits=bits) for bits, i, lead in crossed]


def _checks(f: Factorial) -> list[Condition]:
    """At the middle of the factorial, whether it matters how load and lead are made."""
    p, i, lead = f.pattern, _middle(f.input_lengths), max(f.factorial_leads)
    few = [bits for bits in f.factorial_bits if bits < WIDTH]
    return [
        *(_condition(length, i) for length in (2, p, i) if length <= i),
        _condition(p, i, lead, "random"),
        *(_condition(p, i, bits=bits, input_power="bit") for bits in few),
        *(_condition(p, i, visible=visible) for visible in (4, 6)),
    ]


def _middle(values: tuple[int, ...]) -> int:
    return sorted(values)[len(values) // 2]


def _once(conditions: Iterable[Condition]) -> list[Condition]:
    return [dict(items) for items in dict.fromkeys(tuple(condition.items()) for condition in conditions)]
