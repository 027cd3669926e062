"""What every method of the catalogue has to do, whatever it is made of."""

import dataclasses
import inspect
from functools import cache

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.captured import rerun
from tests.same import assert_same
from wmcl.data import stand_in_strokes
from wmcl.likelihoods import Bernoulli, Gaussian
from wmcl.methods import (
    CATALOGUE,
    Coresets,
    FisherImportance,
    FromScratch,
    Hypernetwork,
    Method,
    Multitask,
    OutputPreserving,
    Parametrisation,
    Quadratic,
    named,
    train_sequence,
)
from wmcl.networks import GRU, LSTM, Elman
from wmcl.tasks import copy_task_sequence, split_stroke_tasks
from wmcl.training import Adam, Execution, Options, Stop, loss
from wmcl.training.objective import Objective
from wmcl.training.parts import Learner

TASKS = copy_task_sequence(3, 2, 3, order="permuted width", width=3, validation_samples=16, test_samples=16)
NETWORK = Elman(4, 10, 3, initialisation="orthogonal", heads=3)
FAST = Options(batch=9, optimiser=Adam(5e-3), validate_every=10, orthogonality=0.01)
DOUBLE = dataclasses.replace(FAST, precision="float64")
BOUNDS = ("multitask", "from scratch", "fine-tuning")
SMALL = {"latent": 3, "decoder_hidden": 6, "chunk": 40, "samples": 8}
STROKES = split_stroke_tasks(stand_in_strokes(train=100, test=40), 2, validation=5)


def small(name, **more):
    """A method of the catalogue at a size for tests."""
    takes = inspect.signature(CATALOGUE[name]).parameters
    sizes = {key: value for key, value in SMALL.items() if key in takes}
    return named(name, **sizes | more)


def fit(name, network=NETWORK, seeds=(3, 5), iterations=5, execution=None, options=FAST, **more):
    method = small(name, **more)
    return list(
        train_sequence(method, network, TASKS, seeds, Stop(iterations), options, progress=False, execution=execution)
    )


@cache
def end(name):
    """After the last task, by a method as it is."""
    return fit(name)[-1]


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize(
    "network",
    [
        NETWORK,
        dataclasses.replace(NETWORK, heads=1),
        LSTM(4, 6, 3, initialisation="fan_in"),
        GRU(4, 6, 3, heads=3, initialisation="fan_in"),
    ],
)
def test_a_method_learns_every_task_with_every_cell_and_head(name, network):
    learned = fit(name, network, seeds=(0,), iterations=3)
    assert learned[-1].task == 2
    for after in learned:
        assert np.isfinite(after.validation_loss).all()
        for task in range(after.task + 1):
            weights = after.weights(task)
            assert {key: tuple(value.shape[1:]) for key, value in weights.items()} == network.shapes


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("heads", [1, 2])
def test_a_method_learns_recorded_sequences(name, heads):
    """They differ in length, their inputs are real numbers, and a class is asked for at the last step."""
    takes = inspect.signature(CATALOGUE[name]).parameters
    method = small(name, **({"input_likelihood": "gaussian"} if "input_likelihood" in takes else {}))
    before = LSTM(4, 6, 2, heads=heads, initialisation="fan_in")
    *_, after = train_sequence(method, before, STROKES, [0, 1], Stop(2), Options(batch=4), progress=False)
    assert after.task == 1
    assert all(bool(value.isfinite().all()) for value in after.values.values())
    assert all(not torch.equal(value, after.initial[key]) for key, value in after.values.items() if "W_hh" in key)


