"""A forward pass returns the activations of an ensemble and, if wanted, the uses of its weights."""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LinearMap:
    """A linear map is one use of a weight matrix: output[t] = W input[t - delay] + b + tap[t].

    The input before the first step is zero. The gradient of a loss with respect to ``tap`` is the error signal δ of
    every sample and step; the gradient of sample b's loss is Σ_t δ[t, b] input[t - delay, b]ᵀ with respect to W, and
    Σ_t δ[t, b] with respect to the bias, if there is one. Where a recurrence reads backwards, time is in the order of
    reading.
    """

    weight: str
    bias: str | None
    """name of the bias; ``None`` if the map has none"""
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
    """The activations of an ensemble are its states and outputs on a set of sequences."""

    hidden: Float[Tensor, "member time sample unit"]
    """h_t of the last layer at every step; of both directions side by side, if there are two"""
    output: Float[Tensor, "member window sample unit"]
    """input of the head at the steps of the window: y_t, or h_t without output stage"""
    logits: Float[Tensor, "member window sample output"]
    """output of the head, W_out y_t + b_out, at the steps of the window"""
    maps: tuple[LinearMap, ...] = ()
    """the linear maps, if ``taps`` was set"""
    layers: tuple[Float[Tensor, "member time sample unit"], ...] = ()
    """h_t of every layer"""
    cell: Float[Tensor, "member time sample unit"] | None = None
    """c_t of the last layer at every step, without gradient, if its cell has one"""
