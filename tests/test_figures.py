"""Each figure draws the numbers of its dataset: here of one that is made by hand, from a known law."""

import importlib
import json
import runpy
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from figures import decodability, importance_by_loss, importance_law, importance_vs_length
from figures import effects as effects_figure
from figures import ladder as ladder_figure
from figures import reuse_profile as reuse_figure
from wmcl.plotting.data import MissingError
from wmcl.plotting.options import FileOptions, figure_command, write
from wmcl.plotting.style import house_style
from wmcl.statistics import mean_interval

KINDS = ["empirical", "sampled", "MAS"]
STAGES = ["0.2", "0.1", "final"]
EXPONENTS = {"memory_load": 0.9, "retention": 1.2, "lead": 0.1}
FALL = {"empirical": 1.5, "sampled": 0.2, "MAS": -0.3}
SEEDS = 3
FIGURES = (
    "decodability",
    "effects",
    "importance_by_loss",
    "importance_law",
    "importance_vs_length",
    "reuse_profile",
)
FILE = Path("synthetic.nc")
CONFIGURATION = {
    "measures": {"variance": 0.75},
    "network": {"cell": "lstm"},
    "training": {"learning_rate": 5e-3},
}


def conditions():
    """Basic and padded sweeps, and a factorial of bits and leads at p = 3, of two initialisations."""
    tasks = [(p, i, 0, 7) for p, i in ((2, 2), (3, 3), (4, 4), (3, 6), (3, 9))]
    tasks += [(3, i, lead, bits) for bits, i, lead in product((1, 7), (3, 6), (0, 4))]
    return [(*task, name) for name in ("orthogonal", "xavier") for task in dict.fromkeys(tasks)]


def synthetic():
    """A dataset whose importances obey a law exactly, but for a factor each network and noise each condition."""
    p, i, lead, bits, names = (np.array(column) for column in zip(*conditions(), strict=True))
    size, steps = len(p), lead + i + 1 + p
    made = {"pattern_length": p, "input_length": i, "lead": lead, "independent_bits": bits, "initialisation": names}
    made |= {"memory_load": p * bits, "retention": i + 1, "steps": steps, "scored_bits": 7 * p}
    made |= {"lead_input": np.full(size, "blank"), "input_power": np.full(size, "step")}
    made |= {"visible_bits": np.zeros(size, int), "reduction": np.full(size, "scored bit")}
    made["in_law"] = np.ones(size, np.int8)
    draws = np.random.default_rng(0)
    law = (
        (p * bits) ** EXPONENTS["memory_load"] * (i + 1.0) ** EXPONENTS["retention"] * (1.0 + lead) ** EXPONENTS["lead"]
    )
    noise = np.exp(0.05 * draws.standard_normal((size, SEEDS)) + 0.1 * np.arange(SEEDS))
    loss = np.array([0.2, 0.1, 0.04])
    fall = np.stack([loss ** FALL[kind] for kind in KINDS], 1)
    values = 1e-3 * (law[:, None] * noise)[:, :, None, None] * fall
    every = values[..., None, None, None] * np.array([7.0, 1.0])
    long = steps.max()
    inside = np.arange(long) < steps[:, None]
    profile = np.where(inside, np.arange(1.0, long + 1), np.nan)
    profile /= np.nansum(profile, 1, keepdims=True)
    over = profile[:, None] * np.ones((SEEDS, 1))
    unit = np.ones((size, SEEDS))
    bits_held = np.where(inside, (p * bits)[:, None] * 0.9, np.nan)[:, None] * np.ones((SEEDS, 1))
    held = np.where(np.arange(p.max()) < p[:, None, None], 0.9 * inside[:, :, None], np.nan)
    components = (10.0 * unit + np.arange(SEEDS))[:, :, None, None, None] * np.ones((1, 1, 3, 1, 1))
    variables = {
        "importance": (("condition", "seed", "stage", "kind", "connection", "statistic", "per"), every),
        "components": (("condition", "seed", "stage", "phase", "centre"), components),
        "components_by_step": (("condition", "seed", "stage", "step"), 5 * np.repeat(over[:, :, None], 3, 2)),
        "reached": (("condition", "seed", "stage"), np.ones((size, SEEDS, 3))),
        "validation_loss": (("condition", "seed", "stage", "side"), unit[:, :, None, None] * loss[:, None]),
        "reuse_share": (("condition", "seed", "step"), over),
        "reuse_own": (("condition", "seed"), 0.3 * unit),
        "bits_held": (("condition", "seed", "step"), bits_held),
        "decodability": (("condition", "seed", "step", "pattern_step"), np.repeat(held[:, None], SEEDS, 1)),
    }
    coordinates = {name: ("condition", column) for name, column in made.items()}
    coordinates |= {"seed": np.arange(SEEDS), "stage": STAGES, "kind": KINDS, "connection": ["hh"]}
    coordinates |= {"statistic": ["mean"], "per": ["sequence", "scored bit"], "phase": ["output"]}
    coordinates |= {"centre": ["pooled"], "side": ["after"], "step": np.arange(long)}
    coordinates |= {"pattern_step": np.arange(p.max())}
    return xr.Dataset(variables, coordinates, {"configuration": json.dumps(CONFIGURATION)})


