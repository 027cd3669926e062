"""The comparison of methods: settings, search, a small run from end to end, its table and its figure."""

import json
import runpy
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import xarray as xr
from benchmark_tasks import audioset, pos, strokes
from method_study import search, study
from method_study.outcome import is_told_the_task, searched_otherwise
from method_study.report import report

from figures import method_comparison as figure_of
from tests.method_results import (
    BENCHMARKS,
    EVERY,
    PRESETS,
    check,
    choose,
    compare,
    is_as_published,
    network,
    rows,
    synthetic,
    tasks_of,
)
from tests.studies import measure_of
from wmcl.data import stand_in_audioset, stand_in_languages, stand_in_strokes
from wmcl.methods import CATALOGUE, Method
from wmcl.plotting.data import MissingError
from wmcl.plotting.options import write
from wmcl.plotting.style import house_style
from wmcl.published import published_runs
from wmcl.statistics import mean_interval
from wmcl.studies import rows as rows_module
from wmcl.studies.benchmark import Hyperparameters
from wmcl.studies.chosen import add_chosen, read_chosen
from wmcl.studies.published import beside, published_hyperparameters
from wmcl.studies.rows import tasks_of_row
from wmcl.tasks import copy_task_sequence
from wmcl.training import Reason

pytestmark = pytest.mark.usefixtures("own_data_folder")  # whichever data sets are on the machine
SMOKE = PRESETS["copy"]["smoke"]
EVERY_PRESET = [(name, preset) for name, presets in PRESETS.items() for preset in presets]


def small(tmp_path, methods=("multitask", "from scratch", "fine-tuning"), iterations=8, **selection):
    chosen = selection.pop("chosen", tmp_path / "chosen.json")
    return replace(
        SMOKE,
        comparison=replace(SMOKE.comparison, methods=tuple(methods), iterations=iterations),
        selection=replace(SMOKE.selection, chosen=chosen, **selection),
        run=replace(SMOKE.run, output=tmp_path / "small.nc", jobs=1, device="cpu"),
    )


# settings


@pytest.fixture
def small_data(monkeypatch):
    """A few sequences under the names of the data sets."""
    monkeypatch.setattr(strokes, "_strokes", lambda digits: stand_in_strokes(400, 100))
    monkeypatch.setattr(audioset, "_sounds", lambda sounds: stand_in_audioset(100, 10))
    monkeypatch.setattr(pos, "_treebanks", lambda treebanks: stand_in_languages(20, 12, 4, 4))
    monkeypatch.setattr(pos, "_vectors", lambda pattern, languages: None)


@pytest.mark.parametrize(("benchmark", "preset"), EVERY_PRESET)
def test_every_preset_makes_sense_with_the_catalogue_as_it_is(benchmark, preset, small_data):
    config = PRESETS[benchmark][preset]
    assert (config.benchmark, config.preset) == (benchmark, preset)
    task = config.task
    check(replace(config, task=replace(task, validation_samples=30) if "validation_samples" in asdict(task) else task))
    assert {settings.method for settings in rows(config).values()} <= set(CATALOGUE)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_quick_has_all_methods_and_the_published_presets_those_that_were_published(benchmark):
    presets = PRESETS[benchmark]
    assert {settings.method for settings in rows(presets["quick"]).values()} == set(CATALOGUE)
    runs = presets["paper"].task.published()
    assert rows(presets["paper"]).keys() == {run.method for run in runs}
    assert runs


def test_no_two_presets_write_the_same_file():
    outputs = [PRESETS[benchmark][preset].run.output for benchmark, preset in EVERY_PRESET]
    assert len(set(outputs)) == len(outputs)


def test_a_method_that_appears_later_needs_no_code(monkeypatch):
    def late(strength: float = 1.0) -> Method:
        return Method()

    more = MappingProxyType({**CATALOGUE, "late": late})
    monkeypatch.setattr(rows_module, "CATALOGUE", more)
    monkeypatch.setattr("wmcl.methods.catalogue.CATALOGUE", more)
    check(SMOKE)
    assert rows(SMOKE)["late"].method == "late"


