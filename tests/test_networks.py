import inspect
import re

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import naive
from tests.cases import CASES, ensemble, ragged, shifted
from tests.gradients import loss_and_gradient, task_gradient
from tests.same import assert_same
from wmcl.importance import fisher_diagonal, memory_aware_synapses
from wmcl.importance.perturbation import mean_divergence
from wmcl.likelihoods import Bernoulli
from wmcl.networks import GRU, LSTM, Elman, Network
from wmcl.stages import dimensionality_at
from wmcl.tasks import Phase, Sequences, Task
from wmcl.training import Options, Trained, evaluate
from wmcl.training.milestones import Milestone, Snapshot

NETWORKS = [
    network
    for kind in (Elman, LSTM, GRU)
    for network in (
        kind(4, 3, 3, initialisation="fan_in"),
        kind(4, 3, 3, initialisation="fan_in", direction="backward", layers=2),
        kind(4, 3, 3, initialisation="fan_in", direction="bidirectional", layers=2, heads=2, head=1),
    )
]
by_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{type(n).__name__} {n.direction} {n.layers}")


def ragged_case(network: Network, **more: float) -> tuple[dict, Sequences]:
    return shifted(network.init([0, 1], torch.float64)), ragged(**more)


@pytest.mark.parametrize(("network", "task"), CASES)
def test_forward_is_a_plain_loop_over_time(network, task):
    parameters, data = ensemble(network, task)
    found = network.apply(parameters, data.inputs)
    for member in range(2):
        for sample in range(data.samples):
            inputs, _, _ = naive.sequence(data, member, sample)
            hidden, output, logits = naive.forward(network, parameters, member, inputs)
            for mine, oracle in ((found.hidden, hidden), (found.output, output), (found.logits, logits)):
                torch.testing.assert_close(mine[member, :, sample], oracle, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("network", "task"), CASES)
def test_single_precision_agrees_with_the_loop(network, task):
    parameters, data = ensemble(network, task)
    single = network.apply({name: value.float() for name, value in parameters.items()}, data.inputs.float())
    torch.testing.assert_close(single.logits.double(), network.apply(parameters, data.inputs).logits, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("network", "task"), CASES)
def test_gradients_are_those_of_autograd_through_a_plain_loop(network, task):
    parameters, data = ensemble(network, task)
    leaves = {name: value.requires_grad_() for name, value in parameters.items()}
    logits = network.apply(leaves, data.inputs, data.window).logits
    nll = task.likelihood.nll(logits, data.targets[:, data.window]).sum()
    found = dict(zip(leaves, torch.autograd.grad(nll, list(leaves.values())), strict=True))
    for member in range(2):
        each = [naive.gradients(network, parameters, data, member, s) for s in range(data.samples)]
        for name, gradient in found.items():
            torch.testing.assert_close(gradient[member], sum(g[name] for g in each), rtol=0, atol=1e-10)


@by_network
def test_sequences_of_different_length_are_a_loop_over_each_alone(network):
    """Forward, loss and gradient, each against a loop over the sequence without its padding."""
    parameters, data = ragged_case(network)
    found = network.apply(parameters, data.inputs, lengths=data.lengths)
    loss, gradient = loss_and_gradient(network, Bernoulli(), parameters, data, "sequence")
    for member in range(2):
        total, expected = 0.0, dict.fromkeys(parameters, 0.0)
        for sample in range(data.samples):
            inputs, targets, scored = naive.sequence(data, member, sample)
            hidden, output, logits = naive.forward(network, parameters, member, inputs)
            for mine, oracle in ((found.hidden, hidden), (found.output, output), (found.logits, logits)):
                torch.testing.assert_close(mine[member, : len(inputs), sample], oracle, rtol=0, atol=1e-12)
            total += naive.nll(logits, targets, scored) / data.samples
            for name, value in naive.gradients(network, parameters, data, member, sample).items():
                expected[name] += value / data.samples
        torch.testing.assert_close(loss[member], total, rtol=1e-10, atol=0)
        for name, value in expected.items():
            torch.testing.assert_close(gradient[name][member], value, rtol=0, atol=1e-11)


@by_network
@pytest.mark.parametrize("kind", ["empirical", "exact"])
def test_fishers_of_sequences_of_different_length(network, kind):
    """Each sequence against itself alone, cut to its length; empirical against batch-1 autograd."""
    parameters, data = ragged_case(network, samples=4, steps=4)
    task = Task("ragged", 4, 3, Bernoulli(), draw=lambda generators, samples: ragged())
    found = fisher_diagonal(network, parameters, data, task, kind, chunk=3)
    expected = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for sample in range(data.samples):
        if kind == "exact":
            one = cut(data, sample)
            for name, value in fisher_diagonal(network, parameters, one, task, kind).items():
                expected[name] += value / data.samples
        else:
            for member in range(2):
                for name, value in naive.gradients(network, parameters, data, member, sample).items():
                    expected[name][member] += value**2 / data.samples
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-9, atol=1e-14)


