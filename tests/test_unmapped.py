"""Importances of parameters that no linear map uses, or that are changed before a map uses them."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from tests.cases import ragged
from tests.own_network import Leaky
from wmcl.importance import fisher_diagonal, memory_aware_synapses, reuse_profile
from wmcl.likelihoods import Bernoulli
from wmcl.networks import GRU, Elman
from wmcl.networks.activations import Activations
from wmcl.randomness import uniforms

OUTPUTS = 2


def drawn(network, seeds, *names):
    """Initial values of parameters of one's own, different ones for each member."""
    return {
        name: 0.5 + torch.stack([torch.linspace(0, 1 + seed, network.hidden).sin() for seed in seeds]) for name in names
    }


@dataclass(frozen=True)
class Gains(Elman):
    """Every unit of the state has a gain before the head, which acts on the weights of the head."""

    @property
    def shapes(self):
        return super().shapes | {"gain": (self.hidden,)}

    def init(self, seeds, dtype=torch.float32):
        shapes = {name: shape for name, shape in self.shapes.items() if name != "gain"}
        plain = Elman(self.inputs, self.hidden, self.outputs, output_stage=self.output_stage)
        assert plain.shapes == shapes
        return plain.init(seeds, dtype) | {name: value.to(dtype) for name, value in drawn(self, seeds, "gain").items()}

    def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
        weights = parameters | {"W_out": parameters["W_out"] * parameters["gain"][:, None]}
        return super().apply(weights, inputs, steps, taps, lengths)


@dataclass(frozen=True)
class Scaled(Gains):
    """Every unit has a gain that acts on its input map's bias: the maps themselves are right."""

    def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
        weights = parameters | {"b_ih": parameters["b_ih"] + parameters["gain"]}
        return Elman.apply(self, weights, inputs, steps, taps, lengths)


@dataclass(frozen=True)
class Positive(Elman):
    """Recurrent weights are used as their exponential, over 10: the map reads another matrix than the parameter."""

    def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
        return super().apply(parameters | {"W_hh": parameters["W_hh"].exp() / 10}, inputs, steps, taps, lengths)


@dataclass(frozen=True)
class Decaying(Gains):
    """A loop of one's own, in which each unit decays at its own rate; it returns no linear map."""

    def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
        own, states = parameters, []
        state = inputs.new_zeros(len(own["gain"]), inputs.shape[2], self.hidden)
        keep = torch.sigmoid(own["gain"])[:, None]
        for t in range(inputs.shape[1]):
            read = inputs[:, t] @ own["W_ih"].mT + own["b_ih"][:, None] + own["b_hh"][:, None]
            state = keep * state + (1 - keep) * torch.tanh(read + state @ own["W_hh"].mT)
            states.append(state)
        hidden = torch.stack(states, 1)
        logits = hidden[:, steps] @ own["W_out"].mT[:, None] + own["b_out"][:, None, None]
        return Activations(hidden, hidden[:, steps], logits)


NETWORKS = [kind(4, 3, OUTPUTS, output_stage=False) for kind in (Gains, Scaled, Positive, Decaying)]
NETWORKS.append(Leaky(4, 3, OUTPUTS))


def case(network):
    data = ragged(members=2, steps=4, samples=3, features=4, outputs=OUTPUTS)
    return network.init([0, 1], torch.float64), data


def of_samples(network, parameters, data, scalar):
    """Gradients of a scalar of the logits, by autograd, for each member and sequence alone."""
    found = []
    for member, sample in itertools.product(range(2), range(data.samples)):
        own = {name: value[member : member + 1].clone().requires_grad_() for name, value in parameters.items()}
        alone = data.take(slice(sample, sample + 1))
        fields = {name: getattr(alone, name) for name in ("inputs", "targets", "scored")}
        alone = replace(alone, **{name: value[member % len(value)][None] for name, value in fields.items()})
        lengths = data.lengths[member % len(data.lengths), sample : sample + 1][None]
        logits = network.apply(own, alone.inputs, alone.window, lengths=lengths).logits
        value = scalar(logits, alone.targets[:, alone.window], alone.scored[:, alone.window, :, None])
        gradients = torch.autograd.grad(value, list(own.values()), allow_unused=True, materialize_grads=True)
        found.append((member, dict(zip(own, gradients, strict=True))))
    return found


def mean_of(found, parameters, samples, power):
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for member, gradients in found:
        for name, gradient in gradients.items():
            total[name][member] += gradient[0].abs() ** power / samples
    return total


