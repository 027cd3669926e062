"""The Elman network is the vanilla RNN of the paper."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks.cell import Cell, State
from wmcl.networks.network import Network


class TanhCell:
    """The cell of an Elman network computes h = tanh(a), in place."""

    gates = 1
    blocks = 1
    in_place = True
    has_cell_state = False
    passes_hidden = False

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Compute h = tanh(a)."""
        values.tanh_()

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """Compute ∂L/∂a = ∂L/∂h (1 - h²)."""
        torch.ops.aten.tanh_backward.grad_input(errors, values, grad_input=errors)


@dataclass(frozen=True)
class Elman(Network):
    r"""An Elman network has a tanh cell and, as in the paper, an output stage before the head.

    .. math::
        h_t &= \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}), \quad h_{-1} = 0 \\
        y_t &= \tanh(W_{ho} h_t + b_{ho}) \\
        z_t &= W_{out} y_t + b_{out}

    Without the output stage y_t = h_t. With several layers, the next one reads y_t.

    Example:
        >>> import torch, wmcl
        >>> network = wmcl.networks.Elman(inputs=8, hidden=16, outputs=7)
        >>> parameters = network.init(seeds=[0, 1, 2])
        >>> tuple(parameters["W_hh"].shape)
        (3, 16, 16)
        >>> tuple(network.apply(parameters, torch.zeros(1, 11, 4, 8)).logits.shape)
        (3, 11, 4, 7)
    """

    cell: ClassVar[Cell] = TanhCell()
    output_stage: bool = True
    """whether there is a layer y_t = tanh(W_ho h_t + b_ho) after each recurrent layer"""

    @property
    def has_output_stage(self) -> bool:
        """Tell whether y_t differs from h_t."""
        return self.output_stage
