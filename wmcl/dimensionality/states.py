"""Which hidden states a measure looks at."""

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.tasks import Phase, Sequences

Centre = Literal["pooled", "step"]


def states(
    hidden: Float[Tensor, "member time sample unit"],
    sequences: Sequences,
    phase: Phase | str | None = None,
    centre: Centre = "pooled",
) -> Float[Tensor, "member row unit"]:
    """The hidden states of a phase, one row for each (time, sample).

    Args:
        hidden: h_t of every step.
        sequences: that the network ran on.
        phase: a :class:`~wmcl.tasks.Phase` or its name; ``None`` or ``"all"`` takes every step.
        centre: ``pooled`` leaves the states as they are (measures subtract their common mean); ``step``
            subtracts the mean of each step first, so that what differs between steps alone is not counted.

    Raises:
        ValueError: if the phase is unknown or empty, if its steps differ between samples, or if the centre
            is unknown.
    """
    if centre not in get_args(Centre):
        raise ValueError(f"centre is {centre!r}: it must be one of {', '.join(get_args(Centre))}")
    chosen = hidden[:, steps_of(sequences, phase)]
    if centre == "step":
        chosen = chosen.double() - chosen.mean(2, keepdim=True, dtype=torch.float64)  # float32 would leave noise
    return chosen.flatten(1, 2)


def steps_of(sequences: Sequences, phase: Phase | str | None) -> list[int]:
    """The steps of a phase, which must be the same for every sample; ``None`` or ``"all"`` takes every step.

    Raises:
        ValueError: if the phase is unknown or empty, or if its steps differ between samples.
    """
    if phase is None or phase == "all":
        return list(range(sequences.steps))
    names = [p.name for p in Phase]
    if isinstance(phase, str) and phase not in names:
        raise ValueError(f"phase is {phase!r}: it must be one of {', '.join(names)}, or all for every step")
    wanted = Phase[phase] if isinstance(phase, str) else phase
    is_in_phase = (sequences.phase == wanted).cpu()
    if bool((is_in_phase != is_in_phase[:1, :, :1]).any()):
        raise ValueError(f"phase {wanted.name!r} falls on different steps in different samples")
    steps: list[int] = is_in_phase[0, :, 0].nonzero()[:, 0].tolist()
    if not steps:
        raise ValueError(f"phase {wanted.name!r} does not occur in these sequences")
    return steps
