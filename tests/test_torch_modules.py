"""Networks of torch.nn as ensembles and back: outputs, gradients and Fishers against autograd of torch itself."""

import copy
import inspect
import pickle
import re
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.prune import l1_unstructured

from tests import naive
from tests.cases import ragged, shifted
from tests.own_network import Leaky
from tests.same import assert_same
from wmcl.importance import fisher_diagonal
from wmcl.likelihoods import Bernoulli
from wmcl.networks import GRU, LSTM, Elman, LinearRNN, ReLUElman, from_torch, to_torch
from wmcl.networks.elman import TanhCell
from wmcl.networks.torch_network import TorchNetwork
from wmcl.tasks import Phase

FEATURES, UNITS, OUTPUTS = 2, 3, 2
KINDS = {
    "tanh": (nn.RNN, {}, Elman),
    "relu": (nn.RNN, {"nonlinearity": "relu"}, ReLUElman),
    "LSTM": (nn.LSTM, {}, LSTM),
    "GRU": (nn.GRU, {}, GRU),
}
NAMES = {"W_ih": "weight_ih", "b_ih": "bias_ih", "W_hh": "weight_hh", "b_hh": "bias_hh"}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_shape = pytest.mark.parametrize(
    ("layers", "bidirectional", "bias"),
    [(layers, sides, bias) for layers in (1, 2) for sides in (False, True) for bias in (True, False)],
    ids=lambda value: str(value),
)


def module(kind="GRU", seed=0, dtype=torch.float64, **fields):
    """A recurrent module with weights that are not small."""
    torch.manual_seed(seed)
    made, own, _ = KINDS[kind]
    return made(FEATURES, UNITS, **own | fields).to(dtype)


def linear(features=UNITS, seed=1, dtype=torch.float64, outputs=OUTPUTS, **fields):
    torch.manual_seed(seed)
    return nn.Linear(features, outputs, dtype=dtype, **fields)


def head_of(recurrent, **fields):
    return linear(recurrent.hidden_size * (2 if recurrent.bidirectional else 1), **fields)


def sequences(has_lengths):
    """Sequences of one member; without lengths none has padding."""
    data = ragged(members=1, steps=4, samples=3, features=FEATURES, outputs=OUTPUTS)
    if has_lengths:
        return data
    phase = torch.full_like(data.phase, int(Phase.input))
    return replace(data, phase=phase, scored=data.scored + 0.2, window=slice(0, data.steps))


def names_of(recurrent, head):
    """Parameters of the modules by their names in a network."""
    named = {"W_out": head.weight, "b_out": head.bias}
    for layer in range(recurrent.num_layers):
        for side in ("", "_reverse") if recurrent.bidirectional else ("",):
            for mine, theirs in NAMES.items():
                if recurrent.bias or mine.startswith("W"):
                    suffix = (f"_l{layer}" if layer else "") + side
                    named[mine + suffix] = getattr(recurrent, f"{theirs}_l{layer}{side}")
    return named


def logits_of(recurrent, head, inputs):
    """Of one sequence (time, feature), in a batch of one."""
    batch = inputs[None] if recurrent.batch_first else inputs[:, None]
    states = recurrent(batch)[0]
    return head(states[0] if recurrent.batch_first else states[:, 0])


# ------------------------------------------------------------------------------------------------------ from torch.nn


