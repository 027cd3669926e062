"""How much each weight matters."""

from wmcl.importance.fisher import fisher_diagonal
from wmcl.importance.linear_fisher import (
    LinearProducts,
    linear_fisher,
    linear_products,
    linear_reuse,
    second_moments,
    white_moments,
)
from wmcl.importance.memory_aware_synapses import memory_aware_synapses
from wmcl.importance.perturbation import Perturbations, Selection, mean_divergence, perturbation_effect
from wmcl.importance.protected import ProtectedDirections, memory_spectrum, protected_directions
from wmcl.importance.reuse import own_share, reuse_profile, step_shares
from wmcl.importance.signals import FisherKind
from wmcl.importance.summary import CONNECTIONS, connections_of, summarise
from wmcl.importance.synaptic_intelligence import (
    PathIntegral,
    PathKind,
    over_dampings,
    path_integral,
    share,
    synaptic_intelligence,
)

__all__ = [
    "CONNECTIONS",
    "FisherKind",
    "LinearProducts",
    "PathIntegral",
    "PathKind",
    "Perturbations",
    "ProtectedDirections",
    "Selection",
    "connections_of",
    "fisher_diagonal",
    "linear_fisher",
    "linear_products",
    "linear_reuse",
    "mean_divergence",
    "memory_aware_synapses",
    "memory_spectrum",
    "over_dampings",
    "own_share",
    "path_integral",
    "perturbation_effect",
    "protected_directions",
    "reuse_profile",
    "second_moments",
    "share",
    "step_shares",
    "summarise",
    "synaptic_intelligence",
    "white_moments",
]
