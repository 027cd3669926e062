"""The network of a study, as options of its command line."""

import json
from dataclasses import dataclass, replace
from typing import Literal

import xarray as xr

from wmcl import networks
from wmcl.networks.initialisation import Initialisation
from wmcl.networks.memory import check_fits_memory
from wmcl.networks.network import Direction
from wmcl.studies.constraints import Count

CellName = Literal["elman", "lstm", "gru"]

CELLS = {"elman": "Elman networks", "lstm": "LSTMs", "gru": "GRUs"}


def networks_text(results: xr.Dataset) -> str:
    """What the networks of a dataset are, as its configuration has it; LSTMs where there is no choice of cells."""
    network = json.loads(results.attrs["configuration"])["network"]
    direction, what = network.get("direction", "forward"), CELLS[network.get("cell", "lstm")]
    named = what if direction == "forward" else f"{direction} {what}"
    return f"{named} of {network['hidden']} units{' a direction' if direction == 'bidirectional' else ''}"


@dataclass(frozen=True)
class Network:
    """Network."""

    cell: CellName = "elman"
    """of the recurrent layer"""
    hidden: Count = 256
    """recurrent units"""
    output_stage: bool = True
    """of the elman cell alone: the layer y = tanh(W_ho h + b_ho) before the head"""
    forget_bias: float = 0.0
    """of the lstm cell alone: constant in the pre-activations of its forget gate; 1 or more lets memory last"""

    def build(self, inputs: int, outputs: int, initialisation: Initialisation) -> networks.Network:
        """The network for a task.

        Raises:
            ValueError: if a number makes no sense, or if this machine has too little memory for it.
        """
        found = self._built(inputs, outputs, initialisation)
        check_fits_memory(found)
        return found

    def _built(self, inputs: int, outputs: int, initialisation: Initialisation) -> networks.Network:
        if self.cell != "lstm" and self.forget_bias != 0:
            raise ValueError(f"forget_bias is {self.forget_bias} with the cell {self.cell}: it must be 0, but for lstm")
        if self.cell == "elman":
            return networks.Elman(
                inputs, self.hidden, outputs, initialisation=initialisation, output_stage=self.output_stage
            )
        if self.cell == "lstm":
            return networks.LSTM(
                inputs, self.hidden, outputs, initialisation=initialisation, forget_bias=self.forget_bias
            )
        return networks.GRU(inputs, self.hidden, outputs, initialisation=initialisation)


@dataclass(frozen=True)
class DirectedNetwork(Network):
    """Network."""

    direction: Direction = "bidirectional"
    """in which sequences are read; bidirectional has so many units for each direction, and backward is what the
    published numbers come from"""

    def build(self, inputs: int, outputs: int, initialisation: Initialisation) -> networks.Network:
        """The network for a task."""
        return replace(super().build(inputs, outputs, initialisation), direction=self.direction)