COPY_HYPERPARAMETERS = {
    "multitask": {},
    "from scratch": {},
    "fine-tuning": {},
    "online EWC": {"strength": 100.0, "decay": 1.0, "kind": "empirical", "samples": 100_000},
    "online EWC + task identity": {"strength": 1e7, "decay": 1.0, "kind": "empirical", "samples": 200},
    "SI": {"strength": 0.01, "kind": "task"},
    "masking": {"fraction_off": 0.8},
    "masking + SI": {"fraction_off": 0.8, "strength": 1.0, "kind": "task"},
    "HNET (chunked)": {
        "strength": 10.0,
        "hidden": (50, 50),
        "chunk": 2500,
        "task_embedding": 32,
        "chunk_embedding": 32,
        "task_std": 1.0,
        "chunk_std": 0.1,
    },
    "coresets": {"samples": 100, "strength": 10.0},
    "generative replay": {
        "distillation_strength": 1.0,
        "kl_strength": 1.0,
        "reconstruction_strength": 10.0,
        "input_likelihood": "bernoulli",
        "latent": 8,
        "decoder_cell": "elman",
        "decoder_hidden": 256,
    },
}
"""of the published commands on the Permuted Copy Task, by hand"""


def test_published_hyperparameters_are_those_of_the_published_runs():
    runs = published_runs("permuted copy")
    found, first = published_hyperparameters(runs, 100_000), {run.method: run for run in reversed(runs)}
    assert {name: dict(settings.of_method) for name, settings in found.items()} == COPY_HYPERPARAMETERS
    for name, settings in found.items():
        run = first[name]
        own = (settings.batch, settings.iterations, settings.learning_rate, settings.clip, settings.orthogonality)
        assert own == (run.batch, run.iterations, run.learning_rate, run.clip, run.orthogonality)
        assert (settings.initialisation, settings.multi_head) == (run.initialisation, run.multi_head)
        assert settings.reduction == "sequence"
        assert settings.task_identity == (name == "online EWC + task identity")


def test_published_hyperparameters_on_strokes():
    found = published_hyperparameters(published_runs("sequential stroke-mnist", "m = 2"), 12_000)
    assert found["HNET (chunked)"].of_method == {
        "strength": 0.1,
        "hidden": (25, 25),
        "chunk": 10_000,
        "task_embedding": 32,
        "chunk_embedding": 16,
        "task_std": 1.0,
        "chunk_std": 0.1,
    }
    assert found["online EWC"].of_method["samples"] == 200
    assert found["online EWC + task identity"].of_method["samples"] == 12_000
    assert found["masking"].of_method == {"fraction_off": 0.6}
    assert (found["SI"].batch, found["SI"].iterations, found["SI"].clip) == (128, 6000, 1.0)
    split = published_hyperparameters(published_runs("split stroke-mnist"), 12_000)
    replayed = split["HNET + replay"].of_method
    assert replayed | {"latent": 16, "chunk": 5000, "decoder_cell": "lstm", "strength": 0.1} == replayed
    assert (replayed["input_likelihood"], replayed["reconstruction_strength"]) == (
        "gaussian",
        0.2,
    )  # no factor 1/2 there


def test_published_hyperparameters_on_sounds():
    found = published_hyperparameters(published_runs("split audioset"), 7500)
    assert {name: each.weight_decay for name, each in found.items() if each.weight_decay} == {"HNET (chunked)": 0.01}
    assert found["HNET (chunked)"].options.optimiser.weight_decay == 0.01


def test_a_row_is_beside_the_run_that_stores_as_much():
    runs = published_runs("split stroke-mnist")
    for samples, final in ((10, 0.975), (50, 0.985), (100, 0.99), (7, 0.975)):
        run = beside(runs, "coresets", Hyperparameters("coresets", {"samples": samples}))
        assert run.final == final
    assert beside(runs, "SI", Hyperparameters("SI")) is None


def test_published_runs_are_those_on_the_same_tasks():
    task = PRESETS["sequential_smnist"]["quick"].task
    assert {run.condition for run in task.published()} == {"m = 2"}
    assert {run.condition for run in replace(task, sequence_digits=4).published()} == {"m = 4"}
    assert not replace(task, labels="sequences").published()
    assert not replace(task, digits="stand-in").published()
    assert replace(task, labels="sequences", sequence_digits=1).published()
    assert not replace(task, scenario="domain-incremental").published()
    assert not replace(PRESETS["smnist"]["quick"].task, scenario="class-incremental").published()


