"""The main job, from the command line to the figure."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from length_study.conditions import Conditions, Factorial, Training, grid, in_law, task_of
from length_study.design import PRESETS, with_own_output
from length_study.report import report, table
from length_study.study import STUDY, results

from tests.studies import measure_of
from wmcl.sweeps import choose


@pytest.fixture(scope="module")
def smoke(smoke_of):
    return smoke_of("importance_vs_length")


def test_one_labelled_dataset(smoke):
    results = smoke.results
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


def test_the_table_shows_every_condition(smoke):
    rows = [line.strip("| ").split(" | ")[:4] for line in table(smoke.results).splitlines()]
    shown = [row for row in rows if row[0].isdigit()]
    expected = ["2 2 0 7", "3 3 0 7", "2 3 0 7", "2 4 0 7", "2 2 3 7", "2 2 0 1"]
    assert [" ".join(row) for row in shown] == expected
    assert "Exploratory: fewer than 10 seeds" in smoke.printed


def test_an_ensemble_gives_the_same_as_single_networks(smoke):
    config = PRESETS["smoke"]
    together = measure_of(STUDY, config)(config.grid[2], [0, 1])
    alone = choose(smoke.results, **config.grid[2]).isel(condition=0)
    for name in ("importance", "loss", "distance_moved"):
        expected = alone[name].transpose(*together[name].dims)
        np.testing.assert_allclose(together[name].sel(stage="0.2"), expected.sel(stage="0.2"), rtol=1e-2)
    np.testing.assert_array_equal(
        together.iteration.sel(stage="0.2"), alone.iteration.sel(stage="0.2").transpose("seed", "side")
    )


def test_another_cell_gets_a_file_of_its_own_unless_one_is_named():
    for preset, config in PRESETS.items():
        other = replace(config, network=replace(config.network, cell="gru"))
        assert with_own_output(config).run.output == config.run.output
        assert with_own_output(other).run.output.name == config.run.output.name.replace(".nc", "_gru.nc"), preset
        named = replace(other, run=replace(other.run, output=Path("mine.nc")))
        assert with_own_output(named).run.output == Path("mine.nc")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_measure_takes_every_cell(cell):
    smoke = PRESETS["smoke"]
    config = replace(
        smoke,
        network=replace(smoke.network, cell=cell, hidden=32),
        training=replace(smoke.training, learning_rate=1e-2),
        stages=replace(smoke.stages, losses=(0.5,), final_loss=0.3),
    )
    found = measure_of(STUDY, config)(config.grid[0], [0, 1])
    assert found.reached.all()
    importance = found.importance.sel(statistic="mean", per="scored bit", stage="0.5")
    assert (importance.sel(connection=["ih", "hh", "out"]) > 0).all()
    assert importance.sel(connection="ho").isnull().all()  # no output stage
    assert {"components", "bits_held", "reuse_share", "checked", "divergence"} <= set(found.data_vars)


def test_networks_that_miss_a_loss_are_censored_and_counted():
    config = PRESETS["smoke"]
    short = replace(config, stages=replace(config.stages, losses=(0.2, 1e-6), iterations=150))
    found = measure_of(STUDY, short)(short.grid[0], [0, 1])
    assert found.reached.sel(stage="1e-06").values.tolist() == [0, 0]
    assert found.importance.sel(stage="1e-06").isnull().all()
    assert found.importance.sel(stage="final").notnull().all()
    assert found.bits_held.isnull().all()
    whole = results(replace(short, conditions=replace(short.conditions, seeds=2)), lambda part: of_one(found, short))
    assert "| 0 of 2 |" in table(whole)
    assert "No verdict" in report(whole)


def of_one(found, config):
    """As a sweep of the first condition gives it."""
    coordinates = {name: ("condition", [value]) for name, value in config.grid[0].items()}
    return found.expand_dims("condition").assign_coords(coordinates)


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
        (("--kinds",), "kinds is (): give at least one"),
        (("--output", "results"), "output is results: it must be the name of a file that ends in .nc"),
        (("--output", "README.md/x.nc"), "README.md/x.nc"),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(refusal, arguments, message):
    assert message in refusal(STUDY.main, *arguments)


def test_presets_are_what_they_are_called():
    quick = PRESETS["quick"]
    names = ("pattern_length", "input_length", "lead", "independent_bits")
    found = [tuple(c[name] for name in names) for c in quick.grid]
    basic = [(p, p, 0, 7) for p in (2, 5, 10, 15, 20)]
    padded = [(5, i, 0, 7) for i in (10, 15, 20, 30)]
    controls = [(5, 25, 0, 7), (10, 20, 0, 7), (10, 10, 10, 7), (10, 10, 40, 7), (10, 10, 0, 1), (10, 10, 0, 3)]
    assert found == basic + padded + controls
    assert {task_of(c).memory_demand.steps for c in quick.grid if c["pattern_length"] + c["input_length"] == 30} == {31}
    assert (quick.network.hidden, quick.variants.initialisations, quick.conditions.seeds) == (256, ("orthogonal",), 5)
    assert quick.stages.losses == (0.2, 0.1, 0.05)


def test_the_factorial_crosses_load_retention_and_lead():
    controls = PRESETS["controls"]
    crossed = grid(controls.conditions, replace(controls.factorial, checks=False), controls.variants)
    demands = [task_of(c).memory_demand for c in crossed]
    levels = {(d.load, d.retention, d.lead) for d in demands}
    assert len(crossed) == 2 * 27
    assert levels == {(b, r, lead) for b in (5, 15, 35) for r in (6, 11, 21) for lead in (0, 10, 40)}
    assert {d.scored_bits for d in demands} == {35}
    assert controls.conditions.seeds == 10
    law = [c for c in controls.grid if in_law(c, controls.factorial)]
    assert {tuple(c.items()) for c in law} == {tuple(c.items()) for c in crossed}
    assert all(in_law(c, Factorial()) for c in PRESETS["quick"].grid)


def test_checks_differ_from_the_factorial_in_one_thing():
    factorial = Factorial(pattern=2, input_lengths=(2, 4, 6), factorial_leads=(0, 3), factorial_bits=(2, 7))
    every = grid(Conditions((), 1, (), 1, (), 1, (), ()), factorial, Training())
    checks = every[12:]
    assert [c["lead"] for c in checks if c["lead_input"] == "random"] == [3]
    assert [c["independent_bits"] for c in checks if c["input_power"] == "bit"] == [2]
    assert [c["visible_bits"] for c in checks if c["visible_bits"]] == [4, 6]
    assert [c["pattern_length"] for c in checks if c["pattern_length"] != 2] == [4]
    assert {c["input_length"] for c in checks} == {4}


def test_settings_reach_the_measures():
    """Details, decoders of independent bits alone, and a loss per sequence."""
    smoke = PRESETS["smoke"]
    small = replace(
        smoke,
        stages=replace(smoke.stages, losses=(0.6,), final_loss=0.5),
        measures=replace(smoke.measures, details=False, kinds=("SI task",), perturbed_samples=0),
    )
    one_bit = next(c for c in small.grid if c["independent_bits"] == 1)
    found = measure_of(STUDY, small)(one_bit, [0])
    assert not {"reuse", "cumulative_variance", "divergence"} & set(found.data_vars)
    assert {"reuse_share", "components"} <= set(found.data_vars)
    assert float(found.bits_held.max()) <= 2 + 1e-9
    for reduction, ratio in (("scored bit", 1.0), ("sequence", 1 / 14)):
        loss = measure_of(STUDY, small)(one_bit | {"reduction": reduction}, [0])
        mean = loss.importance.sel(stage="final", kind="SI task", connection="hh", statistic="mean", per="scored bit")
        damped = loss.damped.sel(stage="final", connection="hh", path="task", damping=1e-3)
        np.testing.assert_allclose(mean, damped * ratio, rtol=1e-9)
