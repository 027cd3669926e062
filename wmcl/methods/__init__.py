"""How forgetting is prevented: four kinds of part, and the catalogue that combines them."""

from wmcl.methods.catalogue import CATALOGUE, named
from wmcl.methods.coresets import Coresets
from wmcl.methods.generative_replay import GenerativeReplay
from wmcl.methods.hypernetwork import Hypernetwork
from wmcl.methods.importances import FisherImportance, Importance, MemoryAwareSynapses, SynapticIntelligence
from wmcl.methods.learning import Learned, learn
from wmcl.methods.masked import Masked
from wmcl.methods.measuring import Measures, measure_run
from wmcl.methods.method import Method
from wmcl.methods.modulated import Modulated
from wmcl.methods.output_preserving import OutputPreserving
from wmcl.methods.parametrisation import Initial, Parametrisation, Shared
from wmcl.methods.penalty import NoPenalty, Penalty
from wmcl.methods.quadratic import Quadratic
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
    "Coresets",
    "FisherImportance",
    "FromScratch",
    "GenerativeReplay",
    "Hypernetwork",
    "Importance",
    "Initial",
    "Joint",
    "Learned",
    "Masked",
    "Measures",
    "MemoryAwareSynapses",
    "Method",
    "Modulated",
    "NoPenalty",
    "NoRehearsal",
    "OutputPreserving",
    "Parametrisation",
    "Penalty",
    "Phase",
    "Quadratic",
    "Rehearsal",
    "Schedule",
    "Sequential",
    "Setting",
    "Shared",
    "SynapticIntelligence",
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
