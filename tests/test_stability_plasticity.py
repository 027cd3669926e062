"""Stability and plasticity: what the study is made of, a small run from end to end, its report and its figure."""

from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
import xarray as xr
from front_study import effects, matching
from front_study import measure as measuring
from front_study.design import PRESETS, SEARCH_SEEDS_FROM, VARIED, compression
from front_study.effects import predictors_of
from front_study.fronts import choice, hypervolumes, points_of
from front_study.methods import HYPERNETWORK, HYPERNETWORKS, IMPORTANCES, MULTITASK, REFERENCES, ROWS, SCRATCH, matched
from front_study.report import report
from front_study.study import STUDY, search_part

from figures import stability_plasticity as figure_of
from tests.front_results import QUICK, synthetic
from wmcl.importance import fisher_diagonal
from wmcl.methods import FisherImportance, Method, Quadratic, named, train_sequence
from wmcl.methods.importances import Importance, Normalised
from wmcl.plotting.data import MissingError
from wmcl.plotting.options import write
from wmcl.plotting.style import house_style
from wmcl.statistics import hypervolume, mean_interval, rank_correlations
from wmcl.studies import CannotGoOnError
from wmcl.training import Stop, evaluate

SMOKE = PRESETS["smoke"]
ROWS_OF_SMALL = (SCRATCH, MULTITASK, "online EWC (sampled)", "SI", HYPERNETWORK)
SAMPLED = "online EWC (sampled)"


def small(tmp_path, methods=ROWS_OF_SMALL, **study):
    return replace(
        SMOKE,
        study=replace(SMOKE.study, methods=methods, **study),
        conditions=replace(SMOKE.conditions, xor=(0,)),
        training=replace(SMOKE.training, hidden=12, batch=16),
        run=replace(SMOKE.run, output=tmp_path / "small.nc", jobs=1, device="cpu"),
    )


CONDITION = {"independent_bits": 1, "input_length": 5, "lead": 0, "xor": 0}


def learned(method, seeds, iterations=12, config=SMOKE):
    tasks = config.tasks.of(CONDITION)
    return list(
        train_sequence(
            method,
            config.training.network(tasks[0]),
            tasks,
            seeds,
            Stop(iterations),
            config.training.options,
            progress=False,
        )
    )


# importance


@dataclass(frozen=True)
class Times(Importance):
    """An importance times a number."""

    of: FisherImportance
    number: float
    factor: ClassVar[float] = 0.5

    def measure(self, setting, values, task, observed):
        return {name: self.number * value for name, value in self.of.measure(setting, values, task, observed).items()}


FISHER = FisherImportance("sampled", 8)


def test_a_normalised_importance_has_mean_one_and_its_proportions():
    first, _ = learned(Method(), (3, 5))
    raw = FISHER.measure(first.learner, first.values, 0, first.observed)
    found = Normalised(FISHER).measure(first.learner, first.values, 0, first.observed)
    every = torch.cat([value.flatten(1) for value in found.values()], 1)
    np.testing.assert_allclose(every.mean(1), 1)
    for name, value in found.items():
        for member in range(2):
            mean = np.mean(np.concatenate([one[member].numpy().ravel() for one in raw.values()]))
            np.testing.assert_allclose(value[member], raw[name][member] / mean)
    nothing = Normalised(Times(FISHER, 0.0)).measure(first.learner, first.values, 0, first.observed)
    assert all((value == 0).all() for value in nothing.values())


def front_of(importance, strengths):
    last = learned(Method(penalty=Quadratic(importance, strengths)), (3,) * len(strengths))[-1]
    points = [
        evaluate(last.learner.network_of(k), last.weights(k), task.test, task).loss.numpy()
        for k, task in enumerate(last.learner.tasks)
    ]
    return np.stack(points, -1)


def test_rescaling_an_importance_does_not_change_a_front():
    strengths = (0.0, 0.1, 1.0)
    front = front_of(FISHER, strengths)
    assert len({tuple(point) for point in front.tolist()}) == 3
    divided = tuple(strength / 4 for strength in strengths)
    np.testing.assert_array_equal(front_of(Times(FISHER, 4.0), divided), front)
    normalised = front_of(Normalised(FISHER), strengths)
    np.testing.assert_array_equal(front_of(Normalised(Times(FISHER, 4.0)), strengths), normalised)
    assert not np.array_equal(front_of(Times(FISHER, 4.0), strengths), front)


