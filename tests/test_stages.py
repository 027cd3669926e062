import numpy as np
import pytest
import torch
import xarray as xr

from tests.test_training import NETWORK, TASK, fit
from wmcl.dimensionality import components_for_variance, covariance_spectrum, states
from wmcl.importance import fisher_diagonal
from wmcl.networks import Elman
from wmcl.stages import dimensionality_at, importance_at, performance_at, stage_names, stages, training_at
from wmcl.training import Stop, evaluate


@pytest.fixture(scope="module")
def trained():
    return fit([0, 4], Stop(200, loss=0.04), milestones=(0.3, 0.1))


@pytest.fixture(scope="module")
def probe():
    return TASK.fixed_set("probe", 40)


def test_the_end_of_training_is_the_last_stage(trained):
    assert stage_names(trained) == ["0.3", "0.1", "final"]
    end = stages(trained)[-1]
    assert end.reached.all()
    assert end.before is end.after
    assert end.after.parameters is trained.parameters
    np.testing.assert_array_equal(end.after.loss, trained.validation_loss)


def test_importance_is_the_mean_fisher_interpolated_to_the_matched_loss(trained, probe):
    stage = stages(trained)[1]
    found = importance_at(stage, NETWORK, TASK, trained.seeds, probe)
    assert found.dims == ("seed", "kind", "connection", "statistic", "per")
    for kind in ("empirical", "sampled"):
        sides = [
            fisher_diagonal(NETWORK, TASK, side.parameters, probe, kind, trained.seeds)["W_hh"].mean((1, 2)).numpy()
            for side in (stage.before, stage.after)
        ]
        losses = [np.log(side.loss) for side in (stage.before, stage.after)]
        for k in range(2):
            points = sorted([(losses[0][k], np.log(sides[0][k])), (losses[1][k], np.log(sides[1][k]))])
            expected = np.exp(np.interp(np.log(0.1), *zip(*points, strict=True)))
            one = found.isel(seed=k).sel(kind=kind, connection="hh", statistic="mean")
            assert one.sel(per="sequence").item() == pytest.approx(expected, rel=1e-6)
            assert one.sel(per="scored bit").item() == pytest.approx(expected / 6, rel=1e-6)


def test_importance_at_the_end_is_not_interpolated(trained, probe):
    found = importance_at(stages(trained)[-1], NETWORK, TASK, trained.seeds, probe, kinds=["empirical"])
    expected = fisher_diagonal(NETWORK, TASK, trained.parameters, probe, "empirical")["W_out"]
    one = found.sel(connection="out", statistic="median", per="sequence", kind="empirical")
    np.testing.assert_allclose(one, np.median(expected.flatten(1), axis=1))


def test_dimensionality(trained, probe):
    stage = stages(trained)[0]
    found = dimensionality_at(stage, NETWORK, probe, threshold=0.9)
    hidden = NETWORK.apply(stage.after.parameters, probe.inputs).hidden
    for phase, centre in (("output", "pooled"), ("all", "step"), ("stop", "step")):
        rows = states(hidden, probe, None if phase == "all" else phase, centre)
        expected = components_for_variance(covariance_spectrum(rows), 0.9)
        np.testing.assert_array_equal(found.components.sel(phase=phase, centre=centre), expected)
    for t in range(probe.steps):
        expected = components_for_variance(covariance_spectrum(hidden[:, t]), 0.9)
        np.testing.assert_array_equal(found.components_by_step.sel(step=t), expected)
    assert found.cumulative_variance.isel(component=-1).values == pytest.approx(1)


def test_performance_and_training(trained, probe):
    stage = stages(trained)[1]
    performance, training = performance_at(stage, NETWORK, TASK, probe), training_at(stage, trained)
    result = evaluate(NETWORK, TASK, stage.after.parameters, probe)
    np.testing.assert_allclose(performance.loss, result.loss)
    np.testing.assert_allclose(performance.accuracy_by_step.mean("output_step"), performance.accuracy)
    moved = (stage.after.parameters["W_ho"] - trained.initial["W_ho"])[1].norm() / trained.initial["W_ho"][1].norm()
    assert training.distance_moved.sel(connection="ho").isel(seed=1).item() == pytest.approx(moved.item(), rel=1e-5)
    assert training.iteration.sel(side="after").values.tolist() == stage.after.iteration.tolist()
    clipped = trained.curves.clipped.isel(seed=0, iteration=slice(0, int(stage.after.iteration[0]))).mean()
    assert training.clipped[0].item() == pytest.approx(clipped.item())


def test_a_connection_that_the_network_lacks_is_nan(probe):
    network = Elman(4, 8, 3, output_stage=False)
    stage = stages(fit([0], Stop(3), network=network))[-1]
    found = importance_at(stage, network, TASK, [0], probe)
    assert found.sel(connection="ho").isnull().all()
    assert found.sel(connection="out").notnull().all()


def test_everything_merges_with_a_stage_dimension(trained, probe):
    def everything(stage):
        importance = importance_at(stage, NETWORK, TASK, trained.seeds, probe).to_dataset(name="importance")
        return xr.merge([importance, dimensionality_at(stage, NETWORK, probe), training_at(stage, trained)])

    found = xr.concat([everything(stage) for stage in stages(trained)], "stage")
    assert found.sizes["stage"] == 3
    assert found.sizes["seed"] == 2
    assert torch.isfinite(torch.from_numpy(found.importance.values)).all()