def censor(results, condition, seed):
    """A network that missed the lowest matched loss."""
    values, reached = results.importance.copy(deep=True), results.reached.copy(deep=True)
    values[condition, seed, 1] = np.nan
    reached[condition, seed, 1] = 0
    return results.assign(importance=values, reached=reached)


def synthetic_ladder():
    rungs = ["the paper's settings", "sampled Fisher", "matched loss", "all of ours"]
    draws = np.random.default_rng(1)
    slopes = draws.normal(1.0, 0.1, (4, 2, SEEDS))
    slopes[2, 1, 0] = np.nan
    coordinates = {"rung": rungs, "sweep": ["basic: p = i", "padded: i at fixed p"], "seed": np.arange(SEEDS)}
    return xr.Dataset(
        {"ladder_slope": (("rung", "sweep", "seed"), slopes)}, coordinates, {"configuration": json.dumps(CONFIGURATION)}
    )


@pytest.fixture(scope="module")
def results():
    return synthetic()


@pytest.fixture(autouse=True)
def style():
    with house_style():
        yield


def of_one(values, results, **chosen):
    """The values of a single condition."""
    match = np.all([results[name].values == value for name, value in chosen.items()], axis=0)
    assert match.sum() == 1
    return values.values[match.argmax()]


def text_of(figure):
    return " ".join(
        " | ".join(text.get_text() for text in figure.findobj(Text)).replace("\N{NO-BREAK SPACE}", " ").split()
    )


def test_lines_over_length_are_geometric_means_over_networks(results):
    figure = importance_vs_length.draw(results, importance_vs_length.Options(FILE))
    left, right = figure.axes
    lines = [container[0] for container in left.containers]
    values = results.importance.sel(stage="0.1", kind="sampled", per="scored bit", connection="hh", statistic="mean")
    for line, p, lengths in zip(lines, (2, 3, 4), ([2], [3, 6, 9], [4]), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), lengths)
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
            chosen = {"pattern_length": p, "input_length": x, "lead": 0, "independent_bits": 7}
            networks = of_one(values, results, initialisation="orthogonal", **chosen)
            assert y == pytest.approx(np.prod(networks) ** (1 / SEEDS))
    (diagonal,) = [line for line in left.lines if line.get_linestyle() == "--"]
    np.testing.assert_array_equal(diagonal.get_xdata(), [2, 3, 4])
    np.testing.assert_allclose(diagonal.get_ydata()[1], lines[1].get_ydata()[0])
    np.testing.assert_allclose(right.containers[1][0].get_ydata(), 11.0)
    assert [text.get_text() for text in left.texts] == ["p = 2", "p = 3", "p = 4"]
    assert "n = 3" in text_of(figure)


