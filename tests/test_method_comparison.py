"""The comparison of methods: settings, search, a small run from end to end, its table and its figure."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import method_comparison as analysis
import numpy as np
import pytest
import xarray as xr
from method_study import config as configuration
from method_study import measure as cells
from method_study import search
from method_study.chosen import add_chosen, read_chosen
from method_study.config import PRESETS, check, network_of, rows, tasks_of, tasks_of_row
from method_study.report import report
from method_study.settings import GRIDS, PUBLISHED_HYPERPARAMETERS, STARTING_VALUES, Settings, published_settings

from figures import method_comparison as figure_of
from tests.method_results import EVERY, synthetic
from wmcl.methods import CATALOGUE, Method
from wmcl.plotting import MissingError, house_style, write
from wmcl.published import published_copy_runs
from wmcl.statistics import mean_interval
from wmcl.tasks import copy_task_sequence
from wmcl.training import Reason

SMOKE = PRESETS["smoke"]


def small(tmp_path, methods=("multitask", "from scratch", "fine-tuning"), iterations=8, **selection):
    chosen = selection.pop("chosen", tmp_path / "chosen.json")
    return replace(
        SMOKE,
        comparison=replace(SMOKE.comparison, methods=tuple(methods), iterations=iterations),
        selection=replace(SMOKE.selection, chosen=chosen, **selection),
        run=replace(SMOKE.run, output=tmp_path / "small.nc", jobs=1, device="cpu"),
    )


# settings


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_sense_with_the_catalogue_as_it_is(preset):
    check(PRESETS[preset])
    assert {settings.method for settings in rows(PRESETS[preset]).values()} <= set(CATALOGUE)


def test_quick_has_all_methods_and_the_published_presets_those_that_were_published():
    assert {settings.method for settings in rows(PRESETS["quick"]).values()} == set(CATALOGUE)
    assert rows(PRESETS["paper"]).keys() == PUBLISHED_HYPERPARAMETERS.keys()


def test_a_method_that_appears_later_needs_no_code(monkeypatch):
    def late(strength: float = 1.0) -> Method:
        return Method()

    more = MappingProxyType({**CATALOGUE, "late": late})
    monkeypatch.setattr(configuration, "CATALOGUE", more)
    monkeypatch.setattr("wmcl.methods.catalogue.CATALOGUE", more)
    check(SMOKE)
    assert rows(SMOKE)["late"].method == "late"


THEIR_NAMES = {
    "online EWC + task identity": {"strength": "ewc_lambda", "samples": "n_fisher"},
    "online EWC": {"decay": "ewc_gamma"},
    "HNET (chunked)": {
        "hidden": "nh_hmlp_arch",
        "task_embedding": "nh_cond_emb_size",
        "chunk_embedding": "nh_chunk_emb_size",
        "task_std": "std_normal_temb",
        "chunk_std": "std_normal_emb",
    },
    "generative replay": {
        "distillation_strength": "replay_distill_reg",
        "kl_strength": "replay_pm_strength",
        "reconstruction_strength": "replay_rec_strength",
        "latent": "latent_dim",
        "decoder_cell": "dec_srnn_rec_type",
        "decoder_hidden": "dec_srnn_rec_layers",
    },
}
"""names of hyperparameters in the options of the paper's code"""


def test_published_settings_are_those_of_the_published_runs():
    found, runs = published_settings(), {run.method: run for run in reversed(published_copy_runs("permuted copy"))}
    for name, settings in found.items():
        run = runs[name]
        own = (settings.batch, settings.iterations, settings.learning_rate, settings.clip, settings.orthogonality)
        assert own == (run.batch, run.iterations, run.learning_rate, run.clip, run.orthogonality)
        assert (settings.initialisation, settings.multi_head) == (run.initialisation, run.multi_head)
        assert settings.reduction == "reference"
        assert settings.task_identity == (name == "online EWC + task identity")
        names = {
            "online EWC": "ewc_lambda",
            "online EWC + task identity": "ewc_lambda",
            "SI": "si_lambda",
            "HNET (chunked)": "beta",
            "coresets": "replay_distill_reg",
        }
        if name in names:
            assert settings.hyperparameters["strength"] == float(run.options[names[name]])
    assert found["masking + SI"].hyperparameters["strength"] == 1.0  # the default of their command line
    assert found["coresets"].hyperparameters["samples"] == int(runs["coresets"].options["coreset_size"])
    assert found["HNET (chunked)"].hyperparameters["chunk"] == int(
        runs["HNET (chunked)"].options["nh_chmlp_chunk_size"]
    )
    for name, options in THEIR_NAMES.items():
        for own, theirs in options.items():
            value = found[name].hyperparameters[own]
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            assert runs[name].options[theirs] in (text, f"{value:g}" if isinstance(value, float) else text), own


