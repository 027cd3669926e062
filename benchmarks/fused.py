"""Networks of one layer on PyTorch's fused ``RNN``, ``LSTM`` and ``GRU``, as the others' way to compute the same."""

import torch
from torch import Tensor

from wmcl.networks import GRU, LSTM, Network, Parameters

_NAMES = {
    "W_ih": "rnn.weight_ih_l0",
    "b_ih": "rnn.bias_ih_l0",
    "W_hh": "rnn.weight_hh_l0",
    "b_hh": "rnn.bias_hh_l0",
    "W_ho": "stage.weight",
    "b_ho": "stage.bias",
    "W_out": "readout.weight",
    "b_out": "readout.bias",
}


class Fused(torch.nn.Module):
    """One member of an ensemble, with output stage and head at the scored steps only."""

    def __init__(self, network: Network, parameters: Parameters) -> None:
        super().__init__()
        kind = (
            torch.nn.LSTM if isinstance(network, LSTM) else torch.nn.GRU if isinstance(network, GRU) else torch.nn.RNN
        )
        self.rnn = kind(network.inputs, network.hidden)
        self.stage = torch.nn.Linear(network.hidden, network.hidden) if network.has_output_stage else None
        self.readout = torch.nn.Linear(network.hidden, network.outputs)
        self.load_state_dict({_NAMES[name]: value[0] for name, value in parameters.items()})

    def forward(self, inputs: Tensor, steps: slice) -> Tensor:
        """Logits at ``steps``, from inputs of shape (time, sample, feature)."""
        output = self.rnn(inputs)[0][steps]
        if self.stage is not None:
            output = torch.tanh(self.stage(output))
        return self.readout(output)

    def by_name(self) -> Parameters:
        """The parameters (the tensors themselves) under the names of :class:`wmcl.networks.Network`."""
        own = dict(self.named_parameters())
        return {name: own[theirs] for name, theirs in _NAMES.items() if theirs in own}
