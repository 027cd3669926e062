"""How many dimensions the hidden states fill."""

from wmcl.dimensionality.principal_components import (
    components_for_variance,
    covariance_spectrum,
    cumulative_variance,
    participation_ratio,
)
from wmcl.dimensionality.states import Centre, states

__all__ = [
    "Centre",
    "components_for_variance",
    "covariance_spectrum",
    "cumulative_variance",
    "participation_ratio",
    "states",
]