def test_lengths_need_a_sweep(results):
    single = results.isel(condition=((results.pattern_length == 3) & (results.input_length == 3)).values)
    with pytest.raises(MissingError, match="no sweep of lengths"):
        importance_vs_length.draw(single, importance_vs_length.Options(FILE))


def test_the_law_leaves_the_noise_over(results):
    figure = importance_law.draw(results, importance_law.Options(FILE))
    upper, _, lower, _ = figure.axes
    drawn = np.concatenate([container[0].get_ydata() for container in lower.containers])
    part = results.isel(condition=(results.initialisation == "orthogonal").values)
    logs = np.log(part.importance.sel(stage="0.1", kind="sampled", per="scored bit").values.squeeze())
    x = np.log([part["memory_load"], part.retention, 1 + part.lead])
    x = x - x.mean(1, keepdims=True)
    design = np.column_stack([np.ones(x.shape[1]), *x, x[0] * x[1]])
    mean = logs.mean(1)
    solution = np.linalg.lstsq(design, mean, rcond=None)[0]
    expected = np.exp(mean - design @ solution)
    np.testing.assert_allclose(np.sort(drawn), np.sort(expected), rtol=1e-9)
    assert f"load {solution[1]:.2f} [" in upper.texts[0].get_text()
    assert solution[1:4] == pytest.approx(list(EXPONENTS.values()), abs=0.1)


def test_the_law_has_no_intervals_where_networks_are_censored(results):
    figure = importance_law.draw(censor(results, 0, 1), importance_law.Options(FILE))
    left, right = (axes.texts[0].get_text() for axes in figure.axes[:2])
    assert "1 networks censored" in left
    assert "[" not in left
    assert "[" in right


def test_importance_by_loss_is_relative_to_the_same_network(results):
    figure = importance_by_loss.draw(results, importance_by_loss.Options(FILE))
    for axes, kind in zip(figure.axes, KINDS, strict=True):
        line = axes.containers[0][0]
        np.testing.assert_allclose(line.get_xdata(), [0.2, 0.1, 0.04])
        np.testing.assert_allclose(line.get_ydata(), (np.array([0.2, 0.1, 0.04]) / 0.2) ** FALL[kind])
    left_out = importance_by_loss.draw(censor(results, 0, 1), importance_by_loss.Options(FILE))
    assert "1 conditions with censored networks are left out" in text_of(left_out)
    many = results.assign_coords(memory_load=("condition", np.arange(results.sizes["condition"])))
    with pytest.raises(ValueError, match=r"by is 'memory_load': it has \d+ values, and at most 6"):
        importance_by_loss.draw(many, importance_by_loss.Options(FILE, by="memory_load"))


def test_effects_are_means_of_the_slopes_of_networks(results):
    options = effects_figure.Options(FILE)
    figure = effects_figure.draw(results, options)
    for axes, term in zip(figure.axes, ("memory_load", "retention", "lead"), strict=False):
        seeds, interval, mean = axes.lines[1 if axes.lines[0].get_xdata()[0] == 0 else 0 :][:3]
        assert len(seeds.get_xdata()) == SEEDS
        assert mean.get_xdata()[0] == pytest.approx(np.mean(seeds.get_xdata()))
        assert mean.get_xdata()[0] == pytest.approx(EXPONENTS[term], abs=0.1)
        summary = mean_interval(xr.DataArray(seeds.get_xdata(), dims="seed"))
        np.testing.assert_allclose(interval.get_xdata(), [summary.low, summary.high])


def test_effects_without_interval_are_hollow_and_say_so(results):
    censored = censor(results, 0, 1)
    figure = effects_figure.draw(censored, effects_figure.Options(FILE))
    assert "3 networks each; 1 of" in text_of(figure)
    hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == len(KINDS)
    basic = results.isel(condition=((results.lead == 0) & (results.input_length == 3)).values)
    with pytest.raises(MissingError, match="no conditions that tell load, retention and lead apart"):
        effects_figure.draw(basic, effects_figure.Options(FILE))