def test_predictors_are_those_of_the_members_without_penalty():
    strengths = (1.0, 0.0) * 2
    sessions = learned(Method(penalty=Quadratic(Normalised(FISHER), strengths)), (3, 3, 5, 5))
    found = measuring.of_first_task(FISHER, sessions, [1, 3], SMOKE.rows.importance_samples)
    assert found.seed.values.tolist() == [3, 5]
    alone = learned(named("fine-tuning"), (3, 5))
    learner, (first, last) = alone[0].learner, alone
    own = FISHER.measure(learner, first.values, 0, {})
    probe = learner.data(1, "curvature", SMOKE.rows.importance_samples)
    steep = fisher_diagonal(learner.network_of(1), last.values, probe, learner.tasks[1], "sampled", (3, 5))
    names = [name for name in own if not name.endswith("out")]
    assert len(names) == len(own) - 2
    for member in range(2):
        matrix = own["W_hh"][member].numpy()
        assert float(found.level[member]) == pytest.approx(matrix.mean(), rel=1e-4)
        fraction = matrix.sum() ** 2 / (matrix.size * (matrix**2).sum())
        assert float(found.effective_fraction[member]) == pytest.approx(fraction, rel=1e-4)
        a, b = (np.concatenate([values[name][member].numpy().ravel() for name in names]) for values in (own, steep))
        assert float(found.overlap[member]) == pytest.approx(np.sqrt(a / a.sum() * b / b.sum()).sum(), rel=1e-4)


# length of training


def searched(steps):
    """Of two conditions with two kinds each, two seeds and two tasks."""
    rows = [{**dict.fromkeys(VARIED, 0), "independent_bits": b, "kind": kind} for b in (1, 5) for kind in "ab"]
    return xr.Dataset(
        {"steps": (("condition", "seed", "task"), np.asarray(steps, float).reshape(4, 2, 2))},
        {name: ("condition", [row[name] for row in rows]) for name in rows[0]},
    )


def test_training_lasts_so_many_times_as_new_networks_of_the_kind_need():
    found = searched([[20, 30, 40, 30], [30, 50, 60, 61], [10] * 4, [10, 10, np.nan, np.nan]])
    every, easy, hard = QUICK.training.validate_every, (1, 0, 0, 0), (5, 0, 0, 0)
    assert (every, QUICK.study.factor) == (10, 1.5)
    assert matching.steps_of(found, 1.5, 10) == {(easy, "a"): 50, (easy, "b"): 80}  # 1.5 x 30 = 45, 1.5 x 50.25 = 75.4
    assert matching.censored(found) == {hard: 2}
    least = matching.steps_of(searched([[0] * 4] * 4), 1.5, every)
    assert least == {(values, kind): every for values in (easy, hard) for kind in "ab"}
    assert matching.steps_of(searched([[40] * 4] * 4), 1.5, every)[easy, "a"] == 60  # no more than needed


def test_masked_networks_are_trained_as_long_as_others_with_shared_weights():
    assert {matched(row) for row in ("masking + SI", "SI", *REFERENCES)} == {"shared"}
    assert [matched(row) for row in HYPERNETWORKS] == ["small hypernetwork", "large hypernetwork"]


def test_networks_are_searched_with_or_reported_and_every_kind_is_searched(tmp_path):
    assert max(preset.study.seeds for preset in PRESETS.values()) < SEARCH_SEEDS_FROM
    part = search_part(small(tmp_path))
    assert list(part.seeds) == [1000]
    assert sorted({condition["kind"] for condition in part.conditions}) == ["shared", "small hypernetwork"]


def test_the_smaller_hypernetwork_has_no_more_values_than_the_network_it_generates():
    for preset in ("quick", "paper"):
        small_one, large_one = (compression(PRESETS[preset], row) for row in HYPERNETWORKS)
        assert 0.9 < small_one <= 1 < 2 < large_one
        assert np.isnan(compression(PRESETS[preset], "SI"))


def searched_in(config, seeds):
    """What the search finds with shared weights in one condition."""
    condition = {**CONDITION, "kind": "shared"}
    part = search_part(config)
    return part.measure(condition, seeds, **part.given(condition), device="cpu")


