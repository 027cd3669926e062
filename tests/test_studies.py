"""What all studies of the package share, tried on each: presets, keys, the command line, labels and provenance."""

import json
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path

import pytest
import xarray as xr

from tests.studies import first_part
from wmcl.sweeps.identity import described, identity

ROOT = Path(__file__).parents[1]
STUDIES = {
    "importance_vs_length": "length_study.study",
    "linear_rnn": "linear_study.study",
}
DOES_NOT_MATTER = {"preset", "run"}


def study_of(name):
    return import_module(STUDIES[name]).STUDY


@pytest.mark.parametrize("name", STUDIES)
def test_every_preset_makes_sense_and_has_a_file_of_its_own(name):
    study = study_of(name)
    assert {"smoke", "quick", "paper"} <= set(study.presets)
    for preset, config in study.presets.items():
        assert config.preset == preset
        study.check_options(config)
    assert len({config.run.output for config in study.presets.values()}) == len(study.presets)


@pytest.mark.parametrize("name", STUDIES)
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


@pytest.mark.parametrize("name", STUDIES)
def test_a_second_run_computes_nothing_and_gives_the_same(name, smoke_of):
    smoke = smoke_of(name)
    config = study_of(name).presets["smoke"]
    again = study_of(name).run(replace(config, run=replace(config.run, output=smoke.output)))
    for part in again.attrs["entries_computed"].split("; "):
        assert part.startswith("0 of ")
    xr.testing.assert_equal(again, smoke.results)


@pytest.mark.parametrize("name", STUDIES)
def test_a_word_that_is_not_allowed_and_a_number_out_of_range_are_refused(name, refusal):
    main = study_of(name).main
    assert "smoke" in refusal(main, "--preset", "huge")
    assert "seeds is 0: it must be at least 1" in refusal(main, "--seeds", "0")
    assert "hidden is 0" in refusal(main, "--hidden", "0")
    assert "output is results: it must be the name of a file that ends in .nc" in refusal(main, "--output", "results")


@pytest.mark.parametrize("name", STUDIES)
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
    part = first_part(study, config)
    common = identity(part.measure)
    own = [{} if part.given is None else part.given(condition) for condition in part.conditions]
    return {
        str(condition): json.dumps([common, described(given, "given")])
        for condition, given in zip(part.conditions, own, strict=True)
    }


@pytest.mark.parametrize("name", STUDIES)
def test_how_many_networks_and_how_they_are_run_does_not_matter_to_an_entry(name):
    study = study_of(name)
    config = study.presets["smoke"]
    expected = keys_of(study, config)
    other = replace(config, run=replace(config.run, jobs=7, members=3, output=Path("results/other.nc")))
    assert keys_of(study, other) == expected
    (path,) = [path for path, _ in leaves(config) if path[-1] == "seeds"]
    assert keys_of(study, changed(config, path, 99)) == expected


@pytest.mark.parametrize("name", STUDIES)
def test_every_number_that_a_measure_is_given_matters(name):
    """A changed number either changes what the entries depend on, or which conditions there are."""
    study = study_of(name)
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
    "linear_rnn": {"teacher_units", "teacher_channels", "shown_steps", "delay", "scored_steps"},
    "importance_vs_length": {"padded_pattern", "pattern"},
}
"""numbers that concern other parts of a study, or conditions that the preset has none of"""