@pytest.mark.parametrize("name", ["generative replay", "HNET + replay"])
def test_the_likelihood_of_generated_inputs_is_chosen_by_name(name):
    assert named(name).rehearsal.input_likelihood == Bernoulli()
    assert named(name, input_likelihood="gaussian").rehearsal.input_likelihood == Gaussian(1.0)
    with pytest.raises(ValueError, match="input_likelihood is 'poisson': it must be one of bernoulli, gaussian"):
        named(name, input_likelihood="poisson")


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in BOUNDS])
def test_a_method_that_is_on_changes_the_result(name):
    assert not torch.equal(end(name).weights(0)["W_hh"], end("fine-tuning").weights(0)["W_hh"])


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_member_does_not_depend_on_the_others(name):
    """In float64: a student that equals its teacher has a gradient of rounding errors, which Adam makes large."""
    together, alone = fit(name, seeds=(3, 5), options=DOUBLE)[-1], fit(name, seeds=(5,), options=DOUBLE)[-1]
    for key, value in alone.values.items():
        assert value.dtype == torch.float64
        torch.testing.assert_close(together.values[key][1], value[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_captured_step_and_batches_drawn_ahead_change_nothing(name, monkeypatch):
    monkeypatch.setattr(loss, "is_free_to_read", lambda values: False)
    captured = fit(name, execution=Execution(capture=rerun, ahead=3))[-1]
    assert_same(captured.values, end(name).values)


class Blind(TorchDispatchMode):
    """Refuses what a captured step must not do: ask for a value."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name()
        assert not name.startswith(("aten::_local_scalar_dense", "aten::nonzero")), name
        return function(*args, **kwargs or {})


def test_blind_notices_a_question():
    with pytest.raises(AssertionError, match="_local_scalar_dense"), Blind():
        bool(torch.ones(1) > 0)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_step_never_asks_for_a_value(name, monkeypatch):
    for method in ("task_gradient", "add_penalties", "adjust_gradient", "adjust_update"):
        plain = getattr(Objective, method)

        def blindly(*given, plain=plain):
            with Blind():
                return plain(*given)

        monkeypatch.setattr(Objective, method, blindly)
    fit(name, seeds=(0,), iterations=2)


@pytest.mark.parametrize("name", [n for n in CATALOGUE if "strength" in inspect.signature(CATALOGUE[n]).parameters])
def test_strengths_are_one_a_member(name):
    strengths = (0.0, 10.0)
    together = fit(name, seeds=(3, 3), options=DOUBLE, strength=strengths)[-1]
    for member, strength in enumerate(strengths):
        alone = fit(name, seeds=(3,), options=DOUBLE, strength=strength)[-1]
        for key, value in alone.values.items():
            torch.testing.assert_close(together.values[key][member], value[0], rtol=1e-7, atol=1e-9)
    for bad, message in [((1.0, 2.0), "strength has 2 entries for 1 members"), (-1.0, "strength is -1.0")]:
        with pytest.raises(ValueError, match=message):
            fit(name, seeds=(3,), strength=bad)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="method is 'ewc': it must be one of multitask, from scratch"):
        named("ewc")
    with pytest.raises(ValueError, match="strength is no hyperparameter of 'fine-tuning': it takes none"):
        named("fine-tuning", strength=1.0)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"parametrisation": Hypernetwork(), "penalty": Quadratic(FisherImportance(), 1.0)},
            "penalty is Quadratic with the parametrisation Hypernetwork: it needs weights that tasks share, which"
            " Hypernetwork does not offer, only generated weights; leave the penalty out, or exchange one of the two",
        ),
        (
            {"penalty": OutputPreserving(1.0)},
            "penalty is OutputPreserving with the parametrisation Parametrisation: it needs generated weights, which"
            " Parametrisation does not offer, only weights that tasks share; leave the penalty out",
        ),
        (
            {"penalty": Quadratic(FisherImportance(), 1.0), "schedule": Multitask()},
            "penalty is Quadratic with the schedule Multitask",
        ),
        ({"rehearsal": Coresets(), "schedule": FromScratch()}, "rehearsal is Coresets with the schedule FromScratch"),
    ],
)
def test_contradictions_are_refused_by_name(parts, message):
    with pytest.raises(ValueError, match=message):
        Method(**parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"penalty": Coresets()}, r"penalty is Coresets\(.*\): it must be an instance of a Penalty"),
        ({"parametrisation": "masked"}, "parametrisation is 'masked': it must be an instance of a Parametrisation"),
        ({"penalty": Quadratic}, "penalty is <class .*Quadratic'>: it must be an instance of a Penalty"),
    ],
)
def test_what_is_no_such_part_is_refused(parts, message):
    check = inspect.unwrap(Method.__post_init__)
    method = object.__new__(Method)
    for name, part in (vars(Method()) | parts).items():
        object.__setattr__(method, name, part)
    with pytest.raises(ValueError, match=message):
        check(method)


@pytest.mark.parametrize("bad", ["big", ((1.0, 2.0),), None, True])
def test_strengths_that_are_no_numbers_are_refused(bad):
    learner = Learner(NETWORK, Parametrisation(), tuple(TASKS), (0, 1), FAST, {})
    with pytest.raises(ValueError, match=r"strength is .*: it must be a number, or a sequence of one for each member"):
        inspect.unwrap(Learner.per_member)(learner, strength=bad)