def test_paper_takes_the_tasks_of_the_papers_code():
    theirs = copy_task_sequence(5, 5, order="permuted time", seed=42, task_draws="reference")
    ours = tasks_of(PRESETS["copy"]["paper"])
    assert [task.name for task in ours] == [task.name for task in theirs]
    for own, other in zip(ours, theirs, strict=True):
        assert (own.batch([0], 0, 4).targets == other.batch([0], 0, 4).targets).all()
    comparison = PRESETS["copy"]["paper"].comparison
    assert (comparison.tasks, comparison.seeds, comparison.iterations) == (5, 10, None)
    assert {settings.iterations for settings in rows(PRESETS["copy"]["paper"]).values()} == {20_000, 10_000}
    reduced = PRESETS["copy"]["published"].comparison
    assert (reduced.tasks, reduced.seeds, reduced.iterations) == (5, 3, 2000)


def test_heads_are_as_the_settings_say():
    assert network(SMOKE, Hyperparameters("fine-tuning")).heads == 2
    assert network(SMOKE, Hyperparameters("from scratch", multi_head=False)).heads == 1


def test_inputs_tell_the_task_where_the_settings_say_so():
    tasks = tasks_of_row(SMOKE.task, 2, Hyperparameters("online EWC", task_identity=True))
    for number, (own, plain) in enumerate(zip(tasks, tasks_of(SMOKE), strict=True)):
        told = own.batch([0], 0, 4).inputs
        assert (told[..., :-2] == plain.batch([0], 0, 4).inputs).all()
        assert (told[..., -2 + number] == 1).all()


def test_learned_vectors_leave_out_the_rows_that_generate_inputs(small_data):
    frozen = PRESETS["pos"]["smoke"]
    learned = replace(frozen, task=replace(frozen.task, learned=True))
    check(learned)
    assert set(rows(frozen)) - set(rows(learned)) == {"generative replay", "HNET + replay"}
    assert [task.learned_vectors is not None for task in tasks_of(learned)] == [True, True]
    assert [task.learned_vectors is not None for task in tasks_of(frozen)] == [False, False]
    assert "learned with each task" in learned.task.title


def test_values_change_training_or_hyperparameters():
    changed = Hyperparameters("SI", {"strength": 1.0, "kind": "task"}).changed({"strength": 3.0, "learning_rate": 0.01})
    assert changed == Hyperparameters("SI", {"strength": 3.0, "kind": "task"}, learning_rate=0.01)


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_grids_are_of_known_rows(benchmark):
    assert benchmark.grids.keys() <= {*EVERY, *benchmark.starting_values}
    assert benchmark.smaller.keys() <= {*EVERY, *benchmark.starting_values}
    assert all(values for grid in benchmark.grids.values() for values in grid.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "fine tuning"), "methods has 'fine tuning', which is unknown: it must be of multitask"),
        (("--methods", "fine-tuning", "fine-tuning"), "each may occur once"),
        (("--benchmark", "audio"), "audio"),
        (("--tasks", "0"), "tasks is 0"),
        (("--iterations", "-1"), "iterations is -1"),
        (("--pattern-length", "0"), "pattern_length is 0"),
        (("--data", "test", "test"), "data is"),
        (("--preset", "paper", "--search"), "search is on with the preset 'paper'"),
        (("--search", "--chosen", "None"), "chosen is None"),
        (("--chosen", "nowhere.json"), "chosen is nowhere.json: there is no such file; --search writes it"),
        (
            ("--benchmark", "pos", "--treebanks", "stand-in", "--learned", "--methods", "HNET + replay"),
            "methods has 'HNET + replay', which cannot learn these tasks: it must be of multitask",
        ),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(refusal, arguments, message):
    assert message in refusal(study.main, *arguments)


def test_settings_that_a_method_does_not_take_are_refused_by_name(tmp_path):
    path = tmp_path / "chosen.json"
    add_chosen(path, {"fine-tuning": {"chosen": {"strength": 1.0}}})
    with pytest.raises(ValueError, match="hyperparameters of 'fine-tuning': strength is no hyperparameter"):
        check(small(tmp_path))
    path.write_text("[1]")
    with pytest.raises(ValueError, match=r"chosen is .*: it must be a file that a search wrote"):
        check(small(tmp_path))


