"""Sounds and languages in the study of real data: what is measured of them, and what is left out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from benchmark_tasks import audioset, benchmark, pos
from real_data_study import study
from real_data_study.differences import differences
from real_data_study.report import report

from figures import importance_on_real_data as figure_of
from tests.studies import first_part, given_of_parts, keys_of_part, keys_of_parts
from wmcl.data import stand_in_audioset, stand_in_languages
from wmcl.importance import fisher_diagonal, memory_aware_synapses
from wmcl.plotting.style import house_style
from wmcl.studies.conditions import entropy
from wmcl.tasks import Phase, data_task, labelled, pos_tasks, split_audioset_tasks
from wmcl.training import evaluate

STUDIES = {name: study.study_of(benchmark(name), name) for name in ("audioset", "pos")}
SOUNDS, LANGUAGES = stand_in_audioset(12, 10), stand_in_languages(3, 16, 6, 6)


@pytest.fixture(scope="module", autouse=True)
def few():
    """Little stands in for the data here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audioset, "_sounds", lambda sounds: SOUNDS if sounds == "stand-in" else read_sounds(sounds))
        patch.setattr(pos, "_treebanks", lambda name: LANGUAGES if name == "stand-in" else read_languages(name))
        for module in (audioset, pos):
            module._tasks.cache_clear()
        yield
        for module in (audioset, pos):
            module._tasks.cache_clear()


read_sounds, read_languages = audioset._sounds, pos._treebanks


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    """Tests do not depend on which data sets are on the machine."""
    monkeypatch.setenv("WMCL_DATA", str(tmp_path / "no data"))


def tiny(benchmark, **values):
    """Smoke with fewer of everything, and what is given for its data."""
    smoke = STUDIES[benchmark].presets["smoke"]
    return replace(
        smoke,
        data=replace(smoke.data, **values),
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
        *(("audioset", {name: value}) for name, value in (("classes", 4), ("validation", 0.3))),
        ("pos", {"unknown": "drop"}),
    ],
    ids=str,
)
def test_each_option_of_the_data_makes_other_entries(benchmark, values):
    of = STUDIES[benchmark]
    one, other = keys_of_part(first_part(of, tiny(benchmark))), keys_of_part(first_part(of, tiny(benchmark, **values)))
    assert one == keys_of_part(first_part(of, tiny(benchmark)))
    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())


@pytest.mark.parametrize("benchmark", STUDIES)
def test_how_many_tasks_are_learned_in_turn_makes_no_other_entries(benchmark):
    of = STUDIES[benchmark]
    three, two = (keys_of_parts(of, tiny(benchmark, tasks=tasks)) for tasks in (3, 2))
    assert two[0] == three[0]
    assert two[1].items() <= three[1].items()
    assert len(three[1]) == 6
    assert not tiny(benchmark, tasks=0).data.sequence()


def test_other_recordings_make_other_entries(monkeypatch):
    for name, module, function, data in (
        ("audioset", audioset, "_sounds", stand_in_audioset(12, 10, seed=1)),
        ("pos", pos, "_treebanks", stand_in_languages(3, 16, 6, 6, seed=1)),
    ):
        before = given_of_parts(STUDIES[name], tiny(name))
        monkeypatch.setattr(module, function, lambda wanted, data=data: data)
        module._tasks.cache_clear()
        for one, other in zip(before, given_of_parts(STUDIES[name], tiny(name)), strict=True):
            assert one.keys() == other.keys()
            assert not set(one.values()) & set(other.values())
        module._tasks.cache_clear()


def test_load_is_the_entropy_of_the_answers():
    rows, ends = np.zeros((8, 1), np.float32), np.arange(9)
    for targets, bits in (([0, 0, 0, 0, 1, 1, 2, 3], 1.75), ([0, 1] * 4, 1.0), ([2] * 8, 0.0)):
        part = labelled([rows[k : k + 1] for k in ends[:-1]], np.array(targets), classes=4)
        assert entropy(data_task("example", part, part, part)) == pytest.approx(bits)


def test_conditions_are_the_tasks_of_the_library():
    sound = tiny("audioset", measured=4, tasks=2).data
    expected = split_audioset_tasks(SOUNDS, 4, 3, validation=0.2, scaled=True)
    assert [each["task"] for each in sound.conditions] == ["task 1", "task 2", "task 3", "task 4"]
    for condition, task in zip(sound.conditions, expected, strict=True):
        torch.testing.assert_close(sound.task(condition, 5).test.inputs, task.test.inputs)
    assert [task.name for task in sound.sequence()] == [task.name for task in expected[:2]]
    tagging = tiny("pos", languages=("x3", "x1"), tasks=2).data
    expected = pos_tasks([LANGUAGES[2], LANGUAGES[0]])
    for condition, task in zip(tagging.conditions, expected, strict=True):
        found = tagging.task(condition, 1).test
        torch.testing.assert_close(found.inputs, task.test.inputs)
        torch.testing.assert_close(found.targets, task.test.targets)


# what is measured


@pytest.mark.parametrize("benchmark", STUDIES)
def test_losses_and_importances_are_those_of_an_answer(benchmark):
    """All networks are below the first loss before any training, so the stage is that of initial weights."""
    config = tiny(benchmark)
    condition, part = config.data.conditions[1], first_part(STUDIES[benchmark], config)
    found = part.measure(condition, [3], content=None, device="cpu").sel(stage="9.0", seed=3)
    task = config.data.task(condition, 3)
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
    assert [one.quantity for one in found] == names
    np.testing.assert_allclose([one.lowest for one in found], [4, *[14 / 3] * 3])  # 2, 4, 8
    np.testing.assert_allclose([one.highest for one in found], [16, *[56 / 3] * 3])  # 8, 16, 32
    assert {(one.lowest_condition, one.highest_condition, one.n) for one in found} == {("a", "b", 2)}
    np.testing.assert_allclose([one.agreement for one in found], 1)
    nobody = measured()
    nobody["reached"] = nobody.reached * 0
    assert not differences(nobody.where(nobody.reached == 1), "1.0")


# end to end


@pytest.fixture(scope="module", params=STUDIES)
def small(request, tmp_path_factory):
    two = {"audioset": {"measured": 2}, "pos": {"languages": ("x1", "x2")}}[request.param]
    config = tiny(request.param, tasks=2, **two)
    config = replace(config, measures=replace(config.measures, kinds=("sampled",)))
    folder = tmp_path_factory.mktemp(request.param)
    config = replace(config, run=replace(config.run, output=folder / "small.nc", jobs=1, device="cpu"))
    return request.param, config, STUDIES[request.param].run(config)


def test_nothing_grows_and_so_nothing_is_said_of_it(small):
    benchmark, config, results = small
    assert (results.sizes["condition"], results.sizes["pair"], results.sizes["seed"]) == (2, 2, 2)
    assert "line" not in results.dims
    assert results.validation_loss.attrs["units"] == "nats per answer"
    text = report(results)
    assert f"Data: {config.data.data}." in text
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
        STUDIES[benchmark].check_options(tiny(benchmark, **values))


@pytest.mark.parametrize(
    ("benchmark", "name"), [("audioset", "audioset-reduced"), ("pos", "universal-dependencies-reduced")]
)
def test_quick_asks_for_the_small_data_set(benchmark, name, refusal):
    assert f"wmcl data download {name}" in refusal(study.main, "--benchmark", benchmark)


def test_options_are_those_of_the_benchmark(refusal):
    assert "--digits" in refusal(study.main, "--benchmark", "pos", "--preset", "smoke", "--digits", "1", "2")
