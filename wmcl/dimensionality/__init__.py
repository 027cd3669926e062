"""How many dimensions the hidden states fill."""

from wmcl.dimensionality.by_step import StepScatter
from wmcl.dimensionality.principal_components import (
    components_for_variance,
    covariance_spectrum,
    cumulative_variance,
    participation_ratio,
)
from wmcl.dimensionality.states import Centre, states, steps_of

__all__ = [
    "Centre",
    "StepScatter",
    "components_for_variance",
    "covariance_spectrum",
    "cumulative_variance",
    "participation_ratio",
    "states",
    "steps_of",
]