# search


def test_what_a_search_chose_is_what_the_comparison_takes(tmp_path):
    config = small(tmp_path)
    add_chosen(config.selection.chosen, {"fine-tuning": {"chosen": {"learning_rate": 0.007}}, "gone": {"chosen": {}}})
    add_chosen(config.selection.chosen, {"multitask": {"chosen": {"learning_rate": 0.003}}})
    assert read_chosen(config.selection.chosen).keys() == {"fine-tuning", "multitask", "gone"}
    found = {name: settings.learning_rate for name, settings in rows(config).items()}
    assert found == {"multitask": 0.003, "from scratch": 1e-3, "fine-tuning": 0.007}


def candidates_with(accuracy, loss, test_accuracy=None):
    """Results of candidates 1, 2, … of one row, over two tasks and two seeds."""
    values = {"accuracy": (accuracy, test_accuracy), "loss": (loss, loss)}
    dims = ("condition", "seed", "trained_task", "evaluated_task", "data")
    arrays = {}
    for name, (seen, hidden) in values.items():
        both = np.stack([np.asarray(seen, float), np.asarray(seen if hidden is None else hidden, float)], -1)
        arrays[name] = (dims, np.broadcast_to(both[:, None, None, None, :], (len(both), 2, 2, 2, 2)))
    labels = {"approach": ("condition", ["SI"] * len(both)), "data": ["validation", "test"]}
    return xr.Dataset(arrays, labels | {"trained_task": [0, 1], "evaluated_task": [0, 1]})


@pytest.mark.parametrize(
    ("accuracy", "loss", "chosen"),
    [
        ([0.7, 0.9, 0.8], [0.1, 0.3, 0.1], 1),
        ([0.9, 0.9, 0.8], [0.3, 0.2, 0.1], 1),
        ([0.9, 0.9 + 1e-12, 0.9], [0.2, 0.2, 0.2], 0),
        ([np.nan, 0.6, 0.5], [0.1, 0.9, 0.1], 1),
        ([0.9, 0.9], [np.nan, 0.5], 1),
        ([0.5, 0.9], [0.1, np.nan], 1),
    ],
)
def test_the_best_is_chosen_by_validation_and_ties_by_rule(accuracy, loss, chosen):
    opposite = [1 - (0 if np.isnan(value) else value) for value in accuracy]
    assert search.best(search.scores(candidates_with(accuracy, loss, opposite))) == chosen


def test_nothing_can_be_chosen_from_nothing():
    with pytest.raises(ValueError, match="no candidate of 'SI' has a final accuracy"):
        search.best(search.scores(candidates_with([np.nan], [0.1])))


def test_a_search_finds_the_optimum_of_validation_where_that_of_the_test_set_is_another(tmp_path, monkeypatch):
    """A made-up method whose strength of 1 is best for validation and of 10 for the test set."""

    def made_up(strength: float = 5.0) -> Method:
        return Method()

    seen = []

    def measured(condition, seeds, measure, hyperparameters, **given):
        measures = measure.keywords["measures"]
        seen.append((measures.data, tuple(seeds)))
        strength = hyperparameters.of_method["strength"]
        each = {"validation": 0.9 - 0.01 * abs(strength - 1), "test": 0.9 - 0.01 * abs(strength - 10)}
        values = np.array([each[data] for data in measures.data])
        dims = ("seed", "trained_task", "evaluated_task", "data")
        array = np.broadcast_to(values, (len(seeds), 2, 2, len(values)))
        return xr.Dataset(
            {"accuracy": (dims, array), "loss": (dims, 1 - array), "reason": ("seed", np.zeros(len(seeds)))},
            {"seed": list(seeds), "trained_task": [0, 1], "evaluated_task": [0, 1], "data": list(measures.data)},
        )

    more = MappingProxyType({**CATALOGUE, "made up": made_up})
    for place in (rows_module, sys.modules["wmcl.methods.catalogue"]):
        monkeypatch.setattr(place, "CATALOGUE", more)
    monkeypatch.setattr(rows_module, "measure_row", measured)
    config = small(tmp_path, ["made up"], search=True, search_seeds=2)
    check(config)
    table = choose(config, grids={"made up": {"strength": (0.1, 1.0, 10.0)}})
    assert seen == [(("validation",), (seed,)) for _ in range(3) for seed in (1000, 1001)]
    entry = json.loads(config.selection.chosen.read_text())["made up"]
    assert entry["chosen"] == {"strength": 1.0}
    assert [one["final_accuracy"] for one in entry["validation"]] == pytest.approx([0.891, 0.9, 0.81])
    assert entry["seeds"] == [1000, 1001]
    assert entry.keys() >= {"rule", "command", "source_revision", "created", "design", "hyperparameters"}
    assert rows(replace(config, selection=replace(config.selection, search=False)))["made up"].of_method == {
        "strength": 1.0
    }
    assert "| made up | strength 1 | 90.00 | 0.1000 | 90.00 | chosen |" in table