def test_the_search_says_when_the_criterion_was_reached_and_when_never():
    config = replace(SMOKE, study=replace(SMOKE.study, search_iterations=60))
    found = searched_in(config, (1000, 1001))
    assert found.steps.notnull().all()
    assert (found.steps % config.study.search_validate_every == 0).all()
    hard = replace(config, study=replace(config.study, criterion=1.0, search_iterations=5))
    assert searched_in(hard, (1000,)).steps.isnull().all()


def test_steps_to_the_criterion_are_those_of_the_curve():
    first, _ = learned(Method(), (3, 5), 40)
    curve = first.curves.validation_accuracy
    for level in (0.5, float(curve[0, 4]), 0.99):
        expected = [
            next((it for it, a in zip(curve.validation.values, row, strict=True) if a >= level), np.nan)
            for row in curve.values
        ]
        np.testing.assert_array_equal(measuring.steps_to(first, level), expected)


# fronts


def test_points_and_hypervolumes_are_those_of_losses_accuracies_and_steps():
    results = synthetic()
    points = results.points.transpose("setting", "approach", "seed", "strength", "data", "front", "axis")
    assert results.approach.values[[2, 7]].tolist() == ["online EWC (empirical)", HYPERNETWORK]
    for s, m, n, k, d in product((0, 9), (2, 7), (0, 2), (0, 3, 9), (0, 1)):
        at = {"setting": s, "approach": m, "seed": n, "strength": k, "data": d}
        loss = [float(results.loss.isel(**at, trained_task=1, evaluated_task=task)) for task in (0, 1)]
        known = [max(0.0, 1 - each / np.log(2)) for each in loss]
        needed = float(results.steps.isel(setting=s, approach=m, seed=n, strength=k, trained_task=1))
        speed = 0.0 if np.isnan(needed) else min(1.0, 40 / needed)
        right = [max(0.0, 2 * (1 - each / 2) - 1) for each in loss]
        expected = [known, right, [known[0], speed]]
        np.testing.assert_allclose(points.values[s, m, n, k, d], expected, rtol=1e-12)
    volume = results.hypervolume.isel(setting=2, approach=3, seed=0, data=1, front=2)
    assert float(volume) == pytest.approx(hypervolume(points.values[2, 3, 0, :, 1, 2]))


@pytest.mark.parametrize("row", REFERENCES)
def test_the_hypervolume_of_a_reference_is_the_product_of_what_it_knows(row):
    results = synthetic()
    loss = results.loss.sel(approach=row, strength=0.0, trained_task=1).isel(setting=3, seed=1, data=1).values
    volume = results.hypervolume.sel(approach=row, front="information").isel(setting=3, seed=1, data=1)
    assert float(volume) == pytest.approx(np.prod(1 - loss / np.log(2)))
    assert loss[0] != loss[1]


def test_a_network_that_never_learned_the_first_task_has_no_speed():
    found = synthetic(("SI", "MAS"))
    found.steps.loc[{"approach": "SI", "seed": 1, "trained_task": 0}] = np.nan
    points = points_of(found)
    speed = points.sel(front="speed", axis="learned")
    assert speed.sel(approach="SI", seed=1).isnull().all()
    assert speed.sel(approach="SI", seed=0).notnull().all()
    volume = hypervolumes(points)
    assert volume.sel(front="speed", approach="SI", seed=1).isnull().all()
    assert volume.sel(front="information").notnull().all()


def test_the_strength_is_chosen_on_validation_data_and_judged_on_test_data():
    points = xr.DataArray(
        np.array([[[0.1, 0.9], [0.9, 0.1]], [[0.6, 0.2], [0.7, 0.2]], [[0.2, 0.3], [0.1, 0.0]]]),
        {"strength": [0.0, 1.0, 10.0], "data": ["validation", "test"], "axis": ["retained", "learned"]},
        ("strength", "axis", "data"),
    ).transpose("strength", "data", "axis")
    both = xr.concat([points, points * np.nan], "setting").expand_dims(front=["information"])
    found = choice(both, xr.Dataset(coords={"strength": points.strength}))
    assert found["chosen_strength"].values[0] == 1.0
    assert (found["chosen_retained"].values[0], found["chosen_learned"].values[0]) == (0.2, 0.2)
    assert np.isnan(found["chosen_strength"].values[1])


