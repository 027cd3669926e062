"""Members that nothing tells apart in their first task are trained once, and nobody can see it."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch

from tests.same import assert_same
from wmcl.methods import FromScratch, Method, named, train_sequence
from wmcl.networks import Elman
from wmcl.tasks import copy_task_sequence
from wmcl.training import Adam, Options, Stop

TASKS = copy_task_sequence(2, 3, 4, order="permuted time", width=3, validation_samples=32)
HEADS = Elman(4, 12, 3, initialisation="orthogonal", heads=2)
RUN = importlib.import_module("wmcl.methods.train_sequence")
SEEDS = (3, 5, 3, 5, 3)
STRENGTHS = (0.0, 1.0, 10.0, 0.1, 3.0)
FAST = Options(batch=16, optimiser=Adam(5e-3), validate_every=10, clip=0.5, precision="float64")
ROWS = {
    "EWC": ("EWC", {"strength": STRENGTHS, "kind": "sampled", "samples": 8}),
    "online EWC": ("online EWC", {"strength": STRENGTHS, "samples": 8}),
    "SI": ("SI", {"strength": STRENGTHS}),
    "masking + SI": ("masking + SI", {"strength": STRENGTHS, "fraction_off": 0.5}),
    "HNET": ("HNET (chunked)", {"strength": STRENGTHS, "chunk": 100, "hidden": (8,), "task_embedding": 4}),
    "coresets": ("coresets", {"strength": STRENGTHS, "samples": 4}),
    "generative replay": ("generative replay", {"distillation_strength": STRENGTHS, "decoder_hidden": 8}),
}


def fit(method, options=FAST, seeds=SEEDS):
    return list(train_sequence(method, HEADS, TASKS, seeds, Stop(12), options, progress=False))


@pytest.mark.parametrize("row", ROWS)
def test_sharing_changes_nothing(monkeypatch, row):
    name, values = ROWS[row]
    shared = fit(named(name, **values))
    monkeypatch.setattr(RUN, "_first_alike", lambda learner: list(range(len(learner.seeds))))
    alone = fit(named(name, **values))
    # a decoder learns by its own strengths from the first task on
    assert [each.networks for each in shared] == [5 if row == "generative replay" else 2, 5]
    assert [each.networks for each in alone] == [5, 5]
    for one, other in zip(shared, alone, strict=True):
        for name in ("values", "observed"):
            mine, theirs = getattr(one, name), getattr(other, name)
            assert mine.keys() == theirs.keys()
            for key, value in mine.items():
                torch.testing.assert_close(value, theirs[key], rtol=1e-9, atol=1e-10, msg=f"{name} {key}")
        np.testing.assert_array_equal(one.iterations, other.iterations)
        assert one.reason == other.reason
        np.testing.assert_allclose(one.validation_loss, other.validation_loss, rtol=1e-9)
        assert one.curves.seed.values.tolist() == list(SEEDS)
        for curve, theirs in zip(one.curves.data_vars.values(), other.curves.data_vars.values(), strict=True):
            np.testing.assert_allclose(curve, theirs, rtol=1e-9, err_msg=str(curve.name))
        assert one.stored == other.stored
    last = shared[-1].values.values()
    if row != "masking + SI":  # its strengths act on values that both tasks use, if there are any
        assert not all(torch.equal(value[0], value[2]) for value in last)


def test_members_that_differ_in_their_learning_rate_are_trained_apart():
    rates = dataclasses.replace(FAST, optimiser=Adam((5e-3, 5e-3, 1e-3, 5e-3, 5e-3)))
    first, _ = fit(named("SI", strength=STRENGTHS), rates)
    assert first.networks == 3
    weights = first.values["W_hh"]
    assert torch.equal(weights[0], weights[4])
    assert torch.equal(weights[1], weights[3])
    assert not torch.equal(weights[0], weights[2])
    slow, _ = fit(named("SI", strength=0.0), dataclasses.replace(FAST, optimiser=Adam(1e-3)), (3,))
    torch.testing.assert_close(weights[2], slow.values["W_hh"][0], rtol=1e-9, atol=1e-10)


def test_members_of_different_seeds_are_trained_as_ever(monkeypatch):
    shared = fit(named("SI", strength=1.0), seeds=(3, 5))
    monkeypatch.setattr(RUN, "_first_alike", lambda learner: list(range(len(learner.seeds))))
    assert_same(shared, fit(named("SI", strength=1.0), seeds=(3, 5)))


def test_every_new_network_is_shared_and_what_goes_on_is_not():
    assert [each.networks for each in fit(Method(schedule=FromScratch()))] == [2, 2]
    assert [each.networks for each in fit(named("fine-tuning"))] == [2, 5]