@every_shape
@every_kind
def test_second_derivatives_are_those_of_torch(kind, layers, bidirectional, bias):
    """The Hessian times a vector, and the gradient of a penalty on the gradient of the inputs."""
    recurrent = module(kind, num_layers=layers, bidirectional=bidirectional, bias=bias, batch_first=True)
    head = head_of(recurrent)
    network, parameters = from_torch(recurrent, head)
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    own = names_of(recurrent, head)
    inputs = torch.randn(3, 5, FEATURES, dtype=torch.float64, requires_grad=True)

    def ours():
        logits = network.apply(leaves, inputs.transpose(0, 1)[None]).logits
        return logits[0].transpose(0, 1).square().sum() + logits.sum(), list(leaves.values())

    def theirs():
        logits = head(recurrent(inputs)[0])
        return logits.square().sum() + logits.sum(), [own[name] for name in leaves]

    found = []
    for loss, values in (ours(), theirs()):
        gradients = torch.autograd.grad(loss, [inputs, *values], create_graph=True)
        penalty = gradients[0].square().sum()
        along = sum((each * torch.ones_like(each)).sum() for each in gradients[1:])
        found.append(
            [
                *torch.autograd.grad(penalty, values, retain_graph=True, allow_unused=True, materialize_grads=True),
                *torch.autograd.grad(along, values, allow_unused=True, materialize_grads=True),
            ]
        )
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine[0] if mine.ndim > other.ndim else mine, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("has_lengths", [True, False])
@every_shape
@every_kind
def test_outputs_gradients_and_fishers_are_those_of_torch(kind, layers, bidirectional, bias, has_lengths):
    recurrent = module(kind, num_layers=layers, bidirectional=bidirectional, bias=bias, batch_first=has_lengths)
    head, data, likelihood = head_of(recurrent), sequences(has_lengths), Bernoulli()
    network, parameters = from_torch(recurrent, head)
    theirs = names_of(recurrent, head)
    assert type(network) is KINDS[kind][2]
    assert (network.biases, network.layers, network.has_output_stage) == (bias, layers, False)
    assert parameters.keys() == network.shapes.keys() == theirs.keys()
    assert not any(value.requires_grad for value in parameters.values())
    # outputs and gradients
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    found = network.apply(leaves, data.inputs, lengths=data.lengths).logits
    expected, total = dict.fromkeys(theirs, 0.0), 0.0
    for sample in range(data.samples):
        inputs, targets, scored = naive.sequence(data, 0, sample)
        logits = logits_of(recurrent, head, inputs)
        torch.testing.assert_close(found[0, : len(inputs), sample], logits, rtol=1e-10, atol=1e-13)
        own = naive.nll(logits, targets, scored)
        for name, value in zip(theirs, torch.autograd.grad(own, list(theirs.values())), strict=True):
            expected[name] = expected[name] + value
    total = (likelihood.nll(found, data.targets) * data.scored[..., None]).sum()
    for name, value in zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True):
        torch.testing.assert_close(value[0], expected[name], rtol=1e-10, atol=1e-13)
    # Fishers
    for fisher in ("empirical", "sampled", "exact"):
        mine = fisher_diagonal(network, parameters, data, likelihood, fisher, seeds=[5])
        oracle = {name: torch.zeros_like(value) for name, value in theirs.items()}
        for sample in range(data.samples):
            logits = logits_of(recurrent, head, naive.sequence(data, 0, sample)[0])
            for weight, loss in naive.fisher_losses(logits, data, 0, sample, likelihood, fisher, seed=5):
                gradients = torch.autograd.grad(loss, list(theirs.values()), retain_graph=True)
                for value, gradient in zip(oracle.values(), gradients, strict=True):
                    value += weight * gradient**2 / data.samples
        assert mine.keys() == oracle.keys()
        for name, value in oracle.items():
            torch.testing.assert_close(mine[name][0], value, rtol=1e-9, atol=1e-14)


@every_kind
def test_lists_of_modules_are_ensembles_and_sequences_of_heads_are_heads(kind):
    modules = [module(kind, seed, bidirectional=True) for seed in range(3)]
    heads = [[linear(2 * UNITS, 10 * seed + number) for number in range(2)] for seed in range(3)]
    inputs = torch.randn(1, 4, 2, FEATURES, dtype=torch.float64)
    for several in (heads, [tuple(each) for each in heads], [nn.ModuleList(each) for each in heads]):
        network, parameters = from_torch(nn.ModuleList(modules), several)
        assert (network.heads, network.head) == (2, 0)
        for head in range(2):
            found = network.answering(head).apply(parameters, inputs).logits
            for member, (recurrent, own) in enumerate(zip(modules, heads, strict=True)):
                torch.testing.assert_close(found[member], own[head](recurrent(inputs[0])[0]), rtol=1e-12, atol=1e-14)
    alone, own = from_torch(modules[1], heads[1])
    assert alone == network
    assert_same(own, {name: value[1:2] for name, value in parameters.items()})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_are_copies_of_the_dtype_of_the_module(dtype):
    recurrent, head = module(dtype=dtype), linear(dtype=dtype)
    with torch.inference_mode():
        _, parameters = from_torch(recurrent, head)
    assert {value.dtype for value in parameters.values()} == {dtype}
    assert not any(value.is_inference() for value in parameters.values())
    before = parameters["W_hh"].clone()
    with torch.no_grad():
        recurrent.weight_hh_l0.zero_()
    assert torch.equal(parameters["W_hh"], before)


