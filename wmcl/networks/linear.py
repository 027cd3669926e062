"""The linear RNN has closed forms of its memory and importances."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from wmcl.networks.cell import Cell, State
from wmcl.networks.network import Network


class LinearCell:
    """The cell of a linear RNN computes h = a, in place."""

    gates = 1
    blocks = 1
    in_place = True
    has_cell_state = False
    passes_hidden = False

    def next_state(self, values: Float[Tensor, "member sample block"], before: State) -> State:
        """Return h = a."""
        return State(values)

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Leave the pre-activations as they are: they are the hidden states, h = a."""

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """Leave ∂L/∂h as it is, since ∂L/∂a = ∂L/∂h."""


@dataclass(frozen=True)
class LinearRNN(Network):
    r"""A linear RNN has a recurrence without a nonlinearity.

    .. math::
        h_t = W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}, \quad h_{-1} = 0, \qquad z_t = W_{out} h_t + b_{out}

    Its Fisher information has a closed form (:mod:`wmcl.importance.linear_fisher`).

    Example:
        >>> import torch, wmcl
        >>> network = wmcl.networks.LinearRNN(inputs=2, hidden=16, outputs=2)
        >>> tuple(network.apply(network.init(seeds=[0]), torch.zeros(1, 5, 3, 2)).logits.shape)
        (1, 5, 3, 2)
    """

    cell: ClassVar[Cell] = LinearCell()