# effects


def numbers():
    """A number for each setting of quick and two seeds."""
    results = synthetic()
    volume = results.hypervolume.sel(front="information", data="test", drop=True).isel(approach=0, drop=True)
    return volume.copy(data=np.random.default_rng(1).random(volume.shape))


def test_with_two_levels_slopes_are_mean_paired_differences():
    values = numbers()
    plain = values.isel(setting=values.xor.values == 0)
    found = effects.slopes(values)
    for term, name in (("memory_load", "independent_bits"), ("retention", "input_length"), ("lead", "lead")):
        high, low = (plain.isel(setting=plain[name].values == end(plain[name].values)) for end in (np.max, np.min))
        expected = high.transpose("seed", "setting").values.mean(1) - low.transpose("seed", "setting").values.mean(1)
        np.testing.assert_allclose(found.sel(term=term), expected)


def test_xor_is_compared_with_the_same_condition_without():
    values = numbers()
    found = effects.xor_differences(values)
    assert found.term.values.tolist() == ["xor 1", "xor 5"]
    for r in (1, 5):
        pair = [values.sel(setting=f"b=1 i=5 lead=0 r={k}").values for k in (r, 0)]
        np.testing.assert_allclose(found.sel(term=f"xor {r}"), pair[0] - pair[1])
    assert effects.all_effects(values).term.values.tolist() == ["memory_load", "retention", "lead", "xor 1", "xor 5"]


def test_what_does_not_vary_has_no_effect():
    values = numbers()
    some = values.isel(setting=(values.xor.values == 0) & (values.lead.values == 0))
    found = effects.all_effects(some)
    assert found.term.values.tolist() == ["memory_load", "retention", "lead"]
    assert found.sel(term="lead").isnull().all()
    assert found.sel(term=["memory_load", "retention"]).notnull().all()


def test_the_advantage_is_over_each_method_and_over_the_best_on_validation_data():
    volume = synthetic().hypervolume.sel(front="information", drop=True)
    found, best = effects.advantages(volume, HYPERNETWORK), effects.best_names(volume)
    assert list(found) == ["the best of them", *IMPORTANCES]
    own = volume.sel(approach=HYPERNETWORK, data="test")
    for k in range(volume.sizes["setting"]):
        means = {
            name: volume.sel(approach=name, data="validation").isel(setting=k).values.mean() for name in IMPORTANCES
        }
        name = max(means, key=means.get)
        assert best[k] == name
        other = volume.sel(approach=name, data="test").isel(setting=k)
        np.testing.assert_allclose(found["the best of them"].isel(setting=k), own.isel(setting=k) - other)
    large = effects.advantages(volume, HYPERNETWORKS[1])["SI"]
    other = volume.sel(approach="SI", data="test", drop=True)
    xr.testing.assert_allclose(large, volume.sel(approach=HYPERNETWORKS[1], data="test", drop=True) - other)
    assert effects.advantages(volume.sel(approach=["SI", "MAS"]), HYPERNETWORK) == {}


def test_three_levels_lie_on_their_logarithms():
    loads = np.array([5.0, 10.0, 40.0, 5.0, 10.0, 40.0])
    own = {"memory_load": loads, "retention": np.repeat([6.0, 11.0], 3), "lead": np.zeros(6), "xor": np.zeros(6, int)}
    values = xr.DataArray(
        np.log2(loads)[:, None] * [[1.0, -2.0]] + np.repeat([0.0, 7.0], 3)[:, None],
        {"seed": [0, 1]} | {name: ("setting", column) for name, column in own.items()},
        ("setting", "seed"),
    )
    found = effects.slopes(values)
    np.testing.assert_allclose(found.sel(term="memory_load"), [3.0, -6.0])
    np.testing.assert_allclose(found.sel(term="retention"), 7.0)


def test_learning_one_by_one_costs_what_multitask_has_more():
    volume = synthetic().hypervolume.sel(front="information", data="test", drop=True)
    found = effects.shortfalls(volume)
    for name in ("SI", HYPERNETWORK):
        gap = volume.sel(approach=MULTITASK).values - volume.sel(approach=name).values
        np.testing.assert_allclose(found.sel(approach=name), gap)
    assert effects.shortfalls(volume.sel(approach=["SI"])) is None


