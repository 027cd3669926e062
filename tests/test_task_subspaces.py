"""The study of importances, subspaces and heads over tasks: each measure against its definition, and end to end."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats
from sklearn.decomposition import PCA
from subspace_study.design import PRESETS, Measures, rows_of, same_states
from subspace_study.measure import fishers, measure_run
from subspace_study.networks import answering, have_same_weights
from subspace_study.outcome import add_outcome, just_learned
from subspace_study.report import report
from subspace_study.statements import Estimate, Statement, estimate, excludes_null, statements
from subspace_study.study import STUDY
from subspace_study.subspaces import supervised

from figures import task_subspaces as figure_of
from tests import naive
from tests.studies import first_part, measure_of
from wmcl.dimensionality import supervised_subspace
from wmcl.dimensionality.supervised import SupervisedSubspace, joint_supervised_subspace
from wmcl.identity import identity
from wmcl.methods import named, train_sequence
from wmcl.plotting.data import MissingError
from wmcl.plotting.options import write
from wmcl.plotting.style import house_style
from wmcl.studies.rows import learn_row, network_of, tasks_of_row
from wmcl.tasks import distances
from wmcl.training import Reason, Stop

SMOKE = PRESETS["smoke"]
METHODS = ("multitask", "from scratch", "fine-tuning", "online EWC", "masking + SI", "HNET (chunked)")


def small(tmp_path, **study):
    return replace(
        SMOKE,
        study=replace(SMOKE.study, **{"methods": METHODS, "iterations": 4, "chosen": None} | study),
        network=replace(SMOKE.network, hidden=8),
        measures=replace(SMOKE.measures, supervised_criterion=0.4),
        run=replace(SMOKE.run, output=tmp_path / "small.nc", jobs=1, device="cpu"),
    )


def phases(config, method):
    number, row = config.study.tasks, rows_of(config)[method]
    return learn_row(config.task, number, config.network, row, "cpu", range(config.study.seeds))


def measured(config, method, seeds):
    """An entry of the study."""
    given = first_part(STUDY, config).given({"approach": method})
    return measure_of(STUDY, config)({"approach": method}, seeds, **given)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    config = small(tmp_path_factory.mktemp("small"))
    return config, STUDY.run(config)


def of(results, method):
    return results.isel(condition=results.approach.values.tolist().index(method))


# options


def test_paper_takes_the_published_hyperparameters_and_full_size():
    paper = PRESETS["paper"]
    assert (paper.network.hidden, paper.study.seeds) == (256, 10)
    found = rows_of(paper)
    assert {row.iterations for row in found.values()} == {20_000}
    assert found["online EWC"].of_method["strength"] == 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "fine tuning"), "methods has 'fine tuning', which is unknown: it must be of multitask"),
        (("--methods",), "methods is (): give at least one"),
        (("--tasks", "1"), "tasks is 1"),
        (("--batch", "2"), "batch is 2 with 5 tasks: it must have a sequence of each"),
        (("--state-samples", "1"), "state_samples is 1: a covariance needs at least 2"),
        (("--supervised-largest", "257"), "supervised_largest is 257: it must be at most the 256 units"),
        (("--supervised-criterion", "97"), "supervised_criterion is 97: it must be above 0 and at most 1"),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(refusal, arguments, message):
    assert message in refusal(STUDY.main, *arguments)


def test_an_option_tells_the_task_in_the_inputs_and_makes_other_entries(tmp_path):
    config, telling = small(tmp_path), small(tmp_path, task_identity=True)
    parts = [first_part(STUDY, each) for each in (config, telling)]
    assert identity(parts[0].measure) == identity(parts[1].measure)
    for name, row in rows_of(config).items():
        told = rows_of(telling)[name]
        assert told == replace(row, task_identity=True)
        assert not row.task_identity
        assert [part.given({"approach": name}) for part in parts] == [
            {"hyperparameters": row},
            {"hyperparameters": told},
        ]
        inputs = [tasks_of_row(config.task, 3, each)[0].inputs for each in (row, told)]
        assert inputs[1] == inputs[0] + 3


@pytest.mark.parametrize(("method", "times"), [("fine-tuning", 1), ("online EWC", 1), ("HNET (chunked)", 2)])
def test_weights_of_their_own_cost_twice_the_time(tmp_path, method, times):
    part = first_part(STUDY, small(tmp_path))
    assert part.cost({"approach": method}) == 4 * 16 * times


def test_whose_states_are_the_same_in_all_tasks(tmp_path):
    found = {name: same_states(row) for name, row in rows_of(small(tmp_path)).items()}
    assert [name for name, same in found.items() if same] == ["multitask", "fine-tuning", "online EWC"]
    assert not any(same_states(row) for row in rows_of(small(tmp_path, task_identity=True)).values())


@pytest.mark.parametrize(("method", "identity"), [("online EWC", False), ("online EWC", True), ("masking + SI", False)])
def test_states_are_the_same_in_all_tasks_just_where_that_is_said(tmp_path, method, identity):
    """Tasks that show the same patterns make distributions that are the same into states that are."""
    config = small(tmp_path, task_identity=identity, tasks=2, seeds=1, iterations=1)
    config = replace(config, task=replace(config.task, inputs="identical"))
    config = replace(config, measures=replace(config.measures, importance_samples=0, supervised_largest=0))
    end = measured(config, method, [0]).isel(trained_task=1, evaluated_task=1)
    now = np.allclose(end.variance_inside.sel(directions="now"), end.own_variance, atol=1e-9)
    joint = np.allclose(end.joint_participation_ratio, end.participation_ratio, rtol=1e-6)
    assert now is joint is same_states(rows_of(config)[method])


# importance


def test_fishers_of_masked_networks_are_those_of_the_trained_values(tmp_path):
    """Squared gradients by autograd through masks, a sequence and a member at a time."""
    config = small(tmp_path)
    learned = next(iter(phases(config, "masking + SI")))
    (each,) = answering(learned)
    found = fishers(each, learned.learner.seeds, 3)["empirical"]
    data = each.sequences("importance", 3).to(torch.float64)
    for name in ("W_hh", "b_hh", "W_ho"):
        expected = torch.zeros_like(learned.values[name], dtype=torch.float64)
        for member in range(2):
            for sample in range(3):
                values = {key: value.double() for key, value in learned.values.items()}
                values[name] = values[name].requires_grad_()
                fixed = {key: value.double() for key, value in learned.learner.fixed.items()}
                weights = learned.learner.parametrisation.weights(learned.learner.network, fixed | values, 0)
                inputs, targets, scored = naive.sequence(data, 0, sample)
                loss = naive.nll(naive.forward(each.network, weights, member, inputs)[2], targets, scored)
                expected += torch.autograd.grad(loss, values[name])[0].square() / 3
        torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-7)
        is_off = each.derivatives["W_hh"][:, :, 0] == 0
        assert is_off.any()
        assert not found[name][is_off].any()


@pytest.mark.parametrize("method", METHODS[1:])
def test_the_sum_is_that_of_each_task_when_it_was_learned_also_at_the_last(studied, method):
    one = of(studied[1], method)
    then = just_learned(one.importance)
    expected = then.cumsum("evaluated_task").rename(evaluated_task="trained_task")
    for name in ("sampled", "empirical"):
        for connection in ("hh", "ho"):
            at = {"kind": name, "connection": connection}
            np.testing.assert_allclose(
                one.accumulated_importance.sel(at).transpose("seed", "trained_task", "statistic"),
                expected.sel(at).transpose("seed", "trained_task", "statistic"),
                rtol=1e-9,
            )
    last = one.accumulated_importance.isel(trained_task=[-2, -1]).diff("trained_task")
    assert (last > 0).all()


def test_the_effective_fraction_of_a_sum_is_not_the_mean_of_the_fractions(studied, tmp_path):
    config, results = studied
    total = 0.0
    for learned in phases(config, "fine-tuning"):
        every = answering(learned)
        total = total + fishers(every[-1], learned.learner.seeds, 8)["sampled"]["W_hh"]
    expected = total.sum((1, 2)).square() / (64 * total.square().sum((1, 2)))
    one = of(results, "fine-tuning").sel(kind="sampled", connection="hh").isel(trained_task=-1)
    np.testing.assert_allclose(one.accumulated_effective_fraction, expected, rtol=1e-4)


# states, heads and steps


def naive_states(learned, task, samples, member):
    """Rows (step, sample) of the output phase, and of all steps."""
    each = answering(learned)[task]
    data = each.sequences("states", samples).to(torch.float64)
    weights = {name: value.double() for name, value in each.weights.items()}
    runs = [naive.forward(each.network, weights, member, data.inputs[0, :, b])[0].numpy() for b in range(samples)]
    hidden = np.stack(runs, 1)
    return hidden[4:].reshape(-1, 8), hidden.reshape(-1, 8)


def components(rows_of_states):
    return np.searchsorted(PCA().fit(rows_of_states).explained_variance_ratio_.cumsum(), 0.75) + 1


@pytest.mark.parametrize("method", ["fine-tuning", "masking + SI", "HNET (chunked)"])
def test_dimensions_and_shares_are_those_of_scikit_learn(studied, method):
    config, results = studied
    one = of(results, method)
    every = list(phases(config, method))
    for member in range(2):
        first = PCA().fit(naive_states(every[0], 0, 16, member)[0])
        for learned in every:
            found = [naive_states(learned, task, 16, member) for task in range(learned.task + 1)]
            at = one.isel(seed=member, trained_task=learned.task)
            for place, phase in enumerate(("output", "all")):
                single = [components(each[place]) for each in found]
                joint = np.concatenate([each[place] for each in found])
                assert at.components.sel(phase=phase).values[: len(found)].tolist() == single
                assert at.joint_components.sel(phase=phase) == components(joint)
                assert at.sum_of_components.sel(phase=phase) == sum(single)
                variance = PCA().fit(joint).explained_variance_
                ratio = variance.sum() ** 2 / (variance**2).sum()
                assert at.joint_participation_ratio.sel(phase=phase) == pytest.approx(ratio, rel=1e-4)
            for task, (states, _) in enumerate(found):
                axes = {"first": first, "now": PCA().fit(found[0][0])}
                for directions, fitted in axes.items():
                    kept = fitted.explained_variance_ > 1e-9
                    inside = np.where(kept, (states @ fitted.components_.T).var(0), 0).cumsum() / states.var(0).sum()
                    at_task = at.sel(directions=directions).isel(evaluated_task=task)
                    np.testing.assert_allclose(at_task.variance_inside, inside, atol=1e-4)


def test_no_directions_hold_more_than_the_own_ones(studied):
    results = studied[1]
    known = results.variance_inside.notnull()
    assert (results.variance_inside <= results.own_variance + 1e-9).where(known, True).all()
    right_after = results.isel(trained_task=0, evaluated_task=0).sel(directions="first")
    np.testing.assert_allclose(right_after.variance_inside, right_after.own_variance, atol=1e-9)


def test_heads_are_compared_in_pairs(studied):
    config, results = studied
    learned = list(phases(config, "online EWC"))[-1]
    found = of(results, "online EWC").isel(trained_task=-1)
    bases = [
        [np.linalg.qr(learned.values["W_out"][member, 7 * k : 7 * k + 7].double().T.numpy())[0].T for k in range(3)]
        for member in range(2)
    ]
    for member, a, b in np.ndindex(2, 3, 3):
        at = found.isel(seed=member, evaluated_task=a, other_task=b)
        if a == b:
            assert at.head_overlap.isnull()
            continue
        norm = np.linalg.norm(bases[member][a] @ bases[member][b].T)
        assert at.head_norm == pytest.approx(norm)
        assert at.head_overlap == pytest.approx(norm**2 / 7)
        assert at.head_chance == pytest.approx(7 / 8)


def test_a_single_head_for_all_tasks_has_no_overlap(tmp_path):
    config = small(tmp_path)
    row, tasks = rows_of(config)["fine-tuning"], config.task.tasks(3)
    network = network_of(config.network, config.task, 3, replace(row, multi_head=False), tasks[0])
    run = train_sequence(named("fine-tuning"), network, tasks, [0], Stop(1), row.options, progress=False)
    measures = Measures(importance_samples=0, state_samples=0, supervised_largest=0)
    found = measure_run(run, measures)
    assert found.head_overlap.isnull().all()
    assert "importance" not in found
    assert "components" not in found
    assert "supervised_dimension" not in found


def test_distances_are_those_of_the_tasks_and_steps_make_up_the_accuracy(studied):
    config, results = studied
    assert results.distance.values.tolist() == [distances(task).tolist() for task in config.task.tasks(3)]
    for name in ("accuracy", "loss"):
        np.testing.assert_allclose(results[f"{name}_by_step"].mean("output_step"), results[name])


def test_a_padded_task_reaches_back_further(tmp_path):
    config = small(tmp_path)
    padded = replace(config, task=replace(config.task, input_length=7))
    steps = [np.stack([distances(task) for task in each.task.tasks(3)]) for each in (config, padded)]
    assert (steps[1] - steps[0] == 4).all()


# supervised


def test_the_supervised_dimensions(studied):
    config, results = studied
    one = of(results, "fine-tuning")
    learned = next(iter(phases(config, "fine-tuning")))
    (each,) = answering(learned)
    options = {"criterion": 0.4, "iterations": 3, "samples": 8}
    found = supervised_subspace(each.network, each.weights, each.task, [0, 1], 3, **options)
    np.testing.assert_array_equal(one.supervised_dimension.isel(trained_task=0), found.dimension(0.4))
    np.testing.assert_allclose(one.supervised_accuracy.isel(trained_task=0, column=0), found.accuracy[:, 0])
    assert one.supervised_dimension.notnull().all()
    for method in ("masking + SI", "HNET (chunked)", "from scratch"):
        at = of(results, method)
        assert at.supervised_dimension.isel(trained_task=slice(1, None)).isnull().all()
        own = at.own_supervised_dimension.notnull().all("seed")
        assert own.values.tolist() == [True, False, True]


def test_the_joint_dimension_is_that_of_all_tasks_so_far(studied):
    config, results = studied
    options = {"criterion": 0.4, "iterations": 3, "samples": 8}
    for learned in list(phases(config, "fine-tuning"))[1:]:
        every = answering(learned)
        networks, tasks = [each.network for each in every], [each.task for each in every]
        found = joint_supervised_subspace(networks, every[0].weights, tasks, [0, 1], 3, **options)
        at = of(results, "fine-tuning").isel(trained_task=learned.task)
        np.testing.assert_array_equal(at.supervised_dimension, found.dimension(0.4))
        np.testing.assert_allclose(at.supervised_accuracy.isel(column=0), found.accuracy[:, 0], atol=1e-9)


def test_networks_that_need_fewer_columns_have_no_accuracy_beyond(tmp_path, monkeypatch):
    every = answering(next(iter(phases(small(tmp_path), "fine-tuning"))))
    accuracy = torch.tensor([[0.5, 0.9, 0.95], [0.5, 0.6, 0.7]], dtype=torch.float64)
    grown = SupervisedSubspace(torch.zeros(2, 8, 3, dtype=torch.float64), 1 - accuracy, accuracy)
    monkeypatch.setattr("subspace_study.subspaces.joint_supervised_subspace", lambda *_, **__: grown)
    measures = replace(SMOKE.measures, supervised_criterion=0.7)
    found = supervised(every, np.array([[0.9], [0.9]]), [0, 1], 3, measures)
    assert found.supervised_dimension.values.tolist() == [2, 3]
    np.testing.assert_array_equal(found.supervised_accuracy, [[0.5, 0.9, np.nan], [0.5, 0.6, 0.7]])


def test_networks_that_do_not_solve_a_task_have_no_dimension(tmp_path):
    learned = next(iter(phases(small(tmp_path), "fine-tuning")))
    every = answering(learned)
    measures = replace(SMOKE.measures, supervised_criterion=0.4)
    both = supervised(every, np.array([[0.9], [0.9]]), [0, 1], 3, measures)
    second = supervised(every, np.array([[0.39], [0.9]]), [0, 1], 3, measures)
    assert second.supervised_dimension.isnull().values.tolist() == [True, False]
    assert second.supervised_accuracy.isel(seed=0).isnull().all()
    np.testing.assert_allclose(second.supervised_accuracy.isel(seed=1), both.supervised_accuracy.isel(seed=1))
    neither = supervised(every, np.array([[0.39], [0.1]]), [0, 1], 3, measures)
    assert neither.supervised_dimension.isnull().all()


def test_whether_tasks_have_the_same_weights(tmp_path):
    config = small(tmp_path)
    for method, same in (("fine-tuning", True), ("multitask", True), ("masking + SI", False), ("from scratch", False)):
        assert have_same_weights(answering(list(phases(config, method))[-1])) is same


# outcome


def made(studied):
    """Results whose effects are known: importance doubles, loss rises by 0.1 a step of distance, 30 % are forgotten."""
    config, results = studied
    given = results.drop_vars([name for name in results.data_vars if name in DERIVED])
    number = given.trained_task + 1.0
    ones = given.accumulated_importance.isel(trained_task=-1, drop=True) * 0 + 1
    own = given.importance * 0 + 3.0**number
    given = given.assign(
        accumulated_importance=(ones * 2.0**number).transpose(*given.accumulated_importance.dims),
        importance=own,
        accuracy=given.accuracy * 0 + xr.where(given.trained_task == given.evaluated_task, 0.9, 0.6),
        loss_by_step=given.loss_by_step * 0 + 0.1 * given.distance + given.evaluated_task,
        joint_components=given.joint_components * 0 + xr.DataArray([10.0, 16.0, 18.0], dims="trained_task"),
        components=given.components * 0 + 10.0,
    )
    return add_outcome(given, config.measures.shared_components)


DERIVED = {
    "accuracy_slope",
    "loss_slope",
    "importance_growth",
    "accumulated_growth",
    "sum_of_components",
    "joint_to_sum",
    "first_increase",
    "last_increase",
    "share_inside",
    "share_of_own",
    "share_of_task_1",
    "share_by_chance",
    "head_excess",
}


@pytest.fixture(scope="module")
def planted(studied):
    """Results whose effects are known, and what is stated of them."""
    results = made(studied)
    return results, by_quantity(results)


def test_known_effects_are_found(planted):
    results = planted[0]
    one = of(results, "fine-tuning")
    np.testing.assert_allclose(one.accumulated_growth, np.log(2))
    np.testing.assert_allclose(one.importance_growth, np.log(3))
    np.testing.assert_allclose(one.loss_slope, 0.1, atol=1e-6)
    np.testing.assert_allclose(one.joint_to_sum, 18 / 30)
    assert (one.last_increase - one.first_increase == -4).all()
    assert of(results, "multitask").importance_growth.isnull().all()
    assert of(results, "multitask").loss_slope.sel(moment="during").isnull().all()


def test_shares_and_overlaps_are_means_at_the_end(studied):
    _, results = studied
    one = of(results, "online EWC")
    end = one.isel(trained_task=2, component=3)
    later = end.variance_inside.isel(evaluated_task=[1, 2]).transpose(*one.share_inside.dims, ...)
    np.testing.assert_allclose(one.share_inside, later.values.mean(-1))
    np.testing.assert_allclose(one.share_of_own, end.own_variance.isel(evaluated_task=[1, 2]).mean("evaluated_task"))
    np.testing.assert_allclose(one.share_of_task_1, end.own_variance.isel(evaluated_task=0))
    assert not np.allclose(one.share_of_own, one.share_of_task_1)
    assert float(results.share_by_chance) == 4 / 8
    pairs = [one.head_overlap.isel(trained_task=2).values[:, a, b] for a, b in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(one.head_excess, np.mean(pairs, axis=0) - 7 / 8)


def test_statements_are_t_intervals_within_seeds(planted):
    results, said = planted
    found = list(said.values())
    assert len({each.question for each in found}) == 6
    (difference,) = (
        each for each in found if each.method == "HNET (chunked) minus online EWC" and "present" in each.quantity
    )
    shares = [of(results, name).share_inside.sel(directions="now").values for name in ("HNET (chunked)", "online EWC")]
    by_seed = shares[0] - shares[1]
    low, high = stats.t.interval(0.95, 1, by_seed.mean(), stats.sem(by_seed))
    np.testing.assert_allclose(difference.found, (by_seed.mean(), low, high, 2))
    (growth,) = (
        each
        for each in found
        if each.method == "fine-tuning" and each.quantity == "accumulated Fisher of W_hh, slope of its log"
    )
    assert growth.found.mean == pytest.approx(np.log(2))
    assert growth.null == pytest.approx(np.polyfit([1, 2, 3], np.log([1, 2, 3]), 1)[0])
    assert not any(each.method == "multitask" and "right after learning" in each.quantity for each in found)


def by_quantity(results):
    found = statements(results)
    said = {(each.method, each.quantity): each for each in found}
    assert len(said) == len(found)
    return said


def test_statements_have_the_value_of_their_quantity(studied, planted):
    _, raw = studied
    one, said = of(raw, "masking + SI"), by_quantity(raw)
    ceiling = said["masking + SI", "share in as many directions of its own, the ceiling"].found.mean
    assert ceiling == pytest.approx(one.isel(trained_task=2, component=3).own_variance.values[:, 1:].mean())
    steps = raw.distance.values.ravel()
    by_step = {"accuracy": 100 * one.accuracy_by_step, "loss": one.loss_by_step}
    for name, values in by_step.items():
        values = values.transpose("seed", "trained_task", "evaluated_task", "output_step").values
        for moment, at in (("right after learning", [0, 1, 2]), ("in the end", [2, 2, 2])):
            slopes = [np.polyfit(steps, values[seed, at, [0, 1, 2]].ravel(), 1)[0] for seed in range(2)]
            assert said["masking + SI", f"{name}, {moment}"].found.mean == pytest.approx(np.mean(slopes), rel=1e-5)
    added = "components that the last task adds, minus those that the second added, output phase"
    found = planted[1]["masking + SI", added]
    assert (found.found.mean, found.null, found.by_construction) == (-4, 0, "")
    assert excludes_null(found)


def test_what_the_design_gives_is_said_and_not_tested(planted):
    results, said = planted
    ratio, now = "joint over sum of components, output phase", "share in directions of task 1 in the present network"
    first = "share in directions of task 1 right after it was learned"
    for method in ("fine-tuning", "online EWC"):
        assert said[method, ratio].by_construction == "by construction about 1/3"
        assert said[method, now].by_construction == "by construction the ceiling"
        assert said[method, first].by_construction == "drift by construction"
        assert not any(excludes_null(said[method, each]) for each in (ratio, now, first))
    assert said["multitask", first].by_construction == "by construction the ceiling"
    for method in ("from scratch", "masking + SI", "HNET (chunked)"):
        found = [said[method, each] for each in (ratio, now, first)]
        assert [(each.null, each.by_construction) for each in found] == [(1, ""), (0.5, ""), (0.5, "")]
    both = "HNET (chunked) minus online EWC"
    compared = said[both, "difference within seeds, directions of task 1 in the present network"]
    assert compared.by_construction == "online EWC: by construction the ceiling"
    assert np.isnan(compared.null)
    told = results.assign(same_states=results.same_states & False)
    said = by_quantity(told)
    assert not any(each.by_construction for each in said.values())
    assert said[both, compared.quantity].null == 0
    assert "**By construction**" not in report(told)


def test_of_two_tasks_the_second_is_not_compared_with_itself(studied):
    two = made(studied).drop_vars(DERIVED).isel(trained_task=[0, 1], evaluated_task=[0, 1], other_task=[0, 1])
    found = add_outcome(two, 4)
    assert (of(found, "fine-tuning").first_increase == 6).all()
    assert found.last_increase.isnull().all()
    assert not any("the last task adds" in each.quantity for each in statements(found))


@pytest.mark.parametrize(
    ("low", "high", "null", "expected"),
    [(0.1, 0.2, 0, True), (-0.2, -0.1, 0, True), (-0.1, 0.1, 0, False), (0.1, 0.2, np.nan, False)],
)
def test_what_an_interval_tells_from_no_effect(low, high, null, expected):
    assert excludes_null(Statement("q", "m", "x", "1", null, Estimate(0.0, low, high, 3))) is expected
    assert not excludes_null(Statement("q", "m", "x", "1", null, estimate(xr.DataArray([1.0], dims="seed"))))


# from end to end


def test_what_does_not_exist_is_nan(studied):
    _, results = studied
    later = results.accuracy.where(results.evaluated_task > results.trained_task)
    assert later.isnull().all()
    assert of(results, "multitask").accuracy.isel(trained_task=[0, 1]).isnull().all()
    assert of(results, "multitask").accuracy.isel(trained_task=2).notnull().all()


def test_a_network_alone_gives_the_same_as_in_an_ensemble(studied):
    config, results = studied
    together = measured(config, "fine-tuning", [0, 1])
    alone = of(results, "fine-tuning")
    for name in ("loss", "accumulated_importance", "variance_inside", "supervised_accuracy"):
        np.testing.assert_allclose(together[name], alone[name].transpose(*together[name].dims), rtol=2e-3, atol=1e-5)


def test_the_report(planted):
    results = planted[0]
    text = report(results)
    assert "| fine-tuning | 2 | **0.693 [0.693, 0.693]** |" in text
    assert "**Are heads more alike than by chance?**" in text
    assert "How many dimensions does it take" in text
    lines = text.splitlines()
    (line,) = (line for line in lines if line.startswith("| HNET (chunked) minus online EWC"))
    assert line.count("[") == 2
    assert line.count("(online EWC: ") == 2
    assert "| fine-tuning | 2 | 90.0 [90.0, 90.0] | 70.0 [70.0, 70.0] |" in lines
    question = "**Is the joint dimension below the sum of those of single tasks, and does it saturate?**"
    table = lines[lines.index(question) + 2 :]
    assert table[0].startswith("| method | n | joint over sum of components, output phase (1) | joint over sum")
    ratio, less = "0.600 [0.600, 0.600]", "-4.00 [-4.00, -4.00]"
    design = [*[f"{ratio} (by construction about 1/3)"] * 2, *[f"{less} (drift by construction)"] * 2]
    tested = [*[f"**{ratio}**"] * 2, *[f"**{less}**"] * 2]
    cells_of = {line.split(" | ")[0][2:]: line for line in table[2:8]}
    assert cells_of["fine-tuning"] == f"| fine-tuning | 2 | {' | '.join(design)} |"
    assert cells_of["masking + SI"] == f"| masking + SI | 2 | {' | '.join(tested)} |"
    assert "**By construction**: multitask, fine-tuning, online EWC have the same weights" in text
    assert "non-finite" not in text
    results = results.copy(deep=True)
    results.reason[0, 0, 2] = float(Reason.nonfinite)
    assert report(results).endswith("in all numbers: multitask (1).")


def test_the_report_leaves_out_what_was_not_measured(studied):
    _, results = studied
    text = report(results.drop_vars([name for name in results.data_vars if name not in WITHOUT_SAMPLES]))
    for word in ("importance", "joint dimension", "variance", "How many dimensions"):
        assert word not in text
    assert "**Are heads more alike than by chance?**" in text


WITHOUT_SAMPLES = {"accuracy", "loss", "accuracy_by_step", "loss_by_step", "accuracy_slope", "loss_slope"} | {
    "head_overlap",
    "head_chance",
    "head_norm",
    "head_excess",
    "reason",
}


def test_the_figures(studied, tmp_path):
    config, results = studied
    options = figure_of.Options(config.run.output)
    with house_style():
        dimensions, inside = figure_of.draw(results, options).axes
        heads = figure_of.draw_heads(results, options).axes[0]
    names = [text.get_text() for text in inside.texts]
    assert [name for name in names if name.endswith("*")] == ["multitask *", "fine-tuning *", "online EWC *"]
    joint = results.joint_components.sel(phase="output").isel(condition=0, trained_task=-1).mean("seed")
    drawn = [line[0].get_ydata() for line in dimensions.containers if line[0].get_linestyle() == "-"]
    assert any(line[-1] == pytest.approx(float(joint)) for line in drawn)
    overlap = results.head_overlap.isel(trained_task=-1).mean(["evaluated_task", "other_task", "seed"])
    marks = [line.get_xdata()[0] for line in heads.lines if line.get_zorder() == 3]
    np.testing.assert_allclose(marks, overlap)
    paths = write(figure_of.FIGURES, figure_of.Options(config.run.output, tmp_path))
    endings = ("", "_importance", "_heads", "_supervised", "_distance")
    assert [path.name for path in paths[::2]] == [f"small{ending}.pdf" for ending in endings]
    with pytest.raises(MissingError):
        figure_of.draw_heads(results.drop_vars("head_overlap"), options)


def test_marks_of_methods_lie_around_the_number_of_tasks(studied):
    config, results = studied
    with house_style():
        for names in (["fine-tuning"], ["fine-tuning", "masking + SI"]):
            some = results.isel(condition=[results.approach.values.tolist().index(name) for name in names])
            figure = figure_of.draw_importance(some, figure_of.Options(config.run.output))
            places = [line[0].get_xdata() for line in figure.axes[0].containers]
            np.testing.assert_allclose(np.mean(places, axis=0), [1, 2, 3])
