"""Importances of modules of all kinds against autograd, one sample after the other."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, TensorDataset

from tests.torch_models import CLASSES, LENGTHS, MODELS, SLOW, VALUES, N, T, case, one_by_one
from wmcl.likelihoods import Bernoulli, Gaussian
from wmcl.pytorch import fisher_diagonal, memory_aware_synapses
from wmcl.tasks import copy_task


def measure(model, data, kind="exact", likelihood="categorical", **more):
    more = {"progress": False, "chunk": 4} | more
    if kind == "MAS":
        return memory_aware_synapses(model, data, **more)
    return fisher_diagonal(model, data, likelihood, kind, **more)


def assert_close(found, expected, rtol=1e-9):
    assert set(found) == set(expected)
    largest = max(float(value.max()) for value in expected.values())
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value.detach(), rtol=rtol, atol=1e-12 * largest, err_msg=name)


@pytest.mark.parametrize("kind", ["empirical", "exact", "MAS"])
@pytest.mark.parametrize("name", MODELS)
def test_each_model_has_the_importances_of_autograd(name, kind):
    model, batch = case(name)
    model.train(kind == "empirical")  # none of them draws random numbers
    found = measure(model, batch, kind)
    assert_close(found, one_by_one(model, batch, kind))
    assert {parameter for parameter, way in found.way.items() if way == "slow"} == SLOW.get(name, set())
    assert found.samples == N
    assert all(value.dtype == torch.float64 for value in found.values())


def test_sampled_targets_are_drawn_from_the_model_whatever_the_chunk_and_the_way():
    model, batch = case("encoder and decoder")
    few = measure(model, batch, "sampled", chunk=2, draws=2)
    assert_close(measure(model, batch, "sampled", chunk=7, draws=2), few)
    assert not torch.equal(measure(model, batch, "sampled", draws=2, seed=1)["gain"], few["gain"])
    many, exact = measure(model, batch, "sampled", draws=300), measure(model, batch)
    for name, value in exact.items():
        assert abs(float(many[name].sum() / value.sum()) - 1) < 0.1


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", Gaussian(0.5), Bernoulli()])
def test_other_likelihoods(likelihood):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    targets = torch.randint(0, 2, (N, T, 2)).double()
    mask = torch.rand(N, T) < 0.7
    targets[~mask] = torch.nan  # where nothing is scored, a target may be anything
    loss = {"bernoulli": nn.functional.binary_cross_entropy_with_logits}.get(likelihood)

    def nll(outputs, wanted):
        if loss is not None or isinstance(likelihood, Bernoulli):
            return nn.functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="sum")
        std = getattr(likelihood, "std", 1.0)
        return ((outputs - wanted) ** 2).sum() / (2 * std**2)

    expected = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for n in range(N):
        gradient = torch.autograd.grad(nll(model(VALUES[n])[mask[n]], targets[n][mask[n]]), list(model.parameters()))
        for name, value in zip(expected, gradient, strict=True):
            expected[name] += value**2 / N
    assert_close(measure(model, (VALUES, targets, mask), "empirical", likelihood), expected)


def test_a_likelihood_of_ones_own():
    model, batch = case("attention pooling")

    def own(outputs, targets):
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    assert_close(measure(model, batch, "empirical", own), one_by_one(model, batch, "empirical"))
    with pytest.raises(ValueError, match="kind must be 'empirical'"):
        measure(model, batch, "exact", own)
    with pytest.raises(ValueError, match="must return a tensor with one for each of the 4 samples"):
        measure(model, batch, "empirical", nn.functional.cross_entropy)


# ------------------------------------------------------------------------------------------------------------ data


def forms():
    """The same data, in every form that is taken; the first one is the plain one."""
    model, (inputs, targets, lengths) = case("two layers, both directions")
    whole = {"inputs": inputs, "targets": targets, "lengths": lengths}
    free = targets.clone()
    free[targets == -100] = 0
    mask = targets != -100
    return model, {
        "one batch": (inputs, targets, lengths),
        "a dict": whole,
        "a mask": (inputs, free, lengths, mask),
        "a mask, the other way round": (inputs, free, mask, lengths),
        "a list of batches": [(inputs[:3], targets[:3], lengths[:3]), (inputs[3:], targets[3:], lengths[3:])],
        "a generator": ((inputs[n : n + 1], targets[n : n + 1], lengths[n : n + 1]) for n in range(N)),
        "a data set": TensorDataset(inputs, targets, lengths),
        "a loader": DataLoader(TensorDataset(inputs, targets, lengths), batch_size=5),
    }


@pytest.mark.parametrize("form", list(forms()[1]))
def test_data_come_in_any_form(form):
    model, each = forms()
    assert_close(measure(model, each[form]), measure(model, each["one batch"]))


class Packed(nn.Module):
    """Takes packed sequences, and works on their rows."""

    def __init__(self, batch_first):
        super().__init__()
        self.gru, self.middle, self.head = nn.GRU(3, 4, bidirectional=True), nn.Linear(8, 8), nn.Linear(8, CLASSES)
        self.batch_first = batch_first

    def forward(self, packed):
        output, _ = self.gru(packed)
        rows = output._replace(data=self.middle(output.data).tanh())
        padded = nn.utils.rnn.pad_packed_sequence(rows, self.batch_first)[0]
        return self.head(padded)


@pytest.mark.parametrize("batch_first", [True, False])
def test_packed_sequences_in_either_layout(batch_first):
    torch.manual_seed(0)
    model = Packed(batch_first).double()
    targets = [torch.randint(0, CLASSES, (int(length),)) for length in LENGTHS]
    packed = pack_sequence([VALUES[n, :length] for n, length in enumerate(LENGTHS)], enforce_sorted=False)
    wanted = pack_sequence(targets, enforce_sorted=False)
    found = measure(model, (packed, wanted), "empirical", batch_first=batch_first)
    expected = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for n, length in enumerate(LENGTHS):
        logits = model(pack_sequence([VALUES[n, :length]])).reshape(-1, CLASSES)
        loss = nn.functional.cross_entropy(logits, targets[n], reduction="sum")
        for name, value in zip(expected, torch.autograd.grad(loss, list(model.parameters())), strict=True):
            expected[name] += value**2 / N
    assert_close(found, expected)
    assert set(found.way.values()) == {"fast"}


def test_time_may_come_first():
    model, (inputs, targets) = case("LayerNorm after every step, GRU")

    class TimeFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, sequences):
            return self.inner(sequences.transpose(0, 1)).transpose(0, 1)

    found = measure(TimeFirst(), (inputs.transpose(0, 1), targets.T), batch_first=False)
    expected = measure(model, (inputs, targets))
    assert_close({name.removeprefix("inner."): value for name, value in found.items()}, dict(expected))


# --------------------------------------------------------------------------------------------- parameters of all kinds


def test_frozen_parameters_are_left_out_and_unused_ones_are_zero():
    model, batch = case("tagger")
    expected = one_by_one(model, batch, "exact")
    model.embedding.weight.requires_grad_(False)
    model.spare = nn.Linear(2, 2).double()
    found = measure(model, batch)
    assert set(found) == set(expected) - {"embedding.weight"} | {"spare.weight", "spare.bias"}
    assert not found["spare.weight"].any()
    assert_close(
        {name: found[name] for name in found if name in expected}, {n: expected[n] for n in found if n in expected}
    )


def test_a_compiled_model_keeps_the_names_that_its_user_knows():
    model, batch = case("tagger")
    found = measure(torch.compile(model, backend="eager"), batch)
    assert_close({name.removeprefix("_orig_mod."): value for name, value in found.items()}, dict(measure(model, batch)))


def test_parametrised_weights_and_mixed_types():
    torch.manual_seed(0)

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.low = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
            self.high = nn.Linear(4, CLASSES).double()

        def forward(self, inputs):
            return self.high(self.low(inputs.float()).tanh().double())

    model, targets = Mixed(), torch.randint(0, CLASSES, (N,))
    batch = (VALUES[:, 0], targets)
    found = measure(model, batch)
    assert_close(found, one_by_one(model, batch, "exact"), rtol=1e-4)
    assert found.way["low.parametrizations.weight.original1"] == "slow"
    assert found.way["high.weight"] == "fast"


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_any_mode_and_nothing_is_changed(mode):
    model, batch = case("tagger")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with mode():
        found = measure(model, batch)
    assert_close(found, one_by_one(model, batch, "exact"))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.grad is None and value.requires_grad for value in model.parameters())


def test_single_precision():
    model, (inputs, targets) = case("LayerNorm after every step, LSTM")
    expected = measure(model, (inputs, targets))
    found = measure(model.float(), (inputs.float(), targets))
    for name, value in expected.items():
        assert float((found[name] - value).norm() / value.norm()) < 1e-5


def test_half_precision_and_autocast():
    model, (inputs, targets) = case("LayerNorm after every step, LSTM")
    model, inputs = model.float(), inputs.float()
    expected = measure(model, (inputs, targets), "empirical")
    with torch.autocast("cpu"):
        found = measure(model, (inputs, targets), "empirical")
    assert_close(found, dict(expected))
    model, batch = flat(nn.Tanh()).float(), (inputs[:, 0], targets[:, 0])
    expected = measure(model, batch, "empirical")
    found = measure(model.bfloat16(), (batch[0].bfloat16(), batch[1]), "empirical")
    for name, value in expected.items():
        assert float((found[name] - value).norm() / value.norm()) < 0.1


class Mapped(nn.Module):
    """Maps a layer over steps by a transform, inside of which no tap can be put."""

    def __init__(self):
        super().__init__()
        self.head, self.free = nn.Linear(3, CLASSES), nn.Linear(CLASSES, CLASSES)

    def forward(self, inputs):
        return self.free(torch.vmap(self.head, in_dims=1, out_dims=1)(inputs))


def test_transforms_inside_of_a_model():
    torch.manual_seed(0)
    model, batch = Mapped().double(), (VALUES, torch.randint(0, CLASSES, (N, T)))
    found = measure(model, batch)
    assert_close(found, one_by_one(model, batch, "exact"))
    assert found.way["head.weight"] == "slow"


def test_a_model_without_any_known_use():
    class Products(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(3, CLASSES).double())

        def forward(self, inputs):
            return inputs @ self.weight

    torch.manual_seed(0)
    model, batch = Products(), (VALUES, torch.randint(0, CLASSES, (N, T)))
    assert_close(measure(model, batch), one_by_one(model, batch, "exact"))


@pytest.mark.parametrize("batch_first", [True, False])
def test_one_output_a_step_without_an_axis_of_its_own(batch_first):
    class Squeezed(nn.Module):
        def __init__(self, keep):
            super().__init__()
            torch.manual_seed(0)
            self.head, self.keep = nn.Linear(3, 1).double(), keep

        def forward(self, inputs):
            found = self.head(inputs).tanh()
            return found if self.keep else found.squeeze(-1)

    turn = (lambda x: x) if batch_first else (lambda x: x.transpose(0, 1))
    inputs, targets, mask = turn(VALUES), turn((VALUES[..., :1] > 0).double()), turn(torch.rand(N, T) < 0.6)
    more = {"likelihood": "bernoulli", "batch_first": batch_first, "kind": "empirical"}
    expected = measure(Squeezed(True), (inputs, targets, mask), **more)
    assert_close(measure(Squeezed(False), (inputs, targets[..., 0], mask), **more), dict(expected))
    if batch_first:
        with pytest.raises(ValueError, match="not clear whether the 5 are steps or outputs"):
            measure(Squeezed(False), (inputs, targets[..., 0], LENGTHS), **more)


def test_arrays_and_lists_of_lengths():
    model, (inputs, targets, lengths) = case("two layers, both directions")
    expected = measure(model, (inputs, targets, lengths))
    batch = {"inputs": inputs.numpy(), "targets": targets.numpy(), "lengths": lengths.tolist()}
    assert_close(measure(model, batch), dict(expected))


# ----------------------------------------------------------------------------------------- samples that do not interact


class Centred(nn.Module):
    """Subtracts the mean over the batch in its own forward."""

    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleDict({"first": nn.Linear(3, 4)})
        self.head = nn.Linear(4, CLASSES)

    def forward(self, inputs):
        found = self.inner["first"](inputs)
        return self.head(found - 0.5 * found.mean(0))


class Noise(nn.Module):
    """Draws random numbers in its own forward."""

    def forward(self, values):
        return values + torch.randn_like(values)


class Mean(nn.Module):
    """Lets samples interact."""

    def forward(self, values):
        return values - 0.5 * values.mean(0)


def flat(*modules):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), *modules, nn.Linear(4, CLASSES)).double()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: flat(nn.BatchNorm1d(4)), r"^1 is a BatchNorm1d that normalises over the batch"),
        (lambda: flat(nn.BatchNorm1d(4, track_running_stats=False)).eval(), r"^1 is a BatchNorm1d"),
        (
            lambda: flat(Mean()),
            r"^1 is a Mean that gives sample \d of a batch other numbers than the same sample alone",
        ),
        (lambda: Centred().double(), r"^model is a Centred that gives sample"),
        (lambda: flat(nn.Dropout(0.5)), r"^1 is a Dropout .* call model.eval\(\)"),
        (lambda: flat(Noise()), r"^model calls randn_like, which draws random numbers"),
        (lambda: nn.LSTM(3, 4), r"^model returns outputs of the type tuple: they must be one tensor"),
        (lambda: nn.Linear(3, 4).double().requires_grad_(False), "^model has no parameter that requires a gradient"),
        (lambda: "model", r"^model is of the type str: it must be a torch.nn.Module"),
        (lambda: flat(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))), "^model changes its buffer"),
    ],
)
def test_models_whose_samples_have_no_gradient_of_their_own_are_refused_by_name(model, message):
    made, inputs = model(), VALUES[:, 0]
    inputs = inputs.float() if isinstance(made, nn.LSTM) else inputs
    with pytest.raises(ValueError, match=message):
        measure(made, (inputs, torch.zeros(N, dtype=torch.long)))


def test_batch_normalisation_and_dropout_in_eval_mode_are_fine():
    model, batch = flat(nn.BatchNorm1d(4), nn.Dropout(0.5)).eval(), (VALUES[:, 0], torch.randint(0, CLASSES, (N,)))
    assert_close(measure(model, batch), one_by_one(model, batch, "exact"))


class MixesLater(nn.Module):
    """Lets samples interact only where they are large: not in the first batch."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, CLASSES)

    def forward(self, inputs):
        return self.head(inputs - inputs.mean(0) if float(inputs.abs().max()) > 100 else inputs)