def test_a_search_does_not_draw_the_test_set(tmp_path, monkeypatch):
    def unseen(task):
        raise AssertionError("somebody looks at the test set")

    monkeypatch.setattr("wmcl.tasks.Task.test", property(unseen))
    config = small(tmp_path, ["fine-tuning"], search=True)
    choose(config, grids={"fine-tuning": {"learning_rate": (1e-3, 1e-2)}})
    with xr.open_dataset(tmp_path / "small.search.nc") as found:
        assert found.data.values.tolist() == ["validation"]
        assert found.seed.values.tolist() == [1000]
        assert found.sizes["condition"] == 2
    with pytest.raises(AssertionError, match="somebody looks"):
        compare(small(tmp_path, ["fine-tuning"], chosen=None))


# from end to end


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    config = small(tmp_path_factory.mktemp("small"))
    return config, compare(config)


def test_one_labelled_dataset(compared):
    config, results = compared
    assert results.accuracy.dims == ("condition", "seed", "trained_task", "evaluated_task", "data")
    assert results.approach.values.tolist() == ["multitask", "from scratch", "fine-tuning"]
    assert {"seed": 2, "trained_task": 2, "data": 2}.items() <= results.sizes.items()
    assert (results.during.isel(condition=2).notnull()).all()
    assert (results.intransigence.isel(condition=1) == 0).all()
    for name, variable in results.data_vars.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert json.loads(results.attrs["configuration"])["comparison"]["iterations"] == 8
    assert json.loads(results.hyperparameters.values[2])["iterations"] == 8
    assert results.iterations.isel(condition=0, trained_task=1).values.tolist() == [16, 16]
    assert config.run.output.with_suffix(".md").read_text() == report(results) + "\n"


def test_a_change_of_one_method_concerns_its_entries_alone(compared):
    config, _ = compared
    changed = {"fine-tuning": Hyperparameters("fine-tuning", learning_rate=0.01)}
    assert compare(config, starting_values=changed).attrs["entries_computed"] == "2 of 6"


def test_an_ensemble_gives_the_same_as_single_networks(compared):
    config, results = compared
    declared = study.study_of(BENCHMARKS["copy"], "copy")
    hyperparameters = rows(config)["fine-tuning"]
    together = measure_of(declared, config)({"approach": "fine-tuning"}, [0, 1], hyperparameters=hyperparameters)
    alone = results.isel(condition=2)
    np.testing.assert_allclose(together.loss, alone.loss.transpose(*together.loss.dims), rtol=1e-4)


# other benchmarks


def test_data_that_are_not_there_are_asked_for_in_a_sentence(refusal):
    assert "wmcl data download stroke-mnist" in refusal(study.main, "--benchmark", "smnist")


@pytest.mark.parametrize(("benchmark", "title"), [("smnist", "Split"), ("sequential_smnist", "Sequential")])
def test_a_small_run_on_digits_that_stand_in_says_so(benchmark, title, tmp_path):
    smoke = PRESETS[benchmark]["smoke"]
    config = replace(
        smoke,
        comparison=replace(smoke.comparison, methods=("from scratch", "generative replay"), seeds=1, iterations=2),
        selection=replace(smoke.selection, chosen=None),
        run=replace(smoke.run, output=tmp_path / "small.nc", jobs=1, device="cpu"),
    )
    check(config)
    results = compare(config)
    assert (results.attrs["answers"], results.attrs["chance"]) == ("sequences", 0.5)
    text = report(results)
    assert text.startswith(f"{title} stand-in strokes (")
    assert "per cent of the sequences; chance is 50" in text
    assert "the validation accuracy of networks from scratch changed by" in text
    assert "published" not in text