def test_paper_takes_the_tasks_of_the_papers_code():
    theirs = copy_task_sequence(5, 5, order="permuted time", seed=42, task_draws="reference")
    ours = tasks_of(PRESETS["paper"])
    assert [task.name for task in ours] == [task.name for task in theirs]
    for own, other in zip(ours, theirs, strict=True):
        assert (own.batch([0], 0, 4).targets == other.batch([0], 0, 4).targets).all()
    comparison = PRESETS["paper"].comparison
    assert (comparison.tasks, comparison.seeds, comparison.iterations) == (5, 10, None)
    assert {settings.iterations for settings in published_settings().values()} == {20_000, 10_000}
    reduced = PRESETS["published"].comparison
    assert (reduced.tasks, reduced.seeds, reduced.iterations) == (5, 3, 2000)


def test_heads_are_as_the_settings_say():
    task = tasks_of(SMOKE)[0]
    assert network_of(SMOKE, Settings("fine-tuning"), task).heads == 2
    assert network_of(SMOKE, Settings("from scratch", multi_head=False), task).heads == 1


def test_inputs_tell_the_task_where_the_settings_say_so():
    tasks = tasks_of_row(SMOKE, Settings("online EWC", task_identity=True))
    for number, (own, plain) in enumerate(zip(tasks, tasks_of(SMOKE), strict=True)):
        told = own.batch([0], 0, 4).inputs
        assert (told[..., :-2] == plain.batch([0], 0, 4).inputs).all()
        assert (told[..., -2 + number] == 1).all()


def test_values_change_training_or_hyperparameters():
    changed = Settings("SI", {"strength": 1.0, "kind": "task"}).changed({"strength": 3.0, "learning_rate": 0.01})
    assert changed == Settings("SI", {"strength": 3.0, "kind": "task"}, learning_rate=0.01)


def test_grids_are_of_known_rows():
    assert GRIDS.keys() <= {*EVERY, *STARTING_VALUES}
    assert all(values for grid in GRIDS.values() for values in grid.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "fine tuning"), "methods has 'fine tuning', which is unknown: it must be of multitask"),
        (("--methods", "fine-tuning", "fine-tuning"), "each may occur once"),
        (("--benchmark", "audio"), "audio"),
        (("--preset", "huge"), "huge"),
        (("--seeds", "0"), "seeds is 0: it must be at least 1"),
        (("--tasks", "0"), "tasks is 0"),
        (("--iterations", "-1"), "iterations is -1"),
        (("--hidden", "0"), "hidden is 0"),
        (("--jobs", "0"), "jobs is 0"),
        (("--pattern-length", "0"), "pattern_length is 0"),
        (("--data", "test", "test"), "data is"),
        (("--preset", "paper", "--search"), "search is on with the preset 'paper'"),
        (("--search", "--chosen", "None"), "chosen is None"),
        (("--output", "results"), "output is results: it must be the name of a file that ends in .nc"),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(refusal, arguments, message):
    assert message in refusal(analysis.main, *arguments)


@pytest.mark.parametrize(("name", "value"), [("benchmark", "audio"), ("preset", "huge")])
def test_unknown_names_are_refused_in_python_too(name, value):
    config = replace(SMOKE)
    object.__setattr__(config, name, value)
    with pytest.raises(ValueError, match=f"{name} is '{value}': it must be one of"):
        check(config)