def cut(data, sample):
    """A sequence alone, without padding."""
    end = int(data.lengths[0, sample])
    one = data.take(slice(sample, sample + 1))
    parts = (x[:, :end] for x in (one.inputs, one.targets, one.scored, one.phase))
    return Sequences(*parts, slice(1, end))


@by_network
@given(seed=st.integers(0, 50), junk=st.sampled_from([0.0, -3.0, 1e6]), more=st.integers(0, 3))
@settings(max_examples=3)
def test_padding_does_not_matter(network, seed, junk, more):
    """Neither what stands in it nor how much of it there is changes losses, gradients or importances."""
    parameters, data = ragged_case(network, seed=seed)
    other = ragged(seed=seed, junk=junk)
    pad = [(0, 0, 0, 0, 0, more)] * 2 + [(0, 0, 0, more)]
    inputs, targets, scored = (
        torch.nn.functional.pad(x, p) for x, p in zip((other.inputs, other.targets, other.scored), pad, strict=True)
    )
    phase = torch.nn.functional.pad(other.phase, (0, 0, 0, more), value=int(Phase.padding))
    other = Sequences(inputs, targets, scored, phase, other.window)
    task = Task("ragged", 4, 3, Bernoulli(), draw=lambda generators, samples: ragged())
    changed = {name: 1.1 * value for name, value in parameters.items()}
    measures = [
        lambda d: task_gradient(network, task.likelihood, parameters, d)[1],
        lambda d: fisher_diagonal(network, parameters, d, task, "empirical"),
        lambda d: fisher_diagonal(network, parameters, d, task, "exact"),
        lambda d: memory_aware_synapses(network, parameters, d),
        lambda d: fisher_diagonal(network, parameters, d, task, "sampled", [0, 1]),
        lambda d: {"loss": evaluate(network, parameters, d, task).loss},
        lambda d: {"divergence": mean_divergence(network, parameters, d, task, changed)},
        lambda d: {"components": states_of(network, parameters, task, d)},
    ]
    for measure in measures:
        torch.testing.assert_close(measure(other), measure(data), rtol=1e-9, atol=1e-13)


def states_of(network, parameters, task, sequences):
    """How the states of the input phase spread."""
    end = Snapshot(np.zeros(2, int), np.ones(2), parameters)
    trained = Trained(
        network=network, parameters=parameters, seeds=(0, 1), task=task, options=Options(), initial=parameters,
        iterations=end.iteration, reason=(), validation_loss=end.loss, curves=xr.Dataset(), milestones=(), seconds=0.0,
    )  # fmt: skip
    found = dimensionality_at(trained, Milestone(1.0, np.ones(2, bool), end, end), sequences).participation_ratio.sel(
        phase="input", centre="pooled"
    )
    return torch.from_numpy(found.values)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([5, 2, 3]), r"lengths has the shape \(3,\): it must be \(member or 1, sample\), with 3 samples"),
        (torch.tensor([[5], [2], [3]]), r"lengths has the shape \(3, 1\)"),
        (torch.tensor([[6, 2, 3]]), "lengths reach from 2 to 6: they must lie in 0 to 5"),
        (torch.tensor([[-1, 2, 3]]), "lengths reach from -1 to 3"),
    ],
)
def test_senseless_lengths_are_refused(lengths, message):
    network = GRU(4, 3, 3, direction="backward", initialisation="fan_in")
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(Network.apply)(network, network.init([0, 1]), torch.zeros(2, 5, 3, 4), lengths=lengths)


def test_parameters_of_another_network_are_refused():
    network, inputs = GRU(4, 8, 3, initialisation="fan_in"), torch.zeros(1, 2, 1, 4)
    with pytest.raises(ValueError, match=r"W_ih of the parameters is \(1, 27, 4\): this network needs"):
        network.apply(GRU(4, 9, 3, initialisation="fan_in").init([0]), inputs)
    with pytest.raises(ValueError, match="W_ho of the parameters is missing"):
        Elman(4, 8, 3, initialisation="fan_in").apply(
            Elman(4, 8, 3, output_stage=False, initialisation="fan_in").init([0]), inputs
        )


