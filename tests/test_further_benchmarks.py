"""Split AudioSet and part-of-speech tagging as benchmarks of the method comparison."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmark_tasks import audioset, pos
from method_study import study
from method_study.outcome import _of_poster, published_design
from method_study.report import report
from method_study.search import crossed

from tests.method_results import (
    BENCHMARKS,
    PRESETS,
    check,
    compare,
    is_as_published,
    network,
    rows,
    synthetic,
    tasks_of,
)
from wmcl.data import stand_in_audioset, stand_in_languages
from wmcl.data.word_vectors import WordVectors
from wmcl.methods import during, final, named
from wmcl.networks import LSTM
from wmcl.published import published_runs
from wmcl.statistics import mean_interval
from wmcl.studies.benchmark import Hyperparameters, class_shares, most_frequent
from wmcl.studies.network import DirectedNetwork
from wmcl.studies.published import published_hyperparameters
from wmcl.tasks import pos_tasks, split_audioset_tasks

pytestmark = pytest.mark.usefixtures("own_data_folder")  # whichever data sets are on the machine
NEW = ("audioset", "pos")


def smoke_of(benchmark, **task):
    smoke = PRESETS[benchmark]["smoke"]
    return replace(smoke, task=replace(smoke.task, **task))


@pytest.fixture
def small_data(monkeypatch):
    """A few sequences under the names of the data sets."""
    monkeypatch.setattr(audioset, "_sounds", lambda sounds: stand_in_audioset(100, 10))
    monkeypatch.setattr(pos, "_treebanks", lambda treebanks: stand_in_languages(8, 12, 4, 4))


# data


def test_options_of_sounds_reach_the_tasks(small_data):
    plain, scaled, other = (
        audioset.SplitAudioSet(class_seed=seed, scaled=is_scaled, validation=0.25).tasks(1)[0]
        for seed, is_scaled in ((71, False), (71, True), (72, True))
    )
    assert plain.test.inputs.max() == 255
    assert scaled.test.inputs.max() == 1
    assert plain.name == scaled.name != other.name
    assert plain.validation_samples == 10 * 2  # of eight of each class


def test_options_of_words_reach_the_tasks(small_data, monkeypatch):
    bank = stand_in_languages(8, 12, 4, 4)[0]
    missing = bank.sentence("train", 0)[0]
    known = tuple(word for word in bank.words if word != missing)
    vectors = WordVectors("some", known, np.ones((len(known), 3), np.float32))
    monkeypatch.setattr(pos, "_vectors", lambda pattern, languages: {"x1": vectors})
    kept, dropped, learned = (
        pos.PosTagging(vectors=Path("of a test {language}.txt"), **options).tasks(1)[0]
        for options in ({}, {"unknown": "drop"}, {"learned": True})
    )
    assert len(kept.draw.train) == 12 > len(dropped.draw.train)
    assert learned.learned_vectors == (len(bank.words), 3)
    assert kept.learned_vectors is None


@pytest.mark.parametrize(
    ("benchmark", "name"), [("audioset", "audioset-reduced"), ("pos", "universal-dependencies-reduced")]
)
def test_quick_asks_for_the_small_data_set(benchmark, name, refusal):
    assert f"wmcl data download {name}" in refusal(study.main, "--benchmark", benchmark)


def test_the_full_data_set_is_asked_for_by_its_name(refusal):
    assert "error: audioset is not in" in refusal(study.main, "--benchmark", "audioset", "--sounds", "audioset")


def test_titles_say_which_data_they_are():
    sounds, words = (PRESETS[name]["quick"].task for name in NEW)
    assert "Split AudioSet (reduced: balanced and evaluation parts)" in sounds.title
    assert "reduced" not in replace(sounds, sounds="audioset").title
    assert "stand-in AudioSet" in replace(sounds, sounds="stand-in").title
    assert "Universal Dependencies (reduced: small files in place of most treebanks)" in words.title
    assert "vectors of characters" in words.title
    full = replace(words, treebanks="universal-dependencies", vectors=Path("vectors/polyglot-{language}.pkl"))
    assert full.title.endswith("Universal Dependencies 2.6, vectors of polyglot-{language}.pkl")
    assert "stand-in languages" in replace(words, treebanks="stand-in").title


def test_published_numbers_stand_beside_the_same_tasks_alone():
    sounds, words = (PRESETS[name]["quick"].task for name in NEW)
    assert sounds.published() == published_runs("split audioset")
    for change in ({"sounds": "stand-in"}, {"classes": 5}, {"scenario": "class-incremental"}):
        assert not replace(sounds, **change).published()
    assert words.published() == published_runs("pos tagging")
    assert not replace(words, treebanks="stand-in").published()


@pytest.mark.parametrize(
    ("benchmark", "change"),
    [
        ("audioset", {"sounds": "audioset-reduced"}),
        ("audioset", {"scaled": True}),
        ("pos", {"treebanks": "universal-dependencies-reduced"}),
        ("pos", {"vectors": None}),
        ("pos", {"unknown": "keep"}),
    ],
)
def test_no_difference_is_taken_from_numbers_on_other_data(benchmark, change):
    paper = PRESETS[benchmark]["paper"]
    assert is_as_published(paper)
    assert not is_as_published(replace(paper, task=replace(paper.task, **change)))


def test_a_network_of_another_direction_is_not_the_published_one():
    paper = PRESETS["pos"]["paper"]
    other = replace(paper, network=replace(paper.network, direction="bidirectional"))
    assert not is_as_published(other)
    assert [published_design(BENCHMARKS[name]) for name in ("copy", *NEW)] == [
        "5 tasks, 256 units",
        "10 tasks, 32 units",
        "20 tasks, 32 units",
    ]


# chance


@pytest.fixture(params=["sounds", "words"])
def unequal(request):
    """Two tasks whose test sets have some classes more often than others."""
    if request.param == "words":
        return pos_tasks(stand_in_languages(2, 10, 3, 5))
    sounds = stand_in_audioset(6, 20)
    test = sounds.test.take(np.array([0, 1, 2, 3, 4, 8, 9, 10, 12, 13, 16, 17, 18, 20, 21, 22]))
    return split_audioset_tasks(replace(sounds, test=test), 2, 3)


def naive_shares(task):
    test, counts = task.test, [0] * task.outputs
    for step, sample in np.ndindex(test.steps, test.samples):
        if test.scored[0, step, sample]:
            counts[int(test.targets[0, step, sample].argmax())] += 1
    return [count / sum(counts) for count in counts]


def test_chance_is_the_share_of_the_most_frequent_class(unequal):
    shares = np.array([naive_shares(task) for task in unequal])
    for task, own in zip(unequal, shares, strict=True):
        np.testing.assert_allclose(class_shares(task), own, rtol=1e-12)
    told, not_told = most_frequent(unequal, one_answer=False), most_frequent(unequal, one_answer=True)
    assert told == pytest.approx(shares.max(1).mean(), rel=1e-12)
    assert not_told == pytest.approx(shares.mean(0).max(), rel=1e-12)
    assert told > 1 / shares.shape[1] + 0.02


def test_a_network_that_has_to_tell_all_classes_apart_has_a_lower_chance():
    found = [smoke_of("audioset", scenario=name) for name in ("task-incremental", "class-incremental")]
    assert [config.task.chance(tasks_of(config)).accuracy for config in found] == pytest.approx([1 / 3, 1 / 6])


# settings


def test_published_hyperparameters_on_audioset():
    found = published_hyperparameters(published_runs("split audioset"), BENCHMARKS["audioset"].training_sequences)
    assert found["HNET (chunked)"].of_method == {
        "strength": 1.0,
        "hidden": (10, 10),
        "chunk": 2000,
        "task_embedding": 32,
        "chunk_embedding": 32,
        "task_std": 1.0,
        "chunk_std": 0.1,
    }
    assert found["online EWC"].of_method["samples"] == 7500
    assert found["online EWC + task identity"].task_identity
    assert found["masking + SI"].of_method == {"fraction_off": 0.4, "strength": 100.0, "kind": "task"}
    assert found["coresets"].of_method == {"samples": 100, "strength": 10.0}
    first = found["fine-tuning"]
    assert (first.learning_rate, first.iterations, first.orthogonality) == (1e-5, 50_000, 0.1)


def test_published_hyperparameters_on_part_of_speech_tagging():
    found = published_hyperparameters(published_runs("pos tagging"), BENCHMARKS["pos"].training_sequences)
    assert found["HNET (chunked)"].of_method == {
        "strength": 0.5,
        "hidden": (75, 125),
        "chunk": 190,
        "task_embedding": 32,
        "chunk_embedding": 8,
        "task_std": 1.0,
        "chunk_std": 1.0,
    }
    for name in ("online EWC", "online EWC + task identity"):
        assert found[name].of_method["samples"] == 200
    assert found["masking"].of_method == {"fraction_off": 0.2}
    assert (found["SI"].iterations, found["SI"].learning_rate, found["SI"].clip) == (5000, 1e-3, 100.0)


@pytest.mark.parametrize("benchmark", NEW)
def test_chunked_hypernetworks_are_no_larger_than_their_network(benchmark, small_data):
    quick = PRESETS[benchmark]["quick"]
    for row in ("HNET (chunked)", "HNET + coresets"):
        settings = rows(quick)[row]
        generator = named(settings.method, **settings.of_method).parametrisation
        ratio = generator.compression(network(quick, settings), quick.comparison.tasks)
        assert 0.5 < ratio <= 1, row


@pytest.mark.parametrize("benchmark", NEW)
def test_searches_are_small(benchmark):
    assert all(len(crossed(grid)) <= 4 for grid in BENCHMARKS[benchmark].grids.values())


@pytest.mark.parametrize("direction", ["forward", "backward", "bidirectional"])
def test_networks_have_the_direction_that_is_asked_for(direction):
    built = DirectedNetwork(cell="lstm", hidden=5, direction=direction, forget_bias=1.0).build(3, 4, "fan_in")
    assert built == LSTM(3, 5, 4, initialisation="fan_in", forget_bias=1.0, direction=direction)


# languages and vectors


def test_languages_come_in_the_order_that_is_asked_for():
    treebanks = stand_in_languages(3, 2, 1, 1)
    assert pos.chosen(treebanks, (), 2) == treebanks[:2]
    assert pos.chosen(treebanks, ("x3", "x1"), 2) == [treebanks[2], treebanks[0]]


def test_vectors_are_read_from_a_file_a_language(tmp_path):
    languages = stand_in_languages(2, 10, 3, 3)
    for number, each in enumerate(languages):
        lines = (f"{word} {number} {len(word)} 0.5\n" for word in each.words)
        (tmp_path / f"v-{each.language}.txt").write_text("".join(lines), encoding="utf-8")
    config = smoke_of("pos", vectors=tmp_path / "v-{language}.txt")
    assert config.task.title.endswith("vectors of v-{language}.txt")
    assert replace(config.task, unknown="drop").title.endswith("v-{language}.txt, sentences with other words left out")
    tasks = tasks_of(config)
    shown = stand_in_languages()[:2]
    sizes = ", ".join(f"{each.name} ({len(each.test)})" for each in shown)
    assert config.task.note(tasks) == f"Treebanks in the order of the tasks, with the sentences to test on: {sizes}."
    for number, task in enumerate(tasks):
        assert task.inputs == 3
        assert (task.test.inputs[0, 0, :, 0] == number).all()
    before = config.task.content(2)
    first = tmp_path / "v-x1.txt"
    first.write_text(first.read_text(encoding="utf-8").replace("0.5", "0.25"), encoding="utf-8")
    pos._tasks.cache_clear()
    assert config.task.content(2) != before  # so entries are computed again


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--languages", "x1", "en"), "languages has 'en': it must be of x1, x2, x3"),
        (("--languages", "x1", "x1"), "each may occur once"),
        (("--languages", "x1"), "tasks is 2: it must be 1, the number of languages that are named"),
        (("--languages", "x1", "x2", "x3"), "tasks is 2: it must be 3, the number of languages that are named"),
        (("--tasks", "4"), "tasks is 4: it must be at most 3"),
        (("--tasks", "0"), "tasks is 0: it must be at least 1"),
        (("--vectors", "wiki.vec"), "vectors is wiki.vec: its name must have {language} in it"),
        (("--vectors", "no-{language}.vec"), "there is no file no-x1.vec"),
        (("--treebanks", "all"), "all"),
        (("--unknown", "guess"), "guess"),
        (("--direction", "up"), "up"),
    ],
)
def test_senseless_options_of_tagging_are_refused(refusal, arguments, message):
    assert message in refusal(study.main, "--benchmark", "pos", "--preset", "smoke", *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--classes", "0"), "classes is 0"),
        (("--tasks", "11"), "tasks is 11 and classes is 3"),
        (("--validation", "1"), "validation is 1"),
        (("--scenario", "none"), "none"),
    ],
)
def test_senseless_options_of_sounds_are_refused(refusal, arguments, message):
    assert message in refusal(study.main, "--benchmark", "audioset", "--preset", "smoke", *arguments)


@pytest.mark.parametrize(
    ("benchmark", "field"), [("audioset", "sounds"), ("audioset", "scenario"), ("pos", "treebanks"), ("pos", "unknown")]
)
def test_unknown_words_are_refused_in_python_too(benchmark, field):
    with pytest.raises(ValueError, match=f"{field} is 'other': it must be one of"):
        check(smoke_of(benchmark, **{field: "other"}))


# from end to end


@pytest.mark.parametrize(
    ("benchmark", "start", "answers", "chance"),
    [
        ("audioset", "Split stand-in AudioSet, 3 classes", "sequences", "the share of the most frequent class"),
        ("pos", "Part-of-speech tagging, stand-in languages", "words", "the share of the most frequent tag"),
    ],
)
def test_a_small_run_says_what_it_is_and_reports_f1(benchmark, start, answers, chance, tmp_path):
    smoke = PRESETS[benchmark]["smoke"]
    config = replace(
        smoke,
        comparison=replace(smoke.comparison, methods=("fine-tuning", "generative replay"), seeds=1, iterations=2),
        selection=replace(smoke.selection, chosen=None),
        run=replace(smoke.run, output=tmp_path / "small.nc", jobs=1, device="cpu"),
    )
    check(config)
    results = compare(config)
    text = report(results)
    assert text.startswith(start)
    share = 100 * most_frequent(tasks_of(config), one_answer=False)
    assert f"per cent of the {answers}; {chance} is {share:.0f}." in text
    assert "published" not in text
    assert "poster" not in text
    networks = {"audioset": "LSTMs of 12 units", "pos": "bidirectional LSTMs of 12 units a direction"}[benchmark]
    assert f"1 networks a method ({networks}), over 2 tasks" in text
    assert ("Treebanks in the order of the tasks" in text) == (benchmark == "pos")
    for name, measure in (("during", during), ("final", final)):
        np.testing.assert_array_equal(results[f"{name}_f1"], measure(results.weighted_f1))
        assert results[f"{name}_f1"].attrs["units"] == "1"
        value = 100 * float(mean_interval(results[f"{name}_f1"].sel(data="test").isel(condition=0))["average"])
        (line,) = (line for line in text.splitlines() if line.startswith("| fine-tuning |"))
        assert f"| {value:.2f} |" in line


def test_the_poster_stands_beside_results(small_data):
    results = synthetic(("fine-tuning", "online EWC", "SI", "MAS"), benchmark="audioset")
    assert results.poster_final.values[:3].tolist() == [0.4902, 0.6556, 0.6692]
    assert np.isnan(results.poster_final.values[3])
    text = report(results)
    assert "| 65.56 ± 0.35 |" in text
    assert "The poster orders 3 pairs of methods by final accuracy, those whose ± do not overlap:" in text
    assert "pairs of methods by during accuracy" in text
    assert "poster" not in report(synthetic(("fine-tuning", "SI"), benchmark="pos"))


@pytest.mark.parametrize(("tasks", "stands"), [(10, True), (9, False)])
def test_the_poster_does_not_stand_beside_other_numbers_of_tasks(tasks, stands):
    """What is forgotten of nine tasks has no order to be compared with that of ten."""
    quick = PRESETS["audioset"]["quick"]
    config = replace(quick, comparison=replace(quick.comparison, tasks=tasks))
    assert ("poster_final" in _of_poster(["SI"], BENCHMARKS["audioset"], config)) == stands


def test_multitask_has_no_accuracy_during_training_to_compare(small_data):
    text = report(synthetic(("multitask", "from scratch"), benchmark="audioset"))
    assert "No two of these methods have an order" in text


def test_heads_are_one_a_language_where_the_settings_say_so():
    config = smoke_of("pos")
    assert network(config, Hyperparameters("fine-tuning")).heads == 2
    assert network(config, Hyperparameters("fine-tuning", multi_head=False)).heads == 1
