"""Models of a PyTorch user, with data for each: what the gradients of a sample are is computed one by one."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

N, T, CLASSES = 7, 5, 3
LENGTHS = torch.tensor([5, 2, 3, 5, 1, 4, 2])


class Tagger(nn.Module):
    """A tag for every word."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4, padding_idx=0)
        self.lstm = nn.LSTM(4, 5, batch_first=True)
        self.head = nn.Linear(5, CLASSES)

    def forward(self, inputs):
        return self.head(self.lstm(self.embedding(inputs))[0])


class MeanPooling(nn.Module):
    """One answer, of the mean of all states of rectified units."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(3, 6, batch_first=True, nonlinearity="relu")
        self.head = nn.Linear(6, CLASSES)

    def forward(self, inputs):
        return self.head(self.rnn(inputs)[0].mean(1))


class TwoLayers(nn.Module):
    """A deep network in both directions, over packed sequences, of which the last cell state is used, too."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, inputs, lengths):
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        output, (_, cell) = self.lstm(packed)
        states = pad_packed_sequence(output, batch_first=True, total_length=inputs.shape[1])[0]
        return self.head(states + torch.cat([cell[0], cell[1]], -1)[:, None])


class Attention(nn.Module):
    """Attention pooling over the states of a GRU."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 5, batch_first=True)
        self.query = nn.Linear(5, 1, bias=False)
        self.head = nn.Linear(5, CLASSES)

    def forward(self, inputs):
        states = self.gru(inputs)[0]
        return self.head((self.query(states).softmax(1) * states).sum(1))


class Tied(nn.Module):
    """The embedding is the read-out, too."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.gru = nn.GRU(6, 6, batch_first=True)
        self.head = nn.Linear(6, 11)
        self.head.weight = self.embedding.weight

    def forward(self, inputs):
        return self.head(self.gru(self.embedding(inputs))[0])


class NormalisedSteps(nn.Module):
    """A LayerNorm after every step of a loop of one's own."""

    def __init__(self, cell=nn.LSTMCell):
        super().__init__()
        self.cell, self.norm, self.head = cell(3, 5), nn.LayerNorm(5), nn.Linear(5, CLASSES)

    def forward(self, inputs):
        state, outputs = None, []
        for step in inputs.unbind(1):
            state = self.cell(step, state)
            hidden = self.norm(state[0] if isinstance(state, tuple) else state)
            state = (hidden, state[1]) if isinstance(state, tuple) else hidden
            outputs.append(self.head(hidden))
        return torch.stack(outputs, 1)


class Transformer(nn.Module):
    """A small encoder."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.into, self.encoder, self.head = nn.Linear(3, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, CLASSES)

    def forward(self, inputs):
        return self.head(self.encoder(self.into(inputs)))


class CrossAttention(nn.Module):
    """Attention of which queries and keys differ, so that its weight is used in parts."""

    def __init__(self):
        super().__init__()
        self.into, self.attention, self.head = (
            nn.Linear(3, 4),
            nn.MultiheadAttention(4, 2, batch_first=True),
            nn.Linear(4, 3),
        )

    def forward(self, inputs):
        keys = self.into(inputs)
        return self.head(self.attention(keys.tanh(), keys, keys, need_weights=False)[0])


class Convolution(nn.Module):
    """Convolutions over time."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Conv1d(3, 5, 3, padding=1, stride=2), nn.Conv1d(5, 4, 2, dilation=2)
        self.head = nn.Linear(4, CLASSES)

    def forward(self, inputs):
        return self.head(self.other(self.one(inputs.transpose(1, 2)).tanh()).mean(-1))