def test_reuse_of_the_longest_condition(results):
    figure = reuse_figure.draw(results, reuse_figure.Options(FILE))
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.arange(1, 15) / np.arange(1, 15).sum())
    assert [text.get_text() for text in axes.texts[:4]] == ["lead", "pattern", "hold", "stop"]
    assert "p = 3, i = 6, lead 4" in text_of(figure)
    assert "0.30 [0.30, 0.30]" in text_of(figure)


def test_unknown_conditions_are_refused(results):
    with pytest.raises(ValueError, match=r"no condition has .*input_length has the values \[2, 3, 4, 6, 9\]"):
        reuse_figure.draw(results, reuse_figure.Options(FILE, input_length=5))


def test_decodability_compares_the_padded_conditions(results):
    figure = decodability.draw(results, decodability.Options(FILE))
    bits, dimensions = figure.axes
    lines = [line for line in bits.lines if len(line.get_xdata()) > 2]
    assert [line.get_xdata()[0] for line in lines] == [-3, -6, -9]
    np.testing.assert_allclose(lines[-1].get_ydata(), 0.9 * 21)
    np.testing.assert_allclose(dimensions.lines[-1].get_ydata(), 5 * np.arange(1, 14) / np.arange(1, 14).sum())
    assert [text.get_text() for text in bits.texts[-3:]] == ["i = 3", "i = 6", "i = 9"]


def test_the_ladder_shows_exponents_and_words_where_there_is_none():
    results = synthetic_ladder()
    figure = ladder_figure.draw(results, FileOptions(FILE))
    means = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_zorder() == 3]
    np.testing.assert_allclose(means, results.ladder_slope.isel(sweep=0).mean("seed"))
    assert "undetermined for 1 of 3 networks" in text_of(figure)
    assert "the paper" in text_of(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_both_files_are_written(tmp_path, results, name):
    figure = importlib.import_module(f"figures.{name}")
    path = tmp_path / "synthetic.nc"
    results.to_netcdf(path)
    written = write(figure.FIGURES, figure.Options(path, tmp_path / "drawn"))
    (ending,) = figure.FIGURES
    assert [one.name for one in written] == [f"synthetic{ending}.{suffix}" for suffix in ("pdf", "png")]
    assert all(one.stat().st_size > 5000 for one in written)


def test_the_same_dataset_gives_the_same_files(tmp_path):
    path = tmp_path / "steps.nc"
    synthetic_ladder().to_netcdf(path)
    first, second = (write(ladder_figure.FIGURES, FileOptions(path, tmp_path / folder)) for folder in "ab")
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in second]


def refusal(monkeypatch, module, *arguments):
    monkeypatch.setattr(sys, "argv", ["figure", *map(str, arguments)])
    with pytest.raises(SystemExit) as refused:
        figure_command(module.FIGURES, module.Options, module.__doc__)
    return str(refused.value.code)


def test_errors_are_sentences(tmp_path, monkeypatch, results):
    path = tmp_path / "synthetic.nc"
    results.to_netcdf(path)
    there = (path, "--output", tmp_path)
    wrong = refusal(monkeypatch, importance_vs_length, *there, "--stage", "0.3")
    assert wrong == "error: stage is '0.3': it must be one of 0.2, 0.1, final"
    wrong = refusal(monkeypatch, importance_vs_length, *there, "--kind", "true")
    assert wrong == "error: kind is 'true': it must be one of empirical, sampled, MAS"
    wrong = refusal(monkeypatch, importance_vs_length, *there, "--initialisation", "zeros")
    assert "initialisation has the values ['orthogonal', 'xavier']" in wrong
    assert "No such file" in refusal(monkeypatch, importance_vs_length, tmp_path / "none.nc", "--output", tmp_path)
    with pytest.raises(MissingError, match="this dataset has no ladder_slope"):
        ladder_figure.draw(results, FileOptions(path))