# configuration


def test_conditions_are_crossed_and_loads_are_as_planned():
    found = QUICK.conditions.all
    assert len(found) == 2 * 2 * 2 + 2
    assert len(PRESETS["paper"].conditions.all) == 4 * 4 * 3 * 3
    for condition in found:
        demands = [task.memory_demand for task in QUICK.tasks.of(condition)]
        bits = 5 * condition["independent_bits"] if condition["xor"] == 0 else 4 * condition["independent_bits"]
        assert [demand.load for demand in demands] == [bits, bits]
        assert {demand.scored_bits for demand in demands} == {20}
        if condition["xor"] == 0:
            assert {demand.retention for demand in demands} == {condition["input_length"] + 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "EWC"), "methods has EWC: it must be of from scratch"),
        (("--methods", "SI", "SI"), "methods is ('SI', 'SI'): each may occur once"),
        (("--strengths", "1.0"), "strengths is (1.0,): 0 must be one of them"),
        (("--strengths", "0", "nan"), "strengths has nan: it must be at least 0"),
        (("--strengths", "0", "inf"), "strengths has inf: it must be finite"),
        (("--speed-criterion", "0.995"), "speed_criterion is 0.995: it must be at most the criterion, 0.99"),
        (("--seeds", "1001"), "seeds is 1001: it must be at least 1 and at most 1000"),
        (("--xor", "1"), "xor is (1,): 0 must be one of them"),
        (("--independent-bits", "9"), "independent_bits is 9"),
        (("--input-lengths", "2"), "input_length"),
        (("--permutation-seed", "0"), "permutation_seed gives a target that is constant, with xor 1"),
        (("--criterion", "1.5"), "criterion is 1.5"),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(refusal, arguments, message):
    assert message in refusal(STUDY.main, *arguments)


# from end to end


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    config = small(tmp_path_factory.mktemp("small"))
    return config, STUDY.run(config)


def test_the_dataset_has_every_method_strength_and_setting(analysed):
    _, results = analysed
    assert results.points.sizes == {
        "front": 3,
        "axis": 2,
        "approach": 5,
        "setting": 2,
        "seed": 2,
        "strength": 3,
        "data": 2,
    }
    assert results.loss.sel(approach=[SAMPLED, "SI", HYPERNETWORK]).notnull().all()
    assert results.hypervolume.sel(front=["information", "accuracy"]).notnull().all()
    assert results.level.sel(approach=[SAMPLED, "SI"]).notnull().all()
    assert results.level.sel(approach=[HYPERNETWORK]).isnull().all()
    assert results["memory_load"].values.tolist() == [5, 10]


def test_methods_without_penalty_are_the_same_network(analysed):
    _, results = analysed
    unprotected = results.loss.sel(strength=0.0)
    pair = (unprotected.sel(approach=name) for name in (SAMPLED, "SI"))
    np.testing.assert_allclose(*pair, rtol=1e-5)
    config, steps = analysed[0], int(results.training_steps.isel(setting=0).sel(approach="SI"))
    tasks = config.tasks.of(CONDITION)
    last = list(
        train_sequence(
            named("fine-tuning"),
            config.training.network(tasks[0]),
            tasks,
            (0, 1),
            Stop(steps),
            config.training.options,
            progress=False,
        )
    )[-1]
    for k, task in enumerate(tasks):
        loss = evaluate(last.learner.network_of(k), last.weights(k), task.test, task).loss
        own = unprotected.sel(approach="SI", data="test", trained_task=1, evaluated_task=k).isel(setting=0)
        np.testing.assert_allclose(own, loss, rtol=1e-4)


def test_an_ensemble_gives_the_same_as_single_networks(analysed):
    config, results = analysed
    needed = int(results.training_steps.isel(setting=0).sel(approach="SI"))
    together = measuring.measure(
        {**CONDITION, "approach": "SI"},
        [0, 1],
        needed,
        config.study.strengths,
        config.tasks,
        config.training,
        config.rows,
        config.study.speed_criterion,
        "cpu",
    )
    alone = results.sel(approach="SI").isel(setting=0)
    for name in ("loss", "level", "overlap"):
        np.testing.assert_allclose(together[name], alone[name].transpose(*together[name].dims), rtol=1e-3)