def test_every_batch_is_looked_at():
    inputs = torch.cat([VALUES[:4, 0], VALUES[:4, 0] + 1000])
    with pytest.raises(ValueError, match="is a MixesLater that gives sample"):
        measure(MixesLater().double(), (inputs, torch.zeros(8, dtype=torch.long)))


class Missing(nn.Module):
    """Has values for what is missing, which few samples need."""

    def __init__(self):
        super().__init__()
        self.missing, self.head = nn.Parameter(torch.randn(3)), nn.Linear(3, CLASSES)

    def forward(self, inputs):
        return self.head(torch.where(inputs > 9, self.missing, inputs))


class Rare(nn.Module):
    """Uses a weight in some batches alone, by hand."""

    def __init__(self):
        super().__init__()
        self.gain, self.head = nn.Parameter(torch.ones(3)), nn.Linear(3, CLASSES)

    def forward(self, inputs):
        return self.head(inputs * self.gain if bool((inputs > 9).any()) else inputs)


class Valid(nn.Module):
    """Looks at words alone that are none of padding, so samples have rows in different numbers."""

    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(11, 4), nn.Linear(4, CLASSES)

    def forward(self, inputs):
        kept = inputs != 0
        rows = self.embedding(inputs)[kept].tanh()
        outputs = rows.new_zeros(*inputs.shape, CLASSES)
        outputs[kept] = self.head(rows)
        return outputs


