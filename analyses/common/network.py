"""The network of an analysis, as options of its command line."""

from dataclasses import dataclass
from typing import Literal

from wmcl import networks
from wmcl.networks import Initialisation

CellName = Literal["elman", "lstm", "gru"]


@dataclass(frozen=True)
class Network:
    """Network."""

    cell: CellName = "elman"
    """of the recurrent layer"""
    hidden: int = 256
    """recurrent units"""
    output_stage: bool = True
    """of the elman cell alone: the layer y = tanh(W_ho h + b_ho) before the read-out"""

    def build(self, inputs: int, outputs: int, initialisation: Initialisation) -> networks.Network:
        """The network for a task."""
        if self.cell == "elman":
            return networks.Elman(
                inputs, self.hidden, outputs, initialisation=initialisation, output_stage=self.output_stage
            )
        return networks.NETWORKS[self.cell](inputs, self.hidden, outputs, initialisation=initialisation)