def test_settings_that_a_method_does_not_take_are_refused_by_name(tmp_path):
    path = tmp_path / "chosen.json"
    add_chosen(path, {"fine-tuning": {"chosen": {"strength": 1.0}}})
    with pytest.raises(ValueError, match="settings of 'fine-tuning': strength is no hyperparameter"):
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
    labels = {"method": ("condition", ["SI"] * len(both)), "data": ["validation", "test"]}
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

    def measured(config, measures, table, device, condition, seeds):
        settings = table[tuple(condition.values())]
        seen.append((measures.data, tuple(seeds)))
        strength = settings.hyperparameters["strength"]
        each = {"validation": 0.9 - 0.01 * abs(strength - 1), "test": 0.9 - 0.01 * abs(strength - 10)}
        values = np.array([each[data] for data in measures.data])
        dims = ("seed", "trained_task", "evaluated_task", "data")
        array = np.broadcast_to(values, (len(seeds), 2, 2, len(values)))
        return xr.Dataset(
            {"accuracy": (dims, array), "loss": (dims, 1 - array), "reason": ("seed", np.zeros(len(seeds)))},
            {"seed": list(seeds), "trained_task": [0, 1], "evaluated_task": [0, 1], "data": list(measures.data)},
        )

    more = MappingProxyType({**CATALOGUE, "made up": made_up})
    for place in (configuration, sys.modules["wmcl.methods.catalogue"]):
        monkeypatch.setattr(place, "CATALOGUE", more)
    monkeypatch.setattr(search, "GRIDS", {"made up": {"strength": (0.1, 1.0, 10.0)}})
    monkeypatch.setattr(analysis, "measure", measured)
    config = small(tmp_path, ["made up"], search=True, search_seeds=2)
    check(config)
    table = analysis.search(config)
    assert seen == [(("validation",), (seed,)) for _ in range(3) for seed in (1000, 1001)]
    entry = json.loads(config.selection.chosen.read_text())["made up"]
    assert entry["chosen"] == {"strength": 1.0}
    assert [one["final_accuracy"] for one in entry["validation"]] == pytest.approx([0.891, 0.9, 0.81])
    assert entry["seeds"] == [1000, 1001]
    assert entry.keys() >= {"rule", "command", "source_revision", "created", "design", "settings"}
    assert rows(replace(config, selection=replace(config.selection, search=False)))["made up"].hyperparameters == {
        "strength": 1.0
    }
    assert "| made up | strength 1 | 90.00 | 0.1000 | 90.00 | chosen |" in table


def test_a_search_does_not_draw_the_test_set(tmp_path, monkeypatch):
    def unseen(task):
        raise AssertionError("somebody looks at the test set")

    monkeypatch.setattr("wmcl.tasks.Task.test", property(unseen))
    monkeypatch.setattr(search, "GRIDS", {"fine-tuning": {"learning_rate": (1e-3, 1e-2)}})
    config = small(tmp_path, ["fine-tuning"], search=True)
    analysis.search(config)
    with xr.open_dataset(tmp_path / "small.search.nc") as found:
        assert found.data.values.tolist() == ["validation"]
        assert found.seed.values.tolist() == [1000]
        assert found.sizes["condition"] == 2
    with pytest.raises(AssertionError, match="somebody looks"):
        analysis.compare(small(tmp_path, ["fine-tuning"], chosen=None))


# from end to end


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    config = small(tmp_path_factory.mktemp("small"))
    return config, analysis.compare(config)


def test_one_labelled_dataset(compared):
    config, results = compared
    assert results.accuracy.dims == ("condition", "seed", "trained_task", "evaluated_task", "data")
    assert results.method.values.tolist() == ["multitask", "from scratch", "fine-tuning"]
    assert {"seed": 2, "trained_task": 2, "data": 2}.items() <= results.sizes.items()
    assert (results.during.isel(condition=2).notnull()).all()
    assert (results.intransigence.isel(condition=1) == 0).all()
    for name, variable in results.data_vars.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert json.loads(results.attrs["configuration"])["comparison"]["iterations"] == 8
    assert json.loads(results.settings.values[2])["iterations"] == 8
    assert results.iterations.isel(condition=0, trained_task=1).values.tolist() == [16, 16]
    assert config.run.output.with_suffix(".md").read_text() == report(results) + "\n"


