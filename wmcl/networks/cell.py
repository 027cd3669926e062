"""A cell is the elementwise half of a recurrent layer: it turns pre-activations into states."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


class State(NamedTuple):
    """A State is what a recurrent layer hands from one step to the next.

    The gradient with respect to a state is a state, too.
    """

    hidden: Float[Tensor, "member sample unit"]
    """hidden state h_t"""
    cell: Float[Tensor, "member sample unit"] | None = None
    """cell state c_t, for cells that have one"""


@runtime_checkable
class Cell(Protocol):
    """A cell is the elementwise part of a recurrent layer.

    Pre-activations come in blocks of n units. The input map writes the first ``gates`` blocks and the recurrent map
    the last ``gates``; a block that both write holds the sum of the two. So a cell with one block more than gates sees
    the two parts of one gate apart: the last gate of W_ih comes first, the last gate of W_hh last.

    To differentiate gradients once more, and for the transforms of ``torch.func``, a cell also has
    ``next_state(values, before) -> State``: what :meth:`step` computes, in operations that change nothing in place and
    that autograd follows. Without it, these are refused.
    """

    gates: int
    """number of blocks of rows of W_ih and of W_hh"""
    blocks: int
    """number of blocks of pre-activations: ``gates``, or one more"""
    in_place: bool
    """whether the hidden states are written over the pre-activations, which saves memory"""
    has_cell_state: bool
    """whether the cell state c_t is handed on beside the hidden state h_t"""
    passes_hidden: bool
    """whether h_{t-1} reaches h_t by other ways than W_hh"""

    def step(self, values: Float[Tensor, "member sample block"], before: State, after: State) -> None:
        """Write the state after a step, given the pre-activations and the state before it.

        ``values`` may be overwritten with whatever :meth:`step_backward` needs. In place, ``after.hidden`` is
        ``values``.
        """

    def step_backward(
        self,
        errors: Float[Tensor, "member sample block"],
        values: Float[Tensor, "member sample block"],
        before: State,
        after: State,
        gradient: State,
    ) -> None:
        """Write ∂L/∂(pre-activations) into ``errors``, given the gradient with respect to the state after a step.

        ``gradient`` is overwritten with the gradient with respect to the state before the step, by all ways but
        W_hh; its hidden part only if ``passes_hidden``. In place, ``gradient.hidden`` is ``errors``.
        """