def test_chance_and_heads_are_those_of_the_scenario():
    smoke = PRESETS["smnist"]["smoke"]
    config = replace(smoke, task=replace(smoke.task, scenario="class-incremental"))
    built = network(config, Hyperparameters("fine-tuning"))
    assert (built.heads, built.outputs) == (1, 4)
    assert network(smoke, Hyperparameters("fine-tuning")).heads == 2


def test_rows_that_are_told_the_task_are_named_where_the_others_are_not():
    told = ["from scratch", "masking", "masking + SI", "masking + online EWC", "masking + MAS", "context modulation"]
    told += ["HNET", "HNET (chunked)", "HNET + coresets"]
    results = synthetic()
    assert results.approach.values[results.is_told_the_task.values.astype(bool)].tolist() == [
        row for row in EVERY if row in told
    ]
    assert "cannot be compared" not in report(results)
    assert "| SI |" in report(results.assign_attrs(is_task_told=0))
    assert "| HNET (chunked) * |" in report(results.assign_attrs(is_task_told=0))
    (note,) = (
        line for line in report(results.assign_attrs(is_task_told=0)).split("\n") if "cannot be compared" in line
    )
    assert "HNET (chunked)" in note
    assert "SI" not in note.split(": ")[1].split(", ")
    assert is_told_the_task(Hyperparameters("online EWC", {"strength": 1.0}, task_identity=True))


def test_settings_of_another_search_are_named(tmp_path):
    config = small(tmp_path)
    own = {"task": asdict(config.task), "network": asdict(config.network), "tasks": 2}
    other = own | {"tasks": 5, "network": own["network"] | {"hidden": 256}}
    entries = {"fine-tuning": {"chosen": {}, "design": own}, "SI": {"chosen": {}, "design": other}}
    add_chosen(config.selection.chosen, entries)
    found = searched_otherwise(["fine-tuning", "SI", "MAS"], config)
    assert found == ["", "network.hidden 256, here 24; tasks 5, here 2", ""]
    results = synthetic(EVERY[:3])
    results["searched_otherwise"] = ("condition", ["", "", "tasks 5, here 2"])
    assert "The search had other options (tasks 5, here 2) for fine-tuning." in report(results)


def test_rows_that_train_for_other_lengths_are_named():
    results = synthetic(EVERY[:3])
    assert "Training steps a task" not in report(results)
    tasks = results.sizes["trained_task"]
    results.iterations[0, :, :-1], results.iterations[0, :, -1] = np.nan, 300.0 * tasks  # multitask: one phase
    results.iterations[1], results.iterations[2] = 300.0, 1600.0
    assert "Training steps a task: 300 (multitask, from scratch); 1,600 (fine-tuning)." in report(results)


def test_networks_that_still_learn_are_named():
    results = synthetic(EVERY[:4])
    results.late_gain[1], results.late_gain[3] = 0.03, 0.02
    text = report(results)
    assert "the validation accuracy of networks from scratch changed by +3.00 [+3.00, +3.00] points" in text
    assert "these rows gained 1 point or more, mean over tasks: from scratch (+3.0), online EWC (+2.0)." in text
    assert "gained" not in report(synthetic(EVERY[:4]))


def test_a_choice_at_the_end_of_its_grid_is_marked():
    found = [{"values": {"strength": value, "kind": "task"}} for value in (0.1, 1.0, 10.0)]
    for value, mark in ((1.0, "chosen"), (10.0, "chosen; at the end of its grid: strength")):
        assert search._mark({"strength": value, "kind": "task"}, {"validation": found}) == mark


def test_published_hyperparameters_on_strokes_leave_the_number_of_digits_open(small_data):
    paper = PRESETS["sequential_smnist"]["paper"]
    for digits in (1, 2, 3, 4):
        assert is_as_published(replace(paper, task=replace(paper.task, sequence_digits=digits)))
    assert not is_as_published(replace(paper, task=replace(paper.task, training_samples=100)))
    split = PRESETS["smnist"]["paper"]
    assert split.task.validation_samples == 100
    assert not is_as_published(replace(split, network=replace(split.network, forget_bias=1.0)))