def test_a_change_of_one_method_concerns_its_cells_alone(compared, monkeypatch):
    config, _ = compared
    changed = {"fine-tuning": Settings("fine-tuning", learning_rate=0.01)}
    monkeypatch.setattr(configuration, "STARTING_VALUES", changed)
    assert analysis.compare(config).attrs["cells_computed"] == "2 of 6"


def test_an_ensemble_gives_the_same_as_single_networks(compared):
    config, results = compared
    table = {(name,): settings for name, settings in rows(config).items()}
    together = cells.measure(config, config.measures, table, "cpu", {"method": "fine-tuning"}, [0, 1])
    alone = results.isel(condition=2)
    np.testing.assert_allclose(together.loss, alone.loss.transpose(*together.loss.dims), rtol=1e-4)


def test_the_command_line_and_its_help(compared, monkeypatch, capsys):
    """The same comparison by its command line computes nothing and gives the same."""
    config, results = compared
    words = ["--preset", "smoke", "--output", config.run.output, "--chosen", config.selection.chosen, "--jobs", "1"]
    words += ["--iterations", "8", "--methods", *results.method.values.tolist()]
    monkeypatch.setattr(sys, "argv", ["analysis", *map(str, words)])
    analysis.main()
    printed = capsys.readouterr().out
    assert "| fine-tuning | 2 |" in printed
    assert f"Wrote {config.run.output}" in printed
    with xr.open_dataset(config.run.output) as second:
        assert second.attrs["cells_computed"] == "0 of 6"
        xr.testing.assert_equal(second.load(), results)
    monkeypatch.setattr(sys, "argv", ["analysis", "--help"])
    with pytest.raises(SystemExit):
        analysis.main()
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for part in (
        "--benchmark {copy}",
        "--methods",
        "--search",
        "the Permuted Copy Task",
        "What is compared",
        "--cluster",
    ):
        assert part in text


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
        assert cell == f"{float(one['mean']):.2f} [{float(one.low):.2f}, {float(one.high):.2f}]"
    assert cells_of_row[8:10] == [f"{int(at.stored[0, -1]):,}", "17.0"]
    assert row_of(text, "multitask")[2] == "–"
    assert row_of(text, "SI")[10:] == ["98.70", "–", "94.50", "–"]
    assert "Settings here are not the published ones" in text


def test_differences_are_taken_where_the_settings_are_the_published_ones():
    results = synthetic(preset="published")
    text = report(results)
    at = results.sel(data="test").isel(condition=EVERY.index("SI"))
    assert row_of(text, "SI")[11] == f"{100 * float(at.during.mean()) - 98.7:+.2f}"
    assert row_of(text, "SI")[13] == f"{100 * float(at.final.mean()) - 94.5:+.2f}"
    assert row_of(text, "MAS")[10:] == ["–"] * 4
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
    assert "non-finite" not in report(results)
    results.reason[EVERY.index("EWC"), :2, 1] = results.reason[EVERY.index("SI"), 0, :] = float(Reason.nonfinite)
    results.reason[EVERY.index("MAS")] = float(Reason.loss)
    (line,) = (line for line in report(results).splitlines() if "non-finite" in line)
    assert line.endswith("in all numbers: EWC (2 of 3 networks), SI (1 of 3 networks).")


def test_other_tasks_are_no_published_settings():
    paper = PRESETS["paper"]
    assert paper.uses_published_settings
    assert replace(paper, comparison=replace(paper.comparison, seeds=2, iterations=10)).uses_published_settings
    assert not replace(paper, comparison=replace(paper.comparison, tasks=3)).uses_published_settings
    assert not replace(paper, network=replace(paper.network, hidden=8)).uses_published_settings
    chosen = replace(paper.selection, chosen=Path("chosen.json"))
    assert not replace(paper, selection=chosen).uses_published_settings
    assert not PRESETS["quick"].uses_published_settings


