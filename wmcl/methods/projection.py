r"""State projection keeps the recurrence from changing what it does to the hidden states of earlier tasks.

A recurrent weight matrix acts on the hidden state, W_hh h. A change Δ of it leaves that as it is for every h of a
subspace if Δ vanishes there. With an orthonormal basis U of the subspace that the states of earlier tasks fill, each
update is replaced by

.. math::
    Δ \leftarrow Δ (I - U U^\top).

The subspace holds a share of the second moment E[h hᵀ], over the sequences of each task and the steps at which W_hh
reads, as in gradient projection memory (Saha, Garg and Roy, ICLR 2021), which projects gradients of feed-forward
layers.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from wmcl.networks import Parameters
from wmcl.tasks.task import check_counts
from wmcl.training.parts import Learner, Offer, Penalty


@dataclass(frozen=True)
class StateProjection(Penalty):
    """Project the update of every W_hh off the subspace of the hidden states of earlier tasks.

    Its memory is I - U Uᵀ of every recurrent matrix, (member, unit, unit) in float64. It holds nothing but recurrent
    matrices: outputs of earlier tasks stay only as far as their input maps and heads do.

    Raises:
        ValueError: if the share lies outside of its range, or there are no samples.
    """

    needs: ClassVar[frozenset[Offer]] = frozenset({Offer.earlier_tasks, Offer.shared_weights, Offer.sequences})

    share: float = 0.99
    """share of the second moment of the states of a task that its protected directions hold; 1 protects all of them"""
    samples: int = 200
    """number of sequences of a task; each member draws its own"""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share is {self.share}: it must be above 0 and at most 1")
        check_counts(samples=self.samples)

    def start(self, learner: Learner, memory: Parameters | None, values: Parameters, task: int) -> Parameters | None:
        """Return the projections, in the type of the values."""
        return None if memory is None else {name: free.to(values[name].dtype) for name, free in memory.items()}

    def adjust_update(self, past: Parameters, update: Parameters, values: Parameters, draws: Parameters) -> Parameters:
        """Project the update of every recurrent matrix."""
        return update | {name: update[name] @ free for name, free in past.items()}

    @torch.no_grad()
    def finish(
        self, learner: Learner, memory: Parameters | None, values: Parameters, task: int, observed: Parameters
    ) -> Parameters:
        """Return the projections without the directions of the task's states."""
        found = {}
        for name, moment in _second_moments(learner, values, task, self.samples).items():
            free = torch.eye(moment.shape[-1], dtype=moment.dtype, device=moment.device).expand_as(moment)
            found[name] = _without(memory[name] if memory else free, moment, self.share)
        return found


def _second_moments(
    learner: Learner, values: Parameters, task: int, samples: int
) -> dict[str, Float64[Tensor, "member unit unit"]]:
    """Return E[h hᵀ] of what each recurrent matrix reads, over all sequences and the steps before their padding."""
    data = learner.data(task, "projection", samples)
    given = learner.network_of(task).apply(learner.weights(values, task), data.inputs, taps=True, lengths=data.lengths)
    found = {}
    for each in given.maps:
        if each.weight.startswith("W_hh"):
            steps = torch.arange(each.input.shape[1], device=each.input.device)[None, :, None]
            states = each.input.double() * (steps + each.delay < data.lengths[:, None])[..., None]
            flat = states.flatten(1, 2)
            found[each.weight] = flat.mT @ flat / data.lengths.sum(1)[:, None, None]
    unknown = [name for name in values if name.startswith("W_hh") and name not in found]
    if unknown:
        raise ValueError(f"the network has no linear map {unknown[0]}: its apply must return it with taps=True")
    return found


def _without(
    free: Float64[Tensor, "member unit unit"], moment: Float64[Tensor, "member unit unit"], share: float
) -> Float64[Tensor, "member unit unit"]:
    """Return the projection without the fewest directions that leave at most 1 - share of the trace of a moment."""
    values, vectors = torch.linalg.eigh(free @ moment @ free)
    values, vectors = values.flip(-1).clamp(min=0), vectors.flip(-1)
    total = moment.diagonal(dim1=1, dim2=2).sum(1)[:, None]
    left = values.flip(-1).cumsum(-1).flip(-1)  # of the trace, by this direction and all after it
    rounding = 1e-12 * total
    taken = vectors * ((left > (1 - share) * total + rounding) & (values > rounding))[:, None]
    # all eigenvalues are 0 or 1, up to rounding, which would add up from task to task
    values, vectors = torch.linalg.eigh(free - taken @ taken.mT)
    kept = vectors * (values > 0.5)[:, None]
    return kept @ kept.mT
