"""The analysis of linear networks: what was derived, a small run from end to end, its table and its figure."""

import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import linear_rnn as analysis
import numpy as np
import pytest
import torch
import xarray as xr
from linear_study import measure as cells
from linear_study.config import PRESETS, Samples, check
from linear_study.ideal import ideal_fisher, register, register_fisher
from linear_study.outcome import add_slopes
from linear_study.report import report

from figures import linear_rnn as figure_of
from wmcl.importance import linear_fisher, linear_products, linear_reuse, white_moments
from wmcl.plotting import MissingError, house_style, write
from wmcl.tasks import RecallLayout, recall_task
from wmcl.training import evaluate

SMOKE = PRESETS["smoke"]


def of_register(layout, slots, units):
    """Closed form of a register: mean Fisher of W_hh per scored output, and the contribution of each step."""
    network, parameters = register(layout, slots, units)
    moments = white_moments(layout.shown, layout.steps, layout.channels)
    scored = torch.zeros(layout.steps, dtype=torch.float64)
    scored[layout.window] = 1
    outputs = layout.demand.scored_bits
    fisher = linear_fisher(network, parameters, moments, scored)["W_hh"]
    profile = linear_reuse(linear_products(network, parameters, moments, scored))[0] / outputs / units**2
    return float(fisher.mean()) / outputs, profile