# --------------------------------------------------------------------------------------------------------- to torch.nn


@st.composite
def networks(draw):
    """Any network of the package, of a few units."""
    kind = draw(st.sampled_from([Elman, ReLUElman, LSTM, GRU, LinearRNN]))
    fields = {}
    if issubclass(kind, Elman):
        fields["output_stage"] = draw(st.booleans())
    if kind is LSTM:
        fields["forget_bias"] = draw(st.sampled_from([0.0, 0.7]))
    heads = draw(st.integers(1, 3))
    return kind(
        draw(st.integers(1, 3)),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 3)),
        layers=draw(st.integers(1, 3)),
        direction=draw(st.sampled_from(["forward", "backward", "bidirectional"])),
        heads=heads,
        head=draw(st.integers(0, heads - 1)),
        biases=draw(st.booleans()),
        **fields,
    )


def inputs_for(network, lengths, seed=0, steps=5):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(1, steps, len(lengths), network.inputs, dtype=torch.float64, generator=g)


@given(
    network=networks(),
    member=st.integers(0, 2),
    batch_first=st.booleans(),
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    has_lengths=st.booleans(),
)
@settings(max_examples=60)
def test_every_network_goes_out_and_comes_back(network, member, batch_first, lengths, has_lengths):
    parameters = shifted(network.init(range(3), torch.float64))
    state = torch.get_rng_state()
    made = to_torch(network, parameters, member, batch_first)
    assert torch.equal(torch.get_rng_state(), state)  # nothing was drawn
    inputs, lengths = inputs_for(network, lengths), torch.tensor(lengths if has_lengths else [5] * len(lengths))
    given = lengths if has_lengths else None
    for head in (None, *range(network.heads)):
        answering = network if head is None else network.answering(head)
        expected = answering.apply(parameters, inputs, lengths=lengths[None]).logits[member]
        found = made(inputs[0].transpose(0, 1) if batch_first else inputs[0], given, head)
        found = found.transpose(0, 1) if batch_first else found
        for sample, end in enumerate(lengths.tolist()):
            torch.testing.assert_close(found[:end, sample], expected[:end, sample], rtol=1e-10, atol=1e-12)
    back, values = from_torch(made)
    if getattr(network, "forget_bias", 0):  # it is part of the biases now
        assert back == replace(network, forget_bias=0.0, biases=True)
        again = back.apply(values, inputs, lengths=lengths[None]).logits[0]
        expected = network.apply(parameters, inputs, lengths=lengths[None]).logits[member]
        torch.testing.assert_close(again, expected, rtol=1e-12, atol=1e-14)
    else:
        assert back == network
        assert_same(values, {name: parameters[name][member : member + 1] for name in network.shapes})
    assert_same(dict(to_torch(back, values).state_dict()), dict(made.state_dict()))


@every_shape
@every_kind
def test_there_and_back_from_torch_is_the_same_state(kind, layers, bidirectional, bias):
    recurrent = module(kind, num_layers=layers, bidirectional=bidirectional, bias=bias)
    head = head_of(recurrent)
    made = to_torch(*from_torch(recurrent, head))
    plain, other = (
        module(kind, 7, num_layers=layers, bidirectional=bidirectional, bias=bias),
        head_of(recurrent, seed=9),
    )
    state = made.state_dict()
    for target, prefix in ((plain, "recurrent."), (other, "heads.0.")):  # into plain modules, every key
        target.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    assert len(state) == len(plain.state_dict()) + len(other.state_dict())
    assert_same(dict(plain.state_dict()), dict(recurrent.state_dict()))
    assert_same(dict(other.state_dict()), dict(head.state_dict()))


def test_modules_are_those_of_torch_and_learn():
    allowed = {nn.RNN, nn.LSTM, nn.GRU, nn.Linear, nn.ModuleList}
    for network in (Elman(2, 3, 2, layers=2), GRU(2, 3, 2, direction="backward"), LinearRNN(2, 3, 2)):
        made = to_torch(network, network.init([0]))
        assert isinstance(made, TorchNetwork)
        assert {type(each) for each in made.modules() if each is not made} <= allowed
        assert all(value.requires_grad for value in made.parameters())
        made(torch.ones(3, 4, 2)).square().sum().backward()
        before = {name: value.clone() for name, value in made.state_dict().items()}
        torch.optim.SGD(made.parameters(), 0.1).step()
        assert all(not torch.equal(value, before[name]) for name, value in made.state_dict().items())
        network, values = from_torch([made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))])
        assert all(torch.equal(value[0], value[2]) and torch.equal(value[0], value[1]) for value in values.values())


