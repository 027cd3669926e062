"""The gated recurrent unit (GRU) decides by two gates how much of its state it keeps and how much it reads."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks.cell import Cell, State
from wmcl.networks.network import Network

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class GRUCell:
    """The cell of a GRU computes h = n + z (h_before - n) from the candidate n = tanh(a_x + r a_h).

    r is the reset gate and z the update gate. The candidate's parts from the input (a_x) and from the hidden state
    (a_h) are blocks of their own, since r acts on the latter alone: the blocks are a_x, r, z, a_h.
    """

    gates = 3
    blocks = 4
    in_place = False
    has_cell_state = False
    passes_hidden = True

    def next_state(self, values: Float[Tensor, "member sample block"], before: State) -> State:
        """Return h = n + z (h_before - n)."""
        a_x, r, z, a_h = values.chunk(4, -1)
        n = (a_x + r.sigmoid() * a_h).tanh()
        return State(n + z.sigmoid() * (before.hidden - n))

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Compute h = n + z (h_before - n), and leave n, r, z, a_h in ``values``."""
        n, r, z, a_h = values.chunk(4, -1)
        _gates(values).sigmoid_()
        n.addcmul_(r, a_h).tanh_()
        torch.sub(before.hidden, n, out=after.hidden).mul_(z).add_(n)

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """Send z ∂L/∂h directly to the hidden state before, and (1 - z) ∂L/∂h through the candidate."""
        n, r, z, a_h = values.chunk(4, -1)
        of_n, of_r, of_z, of_a_h = errors.chunk(4, -1)
        of_h = gradient.hidden
        torch.sub(before.hidden, n, out=of_z).mul_(of_h)
        torch.mul(of_h, z, out=of_a_h)  # only for now: what goes to the hidden state before
        torch.sub(of_h, of_a_h, out=of_n)
        of_h.copy_(of_a_h)
        _tanh_backward(of_n, n, grad_input=of_n)
        torch.mul(of_n, a_h, out=of_r)
        torch.mul(of_n, r, out=of_a_h)
        _sigmoid_backward(_gates(errors), _gates(values), grad_input=_gates(errors))


def _gates(values: Tensor) -> Tensor:
    """Return the blocks r and z."""
    block = values.shape[-1] // 4
    return values[..., block : 3 * block]


@dataclass(frozen=True)
class GRU(Network):
    r"""A GRU computes what ``torch.nn.GRU`` does (Cho et al., EMNLP 2014, with the reset gate after W_hh).

    .. math::
        r_t, z_t &= σ(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \quad\text{(blocks 1 and 2)} \\
        n_t &= \tanh(W_{ih} x_t + b_{ih} + r_t (W_{hh} h_{t-1} + b_{hh})) \quad\text{(block 3)} \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}, \quad z^{out}_t = W_{out} h_t + b_{out}

    The rows of W_ih and W_hh are stacked in the order reset, update, candidate.
    """

    cell: ClassVar[Cell] = GRUCell()
