"""Everything that is measured of weights, and evaluation, against its definition over all cases of a covering set."""

import itertools
from functools import cache, partial

import pytest
import torch

from tests import naive
from tests.cases import COVERING, FACTORS, MEMBERS, combinations, of_member, reordered
from wmcl.importance import PathIntegral, fisher_diagonal, memory_aware_synapses, path_integral, reuse_profile
from wmcl.likelihoods import Bernoulli, Categorical, Gaussian
from wmcl.networks import Elman
from wmcl.tasks import Task
from wmcl.training import Adam, Options, evaluate
from wmcl.training.loop import begin, take_step
from wmcl.training.objective import Batch, Objective
from wmcl.training.options import Stop
from wmcl.training.parts import Learner, Parametrisation

SEEDS, DRAWS, BATCHES = (3, 8), 2, 2
RATE = 0.02


# each measure: of a network, parameters, a function that gives the sequences of a seed, a likelihood, seeds and a chunk


def fisher(kind, network, parameters, data, likelihood, seeds, chunk):
    return fisher_diagonal(network, parameters, data(0), likelihood, kind, seeds, DRAWS, chunk)


def reuse(kind, network, parameters, data, likelihood, seeds, chunk):
    return reuse_profile(network, parameters, data(0), likelihood, kind, seeds, DRAWS, chunk)


def synapses(network, parameters, data, likelihood, seeds, chunk):
    return memory_aware_synapses(network, parameters, data(0), chunk=chunk)


def evaluation(network, parameters, data, likelihood, seeds, chunk):
    found = vars(evaluate(network, parameters, data(0), likelihood, chunk))
    return {name: value for name, value in found.items() if value is not None}


def paths(fields, network, parameters, data, likelihood, seeds, chunk):
    """Weights and path integrals after a few steps of training."""
    others = {name: value for name, value in fields.items() if name != "weight_decay"}
    options = Options(optimiser=Adam(RATE, weight_decay=fields["weight_decay"]), precision="float64", **others)
    task = Task("given", network.inputs, network.outputs, likelihood, lambda generators, samples: data(0))
    objective = Objective(Learner(network, Parametrisation(), (task,), seeds, options, {}))
    observer = PathIntegral()
    moving = begin(objective, parameters, Stop(BATCHES), observer=observer).moving
    for number in range(BATCHES):
        moving, _ = take_step(objective, observer, moving, Batch((data(number),)))
    return named(moving.values, {kind: path_integral(moving.observed, kind) for kind in observer.kinds})


def named(values, omega):
    return values | {f"{kind} {name}": value for kind, each in omega.items() for name, value in each.items()}


# and its oracle: of a member, with its seed


def naive_fisher(kind, case, parameters, member):
    return naive.fisher(case.network, parameters, member, case.data(), case.likelihood, kind, SEEDS[member], DRAWS)


def naive_reuse(kind, case, parameters, member):
    arguments = case.network, parameters, member, case.data(), case.likelihood, kind, SEEDS[member], DRAWS
    return naive.reuse_profile(*arguments)


def naive_synapses(case, parameters, member):
    return naive.memory_aware_synapses(case.network, parameters, member, case.data())


def naive_evaluation(case, parameters, member):
    return naive.evaluation(case.network, parameters, member, case.data(), case.likelihood)


def naive_paths(fields, case, parameters, member):
    batches = [case.data(number) for number in range(BATCHES)]
    arguments = case.network, parameters, member, batches, case.likelihood
    return named(*naive.path_integrals(*arguments, learning_rate=RATE, **fields))


PLAIN = {"weight_decay": 0.0, "clip": None, "reduction": "scored bit"}
FULL = {"weight_decay": 0.1, "clip": 0.3, "orthogonality": 0.05, "reduction": "sequence"}
KINDS = ("empirical", "sampled", "exact")
MEASURES = {f"{kind} Fisher": (partial(fisher, kind), partial(naive_fisher, kind)) for kind in KINDS}
MEASURES |= {
    f"reuse of the {kind} Fisher": (partial(reuse, kind), partial(naive_reuse, kind)) for kind in ("sampled", "exact")
}
MEASURES |= {
    "memory aware synapses": (synapses, naive_synapses),
    "evaluation": (evaluation, naive_evaluation),
    "path integrals, plain": (partial(paths, PLAIN), partial(naive_paths, PLAIN)),
    "path integrals, all terms": (partial(paths, FULL), partial(naive_paths, FULL)),
}


