"""Importances after each task of a run, against what they are made of."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.same import assert_same
from tests.test_train_sequence import FAST, HEADS, SINGLE, TASKS, fit
from wmcl.importance import fisher_diagonal, memory_aware_synapses, path_integral
from wmcl.methods import (
    FisherImportance,
    Masked,
    MemoryAwareSynapses,
    Method,
    Modulated,
    Parametrisation,
    Quadratic,
    SynapticIntelligence,
)
from wmcl.networks import GRU
from wmcl.randomness import generator
from wmcl.training import Adam, Stop

SAMPLES = 12


def of_each_task(learned, measure, network):
    """Measured after each task alone, at the weights of that task and its own head."""
    found = []
    for number, (task, after) in enumerate(zip(TASKS, learned, strict=True)):
        data = task.draw([generator(seed, "importance", number) for seed in (3, 5)], SAMPLES)
        answering = network.answering(number if network.heads > 1 else 0)
        if measure == "MAS":
            found.append(memory_aware_synapses(answering, after.values, data))
        else:
            seeds = [int(generator(seed, "importance targets", number).integers(2**63)) for seed in (3, 5)]
            found.append(fisher_diagonal(answering, after.values, data, task, measure, seeds))
    return found


@pytest.mark.parametrize("network", [HEADS, GRU(4, 6, 3, initialisation="fan_in")])
@pytest.mark.parametrize("measure", ["empirical", "sampled", "exact", "MAS"])
def test_accumulation_over_three_tasks_is_the_formula(network, measure):
    importance = MemoryAwareSynapses(SAMPLES) if measure == "MAS" else FisherImportance(measure, SAMPLES)
    learned = fit(Method(penalty=Quadratic(importance, 1.0, decay=0.5)), network, stop=Stop(3))
    first, second, third = of_each_task(learned, measure, network)
    expected = [
        first,
        {name: value + 0.5 * first[name] for name, value in second.items()},
        {name: value + 0.5 * second[name] + 0.25 * first[name] for name, value in third.items()},
    ]
    for after, importance in zip(learned, expected, strict=True):
        (term,) = after.penalty_memory
        assert_same(term.anchor, {name: after.values[name] for name in network.shapes})
        for name, value in importance.items():
            torch.testing.assert_close(term.importance[name], value, rtol=1e-12, atol=0)


@pytest.mark.parametrize("measure", ["empirical", "MAS"])
def test_terms_of_each_task_have_their_own_anchors(measure):
    importance = MemoryAwareSynapses(SAMPLES) if measure == "MAS" else FisherImportance(measure, SAMPLES)
    learned = fit(Method(penalty=Quadratic(importance, 1.0, per_task=True)), stop=Stop(3))
    each = of_each_task(learned, measure, HEADS)
    for number, after in enumerate(learned):
        assert len(after.penalty_memory) == number + 1
        for term, importance, earlier in zip(after.penalty_memory, each, learned, strict=False):
            assert_same(term.anchor, earlier.values)
            assert_same(term.importance, dict(importance))


@pytest.mark.parametrize("kind", ["task", "total"])
@pytest.mark.parametrize("parametrisation", [Parametrisation(), Masked(0.5), Modulated()])
@pytest.mark.parametrize("options", [FAST, dataclasses.replace(FAST, optimiser=Adam((1e-3, 2e-2)))])
def test_synaptic_intelligence_adds_up_over_paths_from_task_to_task(kind, parametrisation, options):
    penalty = Quadratic(SynapticIntelligence(kind, damping=1e-2), 1.0)
    learned = fit(Method(parametrisation, penalty=penalty), SINGLE, stop=Stop(6), options=options)
    start = parametrisation.init(SINGLE, (3, 5), 3).trained
    total = {name: torch.zeros(2, *shape, dtype=torch.float64) for name, shape in SINGLE.shapes.items()}
    for after in learned:
        omega = path_integral(after.observed, kind)
        (term,) = after.penalty_memory
        assert list(term.importance) == list(SINGLE.shapes)  # gains of a single task are not consolidated
        for name in total:
            moved = (after.values[name].double() - start[name].double()) ** 2
            total[name] += torch.maximum(omega[name] / (moved + 1e-2), torch.tensor(0.0))
            torch.testing.assert_close(term.importance[name], total[name], rtol=1e-12, atol=0)
        start = after.values
    assert any((value > 0).any() for value in total.values())


@pytest.mark.parametrize("network", [SINGLE, GRU(4, 5, 3, initialisation="fan_in")])
def test_synaptic_intelligence_sees_nothing_of_units_that_are_off(network):
    penalty = Quadratic(SynapticIntelligence("task"), 1.0)
    options = dataclasses.replace(FAST, orthogonality=0.0)
    after = fit(Method(Masked(0.5), penalty=penalty), network, TASKS[:1], stop=Stop(4), options=options)[0]
    mask, importance = after.learner.fixed["mask"][:, 0], after.penalty_memory[0].importance["W_hh"]
    blocks = importance.unflatten(1, (-1, network.hidden)).sum(1)
    on = (mask[:, :, None] * mask[:, None, :]).bool()
    assert not blocks[~on].any()
    assert (blocks[on] > 0).any()


def test_members_of_one_seed_see_the_same_data_and_targets():
    for kind in ("empirical", "sampled"):
        learned = fit(Method(penalty=Quadratic(FisherImportance(kind, SAMPLES), 0.0)), seeds=(3, 5, 3), stop=Stop(2))
        for after in learned:
            for value in after.penalty_memory[0].importance.values():
                torch.testing.assert_close(value[0], value[2], rtol=1e-6, atol=1e-12)
            hidden = after.penalty_memory[0].importance["W_hh"]
            assert not np.allclose(hidden[0], hidden[1], rtol=1e-2)
