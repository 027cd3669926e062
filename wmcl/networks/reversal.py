"""To read sequences backwards, their own steps are reversed, and their padding stays at the end."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def reverse(
    values: Float[Tensor, "member time sample feature"], lengths: Int[Tensor, "#member sample"] | None
) -> Float[Tensor, "member time sample feature"]:
    """Reverse sequences: step t of one of length L becomes step L - 1 - t, and steps from L on stay where they are.

    So a recurrence over the result sees all of a sequence before any of its padding. Doing it twice changes nothing.

    Args:
        values: of every step.
        lengths: of the sequences; ``None`` if all have the length of the time axis. One row serves all members.

    Raises:
        ValueError: if a length is negative or above the number of steps (on a CPU; a GPU would have to wait for it).
    """
    if lengths is None:
        return values.flip(1)
    if lengths.device.type == "cpu" and not 0 <= int(lengths.min()) <= int(lengths.max()) <= values.shape[1]:
        raise ValueError(
            f"lengths reach from {lengths.min()} to {lengths.max()}: they must lie in 0 to {values.shape[1]}"
        )
    time = torch.arange(values.shape[1], device=values.device)[None, :, None]
    ends = lengths[:, None]
    index = torch.where(time < ends, ends - 1 - time, time)
    return values.gather(1, index[..., None].expand_as(values))
