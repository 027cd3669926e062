"""This package holds methods that prevent forgetting: four kinds of part, and the catalogue that combines them."""

from wmcl.methods.catalogue import CATALOGUE, named
from wmcl.methods.coresets import Coresets
from wmcl.methods.generative_replay import GenerativeReplay
from wmcl.methods.hypernetwork import Hypernetwork
from wmcl.methods.importances import FisherImportance, MemoryAwareSynapses, SynapticIntelligence
from wmcl.methods.masked import Masked
from wmcl.methods.measures import Measures, measure_run
from wmcl.methods.method import Method
from wmcl.methods.modulated import Modulated
from wmcl.methods.output_preserving import OutputPreserving
from wmcl.methods.projection import StateProjection
from wmcl.methods.quadratic import Quadratic
from wmcl.methods.schedule import FromScratch, Multitask, Schedule
from wmcl.methods.train_sequence import TrainedSession, train_sequence
from wmcl.methods.transfer import backward_transfer, during, final, forgetting, forward_transfer, intransigence
from wmcl.training.parts import Offer, Parametrisation, Penalty, Rehearsal

__all__ = [
    "CATALOGUE",
    "Coresets",
    "FisherImportance",
    "FromScratch",
    "GenerativeReplay",
    "Hypernetwork",
    "Masked",
    "Measures",
    "MemoryAwareSynapses",
    "Method",
    "Modulated",
    "Multitask",
    "Offer",
    "OutputPreserving",
    "Parametrisation",
    "Penalty",
    "Quadratic",
    "Rehearsal",
    "Schedule",
    "StateProjection",
    "SynapticIntelligence",
    "TrainedSession",
    "backward_transfer",
    "during",
    "final",
    "forgetting",
    "forward_transfer",
    "intransigence",
    "measure_run",
    "named",
    "train_sequence",
]
