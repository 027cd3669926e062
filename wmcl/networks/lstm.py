"""The long short-term memory (LSTM) keeps a cell state that its gates write, hold and show."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.check_arguments import check_argument
from wmcl.networks.cell import Cell, State
from wmcl.networks.network import Network
from wmcl.networks.recurrence import Weights

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


class LSTMCell:
    """The cell of an LSTM computes c = f c_before + i g and h = o tanh(c).

    i is the input gate, f the forget gate, g the candidate and o the output gate.
    """

    gates = 4
    blocks = 4
    in_place = False
    has_cell_state = True
    passes_hidden = False

    def next_state(self, values: Float[Tensor, "member sample block"], before: State) -> State:
        """Return c = f c_before + i g and h = o tanh(c)."""
        assert before.cell is not None
        i, f, g, o = values.chunk(4, -1)
        c = f.sigmoid() * before.cell + i.sigmoid() * g.tanh()
        return State(o.sigmoid() * c.tanh(), c)

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Compute c = f c_before + i g and h = o tanh(c), and leave i, f, g, o in ``values``."""
        assert before.cell is not None
        assert after.cell is not None
        i, f, g, o = values.chunk(4, -1)
        _pair(values).sigmoid_()
        g.tanh_()
        o.sigmoid_()
        torch.mul(f, before.cell, out=after.cell).addcmul_(i, g)
        torch.tanh(after.cell, out=after.hidden).mul_(o)

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """Add o (1 - tanh² c) ∂L/∂h to ∂L/∂c, and compute δ_o from ∂L/∂h and the other error signals from ∂L/∂c."""
        assert before.cell is not None
        assert after.cell is not None
        assert gradient.cell is not None
        i, f, g, o = values.chunk(4, -1)
        of_i, of_f, of_g, of_o = errors.chunk(4, -1)
        of_h, of_c = gradient.hidden, gradient.cell
        squashed = after.cell.tanh()
        torch.mul(of_h, squashed, out=of_o)
        _sigmoid_backward(of_o, o, grad_input=of_o)
        of_c += _tanh_backward(of_h.mul_(o), squashed, grad_input=squashed)
        torch.mul(of_c, g, out=of_i)
        torch.mul(of_c, before.cell, out=of_f)
        _sigmoid_backward(_pair(errors), _pair(values), grad_input=_pair(errors))
        torch.mul(of_c, i, out=of_g)
        _tanh_backward(of_g, g, grad_input=of_g)
        of_c *= f


def _pair(values: Tensor) -> Tensor:
    """Return the blocks of the gates i and f."""
    return values[..., : values.shape[-1] // 2]


@dataclass(frozen=True)
class LSTM(Network):
    r"""An LSTM computes what ``torch.nn.LSTM`` and the paper's code do.

    .. math::
        i_t, f_t, o_t &= σ(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \quad\text{(blocks 1, 2 and 4)} \\
        g_t &= \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \quad\text{(block 3)} \\
        c_t &= f_t c_{t-1} + i_t g_t, \quad h_t = o_t \tanh(c_t), \quad z_t = W_{out} h_t + b_{out}

    The rows of W_ih and W_hh are stacked in the order input, forget, candidate, output. The biases of the forget gate
    start like all others, and ``forget_bias`` is a constant on top of them.

    Raises:
        ValueError: if a field lies outside of its range.
    """

    cell: ClassVar[Cell] = LSTMCell()
    _: KW_ONLY
    forget_bias: float = 0.0
    """constant in the pre-activations of the forget gate. At 0, c_t of a new network halves about every step; at b it
    lasts for about e^b steps (Gers, Schmidhuber and Cummins, Neural Computation 12, 2000). As a constant, and not as a
    bias that is learned, it acts on generated weights, too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_argument("forget_bias", self.forget_bias, float)
        if not math.isfinite(self.forget_bias):
            raise ValueError(f"forget_bias is {self.forget_bias}: it must be finite")

    def offset(self, weights: Weights) -> Weights:
        """Return the weights with ``forget_bias`` added to the biases of the forget gate."""
        if not self.forget_bias:
            return weights
        constant = weights.b_ih.new_zeros(weights.b_ih.shape[-1])
        constant[self.hidden : 2 * self.hidden] = self.forget_bias
        return weights._replace(b_ih=weights.b_ih + constant)
