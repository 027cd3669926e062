r"""Find the sample to which each row of an error signal belongs, wherever the model has put it.

A model may flatten, transpose, pack or sort what it is given. Who owns a row is read from two backward passes: with
random cotangents v_b of the outputs z_b, the first takes the gradient of Σ_b ⟨v_b, z_b⟩, the second that of
Σ_b c_b ⟨v_b, z_b⟩, where c_b = 1 + b / B. A row that samples do not share grows by exactly the c_b of its own.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-3}
"""relative differences that rounding may cause; others are of half precision"""


class Layout(NamedTuple):
    """A Layout says where the rows of each sample are: in a regular place (outer, sample, inner), or by a table."""

    samples: int
    inner: int | None = None
    """rows in a stretch of one sample, in the regular case"""
    table: Tensor | None = None
    """row of each (place, sample); the number of all rows where there is none"""

    def __call__(self, rows: Tensor) -> Tensor:
        """Return rows (row, feature) with the axes (place, sample, feature); where there is none, zeros."""
        if self.inner is not None:
            split = rows.unflatten(0, (-1, self.samples, self.inner))
            return split.transpose(1, 2).flatten(0, 1)
        assert self.table is not None
        padded = torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])])
        return padded[self.table]


def weights_of(samples: int, like: Tensor) -> Tensor:
    """Return c_b for each sample."""
    return 1 + torch.arange(samples, dtype=like.dtype, device=like.device) / samples


def find_layout(once: Tensor, weighted: Tensor, samples: int) -> Layout | None:
    """Return where the rows of each sample are; ``None`` if a row is of several samples.

    Args:
        once: gradient of the unweighted sum with respect to a tap.
        weighted: that of the weighted sum.
        samples: number of samples B.
    """
    one, other = (each.reshape(-1, each.shape[-1]).double() for each in (once, weighted))
    size, tolerance = one.square().sum(1), TOLERANCES.get(once.dtype, 5e-2)
    largest = size.max() if len(size) else size.new_zeros(())
    if samples == 1 or not bool(largest > 0):
        return (
            Layout(samples, len(one) // samples)
            if len(one) % samples == 0
            else Layout(samples, None, _empty(one, samples))
        )
    factor = (one * other).sum(1) / size.clamp(min=1e-300)
    rest = (other - factor[:, None] * one).square().sum(1)
    place = (factor - 1) * samples
    owner = place.round().long()
    is_one = (rest <= tolerance**2 * size) & ((place - owner).abs() < 0.1) & (owner >= 0) & (owner < samples)
    matters = size > (tolerance / 1e3 if tolerance < 1e-6 else tolerance / 1e2) ** 2 * largest
    if bool((matters & ~is_one).any()):
        return None
    known = is_one & (size > 0)
    rows = len(one)
    if rows % samples == 0:
        number = torch.arange(rows, device=owner.device)
        for inner in _stretches(once, owner[known], rows // samples):
            if bool((((number // inner) % samples) == owner)[known].all()):
                return Layout(samples, inner)
    return Layout(samples, None, _table(owner, known, samples))


def _stretches(signal: Tensor, owners: Tensor, places: int) -> list[int]:
    """Return how many rows of one sample may stand one after the other: first those after an axis of the samples."""
    sizes = list(signal.shape[:-1])
    after = [math.prod(sizes[k + 1 :]) for k in range(len(sizes))]
    changes = (owners[1:] != owners[:-1]).nonzero()
    candidates = [inner for inner, size in zip(after, sizes, strict=True) if size * places == math.prod(sizes)]
    candidates += [*after, 1, places, *(changes[:1, 0] + 1).tolist()]
    return [each for each in dict.fromkeys(candidates) if places % each == 0]


def _table(owner: Tensor, known: Tensor, samples: int) -> Tensor:
    """Return the rows of each sample, in their order."""
    rows = len(owner)
    chosen = known.nonzero()[:, 0]
    order = chosen[owner[chosen].argsort(stable=True)]
    counts = torch.bincount(owner[chosen], minlength=samples)
    table = torch.full((int(counts.max()), samples), rows, device=owner.device)
    start = counts.cumsum(0) - counts
    within = torch.arange(len(order), device=owner.device) - start.repeat_interleave(counts)
    table[within, owner[order]] = order
    return table


def _empty(rows: Tensor, samples: int) -> Tensor:
    return torch.full((0, samples), len(rows), device=rows.device)
