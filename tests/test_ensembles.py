"""What a trained ensemble measures and keeps is what the functions of the package give; wrong kinds are refused."""

import dataclasses
import importlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.own_network import Leaky
from tests.same import assert_same
from tests.test_checkpoints import Breaking, lose_power
from wmcl import stored_file
from wmcl.dimensionality import (
    components_for_variance,
    covariance_spectrum,
    effective_rank,
    participation_ratio,
    states,
)
from wmcl.importance import PathIntegral, fisher_diagonal, memory_aware_synapses
from wmcl.methods import named, train_sequence
from wmcl.networks import Elman
from wmcl.tasks import Task, copy_task, copy_task_sequence, labelled
from wmcl.training import Adam, Options, Stop, evaluate, load_ensemble, save_ensemble, train
from wmcl.training.ensemble_file import ENSEMBLE_VERSION

TASK = copy_task(2, 3, width=3, validation_samples=16, test_samples=12)
TASKS = copy_task_sequence(2, 2, 3, order="permuted time", width=3, validation_samples=16)
TASKS = [dataclasses.replace(task, test_samples=12) for task in TASKS]
NETWORKS = {"Elman": Elman(4, 6, 3), "leaky": Leaky(4, 6, 3)}
HEADS = Elman(4, 6, 3, heads=2)
OPTIONS = Options(batch=6, optimiser=Adam(2e-2), validate_every=5)
SEEDS = (3, 5)
KINDS = ("exact", "empirical", "sampled")


def fit(network="leaky", task=TASK, **more):
    return train(NETWORKS[network], task, SEEDS, Stop(6), OPTIONS, progress=False, **more)


@pytest.fixture(scope="module", params=NETWORKS)
def trained(request):
    return fit(request.param)


def hidden_by_hand(network, parameters, data):
    with torch.no_grad():
        return network.apply(parameters, data.inputs).hidden


def assert_dimensions(found, hidden, data, phase, threshold=0.75):
    spectrum = covariance_spectrum(states(hidden, data, phase))
    expected = {
        "components": components_for_variance(spectrum, threshold),
        "participation_ratio": participation_ratio(spectrum),
        "effective_rank": effective_rank(spectrum),
    }
    assert list(found) == list(expected)
    assert found.seed.values.tolist() == list(SEEDS)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name].values, values)


@pytest.mark.parametrize("kind", KINDS)
def test_importances_are_those_of_the_functions(trained, kind):
    network, parameters = trained.network, trained.parameters
    fresh, own = TASK.fixed_set("importance", 5), TASK.fixed_set("own", 4)
    draws = 2 if kind == "sampled" else 1
    for arguments, data in (({"samples": 5}, fresh), ({"data": own}, own)):
        expected = fisher_diagonal(network, parameters, data, TASK, kind, seeds=SEEDS, draws=draws)
        assert_same(trained.fisher(kind, **arguments, draws=draws), expected)
        assert_same(trained.memory_aware_synapses(**arguments), memory_aware_synapses(network, parameters, data))
    assert_same(trained.fisher(kind, own, TASK.likelihood), trained.fisher(kind, own))


def test_performance_and_states_are_those_of_the_functions(trained):
    network, parameters = trained.network, trained.parameters
    own = TASK.fixed_set("own", 9)
    for given, data in ((None, TASK.test), (own, own)):
        assert_same(trained.evaluate(given), evaluate(network, parameters, data, TASK))
        hidden, found = hidden_by_hand(network, parameters, data), trained.hidden(given)
        np.testing.assert_array_equal(found.values, hidden)
        assert found.dims == ("seed", "step", "sample", "unit")
        assert found.seed.values.tolist() == list(SEEDS)
        assert found.phase.values[-1] == "output"
        for phase in ("output", None):
            assert_dimensions(trained.dimensionality(phase, given, 0.9), hidden, data, phase, 0.9)


@pytest.fixture(scope="module", params=["fine-tuning", "HNET", "masking", "from scratch"])
def sessions(request):
    return list(train_sequence(named(request.param), HEADS, TASKS, SEEDS, Stop(6), OPTIONS, progress=False))


