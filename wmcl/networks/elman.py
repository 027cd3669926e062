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

    def next_state(self, values: Float[Tensor, "member sample block"], before: State) -> State:
        """Return h = tanh(a)."""
        return State(values.tanh())

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


class ReLUCell:
    """The cell of an Elman network of rectified units computes h = max(a, 0), in place."""

    gates = 1
    blocks = 1
    in_place = True
    has_cell_state = False
    passes_hidden = False

    def next_state(self, values: Float[Tensor, "member sample block"], before: State) -> State:
        """Return h = max(a, 0)."""
        return State(values.relu())

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Compute h = max(a, 0)."""
        values.relu_()

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """Compute ∂L/∂a = ∂L/∂h where h > 0, and 0 elsewhere."""
        torch.ops.aten.threshold_backward.grad_input(errors, values, 0, grad_input=errors)


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


@dataclass(frozen=True)
class ReLUElman(Elman):
    r"""A ReLUElman is an Elman network of rectified units; its output stage is that of :class:`Elman`.

    .. math::
        h_t = \max(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}, 0), \quad h_{-1} = 0

    Without the output stage it computes what ``torch.nn.RNN`` with ``nonlinearity="relu"`` does. States are not
    bounded: they grow from step to step where W_hh has directions that grow. The gradient of a unit at 0 is 0.

    Example:
        >>> import torch, wmcl
        >>> network = wmcl.networks.ReLUElman(inputs=2, hidden=16, outputs=2, output_stage=False)
        >>> bool((network.apply(network.init(seeds=[0]), torch.randn(1, 5, 3, 2)).hidden >= 0).all())
        True
    """

    cell: ClassVar[Cell] = ReLUCell()