class EncoderDecoder(nn.Module):
    """States that begin where those of another layer end, and a weight that no known function reads."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(3, 4, batch_first=True)
        self.decoder = nn.LSTM(3, 4, batch_first=True, bias=False)
        self.gain, self.head = nn.Parameter(torch.randn(4)), nn.Linear(4, CLASSES)

    def forward(self, inputs):
        _, (hidden, cell) = self.encoder(inputs)
        output, (_, last) = self.decoder(inputs, (hidden, cell))
        return self.head(output * self.gain + last[0][:, None])


class Flattened(nn.Module):
    """Rows in an order of its own: time first, sorted, flattened."""

    def __init__(self):
        super().__init__()
        self.gru, self.middle, self.head = nn.GRU(3, 4), nn.Linear(4, 4), nn.Linear(4, CLASSES)

    def forward(self, inputs):
        order = inputs.sum((1, 2)).argsort()
        states = self.gru(inputs[order].transpose(0, 1))[0]
        rows = self.middle(states.reshape(-1, 4)).tanh().view(states.shape)
        back = rows.transpose(0, 1)[order.argsort()]
        return self.head(back.reshape(-1, 4)).view(len(inputs), -1, CLASSES)


class GatedByHand(nn.Module):
    """Weights used in products, and a weight used both by a known function and by hand."""

    def __init__(self):
        super().__init__()
        self.both, self.head = nn.Linear(3, 3), nn.Linear(3, CLASSES)

    def forward(self, inputs):
        return self.head(self.both(inputs).tanh() @ self.both.weight)


WORDS = torch.randint(1, 11, (N, T), generator=torch.Generator().manual_seed(1))
VALUES = torch.randn(N, T, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
MODELS = {
    "tagger": (Tagger, WORDS),
    "mean pooling": (MeanPooling, VALUES),
    "two layers, both directions": (TwoLayers, VALUES),
    "attention pooling": (Attention, VALUES),
    "tied weights": (Tied, WORDS),
    "LayerNorm after every step, LSTM": (NormalisedSteps, VALUES),
    "LayerNorm after every step, GRU": (lambda: NormalisedSteps(nn.GRUCell), VALUES),
    "LayerNorm after every step, RNN": (lambda: NormalisedSteps(nn.RNNCell), VALUES),
    "transformer encoder": (Transformer, VALUES),
    "cross-attention": (CrossAttention, VALUES),
    "convolution": (Convolution, VALUES),
    "encoder and decoder": (EncoderDecoder, VALUES),
    "rows in an own order": (Flattened, VALUES),
    "a weight used twice": (GatedByHand, VALUES),
}
SLOW = {"encoder and decoder": {"gain"}, "a weight used twice": {"both.weight"}}
"""parameters that need a backward pass a sample"""


def case(name):
    """A model in float64, and a batch of data for it, of which some steps are not scored."""
    torch.manual_seed(3)
    make, inputs = MODELS[name]
    model = make().double()
    lengths = (LENGTHS,) if make is TwoLayers else ()
    with torch.no_grad():
        outputs = model(inputs, *lengths)
    targets = torch.randint(0, outputs.shape[-1], outputs.shape[:-1])
    if targets.ndim == 2:
        targets[0, 1] = targets[3, 4] = -100
        if lengths:
            targets[torch.arange(T) >= LENGTHS[:, None]] = -100
    return model, (inputs, targets, *lengths)


def one_by_one(model, batch, kind):
    """The importance by autograd, one sample and one target after the other."""
    inputs, targets, *lengths = batch
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}

    def add(loss, power, weight=1.0):
        found = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True, allow_unused=True)
        for name, gradient in zip(parameters, found, strict=True):
            if gradient is not None:
                total[name] += weight * gradient.abs() ** power

    for n in range(len(inputs)):
        logits = model(inputs[n : n + 1], *(each[n : n + 1] for each in lengths))[0]
        wanted = targets[n]
        logits, wanted = (logits, wanted) if logits.ndim == 2 else (logits[None], wanted[None])
        scored = wanted != -100
        if kind == "empirical":
            add(nn.functional.cross_entropy(logits, wanted, ignore_index=-100, reduction="sum"), 2)
        elif kind == "MAS":
            add(logits[scored].square().sum(), 1)
        else:
            for step in scored.nonzero()[:, 0]:
                likelihood = logits[step].log_softmax(-1)
                for log in likelihood:
                    add(log, 2, log.detach().exp())
    return {name: value / len(inputs) for name, value in total.items()}