def test_conditions_that_cannot_be_learned_are_named_and_counted(tmp_path):
    text = report(synthetic((SCRATCH, "SI"), missed=(((9, 5, 0, 0), 3),)))
    assert "missed the criterion (how many): b=9 i=5 lead=0 r=0 (3)." in text
    hopeless = small(tmp_path, (SCRATCH,), criterion=1.0, search_iterations=2)
    with pytest.raises(CannotGoOnError, match="new networks miss the criterion in every condition"):
        STUDY.run(hopeless)


# report


@cache
def text_of_synthetic():
    return report(synthetic())


def test_the_report_holds_means_and_intervals():
    results, text = synthetic(), text_of_synthetic()
    one = mean_interval(results.hypervolume.sel(front="information", data="test", approach="SI").isel(setting=3))
    cell = f"{float(one['average']):.3f} [{float(one.low):.3f}, {float(one.high):.3f}]"
    (line, *_) = (
        line for line in text.splitlines() if line.startswith(f"| {results.setting.values[3]} | ") and cell in line
    )
    assert line.count("|") == len(results.approach) + 2
    for part in (
        "**Matching",
        "**Effects on the hypervolume.**",
        "| information | SI |",
        "**Advantage of HNET, information.**",
        "**Advantage of HNET (large), accuracy.**",
        "**What learning one by one costs.**",
        "| effect of memory load |",
        "10 conditions that were not drawn at random are few",
    ):
        assert part in text
    assert "non-finite" not in text