@pytest.mark.parametrize("chunk", [2, 128])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_the_empirical_fisher_is_that_of_every_sequence_alone(network, chunk):
    parameters, data = case(network)

    def loss(logits, targets, scored):
        return (Bernoulli().nll(logits, targets) * scored).sum()

    expected = mean_of(of_samples(network, parameters, data, loss), parameters, data.samples, 2)
    found = fisher_diagonal(network, parameters, data, Bernoulli(), "empirical", chunk=chunk)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert all(bool((value > 0).any()) for value in found.values())


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_memory_aware_synapses_are_those_of_every_sequence_alone(network):
    parameters, data = case(network)

    def length(logits, targets, scored):
        return (logits.square() * scored).sum()

    expected = mean_of(of_samples(network, parameters, data, length), parameters, data.samples, 1)
    torch.testing.assert_close(memory_aware_synapses(network, parameters, data), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_the_exact_fisher_is_the_mean_over_all_targets(network):
    parameters, data = case(network)
    bits = data.targets[:, data.window].shape[1] * OUTPUTS
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for target in itertools.product([0.0, 1.0], repeat=bits):
        values = torch.tensor(target, dtype=torch.float64).view(1, -1, 1, OUTPUTS)

        def root(logits, targets, scored, values=values):
            """The loss, times the root of the probability of the targets that are scored."""
            nll = (Bernoulli().nll(logits, values.expand_as(logits)) * scored).sum()
            unscored = int((scored == 0).sum()) * OUTPUTS  # each of these targets comes up twice
            probability = torch.exp(-(Bernoulli().nll(logits, values.expand_as(logits)) * (scored > 0)).sum())
            return nll * (probability / 2**unscored).detach().sqrt()

        part = mean_of(of_samples(network, parameters, data, root), parameters, data.samples, 2)
        total = {name: total[name] + part[name] for name in total}
    torch.testing.assert_close(
        fisher_diagonal(network, parameters, data, Bernoulli(), "exact"), total, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: type(network).__name__)
def test_the_sampled_fisher_is_the_empirical_one_of_the_targets_drawn(network):
    parameters, data = case(network)
    logits = network.apply(parameters, data.inputs, data.window, lengths=data.lengths).logits
    steps = logits.shape[1]
    tables = [uniforms(seed, "fisher targets", 0, data.samples, steps * OUTPUTS) for seed in (0, 1)]
    table = torch.from_numpy(np.stack(tables)).view(2, data.samples, steps, OUTPUTS).transpose(1, 2)
    targets = data.targets.expand(2, -1, -1, -1).clone()
    targets[:, data.window] = Bernoulli().sample(logits, table)
    found = fisher_diagonal(network, parameters, data, Bernoulli(), "sampled", seeds=[0, 1])
    expected = fisher_diagonal(network, parameters, replace(data, targets=targets), Bernoulli(), "empirical")
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_members_that_share_inputs_have_gradients_of_their_own():
    network = NETWORKS[0]
    parameters, data = case(network)
    shared = replace(
        data,
        **{name: getattr(data, name)[:1] for name in ("inputs", "targets", "scored", "phase")},
    )
    together = fisher_diagonal(network, parameters, shared, Bernoulli(), "empirical")
    for member in range(2):
        own = {name: value[member : member + 1] for name, value in parameters.items()}
        alone = fisher_diagonal(network, own, shared, Bernoulli(), "empirical")
        torch.testing.assert_close(
            {name: value[member : member + 1] for name, value in together.items()}, alone, rtol=1e-9, atol=1e-12
        )


def test_a_network_that_mixes_samples_is_refused():
    @dataclass(frozen=True)
    class Mixing(Gains):
        def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
            return super().apply(parameters, inputs - inputs.mean(2, keepdim=True), steps, taps, lengths)

    network = Mixing(4, 3, OUTPUTS, output_stage=False)
    with pytest.raises(ValueError, match=r"answers a sample otherwise alone than in a batch, so .*gain"):
        fisher_diagonal(network, *case(network), Bernoulli(), "empirical")


def test_what_is_made_of_maps_alone_needs_maps():
    network = NETWORKS[3]
    with pytest.raises(ValueError, match=r"Decaying.apply returns no linear maps"):
        reuse_profile(network, *case(network), Bernoulli(), "empirical")


@pytest.mark.parametrize("kind", [Elman, GRU])
def test_shifts_that_stand_beside_the_parameters_are_measured(kind):
    """A shift is a bias of the input map."""
    network = kind(4, 3, OUTPUTS, biases=False)
    parameters, data = case(network)
    shift = torch.zeros(2, parameters["W_hh"].shape[1], dtype=torch.float64)
    found = fisher_diagonal(network, parameters | {"shift": shift}, data, Bernoulli(), "empirical")
    with_biases = kind(4, 3, OUTPUTS)
    known = fisher_diagonal(
        with_biases, parameters | {"b_ih": shift, "b_hh": torch.zeros_like(shift)}, data, Bernoulli(), "empirical"
    )
    torch.testing.assert_close(found["shift"], known["b_ih"], rtol=1e-12, atol=0)
