"""What a forward pass returns."""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LinearMap:
    """One use of a weight matrix: output[t] = W input[t - delay] + b + tap[t], with zero input before the first step.

    The gradient of a loss with respect to ``tap`` is the error signal δ of every sample and step; the gradient of
    sample b's loss is Σ_t δ[t, b] input[t - delay, b]ᵀ with respect to W, and Σ_t δ[t, b] with respect to the bias.
    Where a recurrence reads backwards, time is in the order of reading.
    """

    weight: str
    bias: str
    input: Float[Tensor, "#member time sample feature"]
    tap: Float[Tensor, "member time sample unit"]
    delay: int = 0
    """steps between input and output: 1 for the recurrent map"""
    start: int = 0
    """step of the sequence that is the first entry along time"""
    rows: slice = field(default_factory=lambda: slice(None))
    """rows of the weight that the map uses"""


@dataclass(frozen=True)
class Activations:
    """States and outputs of an ensemble on a set of sequences."""

    hidden: Float[Tensor, "member time sample unit"]
    """h_t of the last layer at every step; of both directions side by side, if there are two"""
    output: Float[Tensor, "member window sample unit"]
    """what the read-out reads, at the steps that were asked for: y_t, or h_t without output stage"""
    logits: Float[Tensor, "member window sample output"]
    """read-out at the steps that were asked for"""
    maps: tuple[LinearMap, ...] = ()
    """the linear maps, if taps were asked for"""
    layers: tuple[Float[Tensor, "member time sample unit"], ...] = ()
    """h_t of every layer"""
    cell: Float[Tensor, "member time sample unit"] | None = None
    """c_t of the last layer at every step, without gradient, if its cell has one"""
