"""What all studies of the package share, tried on each: presets, keys, the command line, labels and provenance."""

import json
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path

import benchmark_tasks
import pytest
import xarray as xr

from tests.studies import first_part, keys_of_part

COMMANDS = {
    "importance_vs_length": "length_study",
    "linear_rnn": "linear_study",
    "stability_plasticity": "front_study",
    "task_subspaces": "subspace_study",
    "method_comparison": "method_study",
    "importance_on_real_data": "real_data_study",
}
BENCHMARKS = {
    "method_comparison": ("copy", "smnist", "sequential_smnist", "audioset", "pos"),
    "importance_on_real_data": ("sequential_smnist", "audioset", "pos"),
}
"""the first one is the usual one"""
STUDIES = [(name, benchmark) for name in COMMANDS for benchmark in BENCHMARKS.get(name, (None,))]
DOES_NOT_MATTER = {"preset", "benchmark", "run"}
ONCE = pytest.mark.parametrize("name", COMMANDS)
EACH = pytest.mark.parametrize(("name", "benchmark"), STUDIES)


def study_of(name, benchmark=None):
    module = import_module(f"{COMMANDS[name]}.study")
    if name not in BENCHMARKS:
        return module.STUDY
    chosen = benchmark or BENCHMARKS[name][0]
    return module.study_of(benchmark_tasks.benchmark(chosen), chosen)


@EACH
def test_every_preset_makes_sense_and_has_a_file_of_its_own(name, benchmark):
    study = study_of(name, benchmark)
    assert {"smoke", "quick", "paper"} <= set(study.presets)
    for preset, config in study.presets.items():
        assert config.preset == preset
        try:
            study.check_options(config)
        except ValueError as error:
            assert "wmcl data download" in str(error)  # noqa: PT017 (data that are not on every machine)
    assert len({config.run.output for config in study.presets.values()}) == len(study.presets)


@ONCE
def test_a_study_from_its_command_line(name, smoke_of):
    smoke = smoke_of(name)
    report = study_of(name).report(smoke.results)
    assert report in smoke.printed
    assert smoke.output.with_suffix(".md").read_text() == f"{report}\n"
    attributes = smoke.results.attrs
    assert attributes["command"].startswith(f"python analyses/{name}.py --preset smoke")
    assert json.loads(attributes["configuration"])["preset"] == "smoke"
    assert json.loads(attributes["versions"]).keys() >= {"python", "torch", "numpy", "wmcl"}
    assert attributes.keys() >= {"source_revision", "device", "created", "wall_seconds", "failed_entries"}
    assert attributes["wall_seconds"] > 0
    for variable in smoke.results.variables:
        assert smoke.results[variable].attrs.get("long_name"), variable
        assert smoke.results[variable].attrs.get("units"), variable


@ONCE
def test_a_second_run_computes_nothing_and_gives_the_same(name, smoke_of):
    smoke = smoke_of(name)
    config = study_of(name).presets["smoke"]
    again = study_of(name).run(replace(config, run=replace(config.run, output=smoke.output)))
    for part in again.attrs["entries_computed"].split("; "):
        assert part.startswith("0 of ")
    xr.testing.assert_equal(again, smoke.results)


@ONCE
def test_a_word_that_is_not_allowed_and_a_number_out_of_range_are_refused(name, refusal):
    main = study_of(name).main
    assert "smoke" in refusal(main, "--preset", "huge")
    assert "seeds is 0: it must be at least 1" in refusal(main, "--seeds", "0")
    assert "hidden is 0" in refusal(main, "--hidden", "0")
    assert "output is results: it must be the name of a file that ends in .nc" in refusal(main, "--output", "results")


@ONCE
def test_help_shows_the_question_and_defaults_in_groups(name, monkeypatch, capsys):
    study = study_of(name)
    monkeypatch.setattr("sys.argv", ["study", "--help"])
    with pytest.raises(SystemExit):
        study.main()
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert " ".join(study.about.split(".")[0].split())[:60] in shown
    assert "--device {auto,cpu,cuda}" in shown
    assert f"(default: {study.presets['quick'].run.output})" in shown


def leaves(options, path=()):
    """Every option with its place."""
    for each in fields(options):
        value = getattr(options, each.name)
        if is_dataclass(value):
            yield from leaves(value, (*path, each.name))
        else:
            yield (*path, each.name), value


def changed(options, path, value):
    name, *rest = path
    return replace(options, **{name: changed(getattr(options, name), rest, value) if rest else value})


def keys_of(study, config):
    """What the entries of the first part depend on, by condition."""
    return keys_of_part(first_part(study, config))


@EACH
def test_how_many_networks_and_how_they_are_run_does_not_matter_to_an_entry(name, benchmark):
    study = study_of(name, benchmark)
    config = study.presets["smoke"]
    expected = keys_of(study, config)
    other = replace(config, run=replace(config.run, jobs=7, members=3, output=Path("results/other.nc")))
    assert keys_of(study, other) == expected
    (path,) = [path for path, _ in leaves(config) if path[-1] == "seeds"]
    assert keys_of(study, changed(config, path, 99)) == expected


@EACH
def test_every_number_that_a_measure_is_given_matters(name, benchmark):
    """A changed number either changes what the entries depend on, or which conditions there are."""
    study = study_of(name, benchmark)
    config = study.presets["smoke"]
    before, silent = keys_of(study, config), []
    for path, value in leaves(config):
        if (
            path[0] in DOES_NOT_MATTER
            or path[-1] == "seeds"
            or isinstance(value, bool)
            or not isinstance(value, (int, float))
        ):
            continue
        try:
            after = keys_of(study, changed(config, path, value + 1 if isinstance(value, int) else value / 2 + 1e-3))
        except ValueError:
            continue  # refused
        if after == before:
            silent.append(path[-1])
    assert set(silent) <= SECOND_PART.get(name, set())


SECOND_PART = {
    "method_comparison": {"search_seeds"},
    "importance_on_real_data": {
        "tasks",
        "turn_iterations",
        "state_samples",
        "fisher_samples",
        "shared_components",
        "main_loss",
    },
    "linear_rnn": {
        "teacher_units",
        "teacher_channels",
        "shown_steps",
        "delay",
        "scored_steps",
        "elman_learning_rate",
        "elman_validate_every",
    },
    "importance_vs_length": {"padded_pattern", "pattern"},
    "stability_plasticity": {"search_seeds", "factor", "speed_criterion", "importance_samples", "fraction_off"},
}
"""numbers that concern another part of a study, its report alone, or conditions that the preset has none of"""