LAYOUTS = [
    RecallLayout(1, 1, 1),
    RecallLayout(2, 3, 3),
    RecallLayout(2, 3, 7, lead=4),
    RecallLayout(1, 5, 6, lead=2, tail=3),
    RecallLayout(3, 2, 9, tail=1),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("more", [0, 1, 2, 20])
def test_a_register_solves_the_task_exactly(layout, more):
    slots = layout.pattern_length + more
    network, parameters = register(layout, slots, layout.channels * slots + 2)
    task = recall_task(
        layout.channels, layout.pattern_length, layout.retention, lead=layout.lead, tail=layout.tail, test_samples=20
    )
    data = task.test.to(torch.float64)
    logits = network.apply(parameters, data.inputs, data.window).logits
    torch.testing.assert_close(logits, data.targets[:, data.window], rtol=0, atol=1e-12)
    memory = parameters["W_hh"][0, : layout.channels * slots, : layout.channels * slots]
    torch.testing.assert_close(memory @ memory.T, torch.eye(len(memory), dtype=torch.float64))
    assert evaluate(network, task, parameters, data).loss.item() == pytest.approx(0.5 * np.log(2 * np.pi))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("more", [0, 1, 2, 20])
def test_the_fisher_of_a_register_is_the_double_sum(layout, more):
    slots = layout.pattern_length + more
    units = layout.channels * slots + 3
    assert of_register(layout, slots, units)[0] == pytest.approx(register_fisher(layout, slots, units), rel=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_coming_around_it_is_load_times_retention_over_the_weights(layout):
    slots = layout.retention + layout.pattern_length - 1
    units = layout.channels * slots + 1
    expected = ideal_fisher(layout.demand.load, layout.retention, units)
    assert register_fisher(layout, slots, units) == pytest.approx(expected, rel=1e-12)
    assert of_register(layout, slots, units)[0] == pytest.approx(expected, rel=1e-12)
    if layout.pattern_length > 1:  # one slot less, and the first number comes around
        assert register_fisher(layout, slots - 1, units) > expected * (1 + 1e-9)


def test_doubling_load_or_retention_doubles_it_and_a_lead_changes_nothing():
    units, slots = 40, 16
    base, more, longer = (RecallLayout(1, *size) for size in ((4, 6), (8, 8), (4, 12)))
    value = of_register(base, slots, units)[0]
    assert of_register(replace(base, channels=2), slots, units)[0] == pytest.approx(2 * value)
    assert of_register(longer, slots, units)[0] == pytest.approx(2 * value)
    assert of_register(more, slots, units)[0] == pytest.approx(2 * 8 / 6 * value)
    for changed in (replace(base, lead=13), replace(base, tail=9)):
        assert of_register(changed, slots, units)[0] == value


def test_a_register_that_comes_around_grows_with_the_square_of_the_retention():
    values = [register_fisher(RecallLayout(1, 4, retention), 4, 10) for retention in (400, 800)]
    assert values[1] / values[0] == pytest.approx(4, rel=0.02)
    assert values[1] == pytest.approx(4 * 800**2 / 4 / 10**2, rel=0.02)


@pytest.mark.parametrize("slots", [5, 20])
def test_steps_that_hold_nothing_contribute_exactly_nothing(slots):
    layout = RecallLayout(2, 4, 6, lead=5, tail=4)
    profile = of_register(layout, slots, 45)[1]
    held = torch.zeros(layout.steps, dtype=torch.bool)
    held[layout.lead + 1 : layout.window.stop] = True  # h of the first shown step is used at the next
    assert (profile[~held] == 0).all()
    assert (profile[:, ~held] == 0).all()
    assert (profile.sum(1)[held] > 0).all()


def test_contributions_of_a_register_are_the_numbers_held_for_outputs_to_come():
    """At step v after the start: min(p, v) m numbers, for every output from then on, over n² and the outputs."""
    layout = RecallLayout(2, 3, 5, lead=1)
    profile = of_register(layout, 8, 20)[1]
    torch.testing.assert_close(profile, torch.diag(profile.diagonal()))
    for s in range(layout.steps):
        v = max(0, s - layout.lead)
        to_come = sum(t >= s for t in range(layout.window.start, layout.window.stop)) * 2
        assert profile[s, s].item() == pytest.approx(min(3, v) * 2 * to_come / 400 / 6)


def test_impossible_registers_are_refused():
    with pytest.raises(ValueError, match="slots is 3"):
        register(RecallLayout(1, 4, 5), 3, 10)
    with pytest.raises(ValueError, match="units is 7"):
        register(RecallLayout(2, 4, 5), 4, 7)


# settings


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_make_sense(preset):
    check(PRESETS[preset])
    assert PRESETS[preset].preset == preset


@pytest.mark.parametrize(
    ("part", "field", "value", "message"),
    [
        ("recall", "retentions", (1, 6), "retention is 1 and pattern_length is 2"),
        ("recall", "leads", (), r"leads is \(\)"),
        ("recall", "biases", ("none",), "biases is"),
        ("teachers", "memories", (99,), "memory is 99"),
        ("teachers", "students", ("lstm",), "students is"),
        ("training", "errors", (0.1, 0.2), "the largest first"),
        ("training", "errors", (1.5,), "below 1"),
        ("training", "seeds", 0, "seeds is 0"),
        ("training", "hidden", 2, "memories has 4"),
        ("training", "learning_rate", -1.0, "learning_rate is -1"),
        ("training", "initialisation", "none", "initialisation is 'none'"),
        ("samples", "fisher_samples", 1, "fisher_samples is 1"),
    ],
)
def test_nonsense_is_refused_by_name(part, field, value, message):
    with pytest.raises(ValueError, match=message):
        check(replace(SMOKE, **{part: replace(getattr(SMOKE, part), **{field: value})}))


# from end to end


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    config = replace(
        SMOKE,
        recall=replace(SMOKE.recall, pattern_lengths=(1, 2), retentions=(3, 6), leads=(0, 2)),
        teachers=replace(SMOKE.teachers, memories=(1, 2)),
        training=replace(SMOKE.training, seeds=2, errors=(0.3, 0.1), learning_rate=3e-3, elman_learning_rate=1e-2),
        samples=Samples(validation_samples=24, test_samples=30, fisher_samples=8),
        run=replace(SMOKE.run, output=tmp_path_factory.mktemp("small") / "small.nc", jobs=1, device="cpu"),
    )
    return config, analysis.run(config)


def test_one_labelled_dataset(ran):
    config, results = ran
    assert results.fisher.dims == ("condition", "seed", "error", "kind", "connection")
    assert results.dimension.dims[:2] == ("student", "seed")
    assert (results.reached == 1).all()
    assert (results.student_reached == 1).all()
    for name, variable in results.variables.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert json.loads(results.attrs["configuration"])["training"]["errors"] == [0.3, 0.1]
    assert config.run.output.with_suffix(".md").read_text() == report(results) + "\n"


def test_a_second_run_computes_nothing_and_gives_the_same(ran):
    config, first = ran
    second = analysis.run(config)
    assert second.attrs["cells_computed"] == "0 of 32; 0 of 8"
    xr.testing.assert_equal(first, second)


def test_trained_networks_have_the_fisher_of_the_closed_form(ran):
    results = ran[1]
    assert float(results.difference.max()) < 1e-12
    exact, closed = (results.fisher.sel(kind=kind) for kind in ("exact", "closed form, these sequences"))
    np.testing.assert_allclose(exact, closed, rtol=1e-12)


def test_the_gain_is_the_one_of_the_derivation():
    """Of a random orthogonal network without coherence between steps: F = gain · load · retention / n²."""
    network, parameters = register(RecallLayout(2, 2, 4), 5, 10)
    scaled = parameters | {"W_ih": 3 * parameters["W_ih"], "W_out": 0.5 * parameters["W_out"]}
    turned = torch.linalg.qr(torch.randn(10, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    turned = scaled | {
        "W_ih": turned @ scaled["W_ih"],
        "W_hh": turned @ scaled["W_hh"] @ turned.T,
        "W_out": scaled["W_out"] @ turned.T,
    }
    layout = RecallLayout(2, 2, 4)
    scored = torch.zeros(layout.steps, dtype=torch.float64)
    scored[layout.window] = 1
    found = linear_fisher(network, turned, white_moments(layout.shown, layout.steps, 2), scored)["W_hh"].mean() / 4
    assert cells._gain(turned).tolist() == pytest.approx([9 / 4])
    assert float(found) == pytest.approx(9 / 4 * ideal_fisher(4, 4, 10))


def test_contributions_add_up_and_a_lead_adds_nothing_without_biases(ran):
    results = ran[1]
    total = results.fisher.sel(kind="closed form", connection="hh")
    np.testing.assert_allclose(results.contribution.sum("step"), total, rtol=1e-10)
    with_lead = results.isel(condition=((results.biases == "drawn") & (results.lead == 2)).values)
    assert (with_lead.contribution.isel(step=slice(1, 3)).sum("step") != 0).all()


def test_networks_whose_biases_start_at_zero_have_the_weights_of_the_others():
    config = SMOKE
    task = recall_task(1, 2, 3)
    for cell in ("linear", "elman"):
        zero, drawn = (cells.network_of(config, cell, biases, task).init([0, 1]) for biases in ("zero", "drawn"))
        for name, value in drawn.items():
            assert torch.equal(zero[name], torch.zeros_like(value) if name.startswith("b_") else value)
            assert value.abs().sum() > 0


def test_slopes_are_least_squares_within_a_seed():
    memories = [2, 4, 8, 2, 4, 8]
    values = np.array([[1.0, 3.0, 6.5], [2.0, 2.0, 5.0], [0.5, 1.0, 9.0], [7.0, 1.0, 2.0]]).reshape(2, 6).T
    made = xr.Dataset(
        {"dimension": (("student", "seed"), values)},
        {"cell": ("student", ["linear"] * 3 + ["elman"] * 3), "memory": ("student", memories)},
    )
    found = add_slopes(made).slope
    for cell, rows in (("linear", slice(0, 3)), ("elman", slice(3, 6))):
        for seed in range(2):
            expected = np.polyfit([2, 4, 8], values[rows, seed], 1)[0]
            assert float(found.sel(student_cell=cell, seed=seed)) == pytest.approx(expected)
    made.dimension[1, 0] = np.nan
    assert np.isnan(add_slopes(made).slope.sel(student_cell="linear").isel(seed=0))


def test_overlap_and_encoding_find_a_planted_subspace():
    generator = torch.Generator().manual_seed(0)
    memory = torch.randn(400, 2, generator=generator, dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(6, 3, generator=generator, dtype=torch.float64))[0]
    states = memory @ torch.tensor([[1.0, 0.5], [0.0, 2.0]], dtype=torch.float64) @ basis[:, :2].T
    states = states + torch.randn(400, 1, generator=generator, dtype=torch.float64) @ basis[:, 2:].T * 1e-6
    found = cells._encoding(states, memory)
    torch.testing.assert_close(found @ found.T, basis[:, :2] @ basis[:, :2].T, rtol=0, atol=1e-5)
    side = basis @ torch.diag(torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64)) @ basis.T
    assert cells._overlap(side, basis[:, :2]) == pytest.approx(0.5)
    assert cells._overlap(side, basis[:, ::2]) == pytest.approx(1.0)


def test_the_table_says_what_the_dataset_holds(ran):
    results = ran[1]
    text = report(results)
    values = results.fisher.sel(error=0.1, kind="exact", connection="hh").isel(
        condition=(results.biases == "zero").values
    )
    level = np.exp(np.log((values / values.ideal).mean("condition")).mean())
    assert f"{float(level):.2f} [" in next(line for line in text.splitlines() if line.startswith("| exact |"))
    assert "At a mean squared error of 0.1" in text
    assert "| linear | slope | 2 |" in text


def test_networks_that_miss_the_error_are_counted(ran):
    results = ran[1].copy(deep=True)
    for name in ("fisher", "fisher_without_bias", "gain", "contribution", "own_share"):
        results[name][0, 0] = np.nan
    results.reached[0, 0] = 0
    assert "1 of 16 networks missed the error" in report(results)


def test_the_figure_shows_the_dataset(ran):
    results = ran[1]
    with house_style():
        figure = figure_of.draw(results, figure_of.Options(Path("small.nc")))
    scatter = figure.axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in scatter.lines}
    hh = results.fisher.sel(error=0.1, connection="hh")
    expected = np.stack([hh.sel(kind=kind).values.ravel() for kind in ("closed form", "exact")], 1)
    np.testing.assert_allclose(drawn["exact"], expected)
    assert len(figure.axes) == 6


def test_figures_of_other_files_and_unknown_values_are_refused(ran, tmp_path):
    results = ran[1]
    with pytest.raises(MissingError, match="contribution"):
        figure_of.draw(results.drop_vars("contribution"), figure_of.Options(Path("small.nc")))
    with pytest.raises(ValueError, match=r"error is 0\.5: it must be one of 0\.1, 0\.3"):
        figure_of.draw(results, figure_of.Options(Path("small.nc"), error=0.5))
    with pytest.raises(ValueError, match="count is 'all'"):
        figure_of.draw(results, figure_of.Options(Path("small.nc"), count="all"))


def test_command_lines(ran, tmp_path, monkeypatch, capsys):
    config, results = ran
    words = "linear_rnn.py --preset smoke --seeds 2 --errors 0.3 0.1 --memories 1 2 --learning-rate 3e-3 --jobs 1"
    words += " --elman-learning-rate 1e-2 --validation-samples 24 --test-samples 30 --fisher-samples 8 --device cpu"
    monkeypatch.setattr(sys, "argv", [*words.split(), "--output", str(config.run.output)])
    runpy.run_path(str(Path(analysis.__file__)), run_name="__main__")
    printed = capsys.readouterr().out
    assert report(results) in printed
    with xr.open_dataset(config.run.output) as again:
        assert again.attrs["cells_computed"] == "0 of 32; 0 of 8"
    paths = write(figure_of.draw, figure_of.Options(config.run.output, tmp_path), figure_of.SUFFIX)
    assert [path.name for path in paths] == ["small.pdf", "small.png"]
    assert all(path.stat().st_size > 1000 for path in paths)
