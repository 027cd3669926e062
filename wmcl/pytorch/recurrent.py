"""PyTorch's recurrent functions on the recurrence of this package, whose taps show the error signal of every row."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from wmcl.networks.cell import Cell, State
from wmcl.networks.elman import ReLUCell, TanhCell
from wmcl.networks.gru import GRUCell
from wmcl.networks.lstm import LSTMCell
from wmcl.networks.recurrence import Weights, unroll
from wmcl.networks.reversal import reverse

Map = Callable[[Tensor, Tensor, Tensor | None, Tensor], None]
"""keeps one linear map: its input, weight, bias and tap"""
RECURRENCES: dict[Any, Cell] = {
    torch.rnn_tanh: TanhCell(),
    torch.rnn_relu: ReLUCell(),
    torch.lstm: LSTMCell(),
    torch.gru: GRUCell(),
}


class Call(NamedTuple):
    """A Call holds the arguments of a recurrent function of torch, for padded or packed sequences alike."""

    inputs: Tensor
    sizes: Tensor | None
    """sequences at each step, if the inputs are the rows of packed ones"""
    start: Any
    weights: Sequence[Tensor]
    has_biases: bool
    layers: int
    dropout: float
    training: bool
    is_bidirectional: bool
    batch_first: bool = False

    @classmethod
    def of(cls, args: Sequence[Any]) -> "Call":
        """Read the arguments: (inputs, start, weights, …, batch_first) or (rows, sizes, start, weights, …)."""
        is_padded = isinstance(args[2], (tuple, list)) and isinstance(args[3], bool)
        return cls(args[0], None, *args[1:]) if is_padded else cls(*args)

    @property
    def has_projections(self) -> bool:
        """Tell whether hidden states are projected, which the recurrence here does not know."""
        maps = self.layers * (2 if self.is_bidirectional else 1)
        return len(self.weights) != maps * (4 if self.has_biases else 2)


def recurrence(cell: Cell, call: Call, loose: Callable[[Tensor], Tensor], keep: Map) -> tuple[Tensor, ...]:
    """Run the layers of an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, and return what torch's own function returns.

    Args:
        cell: of the layers.
        call: what torch's own function was given.
        loose: returns a weight as it takes part in the graph.
        keep: is told each linear map.
    """
    if call.sizes is None:
        inputs, lengths = (call.inputs.transpose(0, 1) if call.batch_first else call.inputs), None
    else:
        inputs, lengths = _unpacked(call.inputs, call.sizes)
    hidden, carried = call.start if cell.has_cell_state else (call.start, None)
    below, ends = inputs[None], list[State]()
    directions, each = 2 if call.is_bidirectional else 1, 4 if call.has_biases else 2
    for layer in range(call.layers):
        outputs = []
        for backward in range(directions):
            place = layer * directions + backward
            own = [*call.weights[place * each : (place + 1) * each], None, None][:4]
            begin = State(hidden[place][None], None if carried is None else carried[place][None])
            output, end = _direction(cell, below, begin, own, bool(backward), lengths, loose, keep)
            outputs.append(output)
            ends.append(end)
        below = torch.cat(outputs, -1)
        if call.dropout and call.training and layer < call.layers - 1:
            below = F.dropout(below, call.dropout)
    found = below[0] if call.sizes is None else _packed(below[0], call.sizes)
    found = found.transpose(0, 1) if call.batch_first else found
    last = torch.stack([end.hidden for end in ends])
    if not cell.has_cell_state:
        return found, last
    return found, last, torch.stack([end.cell for end in ends if end.cell is not None])


def _direction(
    cell: Cell,
    inputs: Tensor,
    start: State,
    weights: Sequence[Tensor | None],
    backward: bool,
    lengths: Tensor | None,
    loose: Callable[[Tensor], Tensor],
    keep: Map,
) -> tuple[Tensor, State]:
    """Run one direction of a layer over (1, time, sample, feature), and tell its two maps."""
    W_ih, W_hh, b_ih, b_hh = weights
    assert W_ih is not None
    assert W_hh is not None
    zeros = W_ih.new_zeros(W_ih.shape[0])
    own = [zeros if value is None else loose(value) for value in (W_ih, b_ih, W_hh, b_hh)]
    ends = None if lengths is None else lengths[None].to(inputs.device)
    read = reverse(inputs, ends) if backward else inputs
    shape = (1, *read.shape[1:3], len(W_ih))
    taps = [read.new_zeros(()).expand(shape).requires_grad_() for _ in range(2)]
    found = unroll(cell, read, Weights(*(value[None] for value in own)), taps=(taps[0], taps[1]), start=start)
    before = torch.cat([start.hidden.detach()[:, None], found.hidden.detach()[:, :-1]], 1)
    keep(read, W_ih, b_ih, taps[0])
    keep(before, W_hh, b_hh, taps[1])
    output = reverse(found.hidden, ends) if backward else found.hidden
    return output, State(_last(found.hidden, lengths), None if found.cell is None else _last(found.cell, lengths))


def _last(states: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the state after the last step of each sequence, with the axes (sample, unit)."""
    if lengths is None:
        return states[0, -1]
    index = (lengths - 1).to(states.device)[None, :, None].expand(1, -1, states.shape[-1])
    return states[0].gather(0, index)[0]


def _table(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the row of each (step, sample) of packed sequences, and whether there is one."""
    steps = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)[:-1]])
    samples = torch.arange(int(sizes[0]))
    there = samples < sizes[:, None]
    return torch.where(there, steps[:, None] + samples, len(steps) and int(sizes.sum())), there


def _unpacked(rows: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Return packed rows with the axes (time, sample, feature), zeros as padding, and the length of each sequence."""
    table, there = _table(sizes)
    padded = torch.cat([rows, rows.new_zeros(1, rows.shape[1])])
    return padded[table.to(rows.device)], there.sum(0)


def _packed(values: Tensor, sizes: Tensor) -> Tensor:
    """Return the rows of (time, sample, feature) that are no padding, in the order of packed sequences."""
    _, there = _table(sizes)
    return values[there.to(values.device)]


def _lstm_cell(
    linear: Any, x: Tensor, state: Any, W_ih: Tensor, W_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Any:
    h, c = state
    i, f, g, o = (linear(x, W_ih, b_ih) + linear(h, W_hh, b_hh)).chunk(4, -1)
    after = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * after.tanh(), after


def _gru_cell(linear: Any, x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Any = None, b_hh: Any = None) -> Any:
    of_x, of_h = linear(x, W_ih, b_ih).chunk(3, -1), linear(h, W_hh, b_hh).chunk(3, -1)
    r, z = ((a + b).sigmoid() for a, b in zip(of_x[:2], of_h[:2], strict=True))
    n = (of_x[2] + r * of_h[2]).tanh()
    return n + z * (h - n)


def _elman_cell(activation: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def step(
        linear: Any, x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Any = None, b_hh: Any = None
    ) -> Tensor:
        return activation(linear(x, W_ih, b_ih) + linear(h, W_hh, b_hh))

    return step


CELLS: dict[Any, Callable[..., Any]] = {
    torch.lstm_cell: _lstm_cell,
    torch.gru_cell: _gru_cell,
    torch.rnn_tanh_cell: _elman_cell(torch.tanh),
    torch.rnn_relu_cell: _elman_cell(torch.relu),
}
"""one step of each cell, given how a linear map is applied"""
