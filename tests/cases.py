"""What exactness tests run over: networks and tasks, and a covering set of all kinds of measurements.

``CASES`` are networks with a Copy Task each. ``COVERING`` crosses cell × wiring × likelihood × lengths × scored steps ×
heads × biases × data, so that every pair of values of two of these occurs in a case, but not their whole product.
"""

import itertools
from dataclasses import dataclass

import pytest
import torch

from wmcl.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from wmcl.networks import GRU, LSTM, Elman, LinearRNN, Network, ReLUElman
from wmcl.tasks import Phase, Sequences, copy_task


def copy_case(network, pattern_length, input_length):
    fields = {name: getattr(network, name) for name in ("initialisation", "layers", "direction", "heads", "biases")}
    usual = {"layers": 1, "direction": "forward", "heads": 1, "biases": True}
    unusual = " ".join(f"{name}={value}" for name, value in fields.items() if value != usual.get(name))
    stage = "" if network.has_output_stage else " no stage"
    name = f"{type(network).__name__}{stage} {unusual} {pattern_length},{input_length}"
    return pytest.param(network, copy_task(pattern_length, input_length, width=3), id=name)


CASES = [
    copy_case(Elman(4, 6, 3, initialisation="fan_in"), 2, 2),
    copy_case(Elman(4, 6, 3, initialisation="orthogonal"), 2, 5),
    copy_case(Elman(4, 6, 3, output_stage=False, initialisation="xavier"), 3, 4),
    copy_case(Elman(4, 6, 3, output_stage=False, initialisation="orthogonal"), 1, 1),
    copy_case(Elman(4, 5, 3, layers=2, direction="bidirectional", heads=2, head=1, initialisation="fan_in"), 2, 3),
    copy_case(LSTM(4, 5, 3, initialisation="orthogonal"), 2, 4),
    copy_case(LSTM(4, 4, 3, layers=2, direction="backward", initialisation="fan_in"), 2, 3),
    copy_case(LSTM(4, 4, 3, direction="bidirectional", heads=3, head=1, initialisation="fan_in"), 2, 3),
    copy_case(GRU(4, 5, 3, initialisation="xavier"), 2, 4),
    copy_case(GRU(4, 4, 3, layers=3, heads=2, initialisation="fan_in"), 2, 3),
    copy_case(GRU(4, 4, 3, layers=2, direction="bidirectional", initialisation="fan_in"), 2, 3),
    copy_case(ReLUElman(4, 6, 3, initialisation="fan_in"), 2, 3),
    copy_case(GRU(4, 4, 3, layers=2, biases=False, initialisation="fan_in"), 2, 3),
]


def shifted(parameters):
    """Biases are moved off zero, and all weights a little, so that no term can hide."""
    return {
        name: value + 0.1 * torch.cos(torch.arange(value.numel())).view_as(value) for name, value in parameters.items()
    }


def ensemble(network, task, members=2, samples=5, own_data=True):
    """Parameters and sequences in float64."""
    parameters = shifted(network.init(range(members), dtype=torch.float64))
    seeds = range(members) if own_data else [0]
    return parameters, task.batch(seeds, 3, samples).to(torch.float64)