def over_all(*left_out):
    """Cases and measures, but for those whose name holds one of these words."""
    chosen = []
    for (number, each), measure in itertools.product(enumerate(COVERING), MEASURES):
        (case,) = each.values
        skipped = (*left_out, *(() if case.network.is_causal else ("reuse",)), ("plain", "all terms")[number % 2])
        if not any(word in measure for word in skipped):
            chosen.append(pytest.param(case, measure, id=f"{measure}: {each.id}"))
    return pytest.mark.parametrize(("case", "measure"), chosen)


@cache
def found(case, measure):
    """What the package measures; all tests of a case and a measure share it."""
    return measured(case, measure)


def measured(case, measure, data=None, members=slice(None), chunk=128):
    parameters = {name: value[members] for name, value in case.parameters().items()}
    seeds = SEEDS[members]
    return MEASURES[measure][0](case.network, parameters, data or case.data, case.likelihood, seeds, chunk)


def assert_close(one, other, rtol, atol=1e-15):
    assert one.keys() == other.keys()
    for name, value in one.items():
        other_value = torch.as_tensor(other[name])
        torch.testing.assert_close(
            value.double(),
            other_value.double(),
            rtol=rtol,
            atol=atol,
            equal_nan=True,
            msg=lambda m, n=name: f"{n}: {m}",
        )


@over_all()
def test_it_is_its_definition(case, measure):
    expected = [MEASURES[measure][1](case, case.parameters(), member) for member in range(MEMBERS)]
    together = {name: torch.stack([torch.as_tensor(each[name]) for each in expected]) for name in expected[0]}
    assert_close(found(case, measure), together, rtol=1e-9, atol=1e-13)


@over_all()
def test_padding_does_not_matter(case, measure):
    other = measured(case, measure, partial(case.data, padding=2, junk=-40.0))
    if measure.startswith("reuse"):
        assert not any(value[:, -2:].any() or value[:, :, -2:].any() for value in other.values())
        other = {name: value[:, :-2, :-2] for name, value in other.items()}
    assert_close(other, found(case, measure), rtol=1e-12)


@over_all("path")
def test_the_chunk_size_does_not_matter(case, measure):
    assert_close(measured(case, measure, chunk=3), found(case, measure), rtol=1e-12)


@over_all()
def test_a_member_does_not_depend_on_the_others(case, measure):
    alone = measured(case, measure, lambda seed: of_member(case.data(seed), 1), slice(1, 2))
    assert_close(alone, {name: value[1:] for name, value in found(case, measure).items()}, rtol=1e-12)


@over_all("sampled", "reuse", "path")
def test_the_order_of_the_sequences_does_not_matter(case, measure):
    """But for sampled targets, which are drawn for a place."""
    other = measured(case, measure, lambda seed: reordered(case.data(seed), (2, 0, 3, 1)))
    assert_close(other, found(case, measure), rtol=1e-10, atol=1e-14)


def test_every_pair_of_values_is_in_a_case():
    seen = set().union(*(combinations(case.values[0].names, 2) for case in COVERING))
    for (i, one), (j, other) in itertools.combinations(enumerate(FACTORS.values()), 2):
        for pair in itertools.product(one, other):
            assert ((i, pair[0]), (j, pair[1])) in seen, pair
    assert len({case.id for case in COVERING}) == len(COVERING)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(), Gaussian(0.6)])
def test_the_two_ways_of_the_exact_fisher_agree(likelihood):
    """Of the oracle: the enumeration of all targets, and the information matrix."""
    z = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64).requires_grad_()
    expected, whole = torch.zeros(3, 3, dtype=torch.float64), 0.0
    for probability, target in naive.answers(likelihood, z.detach()):
        loss = naive.nll(z[None], target[None], torch.ones(1), likelihood)
        (gradient,) = torch.autograd.grad(loss, z)
        expected += probability * torch.outer(gradient, gradient)
        whole += float(probability)
    torch.testing.assert_close(naive.information(likelihood, z.detach()), expected, rtol=1e-12, atol=1e-14)
    assert whole == pytest.approx(1, rel=1e-14)


def test_both_ways_of_the_exact_fisher_are_used():
    ways = set()
    for each in COVERING:
        case = each.values[0]
        for sample in range(4):
            steps = int((naive.sequence(case.data(), 0, sample)[2] > 0).sum())
            zeros = torch.zeros(case.network.outputs, dtype=torch.float64)
            ways.add((type(case.likelihood), len(naive.answers(case.likelihood, zeros)) ** steps <= naive.FEW))
    assert len(ways) == 6


def test_an_unknown_network_has_no_oracle():
    class OtherCell(type(Elman.cell)):
        pass

    class Other(Elman):
        cell = OtherCell()

    with pytest.raises(TypeError, match="no oracle of the network Other"):
        naive.step_of(Other(3, 2, 2))
    assert naive.step_of(type("Derived", (Elman,), {})(3, 2, 2)) is naive.tanh_step
