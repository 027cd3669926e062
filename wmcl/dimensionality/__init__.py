"""How many dimensions the hidden states fill, and what they hold."""

from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.decodability import Decodability, decodability, pattern_bits
from wmcl.dimensionality.intrinsic import IntrinsicDimension, IntrinsicMethod, intrinsic_dimension
from wmcl.dimensionality.kernel import Kernel, kernel_spectrum
from wmcl.dimensionality.principal_components import (
    components_for_variance,
    covariance_spectrum,
    cumulative_variance,
    effective_rank,
    participation_ratio,
)
from wmcl.dimensionality.row_spaces import RowSpaces, compare_row_spaces, row_basis
from wmcl.dimensionality.states import Centre, is_aligned, mask_of, states, steps_of
from wmcl.dimensionality.subspaces import principal_angles, shared_variance
from wmcl.dimensionality.supervised import (
    Mode,
    SupervisedSubspace,
    continue_from,
    joint_supervised_subspace,
    supervised_subspace,
)

__all__ = [
    "Centre",
    "Decodability",
    "IntrinsicDimension",
    "IntrinsicMethod",
    "Kernel",
    "Mode",
    "RowSpaces",
    "StepScatter",
    "SupervisedSubspace",
    "compare_row_spaces",
    "components_for_variance",
    "continue_from",
    "covariance_spectrum",
    "cumulative_variance",
    "decodability",
    "effective_rank",
    "intrinsic_dimension",
    "is_aligned",
    "joint_supervised_subspace",
    "kernel_spectrum",
    "mask_of",
    "participation_ratio",
    "pattern_bits",
    "principal_angles",
    "row_basis",
    "shared_variance",
    "states",
    "steps_of",
    "supervised_subspace",
]
