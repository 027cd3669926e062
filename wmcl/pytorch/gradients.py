"""Sum powers of the per-sample gradients of a parameter over all of its uses, a block of samples at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from wmcl.importance.per_sample import _VALUES_AT_ONCE, Power, weight_powers
from wmcl.networks.activations import LinearMap
from wmcl.pytorch.layout import Layout
from wmcl.pytorch.watch import Use


class Rows:
    """The rows of one use: error signals and what was read, both with the axes (place, sample, feature)."""

    def __init__(self, use: Use, signal: Tensor, layout: Layout) -> None:
        self.use = use
        flat = signal.reshape(-1, signal.shape[-1])
        self.signal = layout(flat)
        self.read = None
        if use.input is not None:
            if use.input._version != use.version:
                raise ValueError(f"{use.parameter} reads a tensor that the model changes in place afterwards")
            read = use.input
            self.read = layout(read.reshape(len(flat), -1))


def sum_of_powers(
    parameter: nn.Parameter, uses: Sequence[Rows], power: Power, buffers: Mapping[Any, Float[Tensor, "value"]]
) -> Tensor:
    """Sum the squared or absolute gradients of a parameter over samples, in float64.

    The gradient of a sample is the sum over all uses, so a parameter that is used again and again, or is tied to
    another one, is exact.
    """
    buffer = buffers[_kind(parameter)]
    total = torch.zeros(parameter.shape, dtype=torch.float64, device=parameter.device)
    kinds = {rows.use.kind for rows in uses}
    is_whole = all(not rows.use.first for rows in uses)
    if kinds == {"outer"} and is_whole and _whole(parameter, uses):
        signal = _along(parameter, [rows.signal for rows in uses])
        read = _along(parameter, [rows.read for rows in uses if rows.read is not None])
        weight = weight_powers(signal[None], LinearMap("", None, read[None], signal[None]), buffer, power)
        return weight[0].reshape(parameter.shape)
    if kinds == {"rows"}:
        return _of_table(total, uses, power)
    samples = uses[0].signal.shape[1]
    block = max(1, buffer.numel() // max(1, parameter.numel()))
    for first in range(0, samples, block):
        gradient = sum(dense(parameter, rows, slice(first, first + block)) for rows in uses)
        assert isinstance(gradient, Tensor)
        total += gradient.double().abs().pow(power).sum(0)
    return total


def _whole(parameter: nn.Parameter, uses: Sequence[Rows]) -> bool:
    return all(rows.signal.shape[-1] == len(parameter) for rows in uses)


def _along(parameter: nn.Parameter, rows: Sequence[Tensor]) -> Tensor:
    dtype, _ = _kind(parameter)
    return (rows[0] if len(rows) == 1 else torch.cat(list(rows))).to(dtype)


def dense(parameter: nn.Parameter, rows: Rows, chosen: slice) -> Tensor:
    """Return what a use adds to the gradient of each of some samples, with the shape (sample, *parameter)."""
    signal = _along(parameter, [rows.signal])[:, chosen]
    samples, first = signal.shape[1], rows.use.first
    if rows.use.kind == "sum":
        part = signal.sum(0)
    elif rows.use.kind == "rows":
        assert rows.read is not None
        index = rows.read[:, chosen, 0].T
        part = signal.new_zeros(samples, len(parameter) + 1, signal.shape[-1])  # the last row takes what learns nothing
        place = torch.where(index < 0, len(parameter), index)[..., None].expand(-1, -1, signal.shape[-1])
        part = part.scatter_add_(1, place, signal.transpose(0, 1))[:, :-1]
    else:
        assert rows.read is not None
        read = _along(parameter, [rows.read])[:, chosen]
        part = (signal * read).sum(0) if rows.use.kind == "product" else torch.einsum("rbo,rbi->boi", signal, read)
    whole = part.new_zeros(samples, *parameter.shape)
    flat = whole.view(samples, len(parameter), -1)
    flat[:, first : first + part.shape[1]] = part.reshape(samples, part.shape[1], -1)
    return whole


def _of_table(total: Tensor, uses: Sequence[Rows], power: Power) -> Tensor:
    """Sum over the rows of an embedding that occur, without a table for each sample."""
    signal = torch.cat([rows.signal for rows in uses]).double()
    index = torch.cat([rows.read[..., 0] for rows in uses if rows.read is not None])
    sample = torch.arange(signal.shape[1], device=signal.device).expand(len(signal), -1)
    learns = index >= 0
    key, place = (sample * len(total) + index)[learns].unique(return_inverse=True)
    sums = signal.new_zeros(len(key), signal.shape[-1]).index_add_(0, place, signal[learns])
    return total.index_add_(0, key % len(total), sums.abs().pow(power))


def _kind(parameter: nn.Parameter) -> tuple[torch.dtype, torch.device]:
    """Return the type and the device of the gradients of a parameter: those of half precision are formed in single."""
    return torch.float64 if parameter.dtype == torch.float64 else torch.float32, parameter.device


def new_buffers(parameters: Iterable[nn.Parameter]) -> dict[Any, Tensor]:
    """Allocate memory for the gradients of a block of samples, at least one, of each type and on each device."""
    largest: dict[Any, int] = {}
    for parameter in parameters:
        largest[_kind(parameter)] = max(_VALUES_AT_ONCE, parameter.numel(), largest.get(_kind(parameter), 0))
    return {(dtype, at): torch.empty(size, dtype=dtype, device=at) for (dtype, at), size in largest.items()}
