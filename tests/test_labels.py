"""Every variable and coordinate of a result says what it is, in which unit, and the same wherever it is made."""

import importlib
import pkgutil
import sys

import numpy as np
import pytest
import torch
import xarray as xr

import wmcl
from wmcl import importance, labels, methods, stages, statistics, sweeps
from wmcl import pytorch as modules
from wmcl.importance import PathIntegral, Perturbations
from wmcl.likelihoods import Bernoulli
from wmcl.methods import Measures, Method, measure_run, train_sequence
from wmcl.networks import Elman
from wmcl.stages.dimensionality import nonlinear_dimensionality_at
from wmcl.stages.importance import exact_at, exact_check_at, path_integrals_at, perturbation_at
from wmcl.statistics.coverage import SCENARIOS
from wmcl.studies import together
from wmcl.tasks import copy_task, copy_task_sequence
from wmcl.tasks.memory_demand import demand_coordinates
from wmcl.training import Adam, Options, Reason, Stop, train

SMALL = {"width": 2, "validation_samples": 16, "test_samples": 16}
PERTURBATIONS = Perturbations(repetitions=1)


def check(results):
    """Everything but what a user names is described."""
    variables = results.variables if isinstance(results, xr.Dataset) else {"": results} | dict(results.coords)
    for name, variable in variables.items():
        for attribute in ("long_name", "units"):
            assert str(variable.attrs.get(attribute, "")).strip(), f"{name} has no {attribute}"


def made_of_a_training():
    task = copy_task(2, **SMALL)
    network = Elman(task.inputs, 4, task.outputs)
    options = Options(batch=4, optimiser=Adam(1e-2), validate_every=1)
    run = train(network, task, [0, 1], Stop(3), options, [0.9], progress=False, observer=PathIntegral())
    sequences, fisher = task.fixed_set("fisher", 8), run.fisher("exact", samples=8)
    yield from (run.curves, run.hidden(), run.dimensionality())
    for stage in stages.stages(run):
        yield stages.dimensionality_at(run, stage, task.test)
        yield stages.importance_at(run, stage, sequences, ("empirical", "SI total", "MAS"))
        yield stages.memory_at(run, stage, task.fixed_set("decoder", 40), task.test, 2)
        yield stages.performance_at(run, stage, task.test)
        yield stages.reuse_at(run, stage, sequences)
        yield stages.training_at(run, stage)
        yield exact_check_at(run, stage, sequences, exact_at(run, stage, sequences))
        yield path_integrals_at(run, stage)
        yield perturbation_at(run, stage, sequences, sequences, exact_at(run, stage, sequences), PERTURBATIONS)
    yield importance.summarise(fisher, run.parameters, 4.0)
    yield importance.perturbation_effect(
        network, run.parameters, sequences, task, fisher, fisher, run.seeds, PERTURBATIONS
    )


def made_of_curved_states():
    pytest.importorskip("skdim")
    task = copy_task(2, **SMALL)
    run = train(Elman(task.inputs, 4, task.outputs), task, [0], Stop(1), progress=False)
    yield nonlinear_dimensionality_at(run, stages.stages(run)[-1], task.test)


def made_of_a_run():
    tasks = copy_task_sequence(2, 2, order="permuted time", **SMALL)
    network, options = Elman(3, 4, 2, heads=2), Options(batch=4, validate_every=1)
    run = train_sequence(Method(), network, tasks, [0, 1], Stop(2), options, progress=False)
    found = measure_run(run, Measures(importance_samples=4, state_samples=8))
    yield found
    for name in ("during", "final", "forgetting", "backward_transfer"):
        yield getattr(methods, name)(found.accuracy)
    yield methods.forward_transfer(found.accuracy, found.untrained_accuracy)
    yield methods.intransigence(found.accuracy, found.accuracy)


def made_of_a_module():
    model, inputs = torch.nn.Linear(3, 2), torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    data = [(inputs, (inputs[:, :2] > 0).float())]
    fisher = modules.fisher_diagonal(model, data, Bernoulli(), "exact")
    yield modules.summarise(fisher, model)
    moved = Perturbations(weights=("weight",), repetitions=1)
    yield modules.perturbation_effect(model, data, Bernoulli(), fisher, fisher, moved)


def table():
    grid = np.stack(np.meshgrid([1.0, 2.0], [1.0, 3.0], [0.0, 1.0], indexing="ij"), -1).reshape(-1, 3)
    demand = copy_task(2, **SMALL).memory_demand
    coordinates = demand_coordinates([demand] * 8)
    for k, name in enumerate(("memory_load", "retention", "lead")):
        coordinates[name] = coordinates[name].copy(data=grid[:, k])
    about = {"long_name": "condition", "units": "1"}
    coordinates |= {"seed": range(4), "condition": ("condition", range(8), about)}
    values = np.exp(np.random.default_rng(0).normal(size=(8, 4)))
    return xr.DataArray(values, coordinates, ("condition", "seed"), "importance", {"long_name": "size", "units": "1"})


