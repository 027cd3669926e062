"""Measure how important each weight is, and what that rests on."""

from wmcl.importance.fisher import fisher_diagonal
from wmcl.importance.linear_fisher import linear_fisher
from wmcl.importance.memory_aware_synapses import memory_aware_synapses
from wmcl.importance.overlap import overlap
from wmcl.importance.perturbation import Perturbations, perturbation_effect
from wmcl.importance.protected import memory_spectrum, protected_directions
from wmcl.importance.reuse import reuse_profile
from wmcl.importance.summary import effective_fraction, summarise
from wmcl.importance.synaptic_intelligence import PathIntegral, path_integral, synaptic_intelligence

__all__ = [
    "PathIntegral",
    "Perturbations",
    "effective_fraction",
    "fisher_diagonal",
    "linear_fisher",
    "memory_aware_synapses",
    "memory_spectrum",
    "overlap",
    "path_integral",
    "perturbation_effect",
    "protected_directions",
    "reuse_profile",
    "summarise",
    "synaptic_intelligence",
]
