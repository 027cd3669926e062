"""Recurrent networks are made of layers of a cell, read in one or two directions, and of heads."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from wmcl.networks.activations import Activations, LinearMap
from wmcl.networks.cell import Cell
from wmcl.networks.checks import check_inputs, check_lengths, check_parameters, check_steps
from wmcl.networks.initialisation import Initialisation, Parameters, initialise
from wmcl.networks.recurrence import Weights, project, unroll
from wmcl.networks.reversal import reverse
from wmcl.networks.vectors import CHANGES, changed_vectors
from wmcl.randomness import Seeds, as_seeds

Direction = Literal["forward", "backward", "bidirectional"]
"""order in which sequences are read"""


@dataclass(frozen=True)
class Network:
    """The base class of recurrent networks has one subclass for each cell, such as :class:`Elman` and :class:`LSTM`.

    Parameters are a plain dictionary of tensors of shape (member, to, from), or (member, to) for biases. Those of the
    first layer are called ``W_ih``, ``b_ih``, ``W_hh``, ``b_hh`` (and ``W_ho``, ``b_ho`` of the output stage); further
    layers append ``_l1``, ``_l2``, …, and what reads backwards in a bidirectional network appends ``_reverse``. The
    output layer is ``W_out``, ``b_out``; a block of its rows is a *head*, the linear map to the logits of one task.
    Networks without ``biases`` lack ``b_ih`` and ``b_hh``. Where pre-activations are shifted all the same, by what is
    learned for a task (:class:`wmcl.methods.Modulated`), ``shift`` stands beside the parameters, (member, gate).
    Where vectors of words are learned, ``vector_changes`` stands beside these: it belongs to the task, and
    :meth:`init` does not make it (:mod:`wmcl.networks.vectors`).

    Raises:
        ValueError: if a field lies outside of its range.
    """

    cell: ClassVar[Cell]
    inputs: int
    """input features"""
    hidden: int
    """units of a layer and direction"""
    outputs: int
    """output units of a head"""
    _: KW_ONLY
    initialisation: Initialisation = "orthogonal"
    """distribution of the initial parameters (:func:`~wmcl.networks.initialisation.initialise`)"""
    layers: int = 1
    """recurrent layers on top of one another"""
    direction: Direction = "forward"
    """order in which sequences are read; ``backward`` starts at the last step before the padding"""
    heads: int = 1
    """number of heads, stacked in the rows of ``W_out``"""
    head: int = 0
    """the head that answers; the others have no part in outputs, gradients and importances"""
    biases: bool = True
    """whether the maps of the recurrent layers have biases b_ih and b_hh"""

    def __post_init__(self) -> None:
        for name in ("inputs", "hidden", "outputs", "layers", "heads"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} is {value}: it must be a whole number of at least 1")
        if self.head not in range(self.heads):
            raise ValueError(f"head is {self.head}: it must be a whole number from 0 to heads - 1, {self.heads - 1}")
        for name, choices in (("initialisation", get_args(Initialisation)), ("direction", get_args(Direction))):
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}: it must be one of {', '.join(choices)}")
        if not isinstance(self.biases, (bool, np.bool_)):
            raise ValueError(f"biases is {self.biases!r}: it must be True or False")

    @property
    def has_output_stage(self) -> bool:
        """Tell whether there is a layer y_t = tanh(W_ho h_t + b_ho) after each recurrent layer."""
        return False

    @property
    def is_causal(self) -> bool:
        """Tell whether outputs depend on present and earlier steps alone."""
        return self.direction == "forward"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every parameter of one member, by name."""
        n, rows = self.hidden, self.cell.gates * self.hidden
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.layers):
            features = self.inputs if layer == 0 else self._width
            for suffix, _ in self.parts(layer):
                for name, columns in (("ih", features), ("hh", n)):
                    shapes[f"W_{name}{suffix}"] = (rows, columns)
                    if self.biases:
                        shapes[f"b_{name}{suffix}"] = (rows,)
                if self.has_output_stage:
                    shapes |= {f"W_ho{suffix}": (n, n), f"b_ho{suffix}": (n,)}
        return shapes | {"W_out": (self.heads * self.outputs, self._width), "b_out": (self.heads * self.outputs,)}

    @property
    def head_rows(self) -> slice:
        """Return the rows of ``W_out`` and ``b_out`` that belong to the head that answers."""
        return slice(self.head * self.outputs, (self.head + 1) * self.outputs)

    def offset(self, weights: Weights) -> Weights:
        """Return the weights of a layer plus the constants that a network adds to them, which are not learned."""
        return weights

    def weights_of(self, parameters: Parameters, suffix: str) -> Weights:
        """Return the weights with which one direction of a layer runs, constants included.

        Without biases there are zeros in their place, which get no gradient, and the ``shift``, if there is one.

        Args:
            parameters: of the network.
            suffix: of the names of the layer and direction.
        """
        if self.biases:
            return self.offset(Weights(*(parameters[f"{name}{suffix}"] for name in Weights._fields)))
        W_ih, W_hh = parameters[f"W_ih{suffix}"], parameters[f"W_hh{suffix}"]
        zeros = W_hh.new_zeros(W_hh.shape[:2])
        return self.offset(Weights(W_ih, parameters.get(f"shift{suffix}", zeros), W_hh, zeros))

    def answering(self, head: int) -> "Network":
        """Return the same network with another head that answers."""
        return replace(self, head=head)

    def init(self, seeds: Seeds, dtype: torch.dtype = torch.float32) -> Parameters:
        """Draw the initial parameters of an ensemble.

        Args:
            seeds: whole numbers, one for each member.
            dtype: of the parameters.

        Raises:
            ValueError: if ``seeds`` is no sequence of whole numbers.
        """
        return initialise(self.shapes, self.initialisation, as_seeds(seeds), dtype, self.cell.gates, self.heads)

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
            inputs: of the dtype and on the device of the parameters; shared by all members if its member axis has
                size 1. With ``vector_changes`` among the parameters the number of a word stands before the features.
            steps: consecutive steps at which the head (and the last output stage) is computed.
            taps: whether to return the linear maps, for per-sample gradients.
            lengths: steps of each sequence before its padding; ``None`` if there is none. Only networks that read
                sequences backwards need it: what they give at steps before the padding does not depend on it.

        Raises:
            ValueError: if an argument is of another type, shape, dtype or device than is needed, or if there are
                numbers of words without changes of their vectors, or the other way round.
        """
        one = check_parameters(parameters, self.shapes | self.shapes_of_shifts(parameters))
        check_inputs(inputs, self.inputs, CHANGES in parameters, one)
        check_steps(steps)
        if lengths is not None:
            check_lengths(lengths, one.shape[0], inputs.shape[2])
        if CHANGES in parameters:
            inputs = changed_vectors(inputs, parameters[CHANGES])
        below, layers, maps = inputs, list[Layer](), list[LinearMap]()
        for number in range(self.layers):
            window = steps if number == self.layers - 1 else slice(None)
            parts = [
                self._layer(parameters, suffix, below, window, taps, backward, lengths)
                for suffix, backward in self.parts(number)
            ]
            layers.append(_beside(parts))
            below = layers[-1].output
            maps += layers[-1].maps
        rows = self.head_rows
        logits = project(below, parameters["W_out"][:, rows], parameters["b_out"][:, rows])
        maps.append(LinearMap("W_out", "b_out", below.detach(), logits, start=_first(steps, inputs), rows=rows))
        return Activations(
            hidden=layers[-1].hidden,
            output=below,
            logits=logits,
            maps=tuple(maps) if taps else (),
            layers=tuple(layer.hidden for layer in layers),
            cell=layers[-1].cell,
        )

    def parts(self, layer: int) -> list[tuple[str, bool]]:
        """Return the suffix of the parameters of each direction of a layer, and whether it reads backwards."""
        name = f"_l{layer}" if layer else ""
        if self.direction == "bidirectional":
            return [(name, False), (f"{name}_reverse", True)]
        return [(name, self.direction == "backward")]

    def shapes_of_shifts(self, parameters: object) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the shifts that stand beside the parameters of a network without biases."""
        if self.biases or not isinstance(parameters, dict):
            return {}
        names = [f"shift{suffix}" for layer in range(self.layers) for suffix, _ in self.parts(layer)]
        return {name: (self.cell.gates * self.hidden,) for name in names if name in parameters}

    def _layer(
        self,
        parameters: Parameters,
        suffix: str,
        inputs: Float[Tensor, "#member time sample feature"],
        steps: slice,
        taps: bool,
        backward: bool,
        lengths: Int[Tensor, "#member sample"] | None,
    ) -> "Layer":
        """Run one direction of a layer."""
        names = {name: f"{name}{suffix}" for name in ("W_ih", "b_ih", "W_hh", "b_hh", "W_ho", "b_ho")}
        weights = self.weights_of(parameters, suffix)
        read = reverse(inputs, lengths) if backward else inputs
        zeros = _taps(read, weights) if taps else None
        hidden, output, cell = unroll(self.cell, read, weights, slice(None) if backward else steps, zeros)
        maps: list[LinearMap] = []
        if zeros is not None:
            shift = f"shift{suffix}"
            of_inputs = names["b_ih"] if self.biases else shift if shift in parameters else None
            maps += [
                LinearMap(names["W_ih"], of_inputs, read.detach(), zeros[0]),
                LinearMap(names["W_hh"], names["b_hh"] if self.biases else None, hidden.detach(), zeros[1], delay=1),
            ]
        if backward:
            hidden = reverse(hidden, lengths)
            output, cell = hidden[:, steps], None if cell is None else reverse(cell, lengths)
        if self.has_output_stage:
            projected = project(output, parameters[names["W_ho"]], parameters[names["b_ho"]])
            maps.append(
                LinearMap(names["W_ho"], names["b_ho"], output.detach(), projected, start=_first(steps, inputs))
            )
            output = projected.tanh()
        return Layer(hidden, output, cell, maps)

    @property
    def _width(self) -> int:
        """Return the number of units that the next layer or the head reads."""
        return self.hidden * (2 if self.direction == "bidirectional" else 1)


class Layer(NamedTuple):
    """The states, outputs and linear maps of one recurrent layer."""

    hidden: Float[Tensor, "member time sample unit"]
    output: Float[Tensor, "member window sample unit"]
    cell: Float[Tensor, "member time sample unit"] | None
    maps: list[LinearMap]


def _beside(parts: Sequence[Layer]) -> Layer:
    """Put the units of the directions of a layer side by side."""
    if len(parts) == 1:
        return parts[0]
    cells = [part.cell for part in parts if part.cell is not None]
    return Layer(
        torch.cat([part.hidden for part in parts], -1),
        torch.cat([part.output for part in parts], -1),
        torch.cat(cells, -1) if cells else None,
        [linear_map for part in parts for linear_map in part.maps],
    )


def _taps(inputs: Tensor, weights: Weights) -> tuple[Tensor, Tensor]:
    """Make zeros of the shape of the pre-activations that take part in the graph but need no memory."""
    members, rows = weights.b_ih.shape
    zeros = [inputs.new_zeros(()).expand(members, *inputs.shape[1:3], rows).requires_grad_() for _ in range(2)]
    return zeros[0], zeros[1]


def _first(steps: slice, inputs: Tensor) -> int:
    return steps.indices(inputs.shape[1])[0]