def made_of_a_table():
    data = labels.label(table())
    yield data
    yield statistics.mean_interval(data)
    yield statistics.effects(data, statistics.law("memory_load", "retention", "lead"))
    yield statistics.compare(data, [(0, 1)])
    yield statistics.coverage({"equal": SCENARIOS["equal"]}, [3], simulations=2)
    yield statistics.level_means(data, "memory_load")
    yield statistics.slope(data, data.retention, "condition")
    yield statistics.slopes(data, {"retention": data.retention}, "condition")
    names = ("predictor", ["first"], {"long_name": "predictor", "units": "1"})
    predictors = (2 * data + data.lead).expand_dims("predictor").assign_coords(predictor=names)
    yield statistics.rank_correlations(data, predictors, "condition")
    yield statistics.partial_slopes(data, predictors, "condition")


MAKERS = (made_of_a_training, made_of_curved_states, made_of_a_run, made_of_a_module, made_of_a_table)


@pytest.mark.parametrize("make", MAKERS)
def test_everything_is_described(make):
    for results in make():
        check(results)


def test_a_name_is_described_once(monkeypatch):
    for module in pkgutil.walk_packages(wmcl.__path__, "wmcl."):
        importlib.import_module(module.name)
    original, descriptions = labels.label, {name: {description} for name, description in labels.SHARED.items()}

    def recorded(results, **own):
        for name, description in own.items():
            descriptions.setdefault(name, set()).add(description)
        return original(results, **own)

    users = [module for name, module in sys.modules.items() if name.startswith("wmcl.") and hasattr(module, "label")]
    for module in users:
        if module.label is original:
            monkeypatch.setattr(module, "label", recorded)
    for make in (made_of_a_training, made_of_a_run, made_of_a_module, made_of_a_table):
        list(make())
    assert len(descriptions) > len(labels.SHARED) + 50
    assert not {name: several for name, several in descriptions.items() if len(several) > 1}


def test_labels_leave_what_they_are_given_as_it_was():
    given = xr.Dataset({"loss": ("seed", [1.0]), "own": ("seed", [2.0], {"long_name": "mine", "other": 1})})
    found = labels.label(given, own=("theirs", "m"), lacking=("nothing", "1"))
    assert found.loss.attrs == dict(zip(("long_name", "units"), labels.SHARED["loss"], strict=True))
    assert found.own.attrs == {"long_name": "theirs", "units": "m", "other": 1}
    assert given.loss.attrs == {}
    assert given.own.attrs == {"long_name": "mine", "other": 1}


def test_what_a_variable_says_itself_stays():
    given = xr.Dataset(coords={"seed": ("seed", [0], {"long_name": "mine", "units": "m"})})
    assert labels.label(given).seed.attrs == given.seed.attrs


def test_reasons_say_what_their_numbers_mean():
    tasks = copy_task_sequence(2, 2, order="permuted time", **SMALL)
    run = train_sequence(Method(), Elman(3, 4, 2, heads=2), tasks, [0], Stop(1), Options(batch=4), progress=False)
    reason = measure_run(run, Measures(importance_samples=0, state_samples=0)).reason
    meanings = dict(zip(reason.attrs["flag_values"], reason.attrs["flag_meanings"].split(), strict=True))
    assert meanings == {int(each): each.name for each in Reason}
    assert meanings[int(reason[0, 0])] == "iterations"


def _measure(condition, seeds, task):
    run = train(Elman(task.inputs, 4, task.outputs), task, seeds, Stop(1), Options(batch=4), progress=False)
    stage = stages.stages(run)[-1]
    found = stages.performance_at(run, stage, task.test).merge(stages.training_at(run, stage))
    reached = xr.DataArray([False] * len(seeds), dims="seed")
    found = xr.concat([found, found.where(reached)], "stage").assign_coords(stage=["0.9", "final"])
    return found.assign_coords(seed=list(seeds))


def test_a_sweep_and_its_file_keep_the_labels(tmp_path):
    conditions = [{"pattern_length": p, "lead": lead} for p, lead in ((2, 0), (2, 1), (1, 0))]
    found = sweeps.run(
        _measure,
        conditions,
        [0, 1],
        tmp_path / "entries",
        name="small",
        given=lambda condition: {"task": copy_task(condition["pattern_length"], lead=condition["lead"], **SMALL)},
        progress=False,
    )
    check(found)
    sweeps.save_atomically(found, tmp_path / "found.nc")
    with xr.open_dataset(tmp_path / "found.nc") as stored:
        check(stored)
        assert stored.loss.attrs["long_name"] == labels.SHARED["loss"][0]


def test_demands_are_coordinates_of_conditions():
    demands = [copy_task(2, input_length=i, lead=1, **SMALL).memory_demand for i in (2, 4)]
    found = xr.Dataset(coords=demand_coordinates(demands))
    check(found)
    assert {str(name): found[name].values.tolist() for name in found.coords} == {
        "memory_load": [4, 4],
        "retention": [3, 5],
        "lead": [1, 1],
        "steps": [6, 8],
        "scored_bits": [4, 4],
    }
    assert found.retention.dims == ("condition",)


def test_parts_of_a_study_keep_the_labels_of_both():
    first, second = (labels.label(xr.Dataset({name: ("seed", [1.0])}, {"seed": [0]})) for name in ("loss", "accuracy"))
    found = together(first.assign_attrs(device="cpu"), second.assign_attrs(device="gpu"))
    check(found)
    assert found.attrs == {"device": "cpu; gpu"}
