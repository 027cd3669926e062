"""The vanilla RNN of the paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from wmcl.networks.activations import Activations, LinearMap
from wmcl.networks.initialisation import Initialisation, Parameters, initialise
from wmcl.networks.recurrence import project, unroll


class TanhCell:
    """h = tanh(a)."""

    def step(self, values: Float[Tensor, "member sample unit"]) -> None:
        """Pre-activations to hidden states, in place."""
        values.tanh_()

    def step_backward(
        self, values: Float[Tensor, "member sample unit"], hidden: Float[Tensor, "member sample unit"]
    ) -> None:
        """∂L/∂h (1 - h²), in place."""
        torch.ops.aten.tanh_backward.grad_input(values, hidden, grad_input=values)


@dataclass(frozen=True)
class Elman:
    r"""Elman network with the output stage of the paper.

    .. math::
        h_t &= \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}), \quad h_{-1} = 0 \\
        y_t &= \tanh(W_{ho} h_t + b_{ho}) \\
        z_t &= W_{out} y_t + b_{out}

    Without the output stage y_t = h_t. Parameters are a plain dictionary of tensors of shape
    (member, to, from), or (member, to) for biases.

    Example:
        >>> import torch, wmcl
        >>> network = wmcl.networks.Elman(inputs=8, hidden=16, outputs=7)
        >>> parameters = network.init(seeds=[0, 1, 2])
        >>> tuple(parameters["W_hh"].shape)
        (3, 16, 16)
        >>> tuple(network.apply(parameters, torch.zeros(1, 11, 4, 8)).logits.shape)
        (3, 11, 4, 7)
    """

    inputs: int
    hidden: int
    outputs: int
    output_stage: bool = True
    initialisation: Initialisation = "fan_in"

    def __post_init__(self) -> None:
        for name in ("inputs", "hidden", "outputs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1")
        if self.initialisation not in get_args(Initialisation):
            allowed = ", ".join(get_args(Initialisation))
            raise ValueError(f"initialisation is {self.initialisation!r}: it must be one of {allowed}")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter of one member."""
        n = self.hidden
        stage = {"W_ho": (n, n), "b_ho": (n,)} if self.output_stage else {}
        return {
            "W_ih": (n, self.inputs),
            "b_ih": (n,),
            "W_hh": (n, n),
            "b_hh": (n,),
            **stage,
            "W_out": (self.outputs, n),
            "b_out": (self.outputs,),
        }

    def init(self, seeds: Sequence[int], dtype: torch.dtype = torch.float32) -> Parameters:
        """Initial parameters, a member for each seed."""
        return initialise(self.shapes, self.initialisation, seeds, dtype)

    def apply(
        self,
        parameters: Parameters,
        inputs: Float[Tensor, "#member time sample feature"],
        steps: slice = slice(None),
        taps: bool = False,
        lengths: Int[Tensor, "#member sample"] | None = None,
    ) -> Activations:
        """Run every member on the inputs.

        Args:
            parameters: from :meth:`init` or training.
            inputs: shared by all members if its member axis has size 1.
            steps: contiguous steps at which output stage and read-out are computed.
            taps: whether to return the linear maps, for per-sample gradients.
            lengths: steps of each sequence before its padding; ``None`` if there is none. Only networks that read
                sequences backwards need it.
        """
        p = parameters
        members, units = p["W_hh"].shape[:2]
        tap = _tap(inputs, members, units) if taps else None
        hidden, output = unroll(TanhCell(), inputs, p["W_ih"], p["b_ih"], p["W_hh"], p["b_hh"], steps, tap)
        maps: list[LinearMap] = []
        start = steps.indices(inputs.shape[1])[0]
        if tap is not None:
            maps += [LinearMap("W_ih", "b_ih", inputs, tap), LinearMap("W_hh", "b_hh", hidden.detach(), tap, delay=1)]
        if self.output_stage:
            projected = project(output, p["W_ho"], p["b_ho"])
            maps += [LinearMap("W_ho", "b_ho", output.detach(), projected, start=start)]
            output = projected.tanh()
        logits = project(output, p["W_out"], p["b_out"])
        maps += [LinearMap("W_out", "b_out", output.detach(), logits, start=start)]
        return Activations(hidden, output, logits, tuple(maps) if taps else ())


def _tap(inputs: Tensor, members: int, units: int) -> Tensor:
    """Zeros of the shape of the pre-activations that take part in the graph but no memory."""
    return inputs.new_zeros(()).expand(members, *inputs.shape[1:3], units).requires_grad_()