def test_one_head_answers_and_the_others_have_no_part_in_it():
    task = CASES[1].values[1]
    network = LSTM(4, 5, 3, heads=3, initialisation="fan_in")
    parameters, data = ensemble(network, task)
    for head in range(3):
        rows = slice(3 * head, 3 * head + 3)
        others = [row for row in range(9) if row not in range(9)[rows]]
        here = network.answering(head)
        single = LSTM(4, 5, 3, initialisation="fan_in")
        own = parameters | {name: parameters[name][:, rows] for name in ("W_out", "b_out")}
        torch.testing.assert_close(here.apply(parameters, data.inputs).logits, single.apply(own, data.inputs).logits)
        measures = [
            lambda n, p: task_gradient(n, task.likelihood, p, data)[1],
            lambda n, p: fisher_diagonal(n, p, data, task, "empirical"),
            lambda n, p: fisher_diagonal(n, p, data, task, "exact"),
            lambda n, p: memory_aware_synapses(n, p, data),
        ]
        for measure in measures:
            found, expected = measure(here, parameters), measure(single, own)
            assert not found["W_out"][:, others].any()
            assert not found["b_out"][:, others].any()
            assert found["W_out"][:, rows].any()
            for name in ("W_out", "b_out"):
                torch.testing.assert_close(found[name][:, rows], expected[name])
            torch.testing.assert_close(found["W_hh"], expected["W_hh"])


def test_states_of_all_layers_and_the_cell_state():
    network = LSTM(4, 5, 3, layers=2, initialisation="fan_in")
    parameters, data = ensemble(network, CASES[1].values[1])
    found = network.apply(parameters, data.inputs)
    first = LSTM(4, 5, 3, initialisation="fan_in").apply(parameters | {"W_out": parameters["W_out"]}, data.inputs)
    torch.testing.assert_close(found.layers[0], first.hidden)
    assert found.layers[1] is found.hidden
    upper = {name[:-3]: value for name, value in parameters.items() if name.endswith("_l1")}
    second = LSTM(5, 5, 3, initialisation="fan_in").apply(
        upper | {n: parameters[n] for n in ("W_out", "b_out")}, found.layers[0]
    )
    torch.testing.assert_close(found.hidden, second.hidden)
    torch.testing.assert_close(found.cell, second.cell)
    assert (
        Elman(4, 5, 3, initialisation="fan_in")
        .apply(Elman(4, 5, 3, initialisation="fan_in").init([0, 1]), data.inputs.float())
        .cell
        is None
    )
    backward, lengths = LSTM(4, 5, 3, direction="backward", initialisation="fan_in"), ragged().lengths
    mirrored = torch.stack(
        [s[:, : int(n)].flip(1) for s, n in zip(ragged().inputs.unbind(2), lengths[0], strict=True)][:1], 2
    )
    states = backward.apply(parameters, ragged().inputs, lengths=lengths).cell[:, :, 0]
    expected = LSTM(4, 5, 3, initialisation="fan_in").apply(parameters, mirrored).cell[:, :, 0]
    torch.testing.assert_close(states.flip(1), expected)


@by_network
def test_an_output_depends_on_later_steps_only_if_the_network_reads_backwards(network):
    parameters, data = ragged_case(network)
    changed = data.inputs.clone()
    changed[:, 3] += 1
    moved = network.apply(parameters, changed).logits != network.apply(parameters, data.inputs).logits
    assert bool(moved[:, :3].any()) != network.is_causal
    assert bool(moved[:, 4:].any()) == (network.direction != "backward")


@given(first=st.integers(0, 7), length=st.integers(0, 8))
def test_the_head_at_some_steps_is_part_of_the_head_at_all(first, length):
    network, task = Elman(4, 6, 3, initialisation="fan_in"), CASES[1].values[1]
    parameters, data = ensemble(network, task)
    steps = slice(first, first + length)
    everywhere = network.apply(parameters, data.inputs).logits
    torch.testing.assert_close(
        network.apply(parameters, data.inputs, steps).logits, everywhere[:, steps], rtol=0, atol=1e-12
    )


@given(padding=st.integers(0, 6))
def test_steps_after_the_end_do_not_change_what_came_before(padding):
    network, task = Elman(4, 6, 3, initialisation="fan_in"), CASES[0].values[1]
    parameters, data = ensemble(network, task)
    longer = torch.cat([data.inputs, torch.ones(2, padding, data.samples, 4, dtype=torch.float64)], 1)
    short, long = (network.apply(parameters, x).hidden for x in (data.inputs, longer))
    torch.testing.assert_close(long[:, : data.steps], short, rtol=0, atol=1e-12)


