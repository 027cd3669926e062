"""Training does not depend on the mode or the default dtype of its caller, and float64 is float64 all through."""

import contextlib
import dataclasses
from functools import cache

import numpy as np
import pytest
import torch

from tests import naive
from tests.same import assert_same
from wmcl.importance import PathIntegral
from wmcl.methods import Measures, measure_run, named, train_sequence
from wmcl.networks import Elman
from wmcl.tasks import copy_task, copy_task_sequence
from wmcl.training import SGD, Adam, Observer, Options, Stop, train

TASK = copy_task(2, 3, width=3, validation_samples=16, test_samples=12)
TASKS = copy_task_sequence(2, 2, 3, order="permuted time", width=3, validation_samples=16)
NETWORK, HEADS = Elman(4, 6, 3), Elman(4, 6, 3, heads=2)
OPTIONS = Options(batch=6, optimiser=Adam(2e-2), validate_every=4, orthogonality=0.01)
DOUBLE = dataclasses.replace(OPTIONS, precision="float64")
METHODS = {
    "online EWC": {"samples": 5},
    "SI": {},
    "coresets": {"samples": 4},
    "HNET (chunked)": {"chunk": 40, "hidden": (4,), "task_embedding": 3, "chunk_embedding": 2},
    "generative replay": {"latent": 2, "decoder_hidden": 5},
    "masking": {"fraction_off": 0.4},
}


@contextlib.contextmanager
def double_by_default():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "float64 by default": double_by_default,
}


def fit(options=OPTIONS, **more):
    return train(NETWORK, TASK, [3, 5], Stop(8), options, progress=False, **{"observer": PathIntegral()} | more)


def begin(name, options=OPTIONS):
    method = named(name, **METHODS[name])
    return train_sequence(method, HEADS, TASKS, [3, 5], Stop(6), options, progress=False)


plain = cache(fit)
plain_run = cache(lambda name, options: list(begin(name, options)))


def mode_now():
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()


@pytest.mark.parametrize("options", [OPTIONS, DOUBLE], ids=["float32", "float64"])
@pytest.mark.parametrize("mode", MODES)
def test_training_is_the_same_in_every_mode(mode, options):
    expected = plain(options)
    with MODES[mode]():
        before = mode_now()
        found = fit(options)
        assert mode_now() == before
    assert_same(found, expected)


def test_training_goes_on_from_a_checkpoint_in_another_mode(tmp_path):
    with torch.inference_mode():
        train(
            NETWORK, TASK, [3, 5], Stop(5), OPTIONS, progress=False, observer=PathIntegral(), checkpoint=tmp_path / "a"
        )
    with double_by_default():
        found = fit(checkpoint=tmp_path / "a")
    assert_same(found, plain())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("mode", MODES)
def test_a_run_is_the_same_in_every_mode_and_leaves_the_mode_alone(mode, name):
    expected, found = plain_run(name, OPTIONS), []
    with MODES[mode]():
        before = mode_now()
        run = begin(name)
        assert mode_now() == before
        for after in run:
            assert mode_now() == before
            found.append(after)
        assert mode_now() == before
    assert_same(found, expected, without=("seconds", "learner"))


def test_the_mode_may_change_between_two_sessions():
    run, usual = begin("online EWC"), mode_now()
    with torch.inference_mode():
        first = next(run)
    assert mode_now() == usual
    with torch.no_grad():
        second = next(run)
    assert mode_now() == usual
    assert_same([first, second], plain_run("online EWC", OPTIONS), without=("seconds", "learner"))


def floats(thing):
    """All floating-point tensors of something, by path."""
    leaves = torch.utils._pytree.tree_leaves(thing)
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point():
            yield leaf
        elif dataclasses.is_dataclass(leaf):
            yield from floats(vars(leaf))


def test_float64_starts_where_float32_does_and_stays_near():
    single, double = plain(), plain(DOUBLE)
    for name, value in single.initial.items():
        assert value.dtype == torch.float32
        assert double.initial[name].dtype == double.parameters[name].dtype == torch.float64
        assert torch.equal(double.initial[name], value.double())
    assert {value.dtype for value in double.observed.values()} == {torch.float64}
    losses = [each.curves.training_loss.values for each in (single, double)]
    np.testing.assert_allclose(losses[0][:, 0], losses[1][:, 0], rtol=0, atol=1e-6)
    assert not np.array_equal(*losses)


@dataclasses.dataclass(frozen=True)
class Gradients(Observer):
    """Keeps the gradients of every step."""

    found: list = dataclasses.field(default_factory=list)

    def observe(self, state, step):
        self.found.append(step.task_gradient)
        return state


def test_the_first_gradient_is_that_of_plain_autograd():
    observer = Gradients()
    fit(DOUBLE, observer=observer)
    for place, seed in enumerate((3, 5)):
        batch = TASK.batch([seed], 0, 6).to(torch.float64)
        values = {name: value.double() for name, value in NETWORK.init([seed]).items()}
        bits, total = float(batch.scored_bits().sum()), None
        for sample in range(6):
            one = naive.gradients(NETWORK, values, batch, 0, sample)
            total = one if total is None else {name: total[name] + value for name, value in one.items()}
        for name, value in total.items():
            found = observer.found[0][name][place]
            assert found.dtype == torch.float64
            torch.testing.assert_close(found, value / bits, rtol=0, atol=1e-12)


def test_measures_of_float64_training_are_near_those_of_float32():
    single, double = plain(), plain(DOUBLE)
    for kind in ("exact", "empirical", "sampled"):
        one, other = (each.fisher(kind, samples=5) for each in (single, double))
        for name, value in other.items():
            assert value.dtype == torch.float64
            torch.testing.assert_close(one[name].double(), value, rtol=1e-3, atol=1e-6)
    for name, value in double.memory_aware_synapses(samples=5).items():
        torch.testing.assert_close(single.memory_aware_synapses(samples=5)[name].double(), value, rtol=1e-3, atol=1e-5)
    assert (single.hidden().dtype, double.hidden().dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single.hidden(), double.hidden(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(single.evaluate().loss, double.evaluate().loss, rtol=0, atol=1e-6)
    for name, value in double.dimensionality().items():
        np.testing.assert_allclose(single.dimensionality()[name], value, rtol=1e-4)


@pytest.mark.parametrize("name", METHODS)
def test_a_run_in_float64_holds_float64_and_can_be_measured(name):
    """By gradient descent: the first steps of Adam are as large for gradients that are nothing but rounding."""
    options = dataclasses.replace(OPTIONS, optimiser=SGD(0.1))
    single, double = (plain_run(name, dataclasses.replace(options, precision=each)) for each in ("float32", "float64"))
    for one, other in zip(single, double, strict=True):
        assert {value.dtype for value in floats(other.values)} == {torch.float64}
        memories = (other.penalty_memory, other.rehearsal_memory, other.learner.fixed, other.observed)
        assert {value.dtype for value in floats(memories)} <= {torch.float64}
        assert other.fisher()["W_hh"].dtype == torch.float64
        np.testing.assert_allclose(one.hidden(), other.hidden(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(one.evaluate().loss, other.evaluate().loss, rtol=1e-5)
        assert set(other.dimensionality()) == {"components", "participation_ratio", "effective_rank"}
    measures = Measures(importance_samples=5, state_samples=20)
    one, other = (measure_run(each, measures) for each in (single, double))
    assert list(one) == list(other)
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-5)
