"""The main job, from the command line to the figure."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from analyses import importance_vs_length as analysis

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
    assert results.importance.dims[:3] == ("pattern_length", "input_length", "seed")
    assert results.stage.values.tolist() == ["0.2", "0.1", "final"]
    assert results.scored_bits.notnull().sum() == 4 * 2
    one = results.sel(pattern_length=2, input_length=4, seed=1)
    assert one.scored_bits == 14
    assert one.importance.notnull().all()
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
    assert results.attrs.keys() >= {"source_revision", "device", "created", "wall_seconds", "failed_cells"}
    assert results.attrs["wall_seconds"] > 0


def test_the_table_shows_every_condition(smoke):
    done, _, results = smoke
    assert analysis.table(results) in done.stdout
    rows = [line.split()[:2] for line in done.stdout.splitlines() if line[:4].strip().isdigit()]
    assert rows == [["2", "2"], ["2", "3"], ["2", "4"], ["3", "3"]]


def test_a_second_run_computes_nothing_and_gives_the_same(smoke):
    _, output, first = smoke
    done = command("analyses/importance_vs_length.py", "--preset", "smoke", "--output", output)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(output) as second:
        assert second.attrs["cells_computed"] == "0 of 8"
        xr.testing.assert_equal(second, first)


def test_an_ensemble_gives_the_same_as_single_networks(smoke):
    _, _, results = smoke
    config = analysis.PRESETS["smoke"]
    together = analysis.measure(config, "cpu", {"pattern_length": 2, "input_length": 3}, [0, 1])
    alone = results.sel(pattern_length=2, input_length=3)
    for name in ("importance", "loss", "distance_moved"):
        expected = alone[name].transpose(*together[name].dims)
        np.testing.assert_allclose(together[name].sel(stage="0.2"), expected.sel(stage="0.2"), rtol=1e-2)
    np.testing.assert_array_equal(
        together.iteration.sel(stage="0.2"), alone.iteration.sel(stage="0.2").transpose("seed", "side")
    )


def test_networks_that_miss_a_loss_are_censored_and_counted():
    config = analysis.PRESETS["smoke"]
    short = replace(config, stages=replace(config.stages, losses=(0.2, 1e-6), iterations=150))
    found = analysis.measure(short, "cpu", {"pattern_length": 2, "input_length": 2}, [0, 1])
    assert found.reached.sel(stage="1e-06").values.tolist() == [0, 0]
    assert found.importance.sel(stage="1e-06").isnull().all()
    assert found.importance.sel(stage="final").notnull().all()
    whole = found.expand_dims({"pattern_length": [2], "input_length": [2]})
    assert "0/2 no network reached this loss" in analysis.table(whole)


def test_the_figure_is_drawn_from_the_dataset_alone(smoke, tmp_path):
    _, output, _ = smoke
    for folder in ("a", "b"):
        done = command("figures/importance_vs_length.py", output, "--output", tmp_path / folder)
        assert done.returncode == 0, done.stderr
    for suffix in ("pdf", "png"):
        first, second = ((tmp_path / folder / f"result.{suffix}").read_bytes() for folder in ("a", "b"))
        assert len(first) > 5000
        assert first == second
    done = command("figures/importance_vs_length.py", output, "--stage", "0.3", "--output", tmp_path)
    assert done.returncode != 0
    assert "stage is '0.3': it must be one of 0.2, 0.1, final" in done.stderr


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
        (("--batch", "0"), "batch is 0: it must be at least 1"),
        (("--losses", "0.1", "-1"), "losses"),
        (("--seeds", "0"), "seeds is 0"),
        (("--hidden", "0"), "hidden is 0"),
        (("--preset", "huge"), "smoke"),
        (("--jobs", "0"), "jobs is 0"),
        (("--variance", "75"), "variance is 75"),
        (("--fisher-samples", "0"), "fisher_samples is 0"),
        (("--learning-rate", "0.1", "0.2"), "share one"),
        (("--basic", "two"), "two"),
        (("--final-loss", "0.3"), "final_loss is 0.3: it must be positive and at most the lowest of losses, 0.05"),
        (("--final-loss", "0"), "final_loss is 0"),
        (("--losses", "nan"), "losses"),
        (("--orthogonality", "nan"), "orthogonality is nan"),
        (("--basic", "--padded"), "basic and padded are both empty"),
        (("--output", "results"), "output is results: it must be the name of a file that ends in .nc"),
        (("--output", "README.md/x.nc"), "README.md/x.nc"),
    ],
)
def test_senseless_configurations_are_refused_before_work_starts(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["analysis", "--output", str(tmp_path / "r.nc"), *arguments])
    with pytest.raises(SystemExit) as refusal:
        analysis.main()
    printed = capsys.readouterr()
    assert refusal.value.code not in (None, 0)
    assert message in f"{refusal.value.code} {printed.err} {printed.out}"
    assert not list(tmp_path.iterdir())


def test_presets_are_what_they_are_called():
    quick = analysis.PRESETS["quick"]
    pairs = [(c["pattern_length"], c["input_length"]) for c in analysis.grid(quick.conditions)]
    assert pairs == [(2, 2), (5, 5), (10, 10), (15, 15), (20, 20), (5, 10), (5, 15), (5, 20), (5, 30)]
    assert (quick.network.hidden, quick.network.initialisation, quick.conditions.seeds) == (256, "orthogonal", 5)
    assert quick.stages.losses == (0.2, 0.1, 0.05)


def test_cells_are_keyed_by_every_setting_that_their_numbers_depend_on(monkeypatch, tmp_path):
    seen = []

    def record(measure, conditions, seeds, *, settings, **more):
        seen.append(settings)
        raise InterruptedError

    monkeypatch.setattr(analysis.sweeps, "run", record)
    quick = analysis.PRESETS["quick"]
    changed = [
        quick,
        replace(quick, network=replace(quick.network, hidden=8)),
        replace(quick, training=replace(quick.training, batch=7)),
        replace(quick, stages=replace(quick.stages, final_loss=0.001)),
        replace(quick, measures=replace(quick.measures, fisher_samples=7)),
    ]
    for config in changed:
        with pytest.raises(InterruptedError):
            analysis.run(config)
    assert all(settings["device"] in ("cpu", "cuda") for settings in seen)
    assert all(a != b for k, a in enumerate(seen) for b in seen[:k])
    jobs = replace(quick, run=replace(quick.run, jobs=1), conditions=replace(quick.conditions, seeds=1))
    with pytest.raises(InterruptedError):
        analysis.run(jobs)
    assert seen[-1] == seen[0]
