"""How forgetting is prevented: four kinds of part, and the catalogue that combines them."""

from wmcl.methods.catalogue import CATALOGUE, named
from wmcl.methods.learning import Learned, learn
from wmcl.methods.measuring import Measures, measure_run
from wmcl.methods.method import Method
from wmcl.methods.parametrisation import Initial, Parametrisation, Shared
from wmcl.methods.penalty import NoPenalty, Penalty
from wmcl.methods.rehearsal import NoRehearsal, Rehearsal
from wmcl.methods.schedule import FromScratch, Joint, Phase, Schedule, Sequential
from wmcl.methods.setting import Setting, per_member
from wmcl.methods.transfer import (
    backward_transfer,
    during,
    final,
    forgetting,
    forward_transfer,
    intransigence,
)

__all__ = [
    "CATALOGUE",
    "FromScratch",
    "Initial",
    "Joint",
    "Learned",
    "Measures",
    "Method",
    "NoPenalty",
    "NoRehearsal",
    "Parametrisation",
    "Penalty",
    "Phase",
    "Rehearsal",
    "Schedule",
    "Sequential",
    "Setting",
    "Shared",
    "backward_transfer",
    "during",
    "final",
    "forgetting",
    "forward_transfer",
    "intransigence",
    "learn",
    "measure_run",
    "named",
    "per_member",
]
