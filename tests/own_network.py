"""A network of a user: a cell and a class at the top of a module."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from wmcl.networks import Network


class LeakyCell:
    """h_t = (1 - LEAK) h_{t-1} + LEAK tanh(a)."""

    LEAK = 0.4
    gates, blocks, in_place, has_cell_state, passes_hidden = 1, 1, False, False, True

    def step(self, values, before, after):
        torch.lerp(before.hidden, values.tanh_(), self.LEAK, out=after.hidden)

    def step_backward(self, errors, values, before, after, gradient):
        torch.mul(self.LEAK * gradient.hidden, 1 - values**2, out=errors)
        gradient.hidden.mul_(1 - self.LEAK)


@dataclass(frozen=True)
class Leaky(Network):
    """A layer of leaky units."""

    cell: ClassVar = LeakyCell()