@by_network
@given(chosen=st.permutations(range(3)).flatmap(lambda p: st.integers(1, 3).map(lambda k: list(p[:k]))))
@settings(max_examples=2)
def test_a_member_does_not_depend_on_the_others(network, chosen):
    """Initialisation, outputs, gradients and Fishers are the same, whoever else is in the ensemble."""
    task = Task("ragged", 4, 3, Bernoulli(), draw=lambda generators, samples: ragged())
    everyone, data = network.init(range(3), torch.float64), ragged(members=3)
    some = {name: value[chosen] for name, value in everyone.items()}
    own = Sequences(data.inputs[chosen], data.targets[chosen], data.scored, data.phase, data.window)
    assert all(torch.equal(value, some[name]) for name, value in network.init(chosen, torch.float64).items())
    measures = [
        lambda p, d, _: {"logits": network.apply(p, d.inputs, lengths=d.lengths).logits},
        lambda p, d, _: task_gradient(network, task.likelihood, p, d)[1],
        lambda p, d, seeds: fisher_diagonal(network, p, d, task, "sampled", seeds),
        lambda p, d, _: fisher_diagonal(network, p, d, task, "exact"),
    ]
    for measure in measures:
        together, alone = measure(everyone, data, [0, 1, 2]), measure(some, own, chosen)
        expected = {name: value[chosen] for name, value in together.items()}
        torch.testing.assert_close(alone, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("direction", ["forward", "backward", "bidirectional"])
def test_a_constant_of_the_forget_gate_is_a_bias_that_is_not_learned(direction):
    shape = {"initialisation": "fan_in", "layers": 2, "direction": direction}
    with_constant, plain = LSTM(3, 5, 2, forget_bias=1.5, **shape), LSTM(3, 5, 2, **shape)
    parameters = plain.init([0, 1], torch.float64)
    shifted = {name: value.clone() for name, value in parameters.items()}
    for name, value in shifted.items():
        if name.startswith("b_ih"):
            value[:, 5:10] += 1.5
    inputs = torch.randn(2, 7, 4, 3, dtype=torch.float64)
    found = with_constant.apply(parameters, inputs)
    torch.testing.assert_close(found.logits, plain.apply(shifted, inputs).logits, rtol=1e-12, atol=0)
    assert not torch.allclose(found.logits, plain.apply(parameters, inputs).logits)
    with pytest.raises(ValueError, match="forget_bias is nan: it must be finite"):
        LSTM(3, 5, 2, forget_bias=float("nan"), initialisation="fan_in")


INPUTS = torch.zeros(2, 5, 3, 4)
GRU_SIZES = {
    "W_ih": (2, 24, 4),
    "b_ih": (2, 24),
    "W_hh": (2, 24, 8),
    "b_hh": (2, 24),
    "W_out": (2, 3, 8),
    "b_out": (2, 3),
}


def gru_parameters(**other):
    return {name: torch.zeros(shape) for name, shape in GRU_SIZES.items()} | other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parameters": [1]}, "parameters is of the type list: it must be a dict of tensors, as init(seeds) gives"),
        (
            {"parameters": gru_parameters(W_hh=np.zeros((2, 24, 8)))},
            "W_hh of the parameters is of the type ndarray: this network needs a tensor of shape (member, 24, 8)",
        ),
        (
            {"parameters": gru_parameters(b_hh=torch.tensor(0.0))},
            "b_hh of the parameters is (): this network needs a tensor of shape (member, 24)",
        ),
        (
            {"parameters": gru_parameters(W_hh=torch.zeros(3, 24, 8))},
            "W_hh of the parameters is a tensor of shape (3, 24, 8), torch.float32 on cpu: it must have 2 members, as"
            " W_ih has",
        ),
        (
            {"parameters": gru_parameters(b_out=torch.zeros(2, 3).double())},
            "b_out of the parameters is a tensor of shape (2, 3), torch.float64 on cpu: it must be torch.float32 on"
            " cpu, as W_ih is",
        ),
        (
            {"parameters": gru_parameters(W_hh=torch.zeros(2, 24, 8, device="meta"))},
            "W_hh of the parameters is a tensor of shape (2, 24, 8), torch.float32 on meta: it must be torch.float32 on"
            " cpu, as W_ih is",
        ),
        (
            {"parameters": {name: torch.zeros(shape).long() for name, shape in GRU_SIZES.items()}},
            "W_ih of the parameters is a tensor of shape (2, 24, 4), torch.int64 on cpu: it must be a floating-point"
            " tensor",
        ),
        (
            {"parameters": gru_parameters(vector_changes=torch.zeros(2, 9))},
            "vector_changes of the parameters is a tensor of shape (2, 9), torch.float32 on cpu: it must be a tensor"
            " of shape (member, word, feature), with 2 members, as W_ih has",
        ),
        (
            {"parameters": gru_parameters(vector_changes=torch.zeros(1, 9, 4)), "inputs": torch.zeros(2, 5, 3, 5)},
            "vector_changes of the parameters is a tensor of shape (1, 9, 4), torch.float32 on cpu: it must be a tensor"
            " of shape (member, word, feature), with 2 members, as W_ih has",
        ),
        (
            {"inputs": INPUTS.numpy()},
            "inputs is of the type ndarray: it must be a tensor with 4 dimensions, (member or 1, time, sample,"
            " feature)",
        ),
        (
            {"inputs": INPUTS[0]},
            "inputs is a tensor of shape (5, 3, 4), torch.float32 on cpu: it must be a tensor with 4 dimensions,"
            " (member or 1, time, sample, feature)",
        ),
        (
            {"inputs": INPUTS[..., :3]},
            "inputs is a tensor of shape (2, 5, 3, 3), torch.float32 on cpu: its last axis must have 4 features, as the"
            " parameters hold no vector_changes",
        ),
        (
            {"inputs": torch.zeros(3, 5, 3, 4)},
            "inputs is a tensor of shape (3, 5, 3, 4), torch.float32 on cpu: its first axis must be 1 or the number of"
            " members, 2",
        ),
        (
            {"inputs": INPUTS.double()},
            "inputs is a tensor of shape (2, 5, 3, 4), torch.float64 on cpu: it must be torch.float32 on cpu, as the"
            " parameters are",
        ),
        (
            {"inputs": INPUTS.long()},
            "inputs is a tensor of shape (2, 5, 3, 4), torch.int64 on cpu: it must be torch.float32 on cpu, as the"
            " parameters are",
        ),
        (
            {"inputs": INPUTS.to("meta")},
            "inputs is a tensor of shape (2, 5, 3, 4), torch.float32 on meta: it must be torch.float32 on cpu, as the"
            " parameters are",
        ),
        ({"steps": 3}, "steps is 3: it must be a slice of consecutive steps, such as slice(3, 8)"),
        (
            {"steps": slice(0, 4, 2)},
            "steps is slice(0, 4, 2): it must be a slice of consecutive steps, such as slice(3, 8)",
        ),
        (
            {"lengths": [5, 2, 3]},
            "lengths is of the type list: it must be a tensor of whole numbers, such as torch.int64",
        ),
        (
            {"lengths": torch.ones(1, 3)},
            "lengths is a tensor of shape (1, 3), torch.float32 on cpu: it must be a tensor of whole numbers, such as"
            " torch.int64",
        ),
        (
            {"lengths": torch.ones(3, dtype=torch.int64)},
            "lengths has the shape (3,): it must be (member or 1, sample), with 3 samples and 2 members",
        ),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(arguments, message):
    """Without the checks of types in tests, as users have it."""
    whole = {"parameters": gru_parameters(), "inputs": INPUTS} | arguments
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        inspect.unwrap(Network.apply)(GRU(4, 8, 3), **whole)


def test_any_floating_dtype_and_any_whole_lengths_are_taken():
    network = GRU(4, 8, 3, direction="backward")
    for dtype, whole in ((torch.float32, torch.int8), (torch.float64, torch.int32)):
        found = network.apply(
            network.init([0, 1], dtype),
            INPUTS[:1].to(dtype),
            slice(1, 3, 1),
            lengths=torch.tensor([[5, 2, 3]]).to(whole),
        )
        assert (found.logits.dtype, tuple(found.logits.shape)) == (dtype, (2, 2, 3, 3))


@by_network
def test_the_default_dtype_of_torch_changes_nothing(network):
    def everything():
        parameters = network.init([0, 1])
        found = network.apply(parameters, torch.ones(1, 5, 3, 4, dtype=torch.float32), taps=True)
        leaves = {name: value.requires_grad_() for name, value in parameters.items()}
        logits = network.apply(leaves, torch.ones(1, 5, 3, 4, dtype=torch.float32)).logits
        gradients = torch.autograd.grad(logits.square().sum(), list(leaves.values()))
        return parameters, vars(found), gradients

    expected = everything()
    torch.set_default_dtype(torch.float64)
    try:
        assert_same(everything(), expected)
    finally:
        torch.set_default_dtype(torch.float32)
