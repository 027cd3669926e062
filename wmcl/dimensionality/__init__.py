"""Measure how many dimensions the hidden states fill, and what they hold."""

from wmcl.dimensionality.decodability import decodability
from wmcl.dimensionality.intrinsic import intrinsic_dimension
from wmcl.dimensionality.principal_components import (
    components_for_variance,
    covariance_spectrum,
    effective_rank,
    participation_ratio,
)
from wmcl.dimensionality.states import hidden_states, states
from wmcl.dimensionality.subspaces import alignment, shared_variance
from wmcl.dimensionality.supervised import supervised_subspace

__all__ = [
    "alignment",
    "components_for_variance",
    "covariance_spectrum",
    "decodability",
    "effective_rank",
    "hidden_states",
    "intrinsic_dimension",
    "participation_ratio",
    "shared_variance",
    "states",
    "supervised_subspace",
]