def ragged(members=2, steps=7, samples=6, features=4, outputs=3, seed=0, junk=1.0):
    """Random sequences of different length in float64, whose padding holds numbers that must not matter."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(2, steps + 1, (samples,), generator=g)
    lengths[0] = steps
    is_padding = torch.arange(steps)[:, None] >= lengths
    inputs = torch.randn(members, steps, samples, features, generator=g, dtype=torch.float64)
    inputs = torch.where(is_padding[..., None], junk * inputs, inputs)
    targets = torch.randint(0, 2, (members, steps, samples, outputs), generator=g).double()
    phase = torch.where(is_padding, int(Phase.padding), int(Phase.input)).to(torch.int8)[None]
    scored = torch.where(is_padding, 0.0, torch.rand(steps, samples, generator=g, dtype=torch.float64) + 0.1)[None]
    scored[:, 0] = 0
    return Sequences(inputs, targets, scored, phase, slice(1, steps))


# ---------------------------------------------------------------------------------------------------- a covering set

FEATURES, STEPS, SAMPLES, MEMBERS = 3, 5, 4, 2
LENGTHS = (5, 2, 4, 3)
"""of ragged sequences"""
FACTORS = {
    "cell": {
        "Elman": lambda fields: Elman(FEATURES, 4, **fields),
        "Elman without stage": lambda fields: Elman(FEATURES, 3, output_stage=False, **fields),
        "LSTM": lambda fields: LSTM(FEATURES, 3, **fields),
        "LSTM that keeps": lambda fields: LSTM(FEATURES, 3, forget_bias=0.7, **fields),
        "GRU": lambda fields: GRU(FEATURES, 3, **fields),
        "rectified Elman": lambda fields: ReLUElman(FEATURES, 3, **fields),
        "linear": lambda fields: LinearRNN(FEATURES, 4, **fields),
    },
    "wiring": {
        "forward": {},
        "forward 2 layers": {"layers": 2},
        "backward": {"direction": "backward"},
        "bidirectional": {"direction": "bidirectional"},
        "bidirectional 2 layers": {"direction": "bidirectional", "layers": 2},
    },
    "likelihood": {"bits": Bernoulli(), "classes": Categorical(), "numbers": Gaussian(0.6)},
    "lengths": {"one length": None, "ragged": LENGTHS},
    "scored": {"one step": "one", "some steps": "some", "all steps": "all"},
    "heads": {"one head": {}, "head 2 of 3": {"heads": 3, "head": 1}},
    "biases": {"biases": {}, "no biases": {"biases": False}},
    "data": {"own data": True, "shared data": False},
}
"""values of every factor by the name that they have in the id of a case"""


@dataclass(frozen=True)
class Case:
    """A network, and sequences to measure it on."""

    names: tuple[str, ...]
    """of the value of each factor"""
    network: Network
    likelihood: Likelihood
    lengths: tuple[int, ...] | None
    """of the sequences of the first member; the others have the same, turned"""
    scored: str
    own_data: bool
    """whether each member has sequences of its own"""

    def parameters(self):
        """Parameters in float64, with biases off zero."""
        return shifted(self.network.init(range(MEMBERS), torch.float64))

    def data(self, seed=0, padding=0, junk=1.0):
        """Sequences in float64, in whose padding inputs and targets are numbers that must not matter.

        Args:
            seed: of everything in the sequences.
            padding: steps of padding that all sequences have in addition.
            junk: what the numbers in the padding are multiplied by.
        """
        g, members = torch.Generator().manual_seed(seed), MEMBERS if self.own_data else 1
        shape = (members, STEPS + 2, SAMPLES)
        inputs, targets, weights = (
            torch.randn(*shape, size, generator=g, dtype=torch.float64) for size in (FEATURES, self.network.outputs, 1)
        )
        targets = {
            Bernoulli: lambda y: (y > 0).double(),
            Categorical: lambda y: torch.nn.functional.one_hot(y.argmax(-1), y.shape[-1]).double(),
            Gaussian: lambda y: y,
        }[type(self.likelihood)](targets)
        steps = torch.arange(STEPS + 2)[:, None]
        lengths = torch.tensor([[STEPS] * SAMPLES])
        if self.lengths is not None:
            lengths = torch.stack([torch.tensor(self.lengths).roll(member) for member in range(members)])
        lengths = lengths[:, None]
        is_padding = (steps >= lengths).expand(len(lengths), *shape[1:])
        scored, window = {
            "one": (steps == lengths - (1 if self.lengths else 2), slice(1, STEPS)),
            "some": (
                (steps > 0) & (steps < STEPS - 1) & ((steps + torch.arange(SAMPLES)) % 3 > 0),
                slice(1, STEPS - 1),
            ),
            "all": (steps >= 0, slice(0, STEPS)),
        }[self.scored]
        if self.scored == "one" and self.lengths is None:
            window = slice(STEPS - 2, STEPS - 1)
        weights = 0.3 + torch.sigmoid(weights[: len(lengths), ..., 0])
        inputs, targets = (torch.where(is_padding[..., None], junk * x, x) for x in (inputs, targets))
        scored = torch.where(is_padding, 0.0, weights * scored)
        phase = torch.where(is_padding, int(Phase.padding), int(Phase.input)).to(torch.int8)
        answers = 1 if isinstance(self.likelihood, Categorical) else None
        whole = Sequences(inputs, targets, scored, phase, window, answers)
        return whole.map(lambda values: values[:, : STEPS + padding].contiguous())


def made(names):
    """The case of one name for each factor."""
    cell, wiring, likelihood, lengths, scored, heads, biases, own_data = (
        values[name] for values, name in zip(FACTORS.values(), names, strict=True)
    )
    outputs = 3 if isinstance(likelihood, Categorical) else 2
    network = cell({"outputs": outputs, "initialisation": "fan_in"} | wiring | heads | biases)
    return Case(names, network, likelihood, lengths, scored, own_data)


def combinations(names, size):
    """Sets of values of as many factors, with the numbers of the factors."""
    return set(itertools.combinations(enumerate(names), size))


def covering():
    """A case for each cell and wiring, with those other values that make most new pairs, and then triples."""
    first, second, *others = FACTORS.values()
    seen, chosen = set(), []

    def news(names):
        return [len(combinations(names, size) - seen) for size in (2, 3)]

    for start in itertools.product(first, second):
        best = max(((*start, *rest) for rest in itertools.product(*others)), key=news)
        seen |= combinations(best, 2) | combinations(best, 3)
        chosen.append(made(best))
    return chosen


COVERING = [pytest.param(each, id=", ".join(each.names)) for each in covering()]


def of_member(sequences, member):
    """The sequences of one member alone."""
    return sequences.map(lambda values: values[member : member + 1] if len(values) > 1 else values)


def reordered(sequences, order):
    """The same sequences in another order."""
    return sequences.map(lambda values: values[:, :, list(order)])