def test_all_draws_what_a_dataset_can_supply(tmp_path, monkeypatch, capsys):
    every = importlib.import_module("figures.all")
    path = tmp_path / "steps.nc"
    synthetic_ladder().to_netcdf(path)
    options = replace(FileOptions(path), output=tmp_path)
    monkeypatch.setattr(sys, "argv", ["all", str(path), "--output", str(options.output)])
    every.main()
    printed = capsys.readouterr().out
    assert (tmp_path / "steps_ladder.png").exists()
    assert printed.splitlines() == [f"Wrote {tmp_path / 'steps_ladder'}.{suffix}" for suffix in ("pdf", "png")]


def test_all_refuses_a_file_that_no_figure_draws(tmp_path, monkeypatch):
    path = tmp_path / "other.nc"
    xr.Dataset({"height": ("day", [1.0, 2.0])}).to_netcdf(path)
    monkeypatch.setattr(sys, "argv", ["all", str(path), "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="holds nothing that a figure draws"):
        importlib.import_module("figures.all").main()


def test_a_script_that_was_merged_names_the_new_one():
    with pytest.raises(SystemExit, match=r"importance_grid is drawn by figures/importance_vs_length\.py"):
        runpy.run_path(str(Path(importance_vs_length.__file__).with_name("importance_grid.py")), run_name="__main__")


OF_ONE_ANALYSIS = {
    "importance_on_real_data": ("importance_on_real_data", "importance_on_audioset"),
    "method_comparison": ("method_comparison", "method_comparison_smnist"),
    "stability_plasticity": ("stability_plasticity",),
    "task_subspaces": ("task_subspaces",),
    "linear_rnn": ("linear_rnn",),
}
"""figures with the stored datasets that they draw"""
STORED = Path(__file__).parents[1] / "docs" / "results"


@pytest.mark.parametrize("figure", OF_ONE_ANALYSIS)
def test_a_figure_of_one_analysis_refuses_the_stored_datasets_of_others(figure):
    module = importlib.import_module(f"figures.{figure}")
    others = [name for one, names in OF_ONE_ANALYSIS.items() if one != figure for name in names]
    for name in ("importance_vs_length_quick", "importance_vs_length_ladder", *others):
        path = STORED / f"{name}.nc"
        with xr.open_dataset(path) as results:
            for draw in module.FIGURES.values():
                with pytest.raises(MissingError):
                    draw(results, module.Options(path))


DRAWN = [(script, name) for script, names in OF_ONE_ANALYSIS.items() for name in names]
DRAWN += [(script, "importance_vs_length_quick") for script in ("importance_by_loss", "importance_vs_length")]
DRAWN += [("reuse_profile", "importance_vs_length_quick"), ("ladder", "importance_vs_length_ladder")]
DRAWN += [(script, "importance_vs_length_controls") for script in ("decodability", "effects", "importance_law")]


@pytest.mark.parametrize(("script", "name"), DRAWN)
def test_a_figure_of_a_stored_dataset_fits_a_page_and_its_text_can_be_read(script, name):
    module = importlib.import_module(f"figures.{script}")
    path = STORED / f"{name}.nc"
    with xr.open_dataset(path) as stored:
        results = stored.load()
    for draw in module.FIGURES.values():
        figure = draw(results, getattr(module, "Options", FileOptions)(path))
        FigureCanvasAgg(figure).draw()
        words = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
        assert min(text.get_fontsize() for text in words) >= 7
        box = figure.get_tightbbox()
        assert 0 <= box.x0 < box.x1 <= figure.get_figwidth() <= 7
        assert 0 <= box.y0 < box.y1 <= figure.get_figheight() <= 9
        assert figure.get_suptitle().endswith("?")
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"):
            low, high = axis.get_view_interval()
            assert high / low < 1e6  # and not from the least number that there is
