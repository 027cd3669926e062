"""The vanilla RNN of the paper."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from wmcl.networks.cell import Cell, State
from wmcl.networks.network import Network


class TanhCell:
    """h = tanh(a), in place."""

    gates = 1
    blocks = 1
    in_place = True
    has_cell_state = False
    passes_hidden = False

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Pre-activations to hidden states."""
        values.tanh_()

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """∂L/∂h (1 - h²)."""
        torch.ops.aten.tanh_backward.grad_input(errors, values, grad_input=errors)


@dataclass(frozen=True)
class Elman(Network):
    r"""Elman network with the output stage of the paper.

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

    @property
    def has_output_stage(self) -> bool:
        """Whether y_t differs from h_t."""
        return self.output_stage
