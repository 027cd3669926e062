from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from tests.test_training import NETWORK, TASK, fit
from wmcl.dimensionality import (
    components_for_variance,
    covariance_spectrum,
    decodability,
    effective_rank,
    participation_ratio,
    states,
)
from wmcl.dimensionality.decodability import pattern_bits
from wmcl.dimensionality.kernel import kernel_spectrum
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.importance import (
    PathIntegral,
    Perturbations,
    fisher_diagonal,
    memory_aware_synapses,
    path_integral,
    perturbation_effect,
    reuse_profile,
    synaptic_intelligence,
)
from wmcl.networks import Elman
from wmcl.stages import (
    dimensionality_at,
    importance_at,
    memory_at,
    performance_at,
    reuse_at,
    stage_names,
    stages,
    training_at,
)
from wmcl.stages.dimensionality import nonlinear_dimensionality_at
from wmcl.stages.importance import exact_at, exact_check_at, path_integrals_at, perturbation_at
from wmcl.training import Stop, evaluate


@pytest.fixture(scope="module")
def trained():
    return fit([0, 4], Stop(200, loss=0.04), milestones=(0.3, 0.1), observer=PathIntegral())


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
    found = importance_at(trained, stage, probe).importance
    assert set(found.dims) == {"seed", "kind", "connection", "statistic", "per"}
    for kind in ("empirical", "sampled"):
        sides = [
            fisher_diagonal(NETWORK, side.parameters, probe, TASK, kind, trained.seeds)["W_hh"].mean((1, 2)).numpy()
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
    found = importance_at(trained, stages(trained)[-1], probe, kinds=["empirical"]).importance
    expected = fisher_diagonal(NETWORK, trained.parameters, probe, TASK, "empirical")["W_out"]
    one = found.sel(connection="out", statistic="median", per="sequence", kind="empirical")
    np.testing.assert_allclose(one, np.median(expected.flatten(1), axis=1))


def test_dimensionality(trained, probe):
    stage = stages(trained)[0]
    found = dimensionality_at(trained, stage, probe, threshold=0.9)
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
    performance, training = performance_at(trained, stage, probe), training_at(trained, stage)
    result = evaluate(NETWORK, stage.after.parameters, probe, TASK)
    np.testing.assert_allclose(performance.loss, result.loss)
    np.testing.assert_allclose(performance.accuracy_by_step.mean("output_step"), performance.accuracy)
    moved = (stage.after.parameters["W_ho"] - trained.initial["W_ho"])[1].norm() / trained.initial["W_ho"][1].norm()
    assert training.distance_moved.sel(connection="ho").isel(seed=1).item() == pytest.approx(moved.item(), rel=1e-5)
    assert training.iteration.sel(side="after").values.tolist() == stage.after.iteration.tolist()
    clipped = trained.curves.clipped.isel(seed=0, iteration=slice(0, int(stage.after.iteration[0]))).mean()
    assert training.clipped[0].item() == pytest.approx(clipped.item())


def test_a_connection_that_the_network_lacks_is_nan(probe):
    network = Elman(4, 8, 3, output_stage=False, initialisation="fan_in")
    short = fit([0], Stop(3), network=network)
    found = importance_at(short, stages(short)[-1], probe).importance
    assert found.sel(connection="ho").isnull().all()
    assert found.sel(connection="out").notnull().all()


@pytest.mark.filterwarnings("ignore:the sampled Fisher:UserWarning")  # of a probe that is small
def test_everything_merges_with_a_stage_dimension(trained, probe):
    def everything(stage):
        importance = importance_at(trained, stage, probe)
        return xr.merge([importance, dimensionality_at(trained, stage, probe), training_at(trained, stage)])

    found = xr.concat([everything(stage) for stage in stages(trained)], "stage")
    assert found.sizes["stage"] == 3
    assert found.sizes["seed"] == 2
    assert torch.isfinite(torch.from_numpy(found.importance.values)).all()


def test_importances_of_other_kinds_are_those_of_their_functions(trained, probe):
    stage = stages(trained)[-1]
    kinds = ("exact", "MAS", "SI total", "SI task")
    found = importance_at(trained, stage, probe, kinds).importance.sel(connection="hh", statistic="trace")
    expected = {
        "exact": fisher_diagonal(NETWORK, trained.parameters, probe, TASK, "exact"),
        "MAS": memory_aware_synapses(NETWORK, trained.parameters, probe),
    }
    for path in ("total", "task"):
        omega = path_integral(trained.observed, path)
        expected[f"SI {path}"] = synaptic_intelligence(omega, trained.initial, trained.parameters)
    for kind, values in expected.items():
        trace = values["W_hh"].sum((1, 2)).numpy()
        per = "scored bit" if kind.startswith("SI") else "sequence"  # the loss was one of scored bits
        np.testing.assert_allclose(found.sel(kind=kind, per=per), trace, rtol=1e-10)
        np.testing.assert_allclose(found.sel(kind=kind, per="sequence"), 6 * found.sel(kind=kind, per="scored bit"))
    by_sequence = replace(trained, options=replace(trained.options, reduction="sequence"))
    per_sequence = importance_at(by_sequence, stage, probe, ["SI task"]).importance
    one = per_sequence.sel(kind="SI task", connection="hh", statistic="trace", per="sequence")
    np.testing.assert_allclose(one, expected["SI task"]["W_hh"].sum((1, 2)))


def test_path_integrals(trained):
    found = path_integrals_at(trained, stages(trained)[1])
    snapshot = trained.milestones[1].after
    for path in ("total", "task"):
        omega = path_integral(snapshot.observed, path)
        total = sum(value.flatten(1).sum(1) for value in omega.values())
        np.testing.assert_allclose(found.omega_sum.sel(path=path), total)
        share = found.omega_share.sel(path=path, connection="hh")
        np.testing.assert_allclose(share, omega["W_hh"].sum((1, 2)) / total)
        for damping in (1e-5, 1e-1):
            expected = synaptic_intelligence(omega, trained.initial, snapshot.parameters, damping)["W_hh"].mean((1, 2))
            np.testing.assert_allclose(found.damped.sel(path=path, connection="hh", damping=damping), expected)


def test_exact_and_sampled_fisher_stand_side_by_side(trained, probe):
    stage = trained.milestones[1]
    found = exact_check_at(trained, stage, probe, exact_at(trained, stage, probe), draws=3)
    exact = fisher_diagonal(NETWORK, stage.after.parameters, probe, TASK, "exact")
    sampled = fisher_diagonal(NETWORK, stage.after.parameters, probe, TASK, "sampled", trained.seeds, draws=3)
    for name, values in (("exact", exact), ("sampled, 3 draws", sampled)):
        np.testing.assert_allclose(
            found.checked.sel(estimator=name, connection="ih"), values["W_ih"].mean((1, 2)), rtol=1e-10
        )
    ratio = found.checked.sel(estimator="sampled, 3 draws") / found.checked.sel(estimator="exact")
    assert ((ratio > 0.7) & (ratio < 1.4)).all()


def test_reuse_adds_up_to_one(trained, probe):
    stage = trained.milestones[1]
    found = reuse_at(trained, stage, probe)
    profile = reuse_profile(NETWORK, stage.after.parameters, probe, TASK, "sampled", trained.seeds)["W_hh"]
    np.testing.assert_allclose(found.reuse.isel(seed=1), profile[1] / profile[1].sum(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found.reuse_share.sum("step"), 1)
    np.testing.assert_allclose(found.reuse_own, profile.diagonal(dim1=1, dim2=2).sum(1) / profile.sum((1, 2)))


def test_perturbation_uses_one_fisher_to_rank_and_another_to_predict(trained, probe):
    stage, few = trained.milestones[1], probe.take(slice(0, 10))
    how = Perturbations(fractions=(0.1,), sizes=(0.01,), repetitions=2)
    found = perturbation_at(trained, stage, probe, few, exact_at(trained, stage, few), how)
    ranking = fisher_diagonal(NETWORK, stage.after.parameters, probe, TASK, "sampled", trained.seeds)
    exact = fisher_diagonal(NETWORK, stage.after.parameters, few, TASK, "exact")
    expected = perturbation_effect(NETWORK, stage.after.parameters, few, TASK, ranking, exact, trained.seeds, how).mean(
        "repetition"
    )
    np.testing.assert_allclose(found.divergence, expected.measured)
    np.testing.assert_allclose(found.predicted_divergence, expected.predicted)
    means = found.divergence.mean(("seed", "fraction", "change"))
    assert means.sel(selection="most important") > means.sel(selection="least important")


def test_effective_rank_and_nonlinear_dimensions(trained, probe):
    stage = trained.milestones[1]
    hidden = NETWORK.apply(stage.after.parameters, probe.inputs).hidden.detach()
    found = dimensionality_at(trained, stage, probe)
    expected = effective_rank(covariance_spectrum(states(hidden, probe, "output")))
    np.testing.assert_allclose(found.effective_rank.sel(phase="output", centre="pooled"), expected)
    nonlinear = nonlinear_dimensionality_at(trained, stage, probe, rows=60)
    assert nonlinear.intrinsic_dimension.dims == ("seed", "dimension_estimator")
    assert ((nonlinear.kernel_components > 0) & (nonlinear.kernel_components < 60)).all()


def test_memory_counts_each_independent_bit_once(trained):
    stage = trained.milestones[1]
    fitted, test = TASK.fixed_set("decoder", 200), TASK.fixed_set("judge", 100)
    whole = memory_at(trained, stage, fitted, test, 3)
    hidden = [NETWORK.apply(stage.after.parameters, s.inputs).hidden.detach() for s in (fitted, test)]
    expected = decodability(hidden[0], pattern_bits(fitted), hidden[1], pattern_bits(test))
    np.testing.assert_allclose(whole.bits_held, expected.bits_held)
    first = memory_at(trained, stage, fitted, test, 1)
    np.testing.assert_allclose(first.bits_held, expected.information[..., ::3].sum(-1))
    np.testing.assert_allclose(first.decodability, expected.information[..., ::3], rtol=1e-6)
    assert first.decodability.sizes["pattern_step"] == whole.decodability.sizes["pattern_step"] == 2


def test_spectra_are_of_the_phase_and_the_centre_that_they_are_named_after(trained, probe):
    stage = stages(trained)[0]
    found = dimensionality_at(trained, stage, probe)
    hidden = NETWORK.apply(stage.after.parameters, probe.inputs).hidden.detach()
    spectrum = covariance_spectrum(states(hidden, probe, "output"))
    np.testing.assert_allclose(
        found.participation_ratio.sel(phase="output", centre="pooled"), participation_ratio(spectrum)
    )
    np.testing.assert_allclose(
        found.cumulative_variance.sel(phase="output"), cumulative_variance(spectrum), rtol=1e-5, atol=1e-6
    )
    for t in range(probe.steps):
        expected = participation_ratio(covariance_spectrum(hidden[:, t]))
        np.testing.assert_allclose(found.participation_ratio_by_step.sel(step=t), expected)
    output = states(hidden, probe, "output")
    kernel = components_for_variance(kernel_spectrum(output, "cosine", 60), 0.8)
    nonlinear = nonlinear_dimensionality_at(trained, stage, probe, threshold=0.8, rows=60)
    np.testing.assert_array_equal(nonlinear.kernel_components, kernel)


def test_senseless_measures_are_refused(trained, probe):
    stage = stages(trained)[-1]
    with pytest.raises(ValueError, match="kinds is "):
        importance_at(trained, stage, probe, [])
    for bits in (0, 4):
        with pytest.raises(ValueError, match=f"independent_bits is {bits}: it must lie between 1 and the width, 3"):
            memory_at(trained, stage, probe, probe, bits)