def test_keys_of_networks_that_have_no_module_of_their_own():
    deep = Elman(2, 3, 1, layers=2, direction="bidirectional")
    parameters = deep.init([0])
    state = to_torch(deep, parameters).state_dict()
    for place, suffix in enumerate(("", "_reverse", "_l1", "_l1_reverse")):
        for mine, theirs in (("W_ih", "weight_ih"), ("W_hh", "weight_hh"), ("b_ih", "bias_ih"), ("b_hh", "bias_hh")):
            assert torch.equal(state[f"recurrent.{place}.{theirs}_l0"], parameters[mine + suffix][0])
        assert torch.equal(state[f"stages.{place}.weight"], parameters[f"W_ho{suffix}"][0])
        assert torch.equal(state[f"stages.{place}.bias"], parameters[f"b_ho{suffix}"][0])
    flat = LinearRNN(2, 3, 1)
    state = to_torch(flat, flat.init([0])).state_dict()
    assert torch.equal(state["input_maps.0.weight"], flat.init([0])["W_ih"][0])
    assert torch.equal(state["recurrent.0.bias"], flat.init([0])["b_hh"][0])


def test_shifts_of_a_network_without_biases_become_biases():
    network = GRU(2, 3, 2, biases=False)
    parameters = network.init([0], torch.float64) | {"shift": torch.full((1, 9), 0.3, dtype=torch.float64)}
    inputs = inputs_for(network, [5])
    found = to_torch(network, parameters)(inputs[0].transpose(0, 1)).transpose(0, 1)
    torch.testing.assert_close(found, network.apply(parameters, inputs).logits[0], rtol=1e-12, atol=1e-14)


@dataclass(frozen=True)
class Constant(GRU):
    """A network of one's own that computes what its base class does, with constants."""

    def offset(self, weights):
        return weights._replace(b_hh=weights.b_hh + 0.4)


def test_a_class_of_ones_own_with_a_known_forward_pass_goes_out():
    network = Constant(2, 3, 2)
    parameters, inputs = network.init([0], torch.float64), inputs_for(network, [5])
    found = to_torch(network, parameters)(inputs[0].transpose(0, 1)).transpose(0, 1)
    torch.testing.assert_close(found, network.apply(parameters, inputs).logits[0], rtol=1e-12, atol=1e-14)


# ------------------------------------------------------------------------------------------------------------ refusals


class MyGRU(nn.GRU):
    pass


class Squared(TanhCell):
    pass


@dataclass(frozen=True)
class OtherCell(Elman):
    cell: ClassVar = Squared()


@dataclass(frozen=True)
class StagedGRU(GRU):
    @property
    def has_output_stage(self):
        return True


def parametrized():
    made = module()
    nn.utils.parametrizations.orthogonal(made, "weight_hh_l0")
    return made


def normed():
    made = module()
    nn.utils.parametrizations.weight_norm(made, "weight_hh_l0")
    return made


def pruned():
    made = linear()
    l1_unstructured(made, "weight", 0.5)
    return made


def own(change):
    made = to_torch(Elman(2, 3, 2), Elman(2, 3, 2).init([0]))
    change(made)
    return made


def parametrize_stage(made):
    nn.utils.parametrizations.weight_norm(made.stages[0])


def replace_recurrent(made):
    made.recurrent[0] = MyGRU(2, 3)


