"""Measure how many dimensions the hidden states fill, and what they hold."""

from wmcl.dimensionality.decodability import decodability, pattern_bits
from wmcl.dimensionality.intrinsic import intrinsic_dimension
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.dimensionality.principal_components import (
    components_for_variance,
    covariance_spectrum,
    cumulative_variance,
    effective_rank,
    participation_ratio,
)
from wmcl.dimensionality.row_spaces import compare_row_spaces
from wmcl.dimensionality.states import states, steps_of
from wmcl.dimensionality.subspaces import principal_angles, shared_variance
from wmcl.dimensionality.supervised import joint_supervised_subspace, supervised_subspace

__all__ = [
    "compare_row_spaces",
    "components_for_variance",
    "covariance_spectrum",
    "cumulative_variance",
    "decodability",
    "effective_rank",
    "intrinsic_dimension",
    "joint_supervised_subspace",
    "kernel_spectrum",
    "participation_ratio",
    "pattern_bits",
    "principal_angles",
    "shared_variance",
    "states",
    "steps_of",
    "supervised_subspace",
]