# figure


@pytest.fixture
def drawn():
    with house_style():
        results = synthetic()
        yield results, figure_of.draw(results, figure_of.Options(Path("synthetic.nc")))


def test_bars_and_points_are_the_numbers_of_the_dataset(drawn):
    results, figure = drawn
    at = results.sel(data="test")
    bars, prices = figure.axes[-2:] if figure.axes[-1].get_ylabel().startswith("forgetting") else (None, None)
    widths = [patch.get_width() + 50 for patch in bars.patches]
    expected = np.concatenate([100 * at[name].mean("seed").values for name in ("during", "final")])
    np.testing.assert_allclose(widths, expected)
    published = [line for line in bars.lines if "published" in str(line.get_label())]
    np.testing.assert_allclose(published[1].get_xdata(), 100 * at.published_final.values)
    points = prices.containers[0][0].get_xydata()
    known = at.forgetting.notnull().all("seed").values
    np.testing.assert_allclose(points[:, 0], at.stored.isel(seed=0, trained_task=-1).values[known])
    np.testing.assert_allclose(points[:, 1], 100 * at.forgetting.mean("seed").values[known])
    assert prices.get_xlim()[0] < 0 < prices.get_xlim()[1]
    assert "without forgetting to show: 1" in prices.get_title()
    assert "n = 3" in bars.get_xlabel()


def test_matrices_show_accuracies_and_leave_blank_what_is_missing(drawn):
    results, figure = drawn
    images = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(images) == len(EVERY)
    mean = 100 * results.accuracy.sel(data="test").mean("seed").values
    for image, values in zip(images, mean, strict=True):
        np.testing.assert_allclose(image.filled(np.nan), values)


def test_both_files_are_written_with_few_methods_and_many_tasks(tmp_path):
    path = tmp_path / "m.nc"
    synthetic(EVERY[:2], preset="paper", seeds=1).to_netcdf(path)
    written = write(figure_of.draw, figure_of.Options(path, tmp_path), figure_of.SUFFIX)
    assert [one.name for one in written] == ["m.pdf", "m.png"]


def test_another_dataset_is_refused(drawn):
    results, _ = drawn
    with pytest.raises(MissingError, match="this dataset has no stored"):
        figure_of.draw(results.drop_vars("stored"), figure_of.Options(Path("synthetic.nc")))


def test_a_network_smaller_than_one_has_its_place_on_the_axis(tmp_path):
    results = synthetic(EVERY[2:5])
    results["stored"] = results.stored * 0 + xr.DataArray([-4097.0, 0.0, 300.0], dims="condition")
    axes = figure_of.draw(results, figure_of.Options(tmp_path / "m.nc")).axes[-1]
    points = axes.containers[0][0].get_xydata()[:, 0]
    assert axes.get_xlim()[0] < points.min() == -4097 < points.max() < axes.get_xlim()[1]


def test_published_numbers_stand_beside_comparable_networks_alone(tmp_path):
    def labels(preset):
        figure = figure_of.draw(synthetic(EVERY[:4], preset), figure_of.Options(tmp_path / "m.nc"))
        return " ".join(figure.axes[-2].get_legend_handles_labels()[1])

    assert "published (5 tasks, 20,000 steps each)" in labels("quick")
    assert "published" not in labels("smoke")


def test_all_figures_say_what_a_comparison_lacks(tmp_path, monkeypatch, capsys):
    path = tmp_path / "m.nc"
    results = synthetic(EVERY[2:4])
    results.assign(importance=results.stored, components=results.stored).to_netcdf(path)  # as a real one has, too
    monkeypatch.setattr(sys, "argv", ["all", str(path), "--output", str(tmp_path)])
    runpy.run_path(str(Path(figure_of.__file__).with_name("all.py")))["main"]()
    printed = capsys.readouterr().out
    assert (tmp_path / "m.png").exists()
    assert "No importance_law: this dataset has no initialisation" in printed