G = module()
REFUSED = {
    "no module": (lambda: (3, linear()), "recurrent is of the type int: it must be an nn.RNN, nn.LSTM or nn.GRU"),
    "a cell": (lambda: (nn.GRUCell(2, 3), linear()), "recurrent is of the type GRUCell: it must be"),
    "a subclass": (lambda: (MyGRU(2, 3).double(), linear()), "recurrent is of the class MyGRU: it must be an nn.GRU"),
    "projections": (
        lambda: (nn.LSTM(2, 3, proj_size=2).double(), linear()),
        "proj_size of recurrent is 2: it must be 0; .* multiplied by weight_hr",
    ),
    "dropout": (
        lambda: (module(num_layers=2, dropout=0.1), linear()),
        r"dropout of recurrent is 0.1 in training mode: .* call .eval\(\) on the module, or set its dropout to 0",
    ),
    "parametrized": (lambda: (parametrized(), linear()), "recurrent has parametrizations: .*remove_parametrizations"),
    "normed": (lambda: (normed(), linear()), "recurrent has parametrizations"),
    "pruned": (lambda: (G, pruned()), "head has the parameters bias, weight_orig: they must be bias, weight"),
    "parametrized stage": (lambda: (own(parametrize_stage), None), r"recurrent.stages.0 has parametrizations"),
    "another recurrent": (lambda: (own(replace_recurrent), None), r"recurrent.recurrent.0 is of the class MyGRU"),
    "no head": (lambda: (G, None), r"head is missing of recurrent: it must be an nn.Linear from the 3 units"),
    "an empty head": (lambda: (G, []), "head is empty: it must hold at least one nn.Linear"),
    "another head": (lambda: (G, nn.Sequential(linear())), "head is of the type Sequential: it must be an nn.Linear"),
    "a head without bias": (
        lambda: (G, linear(bias=False)),
        r"head has no bias: it must have one; .*nn.Parameter\(head.weight.new_zeros\(head.out_features\)\)",
    ),
    "in_features": (lambda: (G, linear(4)), "in_features of head is 4: it must be 3, the units of recurrent"),
    "in_features of two directions": (lambda: (module(bidirectional=True), linear(3)), "is 3: it must be 6"),
    "heads of different shapes": (
        lambda: (G, [linear(), linear(outputs=5)]),
        r"head\[1\] has the shape \(5, 3\): it must be \(2, 3\), as the first head has",
    ),
    "heads of different types": (
        lambda: (G, [linear(), linear(dtype=torch.float32)]),
        r"head\[1\] is torch.float32 on cpu: it must be torch.float64 on cpu, as the first head is",
    ),
    "a head of another type": (
        lambda: (G, linear(dtype=torch.float32)),
        "recurrent and its head have values of the types torch.float64 on cpu and torch.float32 on cpu",
    ),
    "a head on another device": (lambda: (G, linear().to("meta")), "torch.float64 on meta: they must have one dtype"),
    "half precision": (
        lambda: (module(dtype=torch.float16), linear(dtype=torch.float16)),
        r"recurrent has values of the type torch.float16: it must be torch.float32 or .*module.float\(\)",
    ),
    "no modules": (lambda: ([], []), "recurrent is empty: it must hold at least one module"),
    "one head for two": (lambda: ([G, G], linear()), "head is of the type Linear: it must be a list of one entry for"),
    "too few heads": (lambda: ([G, G], [linear()]), "head is of length 1: .* for each of the 2 modules of recurrent"),
    "no heads": (lambda: ([G, G], None), r"head\[0\] is missing of recurrent\[0\]"),
    "different shapes": (
        lambda: ([G, module(bias=False)], [linear(), linear()]),
        r"recurrent\[1\] makes GRU\(.*biases=False.*\), and recurrent\[0\] GRU\(.*: all members .* of one shape",
    ),
    "different classes": (lambda: ([G, module("LSTM")], [linear()] * 2), r"recurrent\[1\] makes LSTM\("),
    "different numbers of heads": (lambda: ([G, G], [linear(), [linear()] * 2]), r"recurrent\[1\] makes GRU\("),
    "different types": (
        lambda: ([G, module(dtype=torch.float32)], [linear(), linear(dtype=torch.float32)]),
        r"recurrent\[1\] is torch.float32 on cpu, and recurrent\[0\] torch.float64 on cpu: all members",
    ),
    "different devices": (
        lambda: ([G, module().to("meta")], [linear(), linear().to("meta")]),
        r"recurrent\[1\] is torch.float64 on meta, and recurrent\[0\] torch.float64 on cpu",
    ),
    "a head beside its own": (lambda: (own(lambda made: None), linear()), "head is of the type Linear beside a module"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_is_refused(case):
    made, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        from_torch(*made())


def test_what_changes_nothing_is_taken():
    head = linear()
    for made in (
        module(num_layers=2, dropout=0.5).eval(),
        module(num_layers=2, dropout=0.5, batch_first=True).eval().requires_grad_(False),
        module(num_layers=2),
    ):
        assert from_torch(made, head)[0] == GRU(2, 3, 2, layers=2)
    made = linear(bias=False)
    made.bias = nn.Parameter(made.weight.new_zeros(made.out_features))  # as the refusal says
    assert not from_torch(G, made)[1]["b_out"].any()


def test_an_lstm_with_projections_can_be_rewritten_as_its_refusal_says():
    torch.manual_seed(0)
    projected, head = nn.LSTM(2, 3, proj_size=2).double(), linear(2)
    plain, other = module("LSTM"), linear()
    with torch.no_grad():
        for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
            getattr(plain, name).copy_(getattr(projected, name))
        plain.weight_hh_l0.copy_(projected.weight_hh_l0 @ projected.weight_hr_l0)
        other.weight.copy_(head.weight @ projected.weight_hr_l0)
        other.bias.copy_(head.bias)
    inputs = torch.randn(4, 1, 2, dtype=torch.float64)
    network, parameters = from_torch(plain, other)
    torch.testing.assert_close(network.apply(parameters, inputs[None]).logits[0], head(projected(inputs)[0]))


NETWORK = GRU(2, 3, 2)
PARAMETERS = NETWORK.init([0, 1])
REFUSED_OUT = {
    "no network": ((3, PARAMETERS), "network is of the type int: it must be a wmcl.networks.Network"),
    "a cell of one's own": (
        (Leaky(2, 3, 2), Leaky(2, 3, 2).init([0])),
        "network is of the class Leaky, with the cell LeakyCell: torch.nn has modules for Elman, GRU, LSTM, LinearRNN,"
        " ReLUElman alone",
    ),
    "a cell like a known one": ((OtherCell(2, 3, 2), OtherCell(2, 3, 2).init([0])), "OtherCell, with the cell Squared"),
    "an output stage of one's own": ((StagedGRU(2, 3, 2), StagedGRU(2, 3, 2).init([0])), "class StagedGRU"),
    "vectors of words": (
        (NETWORK, PARAMETERS | {"vector_changes": torch.zeros(2, 4, 2)}),
        "vector_changes stands among the parameters: .* add what was learned to the inputs of the module",
    ),
    "a member too many": ((NETWORK, PARAMETERS, 2), "member is 2: it must be a whole number from 0 to 1"),
    "a negative member": ((NETWORK, PARAMETERS, -1), "member is -1: it must be a whole number from 0 to 1"),
    "no number": ((NETWORK, PARAMETERS, "a"), "member is 'a': it must be a whole number"),
    "other parameters": ((NETWORK, LSTM(2, 3, 2).init([0])), "W_ih of the parameters is .*: this network needs"),
    "no parameters": ((NETWORK, None), "parameters is missing: it must be a dict"),
    "values of a method": (
        (NETWORK, PARAMETERS | {"gain": torch.ones(2, 1, 9)}),
        "parameters holds gain: it must hold",
    ),
    "half precision": (
        (NETWORK, NETWORK.init([0], torch.float16)),
        "parameters is of the type torch.float16: it must be torch.float32 or torch.float64",
    ),
}


@pytest.mark.parametrize("case", REFUSED_OUT)
def test_what_torch_has_no_module_for_is_refused(case):
    arguments, message = REFUSED_OUT[case]
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(to_torch)(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(4, 2),), "inputs has the shape (4, 2): it must have three axes, (sample, time, feature)"),
        ((torch.zeros(4, 5, 2), None, 1), "head is 1: it must be a whole number from 0 to 0"),
        ((torch.zeros(4, 5, 2), None, -1), "head is -1: it must be a whole number from 0 to 0"),
        ((torch.zeros(4, 5, 2), torch.tensor([5, 6, 1, 2])), "lengths reach from 1 to 6: they must lie in 0 to 5"),
        ((torch.zeros(4, 5, 2), torch.tensor([5])), "lengths is torch.int64 of shape (1,): it must be a tensor of"),
        ((torch.zeros(4, 5, 2), torch.ones(4)), "lengths is torch.float32 of shape (4,): it must be a tensor of"),
        ((torch.zeros(4, 5, 2), [5, 5, 5, 5]), "lengths is of the type list: it must be a tensor of whole numbers"),
    ],
)
def test_what_a_module_cannot_take_is_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        inspect.unwrap(TorchNetwork.forward)(to_torch(NETWORK, PARAMETERS), *arguments)