def cells_of(text, title, start):
    """The cells of the first line after a title that begins with some cells."""
    lines = text[text.index(title) :].splitlines()
    (line, *_) = (line for line in lines if line.startswith("| " + " | ".join(start) + " |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def interval_text(values, digits=3):
    one = mean_interval(values.reset_coords(drop=True))
    return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(*(float(one[name]) for name in ("average", "low", "high")), d=digits)


def test_every_table_holds_the_numbers_that_it_names():
    results, text = synthetic(), text_of_synthetic()
    setting = results.setting.values[4]
    at = results.sel(setting=setting)
    first = 100 * at.accuracy.sel(approach=SCRATCH, strength=0, trained_task=0, evaluated_task=0)
    row = cells_of(text, "**Matching", [setting])
    steps = at.training_steps.sel(approach=SCRATCH)
    assert row[3:5] == [f"{float(steps):.0f}", interval_text(first.sel(data="test"), 2)]
    assert [float(row[k]) for k in (3, 5, 7)] == [140, 1140, 2140]  # made up for each kind
    volume = results.hypervolume.sel(front="accuracy", data="test", approach="MAS")
    effect = effects.slopes(volume.drop_vars(["approach", "front", "data"])).sel(term="memory_load")
    assert cells_of(text, "**Effects", ["accuracy", "MAS"])[2] == interval_text(effect)
    chosen = cells_of(text, "**One strength", ["SI", setting])
    own = at.sel(approach="SI")
    assert chosen[3:] == [interval_text(own.chosen_retained), interval_text(own.chosen_learned)]
    ends = results.points.sel(front="information", data="test", approach="SI").mean("seed").isel(strength=-1)
    found = [f"{float(one.min()):.2f} to {float(one.max()):.2f}" for one in (ends.sel(axis=a) for a in ends.axis)]
    assert cells_of(text, "**Do the strengths", ["SI"])[3:] == found
    known = results.hypervolume.sel(front="information", data="test", approach="SI").reset_coords(drop=True)
    ranks = rank_correlations(known, predictors_of(results).sel(approach="SI", drop=True), "setting")
    overlaps = cells_of(text, "**What goes with", ["SI", "overlap"])
    assert overlaps[2] == interval_text(ranks.sel(predictor="overlap"), 2)
    volumes = results.hypervolume.sel(data="test", drop=True)
    gap = effects.shortfalls(volumes.sel(front="accuracy", drop=True)).sel(approach="SI", drop=True)
    assert cells_of(text, "**What learning", ["accuracy", "SI"])[2] == interval_text(gap.mean("setting"))
    more = effects.advantages(results.hypervolume.sel(front="accuracy", drop=True), HYPERNETWORKS[1])["MAS"]
    advantage = cells_of(text, "**Advantage of HNET (large), accuracy", [setting])
    assert advantage[-1] == interval_text(more.sel(setting=setting))


def test_networks_that_broke_down_are_named():
    results = synthetic((SCRATCH, "SI", "MAS"))
    results.reason.loc[{"approach": "MAS", "seed": 0, "trained_task": 1}] = 4.0
    assert "last finite weights: MAS (140)." in report(results)


def test_without_some_rows_the_report_says_less():
    text = report(synthetic(("SI",)))
    for part in ("**What learning one by one", "**Advantage"):
        assert part not in text
    assert "**What goes with" in text
    assert "**What goes with" in report(synthetic((SCRATCH, "SI")))


# figure

OPTIONS = figure_of.Options(Path("synthetic.nc"))


def test_the_fronts_are_those_of_the_dataset():
    results = synthetic()
    with house_style():
        low, high = figure_of.draw(results, OPTIONS).axes
    assert "5 bits held for 6 steps" in low.get_title(loc="left")
    assert "20 bits held for 6 steps" in high.get_title(loc="left")
    names = [text.get_text() for text in low.texts]
    assert names == [name for name in figure_of.SHOWN if name in ROWS][:4]
    at = results.sel(front="information", data="test").isel(setting=0)
    mean = at.points.sel(approach=names[0]).mean("seed").transpose("axis", "strength").values
    assert any(np.allclose(np.array(line.get_data()), mean) for line in low.lines if len(line.get_xdata()) == 14)
    area = [np.trapezoid(line.get_ydata(), line.get_xdata()) for line in low.lines if len(line.get_xdata()) == 201]
    np.testing.assert_allclose(area, at.hypervolume.sel(approach=names).mean("seed").values, atol=0.01)


def test_hypervolumes_and_advantages_are_means_over_conditions_that_are_alike():
    results = synthetic()
    with house_style():
        volumes, advantage = figure_of.draw_hypervolumes(results, OPTIONS).axes
    at = results.sel(front="information", data="test")
    names = [label.get_text() for label in volumes.get_yticklabels()]
    own = at.hypervolume.isel(setting=at.xor.values == 0).sel(approach=names)
    by_load = own.groupby("memory_load").mean(["setting", "seed"])
    for load, drawn in enumerate(volumes.containers):
        np.testing.assert_allclose(drawn[0].get_xdata(), by_load.isel(memory_load=load).values)
    gap = own.sel(approach=HYPERNETWORKS[1]) - own.sel(approach="MAS")
    gap = gap.groupby("memory_load").mean(["setting", "seed"]).values
    drawn = [container[0].get_xdata()[names.index("MAS")] for container in advantage.containers]
    np.testing.assert_allclose(drawn, gap)
    kept = figure_of._crossed(at.isel(setting=[0, 1, 2, 3, 4]))
    assert sorted(zip(kept["memory_load"].values.tolist(), kept.input_length.values.tolist(), strict=True)) == [
        (5, 5),
        (20, 5),
    ]


def test_predictors_stand_against_the_mean_hypervolume_of_each_condition():
    results = synthetic()
    with house_style():
        panels = figure_of.draw_predictors(results, OPTIONS).axes
    at = results.sel(front="information", data="test", approach="SI")
    for axes, name in zip(panels, figure_of.PREDICTORS, strict=True):
        drawn = axes.lines[[n for n in IMPORTANCES if n in ROWS].index("SI")].get_xydata()
        np.testing.assert_allclose(drawn, np.stack([at[name].mean("seed"), at.hypervolume.mean("seed")], 1))


@pytest.mark.parametrize("front", ["accuracy", "speed"])
def test_both_files_are_written(tmp_path, front):
    path = tmp_path / "s.nc"
    synthetic(tuple(ROWS)[:3], seeds=1).to_netcdf(path)
    written = write(figure_of.FIGURES, figure_of.Options(path, tmp_path, front=front))
    assert [one.name for one in written[:2]] == [f"s_{front}.pdf", f"s_{front}.png"]
    assert figure_of.Options(path).choice == ""


def test_another_dataset_is_refused():
    with pytest.raises(MissingError, match="this dataset has no points"):
        figure_of.draw(synthetic(("SI",)).drop_vars("points"), figure_of.Options(Path("synthetic.nc")))