@pytest.mark.parametrize("task", [0, 1])
def test_measures_after_a_session_are_those_of_the_functions(sessions, task):
    after = sessions[-1]
    network = HEADS.answering(task)
    weights = {name: value.detach() for name, value in after.weights(task).items()}
    on, own = after.on(task), TASKS[task].fixed_set("own", 8)
    assert (on.network, on.seeds, on.task) == (network, SEEDS, after.tasks[task])
    assert_same(on.parameters, weights)
    assert not any(value.requires_grad for value in on.parameters.values())
    for given, data in ((None, TASKS[task].test), (own, own)):
        hidden = hidden_by_hand(network, weights, data)
        assert_same(after.evaluate(given, task), evaluate(network, weights, data, TASKS[task]))
        np.testing.assert_array_equal(after.hidden(given, task).values, hidden)
        assert_dimensions(after.dimensionality("output", given, task), hidden, data, "output")
    for kind in KINDS:
        expected = fisher_diagonal(network, weights, own, TASKS[task], kind, seeds=SEEDS)
        assert_same(after.fisher(kind, own, task), expected)


def test_measures_after_a_session_are_of_its_last_task(sessions):
    for number, after in enumerate(sessions):
        assert after.task == number
        assert_same(after.evaluate(), after.on(number).evaluate())
        assert_same(after.fisher(), after.on(number).fisher())
        np.testing.assert_array_equal(after.hidden(), after.on(number).hidden())
        np.testing.assert_array_equal(after.dimensionality().components, after.on(number).dimensionality().components)


def test_a_network_that_is_trained_later_is_refused():
    run = train_sequence(named("from scratch"), HEADS, TASKS, SEEDS, Stop(2), OPTIONS, progress=False)
    first = next(run)
    for ask in (lambda: first.on(1), lambda: first.evaluate(task=1), lambda: first.fisher(task=1)):
        with pytest.raises(ValueError, match=r"^task is 1: its networks are trained later; so far .* of \[0\]$"):
            ask()
    assert next(run).evaluate(task=1).loss.shape == (2,)


def test_an_ensemble_of_an_own_class_comes_back(tmp_path, trained):
    save_ensemble(tmp_path / "file", trained)
    found = load_ensemble(tmp_path / "file")
    assert found.network == trained.network
    assert type(found.network) is type(trained.network)
    assert_same(found.parameters, trained.parameters)
    own = TASK.fixed_set("own", 8)
    assert_same(found.evaluate(own, TASK), trained.evaluate(own))
    assert_same(found.fisher("exact", own, TASK.likelihood), trained.fisher("exact", own))
    assert_same(found.memory_aware_synapses(own), trained.memory_aware_synapses(own))
    np.testing.assert_array_equal(found.hidden(own), trained.hidden(own))
    data_missing = "^data is None: an ensemble without its task needs sequences$"
    for ask in (found.evaluate, found.fisher, found.hidden, found.dimensionality, found.memory_aware_synapses):
        with pytest.raises(ValueError, match=data_missing):
            ask()
    for ask in (found.evaluate, lambda data: found.fisher(data=data)):
        with pytest.raises(
            ValueError, match=r"^likelihood is None: an ensemble without its task needs that of the targets$"
        ):
            ask(own)


def test_a_network_of_an_own_class_goes_on_from_a_checkpoint(tmp_path):
    fields = {field.name: getattr(TASK, field.name) for field in dataclasses.fields(TASK)}
    path, observer = tmp_path / "file", PathIntegral()
    with pytest.raises(OSError, match="power"):
        fit(task=Breaking(**fields, at=4, act=lose_power), checkpoint=path, checkpoint_every=2, observer=observer)
    expected = fit(observer=observer)
    assert_same(fit(checkpoint=path, observer=observer), expected, without=("seconds", "task"))
    assert expected.configuration["network"]["class"] == "tests.own_network.Leaky"
    with pytest.raises(ValueError, match=r"cell.LEAK is None: .* was made with 0.4"):
        fit("Elman", checkpoint=path, observer=observer)


MODULE = "own_network_that_nobody_imported"