class Siamese(nn.Module):
    """Reads two halves with one recurrent layer, each sorted by its own lengths."""

    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(11, 4), nn.LSTM(4, 5, batch_first=True)
        self.head = nn.Linear(10, CLASSES)

    def half(self, words):
        lengths = (words != 0).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(self.embedding(words), lengths, True, enforce_sorted=False)
        return self.lstm(packed)[1][0][0]

    def forward(self, inputs):
        return self.head(torch.cat([self.half(inputs[:, :5]), self.half(inputs[:, 5:])], -1))


def words_of(*lengths):
    words = torch.randint(1, 11, (len(lengths[0]), 5 * len(lengths)), generator=torch.Generator().manual_seed(0))
    for place, each in enumerate(lengths):
        for n, length in enumerate(each):
            words[n, 5 * place + length : 5 * place + 5] = 0
    return words


HIGH = torch.where(torch.arange(N)[:, None] == torch.tensor([5, 6, 99]), 10.0, VALUES[:, 0])


@pytest.mark.parametrize("chunk", [2, 100])
@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (Missing, HIGH),
        (Rare, HIGH),
        (Valid, words_of([3, 3, 3, 4, 2, 5, 1])),
        (Siamese, words_of([5, 4, 3, 2, 4, 1], [5, 5, 4, 1, 2, 5])),
    ],
)
def test_what_the_first_samples_do_not_show(make, inputs, chunk):
    torch.manual_seed(0)
    model = make().double()
    with torch.no_grad():
        shape = model(inputs).shape[:-1]
    batch = (inputs, torch.randint(0, CLASSES, shape))
    for kind in ("MAS", "empirical"):
        if make is not Rare or chunk == 2:  # a batch at once lets its samples influence each other
            inputs_one_by_one = [(inputs[n : n + 1], batch[1][n : n + 1]) for n in range(len(inputs))]
            data = inputs_one_by_one if make is Rare else batch
            assert_close(measure(model, data, kind, chunk=chunk), one_by_one(model, batch, kind))


