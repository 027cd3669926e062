"""Measure how important each weight is, and what that rests on."""

from wmcl.importance.fisher import fisher_diagonal
from wmcl.importance.linear_fisher import linear_fisher
from wmcl.importance.memory_aware_synapses import memory_aware_synapses
from wmcl.importance.perturbation import Perturbations, mean_divergence, perturbation_effect
from wmcl.importance.protected import memory_spectrum, protected_directions
from wmcl.importance.reuse import own_share, reuse_profile
from wmcl.importance.signals import FisherKind
from wmcl.importance.summary import summarise
from wmcl.importance.synaptic_intelligence import PathIntegral, PathKind, path_integral, synaptic_intelligence

__all__ = [
    "FisherKind",
    "PathIntegral",
    "PathKind",
    "Perturbations",
    "fisher_diagonal",
    "linear_fisher",
    "mean_divergence",
    "memory_aware_synapses",
    "memory_spectrum",
    "own_share",
    "path_integral",
    "perturbation_effect",
    "protected_directions",
    "reuse_profile",
    "summarise",
    "synaptic_intelligence",
]