def test_no_file_decides_what_is_imported(tmp_path, monkeypatch):
    path = tmp_path / "file"
    save_ensemble(path, fit("Elman"))
    arrays, content = stored_file.read(path, "ensemble", ENSEMBLE_VERSION)
    content["network"]["class"] = f"{MODULE}.Mine"
    stored_file.write(path, "ensemble", ENSEMBLE_VERSION, arrays, content)
    (tmp_path / f"{MODULE}.py").write_text("from wmcl.networks import Elman\n\nclass Mine(Elman):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    with pytest.raises(ValueError, match=rf"'{MODULE}.Mine': it must be one of .*; import {MODULE} first, if it is"):
        load_ensemble(path)
    assert set(sys.modules) == before
    module = importlib.import_module(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, module)
    assert type(load_ensemble(path).network) is module.Mine


def untouched():
    """A task whose sequences nobody may draw: everything of the wrong kind is refused before."""
    fields = {field.name: getattr(TASK, field.name) for field in dataclasses.fields(TASK)}
    return Task(**fields | {"draw": lambda generators, samples: lose_power()})


def of_both():
    """Arguments of the wrong kind, by name, for ``train`` and ``train_sequence``."""
    yield from (("network", torch.nn.Linear(4, 3)), ("network", Elman), ("stop", 100), ("options", {"batch": 8}))
    odd = (3, "3", 1.5, None, [1.5], [True], [[0, 1]], {0, 1}, np.array([0.0]), torch.zeros(2), [], [-1])
    yield from (("seeds", seeds) for seeds in odd)


def said():
    """What the two functions say to each of them; ``None`` if they refuse nothing."""
    recorded = labelled([np.zeros((3, 4))] * 4, [0, 1, 0, 1], classes=2)
    observers = [("observer", lambda state, step: state), ("observer", PathIntegral)]
    of_train = [*of_both(), ("task", recorded), ("task", [TASK]), *observers]
    tasks = [("tasks", value) for value in (TASK, recorded, [recorded], 3)]
    of_sequence = [*of_both(), ("method", "SI"), *tasks]
    same = {"network": NETWORKS["Elman"], "seeds": SEEDS, "stop": Stop(2), "options": OPTIONS, "progress": False}
    found = []
    for function, own, cases in (
        (train, {"task": untouched()}, of_train),
        (train_sequence, {"tasks": [untouched()], "method": named("SI")}, of_sequence),
    ):
        for name, value in cases:
            given = own | ({"task": TASK} if name == "observer" else {}) | same | {name: value}
            try:
                function(**given)  # a sequence refuses at the call, not when its first session is asked for
            except ValueError as error:
                found.append([function.__name__, name, str(error)])
            except Exception as error:
                found.append([function.__name__, name, f"{type(error).__name__}: {error}"])
            else:
                found.append([function.__name__, name, None])
    return found


BOTH = [
    r"network is Linear\(.*\): it must be a Network, such as Elman\(8, 256, 7\)",
    r"network is <class '.*Elman'>: it must be a Network, such as Elman\(8, 256, 7\)",
    r"stop is 100: it must be a Stop, such as Stop\(iterations=1000\)",
    r"options is {'batch': 8}: it must be an Options, such as Options\(batch=64\)",
    *[r"(?s)seeds is .*: it must be a sequence of whole numbers, such as range\(3\)"] * 10,
    r"seeds is \[\]: it must hold at least one seed",
    r"seeds is \[-1\]: each seed must lie between 0 and 2\*\*64 - 1",
]
EXPECTED = {
    "train": [
        *BOTH,
        *[r"task is .*: it must be a Task, such as copy_task\(5\)"] * 2,
        r"observer is <function .*>: it must be an Observer, such as wmcl.importance.PathIntegral\(\)",
        r"observer is <class '.*PathIntegral'>: it must be an Observer, such as wmcl.importance.PathIntegral\(\)",
    ],
    "train_sequence": [
        *BOTH,
        r"method is 'SI': it must be a Method, such as wmcl.methods.named\('SI'\)",
        "tasks is the task 'copy p=2 i=3': it must be a sequence of tasks, in their order",
        r"tasks is .*Labelled.*: it must be a sequence of tasks, in their order",
        r"task is .*Labelled.*: it must be a Task, such as copy_task\(5\)",
        "tasks is 3: it must be a sequence of tasks, in their order",
    ],
}


@pytest.fixture(scope="module")
def sentences():
    """From a process of its own, as tests check all types before."""
    child = "import json; from tests.test_ensembles import said; print(json.dumps(said()))"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("function", EXPECTED)
def test_wrong_kinds_are_refused_before_any_work(function, sentences):
    found = [sentence for name, _, sentence in sentences if name == function]
    for sentence, pattern in zip(found, EXPECTED[function], strict=True):
        assert sentence is not None, pattern
        assert re.fullmatch(pattern, sentence), (pattern, sentence)