def test_classes_that_are_masked():
    class Masked(nn.Module):
        def __init__(self, value, mixes):
            super().__init__()
            self.head, self.value, self.mixes = nn.Linear(3, CLASSES), value, mixes

        def forward(self, inputs):
            inputs = inputs - inputs.mean(0) if self.mixes else inputs
            return torch.cat([self.head(inputs)[:, :2], torch.full_like(inputs[:, :1], self.value)], -1)

    torch.manual_seed(0)
    inputs, targets = VALUES[:, 0].float(), torch.randint(0, 2, (N,))
    for value in (-1e9, -torch.inf):
        with pytest.raises(ValueError, match="gives sample"):
            measure(Masked(value, True), (inputs, targets), "empirical")
        assert measure(Masked(-1e9, False), (inputs, targets), "empirical")["head.weight"].isfinite().all()


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_sizes_of_nothing_and_outputs_that_lost_an_axis():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.none = nn.Linear(3, 1), nn.Linear(3, 0)

        def forward(self, inputs):
            return (self.head(inputs) + self.none(inputs).sum(-1, keepdim=True)).squeeze()

    torch.manual_seed(0)
    model, targets = Odd().double(), torch.randint(0, 2, (N,)).double()
    found = measure(model, (VALUES[:, 0], targets), "empirical", "bernoulli")
    assert found["none.weight"].shape == (0, 3)
    assert float(found["head.weight"].sum()) > 0


