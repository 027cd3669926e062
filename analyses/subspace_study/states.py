"""Which dimensions the hidden states of each task fill, and those of all tasks together."""

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from subspace_study.networks import Answering
from wmcl.dimensionality import (
    components_for_variance,
    covariance_spectrum,
    participation_ratio,
    shared_variance,
    states,
)
from wmcl.dimensionality.principal_components import cumulative_variance

PHASES = ["output", "all"]
DIRECTIONS = ["first", "now"]
"""whose principal directions of task 1: of the network right after task 1, or of the present one"""
States = dict[str, Float[Tensor, "member row unit"]]
"""by phase"""


@torch.no_grad()
def hidden_states(answering: Answering, samples: int) -> States:
    """h_t of the output phase, and of all steps."""
    probe = answering.sequences("states", samples)
    hidden = answering.network.apply(answering.weights, probe.inputs, slice(0, 0), lengths=probe.lengths).hidden
    return {phase: states(hidden, probe, phase) for phase in PHASES}


def dimensions(found: States, variance: float) -> xr.Dataset:
    """``components`` for a share of the variance and ``participation_ratio``, around the common mean of the rows."""
    spectra = torch.stack([covariance_spectrum(found[phase]) for phase in PHASES], 1)
    measures = {
        "components": components_for_variance(spectra, variance).double(),
        "participation_ratio": participation_ratio(spectra),
    }
    return xr.Dataset(
        {name: (("seed", "phase"), value.cpu().numpy()) for name, value in measures.items()}, {"phase": PHASES}
    )


def together(every: list[States]) -> States:
    """The states of several tasks, as one set."""
    return {phase: torch.cat([each[phase] for each in every], 1) for phase in PHASES}


def shared(first: States, now: States, found: States) -> xr.Dataset:
    """Shares of the variance in the output phase, for k = 1, 2, … directions.

    Args:
        first: states of task 1 right after it was learned.
        now: states of task 1 in the present network.
        found: states whose variance is taken, around their own mean.

    Returns:
        ``variance_inside`` (seed, directions, component): of the found states in principal directions of task 1, and
        ``own_variance`` (seed, component): in their own, which no other directions exceed.
    """
    inside = torch.stack([shared_variance(each["output"], found["output"]) for each in (first, now)], 1)
    own = cumulative_variance(covariance_spectrum(found["output"]))
    return xr.Dataset(
        {
            "variance_inside": (("seed", "directions", "component"), inside.cpu().numpy()),
            "own_variance": (("seed", "component"), own.cpu().numpy()),
        },
        {"directions": DIRECTIONS, "component": np.arange(1, own.shape[1] + 1)},
    )
