"""One member of an ensemble as a module that is made of those of ``torch.nn``."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from wmcl.networks.elman import ReLUElman
from wmcl.networks.gru import GRU
from wmcl.networks.linear import LinearRNN
from wmcl.networks.lstm import LSTM
from wmcl.networks.network import Direction, Network
from wmcl.networks.reversal import reverse

TORCH_NAMES = {"W_ih": "weight_ih", "b_ih": "bias_ih", "W_hh": "weight_hh", "b_hh": "bias_hh"}
"""what torch calls the parameters of a layer"""
_WHOLE_NUMBERS = (torch.int64, torch.int32, torch.int16, torch.int8)


class TorchNetwork(nn.Module):
    """A TorchNetwork is one member of an ensemble, made of modules of ``torch.nn``.

    :func:`to_torch` makes it, and :func:`from_torch` takes it back. Its modules and the keys of its ``state_dict`` are
    those of :mod:`wmcl.networks.torch_modules`.
    """

    def __init__(self, network: Network, kind: type[Network], biases: bool, batch_first: bool) -> None:
        super().__init__()
        self.kind = kind
        """class of the network"""
        self.batch_first = batch_first
        """whether the samples stand before the steps in inputs and logits"""
        self.direction: Direction = network.direction
        """order in which sequences are read"""
        self.head = network.head
        """number of the head that answers, unless another one is named"""
        n, sides = network.hidden, 2 if network.direction == "bidirectional" else 1
        of_parts = [network.inputs] * sides + [n * sides] * sides * (network.layers - 1)
        options: dict[str, Any] = {"bias": biases, "batch_first": batch_first}
        if kind is ReLUElman:
            options["nonlinearity"] = "relu"
        self.recurrent: nn.Module
        if kind is LinearRNN:
            self.input_maps = nn.ModuleList(nn.Linear(features, n, bias=biases) for features in of_parts)
            self.recurrent = nn.ModuleList(nn.Linear(n, n, bias=biases) for _ in of_parts)
        elif network.has_output_stage:
            self.recurrent = nn.ModuleList(nn.RNN(features, n, **options) for features in of_parts)
            self.stages = nn.ModuleList(nn.Linear(n, n) for _ in of_parts)
        else:
            module = {LSTM: nn.LSTM, GRU: nn.GRU}.get(kind, nn.RNN)
            self.recurrent = module(network.inputs, n, network.layers, bidirectional=sides == 2, **options)
        self.heads = nn.ModuleList(nn.Linear(n * sides, network.outputs) for _ in range(network.heads))

    def forward(
        self,
        inputs: Float[Tensor, "_ _ feature"],
        lengths: Int[Tensor, "sample"] | None = None,
        head: int | None = None,
    ) -> Float[Tensor, "_ _ output"]:
        """Compute the logits of every step.

        Args:
            inputs: (sample, time, feature), or (time, sample, feature) if the module is not ``batch_first``.
            lengths: steps of each sequence before its padding; ``None`` if there is none. What stands at steps of the
                padding, in inputs or in logits, has no meaning.
            head: number of the head that answers; ``None``: the one of the network.

        Raises:
            ValueError: if an argument does not fit.
        """
        head = self.head if head is None else head
        if isinstance(head, bool) or not isinstance(head, int) or not 0 <= head < len(self.heads):
            raise ValueError(f"head is {head!r}: it must be a whole number from 0 to {len(self.heads) - 1}")
        if inputs.ndim != 3:
            order = "(sample, time, feature)" if self.batch_first else "(time, sample, feature)"
            raise ValueError(f"inputs has the shape {tuple(inputs.shape)}: it must have three axes, {order}")
        values = inputs.transpose(0, 1) if self.batch_first else inputs
        if lengths is not None:
            _check_lengths(lengths, *values.shape[:2])
        states = self._states(values, lengths)
        logits: Tensor = self.heads[head](states)
        return logits.transpose(0, 1) if self.batch_first else logits

    def _states(self, values: Tensor, lengths: Tensor | None) -> Tensor:
        """Return what the head reads, (time, sample, unit)."""
        if isinstance(self.recurrent, nn.ModuleList):
            sides = 2 if self.direction == "bidirectional" else 1
            for first in range(0, len(self.recurrent), sides):
                parts = [self._part(first + side, values, lengths) for side in range(sides)]
                values = torch.cat(parts, -1)
            return values
        if self.direction == "backward":
            return _reversed(self._run(self.recurrent, _reversed(values, lengths)), lengths)
        return self._run(self.recurrent, values, lengths if self.direction == "bidirectional" else None)

    def _part(self, part: int, values: Tensor, lengths: Tensor | None) -> Tensor:
        """Run one direction of a layer that has a module of its own."""
        assert isinstance(self.recurrent, nn.ModuleList)
        is_backward = self.direction == "backward" or (self.direction == "bidirectional" and part % 2 == 1)
        values = _reversed(values, lengths) if is_backward else values
        if self.kind is LinearRNN:
            states = self._linear(self.input_maps[part](values), self.recurrent[part])
        else:
            states = self.stages[part](self._run(self.recurrent[part], values)).tanh()
        return _reversed(states, lengths) if is_backward else states

    def _linear(self, drive: Tensor, recurrent: nn.Module) -> Tensor:
        """Write out the loop of a linear network over time."""
        if not len(drive):
            return drive
        state, states = torch.zeros_like(drive[0]), []
        for step in drive.unbind(0):
            state = step + recurrent(state)
            states.append(state)
        return torch.stack(states)

    def _run(self, recurrent: nn.Module, values: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Run a recurrent module over (time, sample, feature); packed where lengths are given."""
        ordered = values.transpose(0, 1) if self.batch_first else values
        if lengths is not None:  # a sequence without a step cannot be packed, but its one step of padding can
            own = lengths.clamp(min=1).to("cpu", torch.int64)
            packed = pack_padded_sequence(ordered, own, batch_first=self.batch_first, enforce_sorted=False)
            states = pad_packed_sequence(recurrent(packed)[0], self.batch_first, total_length=values.shape[0])[0]
        else:
            states = recurrent(ordered)[0]
        return states.transpose(0, 1) if self.batch_first else states


