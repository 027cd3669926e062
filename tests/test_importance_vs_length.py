"""The main job, from the command line to the figure."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import importance_vs_length as analysis
import numpy as np
import pytest
import xarray as xr
from length_study.conditions import Conditions, Factorial, Training, grid, in_law, task_of
from length_study.config import check, with_own_output
from length_study.labels import describe
from length_study.measure import measure
from length_study.report import report, table

from wmcl.sweeps import choose

ROOT = Path(__file__).parents[1]


def command(script, *arguments, **more):
    return subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, arguments)], text=True, capture_output=True, check=False, **more
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    output = tmp_path_factory.mktemp("smoke") / "result.nc"
    done = command("analyses/importance_vs_length.py", "--preset", "smoke", "--output", output)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(output) as dataset:
        return done, output, dataset.load()


def test_one_labelled_dataset(smoke):
    _, _, results = smoke
    assert results.importance.dims[:2] == ("condition", "seed")
    assert results.stage.values.tolist() == ["0.2", "0.1", "final"]
    assert results.sizes["condition"] == 6
    one = choose(results, pattern_length=2, input_length=4).isel(condition=0).sel(seed=1)
    assert (one.scored_bits, one["memory_load"], one.retention, one.steps) == (14, 14, 5, 7)
    assert one.importance.notnull().all()
    np.testing.assert_allclose(one.reuse.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(one.reuse_share[:7], one.reuse.sum("other_step")[:7], atol=1e-5)
    assert one.accuracy_by_step.sel(output_step=2).isnull().all()
    np.testing.assert_allclose(one.accuracy_by_step.mean("output_step"), one.accuracy)
    assert (
        one.validation_loss.sel(stage="0.1", side="after") <= 0.1 < one.validation_loss.sel(stage="0.1", side="before")
    ).all()
    assert (one.accuracy.sel(stage="final") > one.accuracy.sel(stage="0.2")).all()
    assert set(one.stop_reason.values.flatten()) <= set(results.stop_reason.attrs["flag_values"])


def test_every_variable_has_a_name_and_a_unit_and_the_file_tells_where_it_comes_from(smoke):
    _, _, results = smoke
    for name, variable in results.data_vars.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert results.attrs["command"].startswith("python ")
    assert json.loads(results.attrs["configuration"])["network"]["hidden"] == 64
    assert json.loads(results.attrs["versions"]).keys() >= {"python", "torch", "numpy", "wmcl"}
    assert results.attrs.keys() >= {"source_revision", "device", "created", "wall_seconds", "failed_entries"}
    assert results.attrs["wall_seconds"] > 0


def test_the_table_shows_every_condition(smoke):
    done, _, results = smoke
    assert report(results) in done.stdout
    rows = [line.split()[:4] for line in table(results).splitlines() if line[:4].strip().isdigit()]
    expected = ["2 2 0 7", "3 3 0 7", "2 3 0 7", "2 4 0 7", "2 2 3 7", "2 2 0 1"]
    assert [" ".join(row) for row in rows] == expected
    assert "Exploratory: fewer than 10 seeds" in done.stdout


def test_a_second_run_computes_nothing_and_gives_the_same(smoke):
    _, output, first = smoke
    done = command("analyses/importance_vs_length.py", "--preset", "smoke", "--output", output)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(output) as second:
        assert second.attrs["entries_computed"] == "0 of 12"
        xr.testing.assert_equal(second, first)


def test_an_ensemble_gives_the_same_as_single_networks(smoke):
    _, _, results = smoke
    config = analysis.PRESETS["smoke"]
    together = measure(config, "cpu", config.grid[2], [0, 1])
    alone = choose(results, **config.grid[2]).isel(condition=0)
    for name in ("importance", "loss", "distance_moved"):
        expected = alone[name].transpose(*together[name].dims)
        np.testing.assert_allclose(together[name].sel(stage="0.2"), expected.sel(stage="0.2"), rtol=1e-2)
    np.testing.assert_array_equal(
        together.iteration.sel(stage="0.2"), alone.iteration.sel(stage="0.2").transpose("seed", "side")
    )


def test_another_cell_gets_a_file_of_its_own_unless_one_is_named():
    for preset, config in analysis.PRESETS.items():
        other = replace(config, network=replace(config.network, cell="gru"))
        assert with_own_output(config).run.output == config.run.output
        assert with_own_output(other).run.output.name == config.run.output.name.replace(".nc", "_gru.nc"), preset
        named = replace(other, run=replace(other.run, output=Path("mine.nc")))
        assert with_own_output(named).run.output == Path("mine.nc")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_measure_takes_every_cell(cell):
    smoke = analysis.PRESETS["smoke"]
    config = replace(
        smoke,
        network=replace(smoke.network, cell=cell, hidden=32),
        training=replace(smoke.training, learning_rate=1e-2),
        stages=replace(smoke.stages, losses=(0.5,), final_loss=0.3),
    )
    found = measure(config, "cpu", config.grid[0], [0, 1])
    assert found.reached.all()
    importance = found.importance.sel(statistic="mean", per="scored bit", stage="0.5")
    assert (importance.sel(connection=["ih", "hh", "out"]) > 0).all()
    assert importance.sel(connection="ho").isnull().all()  # no output stage
    assert {"components", "bits_held", "reuse_share", "checked", "divergence"} <= set(found.data_vars)


def test_networks_that_miss_a_loss_are_censored_and_counted():
    config = analysis.PRESETS["smoke"]
    short = replace(config, stages=replace(config.stages, losses=(0.2, 1e-6), iterations=150))
    found = measure(short, "cpu", short.grid[0], [0, 1])
    assert found.reached.sel(stage="1e-06").values.tolist() == [0, 0]
    assert found.importance.sel(stage="1e-06").isnull().all()
    assert found.importance.sel(stage="final").notnull().all()
    assert found.bits_held.isnull().all()
    coordinates = {name: ("condition", [value]) for name, value in short.grid[0].items()}
    whole = describe(found.expand_dims("condition").assign_coords(coordinates), short)
    assert "0/2 no network reached this loss" in table(whole)
    assert "No verdict" in report(whole)


def test_help_shows_defaults_in_groups():
    done = command("analyses/importance_vs_length.py", "--help")
    words = " ".join(done.stdout.replace("│", " ").split())
    for text in (
        "(default: 2 5 10 15 20)",
        "--learning-rate",
        "0.001",
        "--device {auto,cpu,cuda}",
        "Measures",
        "Stages",
    ):
        assert text in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--padded", "3"), "pattern_length is 5 and input_length is 3"),
        (("--basic", "0"), "pattern_length is 0"),
        (("--batch", "0"), "batch is 0: it must be a whole number of at least 1"),
        (("--losses", "0.1", "-1"), "losses"),
        (("--seeds", "0"), "seeds is 0"),
        (("--hidden", "0"), "hidden is 0"),
        (("--preset", "huge"), "smoke"),
        (("--jobs", "0"), "jobs is 0"),
        (("--variance", "75"), "variance is 75"),
        (("--fisher-samples", "0"), "fisher_samples is 0"),
        (("--basic", "two"), "two"),
        (("--final-loss", "0.3"), "final_loss is 0.3: it must be positive and at most the lowest of losses, 0.05"),
        (("--final-loss", "0"), "final_loss is 0"),
        (("--losses", "nan"), "losses"),
        (("--orthogonality", "nan"), "orthogonality is nan"),
        (
            ("--basic", "--padded", "--equal-length-patterns", "--leads", "--bits"),
            "conditions and factorial are both empty",
        ),
        (("--bits", "8"), "independent_bits is 8"),
        (("--leads", "-1"), "lead is -1"),
        (("--reduction", "sequence"), "name it in reductions"),
        (("--exact-samples", "-1"), "exact_samples is -1: it must be at least 0"),
        (("--kinds",), "kinds is (): give at least one of empirical"),
        (("--output", "results"), "output is results: it must be the name of a file that ends in .nc"),
        (("--output", "README.md/x.nc"), "README.md/x.nc"),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(refusal, arguments, message):
    assert message in refusal(analysis.main, *arguments)


def test_presets_are_what_they_are_called():
    quick = analysis.PRESETS["quick"]
    names = ("pattern_length", "input_length", "lead", "independent_bits")
    found = [tuple(c[name] for name in names) for c in quick.grid]
    basic = [(p, p, 0, 7) for p in (2, 5, 10, 15, 20)]
    padded = [(5, i, 0, 7) for i in (10, 15, 20, 30)]
    controls = [(5, 25, 0, 7), (10, 20, 0, 7), (10, 10, 10, 7), (10, 10, 40, 7), (10, 10, 0, 1), (10, 10, 0, 3)]
    assert found == basic + padded + controls
    assert {task_of(c).memory_demand.steps for c in quick.grid if c["pattern_length"] + c["input_length"] == 30} == {31}
    assert (quick.network.hidden, quick.variants.initialisations, quick.conditions.seeds) == (256, ("orthogonal",), 5)
    assert quick.stages.losses == (0.2, 0.1, 0.05)
    for config in analysis.PRESETS.values():
        check(config)


def test_the_factorial_crosses_load_retention_and_lead():
    controls = analysis.PRESETS["controls"]
    crossed = grid(controls.conditions, replace(controls.factorial, checks=False), controls.variants)
    demands = [task_of(c).memory_demand for c in crossed]
    levels = {(d.load, d.retention, d.lead) for d in demands}
    assert len(crossed) == 2 * 27
    assert levels == {(b, r, lead) for b in (5, 15, 35) for r in (6, 11, 21) for lead in (0, 10, 40)}
    assert {d.scored_bits for d in demands} == {35}
    assert controls.conditions.seeds == 10
    law = [c for c in controls.grid if in_law(c, controls.factorial)]
    assert {tuple(c.items()) for c in law} == {tuple(c.items()) for c in crossed}
    assert all(in_law(c, Factorial()) for c in analysis.PRESETS["quick"].grid)


def test_checks_differ_from_the_factorial_in_one_thing():
    factorial = Factorial(pattern=2, input_lengths=(2, 4, 6), factorial_leads=(0, 3), factorial_bits=(2, 7))
    every = grid(Conditions((), 1, (), 1, (), 1, (), ()), factorial, Training())
    checks = every[12:]
    assert [c["lead"] for c in checks if c["lead_input"] == "random"] == [3]
    assert [c["independent_bits"] for c in checks if c["input_power"] == "bit"] == [2]
    assert [c["visible_bits"] for c in checks if c["visible_bits"]] == [4, 6]
    assert [c["pattern_length"] for c in checks if c["pattern_length"] != 2] == [4]
    assert {c["input_length"] for c in checks} == {4}


def test_cells_are_keyed_by_every_setting_that_their_numbers_depend_on(monkeypatch, tmp_path):
    seen = []

    def record(measure, conditions, seeds, *, configuration, **more):
        seen.append(configuration)
        raise InterruptedError

    monkeypatch.setattr(analysis.sweeps, "run", record)
    quick = analysis.PRESETS["quick"]
    changed = [
        quick,
        replace(quick, network=replace(quick.network, hidden=8)),
        replace(quick, training=replace(quick.training, batch=7)),
        replace(quick, stages=replace(quick.stages, final_loss=0.001)),
        replace(quick, measures=replace(quick.measures, fisher_samples=7)),
        replace(quick, measures=replace(quick.measures, kinds=("sampled",))),
    ]
    for config in changed:
        with pytest.raises(InterruptedError):
            analysis.run(config)
    assert all(configuration["device"] in ("cpu", "cuda") for configuration in seen)
    assert all(a != b for k, a in enumerate(seen) for b in seen[:k])
    jobs = replace(quick, run=replace(quick.run, jobs=1), conditions=replace(quick.conditions, seeds=1))
    with pytest.raises(InterruptedError):
        analysis.run(jobs)
    assert seen[-1] == seen[0]


def test_settings_reach_the_measures():
    """Details, decoders of independent bits alone, and a loss per sequence."""
    smoke = analysis.PRESETS["smoke"]
    small = replace(
        smoke,
        stages=replace(smoke.stages, losses=(0.6,), final_loss=0.5),
        measures=replace(smoke.measures, details=False, kinds=("SI task",), perturbed_samples=0),
    )
    one_bit = next(c for c in small.grid if c["independent_bits"] == 1)
    found = measure(small, "cpu", one_bit, [0])
    assert not {"reuse", "cumulative_variance", "divergence"} & set(found.data_vars)
    assert {"reuse_share", "components"} <= set(found.data_vars)
    assert float(found.bits_held.max()) <= 2 + 1e-9
    for reduction, ratio in (("scored bit", 1.0), ("sequence", 1 / 14)):
        loss = measure(small, "cpu", one_bit | {"reduction": reduction}, [0])
        mean = loss.importance.sel(stage="final", kind="SI task", connection="hh", statistic="mean", per="scored bit")
        damped = loss.damped.sel(stage="final", connection="hh", path="task", damping=1e-3)
        np.testing.assert_allclose(mean, damped * ratio, rtol=1e-9)
