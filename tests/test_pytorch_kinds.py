"""Every row of the table of docs/reference/pytorch.md: what is fast, what is slow, and what is refused.

Both ways are compared with autograd, one sample and one class after the other.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint

from tests.torch_models import CLASSES, one_by_one
from wmcl.pytorch import fisher_diagonal

N, T = 5, 5
VALUES = torch.randn(N, T, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
WORDS = torch.randint(1, 9, (N, T), generator=torch.Generator().manual_seed(6))
LENGTHS = torch.tensor([5, 2, 3, 1, 4])
RECURRENT, CELLS = [nn.RNN, nn.LSTM, nn.GRU], [nn.RNNCell, nn.LSTMCell, nn.GRUCell]


class Of(nn.Module):
    """Modules, and what they do."""

    def __init__(self, forward, **modules):
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)
        self.own = forward

    def forward(self, inputs):
        return self.own(self, inputs)


class WithLengths(Of):
    def forward(self, inputs, lengths):
        return self.own(self, inputs, lengths)


def then(module, width=4, channels=False):
    """A module, and a head that reads its outputs; convolutions have their channels in the second axis."""

    def forward(own, x):
        found = own.module(x.transpose(1, 2)).transpose(1, 2) if channels else own.module(x)
        return own.head(found[0] if isinstance(found, tuple) else found)

    return Of(forward, module=module, head=nn.Linear(width, CLASSES))


def by_hand(forward, *shape):
    return Of(lambda own, x: own.head(forward(own, x)), weight=nn.Parameter(torch.randn(shape)), head=nn.Linear(4, 3))


def packed(own, x, lengths):
    output = own.rnn(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))[0]
    return own.head(pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])[0])


def begun(own, x):
    start = own.start(x[:, 0]).tanh()[None].contiguous()
    return own.head(own.rnn(x, (start, start) if isinstance(own.rnn, nn.LSTM) else start)[0])


def learned_start(own, x):
    start = own.start[None, None].expand(1, len(x), 3).contiguous()
    return own.head(own.rnn(x, start)[0])


def loop(own, x):
    state, found = None, []
    for step in x.unbind(1):
        state = own.cell(step, state)
        found.append(own.head(state[0] if isinstance(state, tuple) else state))
    return torch.stack(found, 1)


def tied():
    model = Of(
        lambda own, x: own.head(own.gru(own.embedding(x))[0]),
        **{"embedding": nn.Embedding(9, 3), "gru": nn.GRU(3, 3, batch_first=True), "head": nn.Linear(3, 9)},
    )
    model.head.weight = model.embedding.weight
    return model


def attention(own, x):
    return own.head(own.attention(x, x, x)[0])


FAST = {
    "linear, two axes": lambda: Of(lambda own, x: own.head(x[:, 0]), head=nn.Linear(4, CLASSES)),
    "linear, four axes": lambda: Of(
        lambda own, x: own.head(own.one(x[..., None]).tanh().flatten(2)), one=nn.Linear(1, 2), head=nn.Linear(8, 3)
    ),
    "own weight in F.linear": lambda: by_hand(lambda own, x: F.linear(x, own.weight), 4, 4),
    "embedding": lambda: nn.Sequential(nn.Embedding(9, 4, padding_idx=2), nn.Linear(4, CLASSES)),
    "sparse embedding": lambda: nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Linear(4, CLASSES)),
    "convolution": lambda: then(nn.Conv1d(4, 5, 3, padding=2, stride=2, dilation=2), 5, channels=True),
    "layer norm": lambda: nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, CLASSES)),
    **{
        f"{kind.__name__}, {layers} layers, {bias}": lambda kind=kind, layers=layers, bias=bias: then(
            kind(4, 3, layers, batch_first=True, bidirectional=True, bias=bias), 6
        )
        for kind in RECURRENT
        for layers, bias in ((1, False), (2, True))
    },
    "rectified": lambda: then(nn.RNN(4, 3, batch_first=True, nonlinearity="relu"), 3),
    **{
        f"{kind.__name__}, packed": lambda kind=kind: WithLengths(
            packed, rnn=kind(4, 3, batch_first=True, bidirectional=True), head=nn.Linear(6, CLASSES)
        )
        for kind in RECURRENT
    },
    **{
        f"{kind.__name__}, computed start": lambda kind=kind: Of(
            begun, start=nn.Linear(4, 3), rnn=kind(4, 3, batch_first=True), head=nn.Linear(3, CLASSES)
        )
        for kind in RECURRENT
    },
    **{kind.__name__: lambda kind=kind: Of(loop, cell=kind(4, 3), head=nn.Linear(3, CLASSES)) for kind in CELLS},
    "attention": lambda: Of(attention, attention=nn.MultiheadAttention(4, 2, batch_first=True), head=nn.Linear(4, 3)),
    "encoder": lambda: then(nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), 2)),
    "decoder": lambda: Of(
        lambda own, x: own.head(own.decoder(x, x)),
        decoder=nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, 0.0, batch_first=True), 1),
        head=nn.Linear(4, CLASSES),
    ),
    "tied weights": tied,
    "called many times": lambda: Of(
        lambda own, x: own.head(own.one(own.one(x).tanh())), one=nn.Linear(4, 4), head=nn.Linear(4, CLASSES)
    ),
}
IN_EVAL = {
    "encoder with dropout": lambda: then(
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 1)
    ),
    "LSTM with dropout": lambda: then(nn.LSTM(4, 3, 2, batch_first=True, dropout=0.5), 3),
}
SLOW = {
    "product": (lambda: by_hand(lambda own, x: x @ own.weight, 4, 4), {"weight"}),
    "einsum": (lambda: by_hand(lambda own, x: torch.einsum("nti,io->nto", x, own.weight), 4, 4), {"weight"}),
    "gain": (lambda: by_hand(lambda own, x: x * own.weight, 4), {"weight"}),
    "learned start": (
        lambda: Of(
            learned_start, start=nn.Parameter(torch.randn(3)), rnn=nn.GRU(4, 3, batch_first=True), head=nn.Linear(3, 3)
        ),
        {"start"},
    ),
    "weight norm": (
        lambda: then(parametrizations.weight_norm(nn.Linear(4, 4))),
        {"module.parametrizations.weight.original0", "module.parametrizations.weight.original1"},
    ),
    "orthogonal": (
        lambda: then(parametrizations.orthogonal(nn.Linear(4, 4))),
        {"module.parametrizations.weight.original"},
    ),
    "proj_size": (
        lambda: then(nn.LSTM(4, 5, batch_first=True, proj_size=3), 3),
        {f"module.{name}_l0" for name in ("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh")},
    ),
    "LayerNorm over two axes": (lambda: then(nn.LayerNorm([T, 4])), {"module.weight", "module.bias"}),
    "RMSNorm": (lambda: then(nn.RMSNorm(4)), {"module.weight"}),
    "PReLU": (lambda: then(nn.PReLU()), {"module.weight"}),
    "EmbeddingBag": (lambda: then(nn.EmbeddingBag(9, 4)), {"module.weight"}),
    "max_norm": (lambda: then(nn.Embedding(9, 4, max_norm=1.0)), {"module.weight"}),
    "scale_grad_by_freq": (lambda: then(nn.Embedding(9, 4, scale_grad_by_freq=True)), {"module.weight"}),
    "Conv2d": (
        lambda: Of(
            lambda own, x: own.head(own.module(x[:, None]).flatten(1)), module=nn.Conv2d(1, 2, 3), head=nn.Linear(12, 3)
        ),
        {"module.weight", "module.bias"},
    ),
    **{
        name: (lambda module=module: then(module, 4, channels=True), {"module.weight", "module.bias"})
        for name, module in {
            "groups": nn.Conv1d(4, 4, 3, padding=1, groups=2),
            "padding by name": nn.Conv1d(4, 4, 3, padding="same"),
            "ConvTranspose1d": nn.ConvTranspose1d(4, 4, 3),
            "GroupNorm": nn.GroupNorm(2, 4),
            "InstanceNorm1d": nn.InstanceNorm1d(4, affine=True),
        }.items()
    },
}
SLOW_IN_EVAL = {
    "BatchNorm1d": (lambda: then(nn.BatchNorm1d(4), channels=True), {"module.weight", "module.bias"}),
    "spectral norm": (
        lambda: then(parametrizations.spectral_norm(nn.Linear(4, 4))),
        {"module.parametrizations.weight.original"},
    ),
}


def compare(make, slow, train):
    torch.manual_seed(0)
    model = make().double().train(train)
    reads_words = any(isinstance(module, (nn.Embedding, nn.EmbeddingBag)) for module in model.modules())
    inputs, lengths = WORDS if reads_words else VALUES, (LENGTHS,) if isinstance(model, WithLengths) else ()
    with torch.no_grad():
        outputs = model(inputs, *lengths)
    targets = torch.zeros(outputs.shape[:-1], dtype=torch.long)
    if lengths:
        targets[torch.arange(T) >= LENGTHS[:, None]] = -100
    batch = (inputs, targets, *lengths)
    found = fisher_diagonal(model, batch, "categorical", chunk=3, progress=False)
    assert {name for name, way in found.way.items() if way == "slow"} == slow
    expected = one_by_one(model, batch, "exact")
    largest = max(float(value.detach().max()) for value in expected.values())
    assert set(found) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value.detach(), rtol=1e-9, atol=1e-12 * largest)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", FAST)
def test_the_fast_way(name, train):
    compare(FAST[name], set(), train)


@pytest.mark.parametrize("name", IN_EVAL)
def test_the_fast_way_in_eval_mode(name):
    compare(IN_EVAL[name], set(), train=False)


@pytest.mark.parametrize("name", SLOW)
def test_the_slow_way(name):
    compare(*SLOW[name], train=True)


@pytest.mark.parametrize("name", SLOW_IN_EVAL)
def test_the_slow_way_in_eval_mode(name):
    compare(*SLOW_IN_EVAL[name], train=False)


REFUSED = {
    "batch norm": (lambda: then(nn.BatchNorm1d(4), channels=True), "normalises over the batch"),
    "without statistics": (
        lambda: then(nn.BatchNorm1d(4, track_running_stats=False), channels=True).eval(),
        "normalises over the batch",
    ),
    "dropout": (lambda: then(nn.Dropout(0.5)), "module is a Dropout"),
    "dropout between layers": (lambda: then(nn.LSTM(4, 3, 2, batch_first=True, dropout=0.5), 3), "module is a LSTM"),
    "attention dropout": (lambda: then(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)), "draws random numbers"),
    "samples that interact": (lambda: by_hand(lambda own, x: x - x.mean(0) * own.weight, 4), "influence each other"),
    "batch_first forgotten": (lambda: then(nn.LSTM(4, 3), 3), "module is a LSTM that gives sample"),
    "a tuple": (lambda: nn.GRU(4, 3, batch_first=True), "outputs of the type tuple"),
    "a dictionary": (lambda: Of(lambda own, x: {"logits": own.head(x)}, head=nn.Linear(4, 3)), "of the type dict"),
    "lazy": (lambda: nn.LazyLinear(3), "(?i)lazy"),
    "complex": (lambda: nn.Linear(4, 3, dtype=torch.complex64), "must be a real tensor"),
    "meta": (lambda: nn.Linear(4, 3, device="meta"), "must be a real tensor"),
    "computed again": (
        lambda: Of(
            lambda own, x: own.head(checkpoint(own.inner, own.first(x), use_reentrant=True)),
            first=nn.Linear(4, 4),
            inner=nn.Linear(4, 4),
            head=nn.Linear(4, 3),
        ),
        "computes activations again in the backward pass",
    ),
    "computed again, the newer way": (
        lambda: Of(
            lambda own, x: own.head(checkpoint(own.inner, x, use_reentrant=False)),
            inner=nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4)),
            head=nn.Linear(4, 3),
        ),
        "computes activations again in the backward pass",
    ),
    "buffers": (lambda: then(parametrizations.spectral_norm(nn.Linear(4, 4))), "changes its buffer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name):
    make, message = REFUSED[name]
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=message):
        fisher_diagonal(make(), (VALUES.float(), torch.zeros(N, T, dtype=torch.long)), "categorical", progress=False)