def suffixes(layers: int, direction: Direction) -> list[str]:
    """Return the endings of the names of the parameters of each layer and direction, in order."""
    sides = ("", "_reverse") if direction == "bidirectional" else ("",)
    return [(f"_l{layer}" if layer else "") + side for layer in range(layers) for side in sides]


def torch_suffix(suffix: str) -> str:
    """Return the ending that torch has for one of ours: it names the first layer, too."""
    return suffix if suffix.startswith("_l") else f"_l0{suffix}"


def place(module: TorchNetwork, name: str) -> Tensor:
    """Return the parameter of a module that has the name in a network; the head is none of them."""
    kind, suffix = name[:4], name[4:]
    if not isinstance(module.recurrent, nn.ModuleList):
        found = getattr(module.recurrent, TORCH_NAMES[kind] + torch_suffix(suffix))
    else:
        sides = 2 if module.direction == "bidirectional" else 1
        part = suffixes(len(module.recurrent) // sides, module.direction).index(suffix)
        if kind in ("W_ho", "b_ho"):
            found = getattr(module.stages[part], "weight" if kind == "W_ho" else "bias")
        elif module.kind is LinearRNN:
            maps = module.input_maps if kind.endswith("ih") else module.recurrent
            found = getattr(maps[part], "weight" if kind.startswith("W") else "bias")
        else:
            found = getattr(module.recurrent[part], f"{TORCH_NAMES[kind]}_l0")
    assert isinstance(found, Tensor)
    return found


def _reversed(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse (time, sample, feature) up to the length of each sequence."""
    return reverse(values[None], None if lengths is None else lengths[None].to(values.device, torch.int64))[0]


def _check_lengths(lengths: Any, steps: int, samples: int) -> None:
    if not isinstance(lengths, Tensor) or lengths.dtype not in _WHOLE_NUMBERS or tuple(lengths.shape) != (samples,):
        found = f"{lengths.dtype} of shape {tuple(lengths.shape)}" if isinstance(lengths, Tensor) else named(lengths)
        raise ValueError(
            f"lengths is {found}: it must be a tensor of whole numbers of shape ({samples},), one for each sample"
        )
    if lengths.device.type == "cpu" and samples and not 0 <= int(lengths.min()) <= int(lengths.max()) <= steps:
        raise ValueError(
            f"lengths reach from {int(lengths.min())} to {int(lengths.max())}: they must lie in 0 to {steps}"
        )


def named(value: Any) -> str:
    """Say what is given, in an error message."""
    return "None" if value is None else f"of the type {type(value).__name__}"