def test_a_published_accuracy_of_networks_that_are_not_kept_is_left_out(small_data):
    results = synthetic(EVERY[:3], benchmark="sequential_smnist").sel(data="test")
    assert np.isnan(results.published_final.values).tolist() == [False, True, False]
    assert results.published_during.values[1] == 0.9915


# table


def row_of(text, method):
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {method} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_holds_means_and_intervals():
    results = synthetic()
    text = report(results)
    assert sum(line.startswith("| ") for line in text.splitlines()) == len(EVERY) + 2
    at = results.sel(data="test").isel(condition=EVERY.index("SI"))
    cells_of_row = row_of(text, "SI")
    names = ("during", "final", "forgetting", "backward_transfer", "forward_transfer", "intransigence")
    for cell, name in zip(cells_of_row[2:8], names, strict=True):
        one = 100 * mean_interval(at[name])
        assert cell == f"{float(one['average']):.2f} [{float(one.low):.2f}, {float(one.high):.2f}]"
    assert cells_of_row[8:10] == [f"{int(at.stored[0, -1]):,}", "17.0"]
    assert row_of(text, "multitask")[2] == "–"
    assert row_of(text, "SI")[10:] == ["98.70", "94.50"]  # nothing was made with the published settings
    assert "hyperparameters are not all the published ones" in text


def test_differences_are_taken_where_the_settings_are_the_published_ones():
    results = synthetic(preset="published")
    text = report(results)
    at = results.sel(data="test").isel(condition=EVERY.index("SI"))
    assert row_of(text, "SI")[11] == f"{100 * float(at.during.mean()) - 98.7:+.2f}"
    assert row_of(text, "SI")[13] == f"{100 * float(at.final.mean()) - 94.5:+.2f}"
    assert row_of(text, "MAS")[10:] == ["–"] * 4
    assert "Steps a task that are not the published ones: multitask (500 of 20,000)" in text
    assert "SI (500 of 20,000)" in text
    assert "multitask (500 of 20,000)" in text
    assert "coresets (500 of 10,000)" in text
    assert "MAS (" not in text


def test_what_differs_from_the_published_runs_is_said_and_no_more_is_claimed():
    text = report(synthetic(preset="published"))
    for part in ("100,000 fixed ones", "other patterns in each task", "orthogonality penalty once a step"):
        assert part in text
    assert "everything else is as published" not in text
    assert "100,000 fixed ones" not in report(synthetic())


def test_networks_that_broke_down_are_named():
    results = synthetic()
    assert "not finite" not in report(results)
    results.reason[EVERY.index("EWC"), :2, 1] = results.reason[EVERY.index("SI"), 0, :] = float(Reason.nonfinite)
    results.reason[EVERY.index("MAS")] = float(Reason.loss)
    (line,) = (line for line in report(results).splitlines() if "not finite" in line)
    assert line.endswith("their last finite weights: EWC (2 of 3 networks), SI (1 of 3 networks).")


def test_other_tasks_are_no_published_hyperparameters():
    paper = PRESETS["copy"]["paper"]
    assert is_as_published(paper)
    assert is_as_published(replace(paper, comparison=replace(paper.comparison, seeds=2, iterations=10)))
    assert not is_as_published(replace(paper, comparison=replace(paper.comparison, tasks=3)))
    assert not is_as_published(replace(paper, network=replace(paper.network, hidden=8)))
    chosen = replace(paper.selection, chosen=Path("chosen.json"))
    assert not is_as_published(replace(paper, selection=chosen))
    assert not is_as_published(PRESETS["copy"]["quick"])


# figure


OPTIONS = figure_of.Options(Path("synthetic.nc"))


@pytest.fixture(autouse=True)
def style():
    with house_style():
        yield


