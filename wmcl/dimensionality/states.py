"""Choose which hidden states a measure looks at."""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from wmcl.check_data import check_data, check_floats, check_is_sequences
from wmcl.networks import Network, Parameters
from wmcl.tasks import Phase, Sequences

Centre = Literal["pooled", "step"]


@torch.no_grad()
def hidden_states(
    network: Network, parameters: Parameters, data: Sequences
) -> Float[Tensor, "member time sample unit"]:
    """Compute the hidden states h_t of the last layer at every step; :func:`states` takes those of a phase.

    Raises:
        ValueError: if network, parameters and sequences do not fit.
    """
    check_data(network, parameters, data, reads_targets=False)
    return network.apply(parameters, data.inputs, slice(0, 0), lengths=data.lengths).hidden


def states(
    hidden: Float[Tensor, "member time sample unit"],
    data: Sequences,
    phase: Phase | str | None = None,
    centre: Centre = "pooled",
) -> Float[Tensor, "member row unit"]:
    """Take the hidden states of a phase, one row for each (time, sample), step by step.

    Where the phase falls on different steps in different samples, those (time, sample) that are in it are taken.
    Padding is never among the states.

    Args:
        hidden: h_t of every step.
        data: sequences that the network ran on.
        phase: a :class:`~wmcl.tasks.Phase` or its name; ``None`` or ``"all"`` takes every step but padding.
        centre: ``pooled`` leaves the states as they are (measures subtract their common mean); ``step``
            subtracts the mean of each step first, over the samples in the phase, so that what differs between steps
            alone is not counted.

    Raises:
        ValueError: if states and sequences do not fit, if the phase is unknown or empty, if members have different
            numbers of states in it, or if the centre is unknown.
    """
    check_floats(hidden, "hidden", "member time sample unit")
    if not isinstance(centre, str) or centre not in get_args(Centre):
        raise ValueError(f"centre is {centre!r}: it must be one of {', '.join(get_args(Centre))}")
    mask = mask_of(data, phase).to(hidden.device)
    if tuple(mask.shape[1:]) != tuple(hidden.shape[1:3]):
        steps, samples = mask.shape[1:]
        raise ValueError(
            f"hidden is of shape {tuple(hidden.shape)}: it must hold the {steps} steps and {samples} samples of data"
        )
    if not _is_same_for_all(mask):
        return _pool(hidden, mask, centre)
    chosen = hidden[:, mask[0, :, 0]]
    if centre == "step":
        chosen = chosen.double() - chosen.mean(2, keepdim=True, dtype=torch.float64)  # float32 would leave noise
    return chosen.flatten(1, 2)


def _pool(
    hidden: Float[Tensor, "member time sample unit"], mask: Bool[Tensor, "#member time sample"], centre: Centre
) -> Float[Tensor, "member row unit"]:
    rows = mask.sum((1, 2)).tolist()
    if len(set(rows)) > 1:
        raise ValueError(f"data has {rows} states of the phase in its members: measures need as many in each")
    if centre == "step":
        weights = mask.double()[..., None]
        mean = (hidden * weights).sum(2, keepdim=True) / weights.sum(2, keepdim=True).clamp(min=1)
        hidden = hidden.double() - mean
    return hidden[mask.expand(hidden.shape[:3])].view(len(hidden), -1, hidden.shape[3])


def steps_of(data: Sequences, phase: Phase | str | None) -> list[int]:
    """List the steps of a phase, which must be the same for every sample; ``None`` or ``"all"`` takes every step.

    Raises:
        ValueError: if the phase is unknown or empty, or if its steps differ between samples, as those of all steps do
            where shorter sequences are padded.
    """
    mask = mask_of(data, phase).cpu()
    if not _is_same_for_all(mask):
        name = "all" if phase is None else Phase(phase).name if isinstance(phase, int) else phase
        raise ValueError(f"phase {name!r} falls on different steps in different samples")
    steps: list[int] = mask[0, :, 0].nonzero()[:, 0].tolist()
    return steps


def is_aligned(data: Sequences, phase: Phase | str | None) -> bool:
    """Tell whether a phase falls on the same steps in every sample; ``None`` or ``"all"``: nothing is padded."""
    return _is_same_for_all(mask_of(data, phase))


def mask_of(data: Sequences, phase: Phase | str | None) -> Bool[Tensor, "#member time sample"]:
    """Mark which (time, sample) are in a phase; ``None`` or ``"all"``: all but padding.

    Raises:
        ValueError: if the phase is unknown, empty or padding.
    """
    check_is_sequences(data)
    if phase is None or (isinstance(phase, str) and phase == "all"):
        return data.phase != Phase.padding
    names = [p.name for p in Phase]
    if not isinstance(phase, (str, Phase)):
        raise ValueError(f"phase is {phase!r}: it must be one of {', '.join(names)}, or all for every step")
    if isinstance(phase, str) and phase not in names:
        raise ValueError(f"phase is {phase!r}: it must be one of {', '.join(names)}, or all for every step")
    wanted = Phase[phase] if isinstance(phase, str) else phase
    if wanted == Phase.padding:
        raise ValueError("phase is 'padding': it must be another one, as nothing happens after the end of a sequence")
    mask = data.phase == wanted
    if not bool(mask.any()):
        raise ValueError(f"phase {wanted.name!r} does not occur in these sequences")
    return mask


def _is_same_for_all(mask: Bool[Tensor, "#member time sample"]) -> bool:
    return bool((mask == mask[:1, :, :1]).all())