def test_rows_that_move_from_batch_to_batch_are_followed():
    """The order of the rows follows from the data; layouts of the first batch do not hold for the second one."""

    class Sorted(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows, self.head = nn.Linear(3, 4), nn.Linear(4, CLASSES)

        def forward(self, inputs):
            rows = inputs.reshape(-1, 3) if float(inputs[0, 0, 0]) > 0 else inputs.transpose(0, 1).reshape(-1, 3)
            found = self.rows(rows).tanh().view(*inputs.shape[:2][:: 1 if float(inputs[0, 0, 0]) > 0 else -1], 4)
            return self.head(found if float(inputs[0, 0, 0]) > 0 else found.transpose(0, 1))

    torch.manual_seed(0)
    inputs = VALUES.clone()
    inputs[:, 0, 0] = torch.tensor([1.0, 1, 1, 1, -1, -1, -1])
    inputs = torch.cat([inputs, inputs[-1:] + 0.1])
    model, batch = Sorted().double(), (inputs, torch.randint(0, CLASSES, (8, T)))
    assert_close(measure(model, batch), one_by_one(model, batch, "exact"))


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("data", "more", "message"),
    [
        (5, {}, r"data is of the type int: it must be a DataLoader"),
        (copy_task(2).stream(), {}, "endless stream"),
        (DataLoader(copy_task(2).stream(batch=2), batch_size=None), {}, "endless stream"),
        (TensorDataset(VALUES, torch.zeros(N, T).long()), {"batch_first": False}, "collate_fn puts time first"),
        ((VALUES, torch.zeros(N, T).long(), torch.full((N,), 2.5)), {}, "a part of a batch is a tensor"),
        (((VALUES, VALUES), torch.zeros(N)), {}, "a model with several inputs needs a module around it"),
        ((VALUES, torch.zeros(N, T)), {"likelihood": nn.CrossEntropyLoss()}, "one number for all samples"),
        ((VALUES, torch.zeros(N, T).long()), {"seed": "a"}, "seed is 'a'"),
        ([], {}, "data is empty"),
        ((VALUES,), {"kind": "empirical"}, "a batch of data has no targets"),
        ((VALUES, torch.zeros(N, T).long() + 9), {"kind": "empirical"}, "hold the class 9: they must lie in 0 to 2"),
        ((VALUES, torch.zeros(N, 2).long()), {"kind": "empirical"}, "targets of a batch are a tensor of shape"),
        ((VALUES, torch.zeros(N, T).long(), torch.zeros(N)), {}, "a part of a batch is a tensor"),
        ((VALUES, torch.zeros(N, T).long(), torch.full((N,), 9)), {}, "lengths of a batch reach from 9 to 9"),
        ((VALUES, torch.zeros(N, T).long(), torch.ones(N, 2).bool()), {}, "mask of a batch is a tensor of shape"),
        ({"x": VALUES}, {}, "a batch of data has the entries x"),
        ((VALUES, torch.zeros(N, T).long()), {"likelihood": "poisson"}, "likelihood is 'poisson'"),
        ((VALUES, torch.zeros(N, T).long()), {"kind": "true"}, "kind is 'true'"),
        ((VALUES, torch.zeros(N, T).long()), {"chunk": 0}, "chunk is 0"),
        ((VALUES, torch.full((N, T, 3), 2.0)), {"kind": "empirical", "likelihood": "bernoulli"}, "outside of 0 to 1"),
        (
            (VALUES, torch.full((N, T, 3), torch.nan)),
            {"kind": "empirical", "likelihood": "gaussian"},
            "NaN or infinite",
        ),
    ],
)
def test_data_that_do_not_fit_are_refused_in_a_sentence(data, more, message):
    with pytest.raises(ValueError, match=message):
        measure(nn.Linear(3, CLASSES).double(), data, **more)


