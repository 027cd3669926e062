"""No name of a result shadows one of xarray: ``results.name`` and ``results.sel(name=...)`` mean what they say."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from wmcl import sweeps
from wmcl.importance import PathIntegral, Perturbations, fisher_diagonal, perturbation_effect, summarise
from wmcl.methods import Measures, Method, measure_run, train_sequence
from wmcl.networks import Elman
from wmcl.stages import dimensionality_at, importance_at, memory_at, performance_at, reuse_at, stages, training_at
from wmcl.stages.dimensionality import nonlinear_dimensionality_at
from wmcl.stages.importance import exact_at, exact_check_at, path_integrals_at, perturbation_at
from wmcl.statistics import compare, coverage, effects, law, mean_interval
from wmcl.statistics.coverage import SCENARIOS
from wmcl.tasks import copy_task, copy_task_sequence
from wmcl.training import Adam, Options, Stop, train

STORED = sorted((Path(__file__).parents[1] / "docs" / "results").glob("*.nc"))
TAKEN = {*dir(xr.Dataset), "indexers", "method", "tolerance", "drop"}
"""attributes of a Dataset and arguments of its ``sel``"""


def check(results):
    """Every name can be written as an attribute and, if it is a dimension with labels, as an argument."""
    assert results.variables
    assert not {*map(str, results.variables), *map(str, results.dims)} & TAKEN
    for name in results.variables:
        assert isinstance(getattr(results, name), xr.DataArray), name
    for dim in results.dims:
        if dim in results.coords:
            chosen = results.sel(**{dim: results[dim].values[0]})
            assert dim not in chosen.dims or chosen.sizes[dim] > 0, dim


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results(path):
    with xr.open_dataset(path) as results:
        check(results)


@pytest.fixture(scope="module")
def trained():
    task = copy_task(2, width=2, validation_samples=16, test_samples=16)
    network = Elman(task.inputs, 4, task.outputs)
    options = Options(batch=4, optimiser=Adam(1e-2), validate_every=1)
    return task, network, train(network, task, [0, 1], Stop(3), options, [0.9], progress=False, observer=PathIntegral())


def test_measures_of_a_stage(trained):
    task, _, run = trained
    stage, sequences = stages(run)[-1], task.fixed_set("fisher", 8)
    found = [
        dimensionality_at(run, stage, task.test),
        exact_check_at(run, stage, sequences, exact_at(run, stage, sequences)),
        importance_at(run, stage, sequences),
        memory_at(run, stage, task.fixed_set("decoder", 40), task.test, 2),
        path_integrals_at(run, stage),
        performance_at(run, stage, task.test),
        perturbation_at(
            run, stage, sequences, sequences, exact_at(run, stage, sequences), Perturbations(repetitions=1)
        ),
        reuse_at(run, stage, sequences),
        training_at(run, stage),
        run.curves,
    ]
    for each in found:
        check(each)


def test_measures_of_a_stage_that_see_curvature(trained):
    pytest.importorskip("skdim")
    task, _, run = trained
    check(nonlinear_dimensionality_at(run, stages(run)[-1], task.test))


def test_importances(trained):
    task, network, run = trained
    sequences, how = task.fixed_set("probe", 8), Perturbations(repetitions=1)
    fisher = fisher_diagonal(network, run.parameters, sequences, task, "exact")
    check(summarise(fisher, run.parameters, 4.0))
    check(perturbation_effect(network, run.parameters, sequences, task, fisher, fisher, run.seeds, how))


def test_measures_of_a_run():
    tasks = copy_task_sequence(2, 2, order="permuted time", width=2, validation_samples=8, test_samples=8)
    network = Elman(3, 4, 2, heads=2)
    run = train_sequence(Method(), network, tasks, [0, 1], Stop(2), Options(batch=4, validate_every=1), progress=False)
    check(measure_run(run, Measures(importance_samples=4, state_samples=8)))


def test_statistics():
    grid = np.stack(np.meshgrid([1.0, 2.0], [1.0, 3.0], [0.0, 1.0], indexing="ij"), -1).reshape(-1, 3)
    coords = {name: ("condition", grid[:, k]) for k, name in enumerate(("memory_load", "retention", "lead"))}
    values = np.exp(np.random.default_rng(0).normal(size=(8, 4)))
    data = xr.DataArray(values, dims=("condition", "seed"), coords={"seed": range(4)} | coords)
    check(mean_interval(data))
    check(effects(data, law("memory_load", "retention", "lead")))
    check(compare(data.assign_coords(condition=range(8)), [(0, 1)]))
    check(coverage({"equal": SCENARIOS["equal"]}, [3], simulations=2))


def _value(condition, seeds):
    return xr.Dataset({"value": (("seed", "place"), np.ones((len(seeds), 2)))}, {"seed": list(seeds), "place": [0, 1]})


def test_a_sweep(tmp_path):
    found = sweeps.run(_value, [{"p": 1}, {"p": 2}], [0, 1], tmp_path, progress=False)
    check(found)
    assert set(found.attrs) == {"entries_computed", "failed_entries"}