def methods_on(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_accuracies_are_the_numbers_of_the_dataset_with_their_intervals():
    results = synthetic()
    (axes,) = figure_of.draw(results, OPTIONS).axes
    names = methods_on(axes)
    assert names[:3] == ["multitask", "from scratch", "fine-tuning"]
    at = results.sel(data="test").set_index(condition="approach").sel(condition=names)
    final = 100 * at.final.mean("seed").values[3:]
    assert (np.diff(final) <= 1e-9).all()
    for container, name in zip(axes.containers, ("during", "final"), strict=True):
        found = mean_interval(100 * at[name])
        np.testing.assert_allclose(container[0].get_xdata(), found["average"])
        known = np.isfinite(found.low.values)
        segments = [segment for segment in container[2][0].get_segments() if len(segment)]
        expected = np.stack([found.low, found.high], 1)[known]
        np.testing.assert_allclose([segment[:, 0] for segment in segments], expected)
    (published,) = [line for line in axes.lines if "published" in str(line.get_label())]
    np.testing.assert_allclose(published.get_xdata(), 100 * at.published_final.values)
    (chance,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert chance.get_xdata()[0] == 50
    assert "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}3 networks" in axes.figure.get_supxlabel()


def test_memory_stands_beside_forgetting():
    results = synthetic()
    left, right = figure_of.draw_memory(results, OPTIONS).axes
    at = results.sel(data="test").set_index(condition="approach").sel(condition=methods_on(left))
    assert "multitask" not in at.condition
    np.testing.assert_allclose(left.containers[0][0].get_xdata(), 100 * at.forgetting.mean("seed").values)
    (stored,) = [line for line in right.lines if line.get_linestyle() == "None"]
    np.testing.assert_allclose(stored.get_xdata(), at.stored.isel(seed=0, trained_task=-1).values)
    assert right.get_xlim()[0] < 0 < right.get_xlim()[1]
    assert "1 method without forgetting left out" in left.figure.get_supxlabel().replace("\n", " ")


def test_matrices_show_accuracies_of_learned_tasks_and_leave_blank_what_is_missing():
    results = synthetic()
    drawn = [axes for axes in figure_of.draw_matrices(results, OPTIONS).axes if axes.images]
    assert len(drawn) == len(EVERY)
    for axes in drawn:
        name = axes.get_title().replace("\n", " ")
        row = results.approach.values.tolist().index(name)
        values = 100 * results.accuracy.sel(data="test").isel(condition=row).mean("seed").values
        expected = np.where(np.tri(len(values), dtype=bool), values, np.nan)
        np.testing.assert_allclose(axes.images[0].get_array().filled(np.nan), expected)
        assert axes.images[0].get_clim() == (50, 100)


def test_both_files_are_written_with_few_methods_and_many_tasks(tmp_path):
    path = tmp_path / "m.nc"
    synthetic(EVERY[:2], preset="paper", seeds=1).to_netcdf(path)
    written = write(figure_of.FIGURES, figure_of.Options(path, tmp_path))
    assert [one.name for one in written[::2]] == ["m.pdf", "m_matrices.pdf", "m_memory.pdf"]


def test_another_dataset_is_refused():
    with pytest.raises(MissingError, match="this dataset has no stored"):
        figure_of.draw(synthetic().drop_vars("stored"), OPTIONS)


def test_a_network_smaller_than_one_has_its_place_on_the_axis():
    results = synthetic(EVERY[2:5])
    results["stored"] = results.stored * 0 + xr.DataArray([-4097.0, 0.0, 300.0], dims="condition")
    axes = figure_of.draw_memory(results, OPTIONS).axes[1]
    (points,) = [line.get_xdata() for line in axes.lines if line.get_linestyle() == "None"]
    assert axes.get_xlim()[0] < points.min() == -4097 < points.max() < axes.get_xlim()[1]


def test_published_numbers_stand_beside_comparable_networks_alone():
    def labels(preset):
        figure = figure_of.draw(synthetic(EVERY[:4], preset), OPTIONS)
        return " ".join(figure.axes[0].get_legend_handles_labels()[1])

    assert "published (5 tasks, 256 units, 20,000 steps)" in labels("quick")
    assert "published" not in labels("smoke")


def test_all_figures_draw_a_comparison_and_say_nothing_of_the_rest(tmp_path, monkeypatch, capsys):
    path = tmp_path / "m.nc"
    results = synthetic(EVERY[2:4])
    results.assign(importance=results.stored, components=results.stored).to_netcdf(path)  # as a real one has, too
    monkeypatch.setattr(sys, "argv", ["all", str(path), "--output", str(tmp_path)])
    runpy.run_path(str(Path(figure_of.__file__).with_name("all.py")))["main"]()
    printed = capsys.readouterr().out
    assert (tmp_path / "m_memory.png").exists()
    assert all(line.startswith("Wrote ") for line in printed.splitlines())