def test_the_representation_names_the_ways():
    model, batch = case("encoder and decoder")
    assert "gain: (4,), slow" in repr(measure(model, batch, "empirical"))
    assert "head.bias: (3,), fast" in repr(measure(model, batch, "empirical"))


def test_the_oracle_is_a_squared_gradient():
    model, (inputs, targets) = case("tagger")
    loss = nn.functional.cross_entropy(model(inputs[:1])[0], targets[0], ignore_index=-100, reduction="sum")
    loss.backward()
    expected = one_by_one(model, (inputs[:1], targets[:1]), "empirical")
    for name, value in model.named_parameters():
        np.testing.assert_allclose(expected[name], value.grad**2)


def test_small_signals_of_packed_rows_count_in_single_precision():
    """The first word of a sequence is far from its only answer, through small weights."""

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn, self.head = nn.Embedding(11, 4), nn.RNN(4, 4), nn.Linear(4, CLASSES)
            with torch.no_grad():
                self.rnn.weight_hh_l0.mul_(0.05)

        def forward(self, packed):
            rows = packed._replace(data=self.embedding(packed.data))
            return self.head(self.rnn(rows)[1][0])

    torch.manual_seed(0)
    model = Last()
    lengths = [6, 4, 5, 6, 4]
    words = [torch.randint(3, 11, (length,)) for length in lengths]
    for each in words:
        each[0] = 1
    packed, targets = pack_sequence(words, enforce_sorted=False), torch.randint(0, CLASSES, (5,))
    found = measure(model, (packed, targets), "empirical")["embedding.weight"]
    expected = measure(model.double(), (packed, targets), "empirical")["embedding.weight"]
    assert float(expected[1].sum()) > 0
    np.testing.assert_allclose(found[1], expected[1], rtol=0.05)
