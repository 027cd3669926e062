"""Importances of any ``torch.nn.Module``, and protection in a training loop of one's own."""

from wmcl.pytorch.importance import Importance, fisher_diagonal, memory_aware_synapses
from wmcl.pytorch.path_integral import PathIntegral
from wmcl.pytorch.perturbation import perturbation_effect
from wmcl.pytorch.protection import EWC, MAS, SI, OnlineEWC
from wmcl.pytorch.states import HiddenStates, hidden_states
from wmcl.pytorch.summary import summarise

__all__ = [
    "EWC",
    "MAS",
    "SI",
    "HiddenStates",
    "Importance",
    "OnlineEWC",
    "PathIntegral",
    "fisher_diagonal",
    "hidden_states",
    "memory_aware_synapses",
    "perturbation_effect",
    "summarise",
]
