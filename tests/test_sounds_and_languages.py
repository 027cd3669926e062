"""Sounds and languages in the study of real data: what is measured of them, and what is left out."""

from dataclasses import replace
from pathlib import Path

import importance_on_real_data as analysis
import numpy as np
import pytest
import torch
import xarray as xr
from method_study.benchmarks import audioset, pos_tagging
from real_data_study import conditions, pairs
from real_data_study.benchmark import entropy
from real_data_study.benchmarks import BENCHMARKS
from real_data_study.config import check
from real_data_study.differences import agreement, differences
from real_data_study.report import report
from scipy import stats

from figures import importance_on_real_data as figure_of
from wmcl.data import stand_in_audioset, stand_in_languages
from wmcl.importance import fisher_diagonal, memory_aware_synapses
from wmcl.plotting.style import house_style
from wmcl.tasks import Phase, data_task, labelled, pos_tasks, split_audioset_tasks
from wmcl.training import evaluate

NEW = {"audioset": "sound", "pos": "tagging"}
SOUNDS, LANGUAGES = stand_in_audioset(12, 10), stand_in_languages(3, 16, 6, 6)


@pytest.fixture(scope="module", autouse=True)
def few():
    """Little stands in for the data here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audioset, "_sounds", lambda sounds: SOUNDS if sounds == "stand-in" else read_sounds(sounds))
        patch.setattr(pos_tagging, "_treebanks", lambda name: LANGUAGES if name == "stand-in" else read_languages(name))
        for module in (audioset, pos_tagging):
            module._tasks.cache_clear()
        yield
        for module in (audioset, pos_tagging):
            module._tasks.cache_clear()


read_sounds, read_languages = audioset._sounds, pos_tagging._treebanks


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    """Tests do not depend on which data sets are on the machine."""
    monkeypatch.setenv("WMCL_DATA", str(tmp_path / "no data"))


def tiny(benchmark, **values):
    """Smoke with fewer of everything, and what is given for its data."""
    smoke = BENCHMARKS[benchmark]["smoke"]
    return replace(
        smoke,
        **{NEW[benchmark]: replace(getattr(smoke, NEW[benchmark]), **values)},
        network=replace(smoke.network, hidden=4),
        training=replace(smoke.training, batch=4),
        stages=replace(smoke.stages, losses=(9.0, 0.001), main_loss=9.0, iterations=2),
        measures=replace(smoke.measures, kinds=("sampled", "MAS"), importance_samples=6),
        in_turn=replace(smoke.in_turn, turn_iterations=2, state_samples=8, fisher_samples=4),
    )


# what is asked for


@pytest.mark.parametrize(
    ("benchmark", "values"),
    [
        *(("audioset", {name: value}) for name, value in (("sounds", "audioset"), ("classes", 4), ("validation", 0.3))),
        *(("pos", {name: value}) for name, value in (("treebanks", "universal-dependencies"), ("unknown", "drop"))),
        ("pos", {"vectors": Path("x-{language}.vec")}),
    ],
    ids=str,
)
def test_stored_entries_are_those_of_the_same_data(benchmark, values):
    """Each option that changes what is learned is among the settings by which entries are found again."""
    one, other = tiny(benchmark), tiny(benchmark, **values)
    for module in (conditions, pairs):
        assert module.configuration_of_entries(one, "cpu") == module.configuration_of_entries(tiny(benchmark), "cpu")
        assert module.configuration_of_entries(one, "cpu") != module.configuration_of_entries(other, "cpu")


def test_load_is_the_entropy_of_the_answers():
    rows, ends = np.zeros((8, 1), np.float32), np.arange(9)
    for targets, bits in (([0, 0, 0, 0, 1, 1, 2, 3], 1.75), ([0, 1] * 4, 1.0), ([2] * 8, 0.0)):
        part = labelled([rows[k : k + 1] for k in ends[:-1]], np.array(targets), classes=4)
        assert entropy(data_task("example", part, part, part)) == pytest.approx(bits)


def test_conditions_are_the_tasks_of_the_library():
    sound = tiny("audioset", measured=4, tasks=2).benchmark
    expected = split_audioset_tasks(SOUNDS, 4, 3, validation=0.2, scaled=True)
    assert [each["task"] for each in sound.conditions] == ["task 1", "task 2", "task 3", "task 4"]
    for condition, task in zip(sound.conditions, expected, strict=True):
        torch.testing.assert_close(sound.task(condition, 5).test.inputs, task.test.inputs)
    assert [task.name for task in sound.sequence()] == [task.name for task in expected[:2]]
    tagging = tiny("pos", languages=("x3", "x1"), tasks=2).benchmark
    expected = pos_tasks([LANGUAGES[2], LANGUAGES[0]])
    for condition, task in zip(tagging.conditions, expected, strict=True):
        found = tagging.task(condition, 1).test
        torch.testing.assert_close(found.inputs, task.test.inputs)
        torch.testing.assert_close(found.targets, task.test.targets)


def test_the_same_sounds_and_languages_are_the_same_entry():
    for benchmark in NEW:
        whole, without = tiny(benchmark), tiny(benchmark, tasks=0)
        assert conditions.configuration_of_entries(whole, "cpu") == conditions.configuration_of_entries(without, "cpu")
        assert not without.benchmark.sequence()
    one, other = tiny("pos"), tiny("pos", languages=("x2", "x1", "x3"))
    assert conditions.configuration_of_entries(one, "cpu") == conditions.configuration_of_entries(
        other, "cpu"
    )  # named by condition
    assert pairs.configuration_of_entries(one, "cpu") != pairs.configuration_of_entries(other, "cpu")  # named by number


# what is measured


@pytest.mark.parametrize("benchmark", NEW)
def test_losses_and_importances_are_those_of_an_answer(benchmark):
    """All networks are below the first loss before any training, so the stage is that of initial weights."""
    config = tiny(benchmark)
    condition = config.benchmark.conditions[1]
    found = conditions.measure(config, "cpu", condition, [3]).sel(stage="9.0", seed=3)
    task = config.benchmark.task(condition, 3)
    network = config.network.build(task)
    initial = network.init([3])
    probe = task.fixed_set("fisher", 6)
    answers = float((probe.phase == Phase.output).sum()) / 6
    assert answers == 1 if benchmark == "audioset" else answers > 3
    for kind, values in (
        ("sampled", fisher_diagonal(network, initial, probe, task, "sampled", [3])),
        ("MAS", memory_aware_synapses(network, initial, probe)),
    ):
        reads_backwards = {"hh_reverse", "ih_reverse"} if benchmark == "pos" else set()
        assert set(found.connection.values) == {"ih", "hh", "out"} | reads_backwards
        for connection in found.connection.values.tolist():
            own = found.importance.sel(kind=kind, connection=connection, statistic="mean")
            np.testing.assert_allclose(own.sel(per="answer"), values[f"W_{connection}"].mean() / answers, rtol=1e-5)
            np.testing.assert_allclose(own.sel(per="bit") * entropy(task), own.sel(per="answer"), rtol=1e-6)
    result = evaluate(network, initial, task.validation, task)
    np.testing.assert_allclose(found.validation_loss.sel(side="after"), result.loss[0], rtol=1e-5)
    assert np.isnan(found.retention)
    assert np.isnan(found.lead)
    assert not found.in_law


# how far conditions differ


def test_agreement_is_kendalls():
    values = np.random.default_rng(0).normal(size=(6, 5)) + np.arange(5) / 2
    n, k = values.shape
    sums = values.argsort(1).argsort(1).sum(0) + n
    w = 12 * ((sums - sums.mean()) ** 2).sum() / (n**2 * (k**3 - k))
    found, p = agreement(values)
    np.testing.assert_allclose(found, w)
    np.testing.assert_allclose(p, stats.chi2.sf(n * (k - 1) * w, k - 1))
    np.testing.assert_allclose(agreement(np.arange(4.0) * np.ones((3, 1)))[0], 1)
    for useless in (np.ones((3, 4)), values[:1], values[:, :2], values[:0]):
        assert np.isnan(agreement(useless)).all()


def measured():
    """Four conditions, of which no network reached the loss in the last one and one of three missed it in the third."""
    level = xr.DataArray([2.0, 8.0, 4.0, 1.0], dims="condition") * xr.DataArray([1.0, 2.0, 4.0], dims="seed")
    reached = xr.ones_like(level)
    reached[3], reached[2, 1] = 0, 0
    found = xr.Dataset(
        {
            "importance": level.expand_dims(kind=["sampled"], connection=["hh"], statistic=["mean"], per=["answer"]),
            "components": level.expand_dims(phase=["output", "all"]),
            "effective_rank": level.expand_dims(phase=["all"]),
            "iteration": level.expand_dims(side=["after"]),
        }
    ).where(reached == 1)
    found["components"] = found.components.where(found.phase == "all")
    names = {"task": ("condition", list("abcd")), "task_size": ("condition", [1] * 4), "seed": range(3)}
    found = found.assign(reached=reached).expand_dims(stage=["1.0"])
    return found.assign_coords(names).assign_attrs(per="answer", task_size="", smallest="")


def test_conditions_differ_as_far_as_their_means():
    found = differences(measured(), "1.0")
    names = ["sampled of W_hh per answer", "steps to the loss", "components, all steps", "effective rank, all steps"]
    assert found.quantity.values.tolist() == names
    np.testing.assert_allclose(found.lowest, [4, *[14 / 3] * 3])  # 2, 4, 8
    np.testing.assert_allclose(found.highest, [16, *[56 / 3] * 3])  # 8, 16, 32
    assert set(found.lowest_condition.values) == {"a"}
    assert set(found.highest_condition.values) == {"b"}
    np.testing.assert_array_equal(found.n, 2)
    np.testing.assert_allclose(found.agreement, 1)
    nobody = measured()
    nobody["reached"] = nobody.reached * 0
    assert not differences(nobody.where(nobody.reached == 1), "1.0").sizes["quantity"]


# end to end


@pytest.fixture(scope="module", params=NEW)
def small(request, tmp_path_factory):
    two = {"audioset": {"measured": 2}, "pos": {"languages": ("x1", "x2")}}[request.param]
    config = tiny(request.param, tasks=2, **two)
    config = replace(config, measures=replace(config.measures, kinds=("sampled",)))
    folder = tmp_path_factory.mktemp(request.param)
    config = replace(config, run=replace(config.run, output=folder / "small.nc", jobs=1, device="cpu"))
    return request.param, config, analysis.analyse(config)


def test_nothing_grows_and_so_nothing_is_said_of_it(small):
    benchmark, config, results = small
    assert (results.sizes["condition"], results.sizes["pair"], results.sizes["seed"]) == (2, 2, 2)
    assert "line" not in results.dims
    for name, variable in results.data_vars.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert results.validation_loss.attrs["units"] == "nats per answer"
    text = config.run.output.with_suffix(".md").read_text()
    assert text == f"{report(results)}\n"
    assert f"Data: {config.benchmark.data}." in text
    assert "stand-in" in text.splitlines()[0]
    for left_out in ("Exponents", "Ratios", "retention", "lead", "| m |", "a bit"):
        assert left_out not in text
    assert "At a validation loss of 9.0 nats an answer; importance as a geometric mean." in text
    assert ("last step" in text) == (benchmark == "audioset")
    assert "| 0 of 2 |" in text  # at the loss that nobody reached
    assert all(f"{float(load):.2f}" in text for load in results["memory_load"])


def test_where_every_step_is_answered_there_is_no_last_one(small):
    benchmark, _, results = small
    with_numbers = results.components.sel(stage="9.0").notnull().all(["condition", "seed"])
    assert with_numbers.sel(phase=["output", "all"]).values.tolist() == [benchmark == "audioset", True]
    missing = [n for n in ("last_step", "all_steps") if bool(results[f"overlap_states_{n}"].isnull().any())]
    assert missing == ([] if benchmark == "audioset" else ["last_step"])


def test_the_figure_has_a_row_a_condition(small):
    benchmark, _, results = small
    with house_style():
        figure = figure_of.draw(results, figure_of.Options("small.nc"))
        missed = figure_of.draw(results, figure_of.Options("small.nc", stage="0.001"))
        below = figure_of.draw_forgetting(results, figure_of.Options("small.nc")).axes[1]
    details = figure.get_supxlabel().replace("\n", " ")
    assert "stand-in" in details
    assert ("a direction" in details) == (benchmark == "pos")
    assert "4 of 4 networks missed the loss" in missed.get_supxlabel().replace("\n", " ")
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == results.task.values.tolist()
    phase = "output" if benchmark == "audioset" else "all"
    means = results.components.sel(stage="9.0", phase=phase).mean("seed")
    drawn = [float(line.get_xdata()[0]) for line in right.lines if len(line.get_xdata()) == 1]
    np.testing.assert_allclose(drawn, means)
    assert len(below.get_yticks()) == (5 if benchmark == "audioset" else 4)


def test_the_figure_counts_the_networks_of_what_it_draws(small):
    benchmark, _, results = small
    last = results.predictor == "overlap_states_last_step"
    known = results.correlation.fillna(0.5).where(~last if benchmark == "pos" else True)  # two pairs have none
    with house_style():
        figure = figure_of.draw_forgetting(results.assign(correlation=known), figure_of.Options("small.nc"))
    assert "(n = 2 networks a pair)" in figure.axes[1].get_xlabel()


# what is refused


@pytest.mark.parametrize(
    ("benchmark", "values", "message"),
    [
        (
            "audioset",
            {"tasks": 1},
            "tasks is 1, the number of tasks that are learned in turn: it must be 0, or from 2 to the 3",
        ),
        (
            "audioset",
            {"tasks": 4},
            "tasks is 4, the number of tasks that are learned in turn: it must be 0, or from 2 to the 3",
        ),
        ("audioset", {"measured": 0}, "tasks is 0"),
        ("audioset", {"sounds": "birds"}, "sounds is 'birds': it must be one of"),
        ("audioset", {"validation": 1.0}, "validation is 1.0"),
        ("pos", {"languages": ()}, "languages is empty"),
        ("pos", {"languages": ("x1", "x9")}, "languages has 'x9'"),
        ("pos", {"tasks": 4}, "tasks is 4, the number of tasks that are learned in turn: it must be 0"),
    ],
)
def test_what_makes_no_sense_is_refused(benchmark, values, message):
    with pytest.raises(ValueError, match=message):
        check(tiny(benchmark, **values))


@pytest.mark.parametrize(
    ("benchmark", "name"), [("audioset", "audioset-reduced"), ("pos", "universal-dependencies-reduced")]
)
def test_quick_asks_for_the_small_data_set(benchmark, name, refusal):
    assert f"wmcl data download {name}" in refusal(analysis.main, "--benchmark", benchmark)


def test_options_are_those_of_the_benchmark(refusal):
    assert "--digits" in refusal(analysis.main, "--benchmark", "pos", "--preset", "smoke", "--digits", "1", "2")
