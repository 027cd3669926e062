r"""What may predict a front: size and spread of the importance of task 1, and how far it lies where task 2 is steep.

The overlap of Kirkpatrick et al. (PNAS 2017, supporting information) of two importances A and B is

.. math::
    o = \sum_i \sqrt{\frac{A_i}{\sum_j A_j} \frac{B_i}{\sum_j B_j}} = 1 - d^2,

with d² the Fréchet distance of the two diagonal matrices after each is divided by its trace: from 0, if no weight
matters in both, to 1, if they are proportional.
"""

from collections.abc import Sequence

import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from front_study.config import Config
from wmcl.importance import fisher_diagonal
from wmcl.methods import TrainedSession
from wmcl.methods.importances import Importance
from wmcl.networks import Parameters

HEADS = ("W_out", "b_out")


def of_first_task(
    importance: Importance, sessions: Sequence[TrainedSession], members: Sequence[int], config: Config
) -> xr.Dataset:
    """Of the members that nothing held back: importance of task 1 after task 1, and sampled Fisher of task 2 after it.

    Returns:
        For each ``seed``: ``level``, mean over W_hh; ``effective_fraction`` of W_hh, (ΣΩ)² / (n ΣΩ²); and ``overlap``
        over all values but the heads.
    """
    first, last = sessions[0], sessions[-1]
    places, learner = list(members), first.learner.of_members(members)
    chosen, watched = (
        {name: value[places] for name, value in values.items()} for values in (first.values, first.observed)
    )
    found = importance.measure(learner, chosen, 0, watched)
    weights = {name: value[places] for name, value in (last.weights(1) or {}).items()}
    probe = learner.data(1, "curvature", config.rows.importance_samples)
    curvature = fisher_diagonal(learner.network_of(1), weights, probe, learner.tasks[1], "sampled", learner.seeds)
    recurrent = found["W_hh"].flatten(1)
    each = {
        "level": recurrent.mean(1),
        "effective_fraction": recurrent.sum(1).square() / (recurrent.shape[1] * recurrent.square().sum(1)),
        "overlap": overlap(_shared(found), _shared(curvature)),
    }
    return xr.Dataset(
        {name: ("seed", value.cpu().numpy()) for name, value in each.items()}, {"seed": list(learner.seeds)}
    )


def overlap(one: Float[Tensor, "member value"], other: Float[Tensor, "member value"]) -> Float[Tensor, "member"]:
    """Σ √(A B) with each divided by its sum; NaN where one of them is zero everywhere."""
    first, second = (values / values.sum(1, keepdim=True) for values in (one, other))
    return (first * second).sqrt().sum(1)


def _shared(values: Parameters) -> Float[Tensor, "member value"]:
    """All values that both tasks use, in the order of their names."""
    return torch.cat([values[name].double().flatten(1) for name in sorted(values) if name not in HEADS], 1)
