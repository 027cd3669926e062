"""The study of linear networks: what was derived, a small run from end to end, its table and its figure."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from linear_study import measure as measuring
from linear_study.design import PRESETS, Samples
from linear_study.ideal import ideal_fisher, register, register_fisher
from linear_study.report import exponents, lead_share, report
from linear_study.study import STUDY, add_slopes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.stats import norm

from figures import linear_rnn as figure_of
from wmcl.importance import fisher_diagonal, linear_fisher, protected_directions
from wmcl.importance.linear_fisher import linear_products, linear_reuse, white_moments
from wmcl.importance.protected import memory_spectrum
from wmcl.networks import LinearRNN
from wmcl.plotting.data import MissingError
from wmcl.plotting.options import write
from wmcl.plotting.style import house_style
from wmcl.randomness import generator
from wmcl.tasks import Teacher, recall_task, teacher_task
from wmcl.tasks.recall import RecallLayout
from wmcl.training import Adam, Options, Stop, evaluate, train

SMOKE = PRESETS["smoke"]
OPTIONS = figure_of.Options(Path("small.nc"))


def of_register(layout, slots, units):
    """Closed form of a register: mean Fisher of W_hh per scored output, and the contribution of each step."""
    network, parameters = register(layout, slots, units)
    moments = white_moments(layout.shown, layout.steps, layout.channels)
    scored = torch.zeros(layout.steps, dtype=torch.float64)
    scored[layout.window] = 1
    outputs = layout.memory_demand.scored_bits
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
    assert evaluate(network, parameters, data, task).loss.item() == pytest.approx(0.5 * np.log(2 * np.pi))


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
    expected = ideal_fisher(layout.memory_demand.load, layout.retention, units)
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


@pytest.mark.parametrize(
    ("part", "field", "value", "message"),
    [
        ("recall", "retentions", (1, 6), "retention is 1 and pattern_length is 2"),
        ("recall", "leads", (), r"leads is \(\): give at least one"),
        ("recall", "biases", ("none",), "biases has 'none'"),
        ("teachers", "memories", (99,), "memory is 99"),
        ("teachers", "students", ("lstm",), "students has 'lstm'"),
        ("training", "errors", (0.1, 0.2), "give them from high to low"),
        ("training", "errors", (1.5,), "errors has 1.5: it must be above 0 and below 1"),
        ("training", "hidden", 2, "memories has 4"),
        ("training", "learning_rate", -1.0, "learning_rate is -1"),
        ("training", "initialisation", "none", "initialisation is 'none'"),
        ("samples", "fisher_samples", 1, "fisher_samples is 1"),
    ],
)
def test_nonsense_is_refused_by_name(part, field, value, message):
    with pytest.raises(ValueError, match=message):
        STUDY.check_options(replace(SMOKE, **{part: replace(getattr(SMOKE, part), **{field: value})}))


# from end to end


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    config = replace(
        SMOKE,
        recall=replace(SMOKE.recall, pattern_lengths=(1, 2), retentions=(3, 6), leads=(0, 2)),
        teachers=replace(SMOKE.teachers, memories=(1, 2)),
        seeds=2,
        training=replace(SMOKE.training, errors=(0.3, 0.1), learning_rate=1e-2, elman_learning_rate=1e-2),
        samples=Samples(validation_samples=24, test_samples=30, fisher_samples=8),
        run=replace(SMOKE.run, output=tmp_path_factory.mktemp("small") / "small.nc", jobs=1, device="cpu"),
    )
    return config, STUDY.run(config)


@pytest.fixture(scope="module")
def text(ran):
    return report(ran[1])


@pytest.fixture(scope="module")
def text_of_zero(ran):
    return report(of_zero(ran[1]))


@pytest.fixture(scope="module")
def figure(ran):
    with house_style():
        return figure_of.draw(ran[1], OPTIONS)


def test_the_dataset_has_every_network_and_student(ran):
    _, results = ran
    assert results.fisher.dims == ("condition", "seed", "error", "kind", "connection")
    assert results.dimension.dims[:2] == ("student", "seed")
    assert (results.reached == 1).all()
    assert (results.student_reached == 1).all()


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
    assert measuring._gain(turned).tolist() == pytest.approx([9 / 4])
    assert float(found) == pytest.approx(9 / 4 * ideal_fisher(4, 4, 10))


def test_contributions_add_up_and_a_lead_adds_nothing_without_biases(ran):
    results = ran[1]
    total = results.fisher.sel(kind="closed form", connection="hh")
    np.testing.assert_allclose(results.contribution.sum("step"), total, rtol=1e-10)
    with_lead = results.isel(condition=((results.biases == "drawn") & (results.lead == 2)).values)
    assert (with_lead.contribution.isel(step=slice(1, 3)).sum("step") != 0).all()


def test_networks_whose_biases_start_at_zero_have_the_weights_of_the_others():
    task = recall_task(1, 2, 3)
    for cell in ("linear", "elman"):
        zero, drawn = (
            measuring.network_of(SMOKE.training, cell, biases, task).init([0, 1]) for biases in ("zero", "drawn")
        )
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
    found = measuring._encoding(states, memory)
    torch.testing.assert_close(found @ found.T, basis[:, :2] @ basis[:, :2].T, rtol=0, atol=1e-5)
    side = basis @ torch.diag(torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64)) @ basis.T
    assert measuring._overlap(side, basis[:, :2]) == pytest.approx(0.5)
    assert measuring._overlap(side, basis[:, ::2]) == pytest.approx(1.0)


def test_the_table_says_what_the_dataset_holds(ran, text):
    results = ran[1]
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


def test_the_figure_shows_the_dataset(ran, figure):
    results = ran[1]
    scatter = figure.axes[0]
    drawn = {line.get_label(): line.get_xydata() for line in scatter.lines}
    hh = results.fisher.sel(error=0.1, connection="hh")
    expected = np.stack([hh.sel(kind=kind).values.ravel() for kind in ("closed form", "exact")], 1)
    np.testing.assert_allclose(drawn["exact"], expected)


def test_figures_of_other_files_and_unknown_values_are_refused(ran, tmp_path):
    results = ran[1]
    with pytest.raises(MissingError, match="contribution"):
        figure_of.draw(results.drop_vars("contribution"), figure_of.Options(Path("small.nc")))
    with pytest.raises(ValueError, match=r"error is 0\.5: it must be one of 0\.1, 0\.3"):
        figure_of.draw(results, figure_of.Options(Path("small.nc"), error=0.5))
    with pytest.raises(ValueError, match="dimensions_counted is 'all'"):
        figure_of.draw_dimensions(results, figure_of.Options(Path("small.nc"), dimensions_counted="all"))


def test_each_figure_is_written_in_both_formats(ran, tmp_path):
    paths = write(figure_of.FIGURES, figure_of.Options(ran[0].run.output, tmp_path))
    endings = ("", "_exponents", "_steps", "_dimensions")
    assert [path.name for path in paths] == [f"small{ending}.{kind}" for ending in endings for kind in ("pdf", "png")]
    assert all(path.stat().st_size > 1000 for path in paths)


# entries and table by value


@pytest.fixture(scope="module")
def trained():
    """Networks of a cell with a lead and with drawn biases, trained here, at each of two errors."""
    seeds, errors = [3, 7], (0.3, 0.1)
    training = replace(SMOKE.training, hidden=8, errors=errors, learning_rate=3e-3, elman_learning_rate=1e-2)
    condition = {"pattern_length": 2, "retention": 3, "lead": 1, "biases": "drawn"}
    task = recall_task(2, 2, 3, lead=1, validation_samples=24, test_samples=30)
    network = LinearRNN(2, 8, 2, initialisation="orthogonal")
    nats = [-float(norm.logpdf(e**0.5)) for e in errors]
    options = Options(batch=64, optimiser=Adam(3e-3), validate_every=2, watch_every=2)
    milestones = train(network, task, seeds, Stop(3000, loss=nats[1]), options, nats, progress=False).milestones
    found = measuring.measure_recall(
        condition, seeds, RecallLayout(2, 2, 3, lead=1), training, Samples(24, 30, 6), "cpu"
    )
    return task, network, milestones, found


def states_of(weights, inputs):
    """h_t of sequences (time, sample, feature), one member, by the definition: (time, sample, unit)."""
    state, every = torch.zeros(inputs.shape[1], len(weights["W_hh"]), dtype=torch.float64), []
    for x in inputs:
        state = x @ weights["W_ih"].T + state @ weights["W_hh"].T + weights["b_ih"] + weights["b_hh"]
        every.append(state)
    return torch.stack(every)


def naive_fisher(weights, shown, window, steps):
    """Mean Fisher of W_hh a scored output for white inputs: a sum over every pair of inputs, of the definition."""
    W, total, count = weights["W_hh"], 0.0, 0
    unit = torch.zeros(steps, 1, weights["W_ih"].shape[1], dtype=torch.float64)
    none = states_of(weights, unit)[:, 0]
    responses = [none]
    for s in shown:
        for c in range(unit.shape[2]):
            one = unit.clone()
            one[s, 0, c] = 1
            responses.append(states_of(weights, one)[:, 0] - none)
    for t in window:
        for row in weights["W_out"]:
            errors = [torch.linalg.matrix_power(W, t - s).T @ row for s in range(t + 1)]
            gradients = [sum(torch.outer(errors[s], h[s - 1]) for s in range(1, t + 1)) for h in responses]
            total, count = total + sum(g.square() for g in gradients).mean(), count + 1
    return float(total) / count


def member(parameters, place):
    return {name: value[place].double() for name, value in parameters.items()}


def unbiased(weights):
    return weights | {"b_ih": 0 * weights["b_ih"], "b_hh": 0 * weights["b_hh"]}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("matched", [0, 1])
def test_an_entry_holds_the_closed_form_with_and_without_biases(trained, place, matched):
    _, network, milestones, found = trained
    at = found.isel(error=matched, seed=place)
    weights = member(milestones[matched].after.parameters, place)
    layout = range(1, 3), range(4, 6), 6
    left, _, right = np.linalg.svd(weights["W_hh"].numpy())
    variants = {
        "trained": weights,
        "polar factor of W_hh": weights | {"W_hh": torch.from_numpy(left @ right)},
        "at the start": member(network.init([[3, 7][place]]), 0),
    }
    assert weights["b_hh"].abs().max() > 0
    closed = naive_fisher(weights, *layout)
    assert float(at.fisher.sel(kind="closed form", connection="hh")) == pytest.approx(closed, rel=1e-9)
    for name, each in variants.items():
        value = naive_fisher(unbiased(each), *layout)
        assert float(at.fisher_without_bias.sel(network=name)) == pytest.approx(value, rel=1e-6), name
        written = sum(float(column @ column) for column in each["W_ih"].T) / 2
        read = sum(float(row @ row) for row in each["W_out"]) / 2
        assert float(at.gain.sel(network=name)) == pytest.approx(written * read, rel=1e-6), name
    np.testing.assert_allclose(at.contribution.sum("step"), closed, rtol=1e-9)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("matched", [0, 1])
def test_an_entry_holds_what_is_measured_on_sequences_of_its_seed(trained, place, matched):
    task, network, milestones, found = trained
    at = found.isel(error=matched, seed=place)
    weights = member(milestones[matched].after.parameters, place)
    mse = {}
    for name, data in (("validation", task.validation), ("test", task.test)):
        outputs = states_of(weights, data.inputs[0].double())[4:6] @ weights["W_out"].T + weights["b_out"]
        mse[name] = float((outputs - data.targets[0, 4:6]).square().mean())
    assert float(at.mean_squared_error) == pytest.approx(mse["test"], rel=1e-5)
    assert mse["validation"] <= (0.3, 0.1)[matched] < 1.5 * mse["validation"]
    assert float(at.iteration) == milestones[matched].after.iteration[place]
    probe = task.draw([generator([3, 7][place], "fisher")], 6).to(torch.float64)
    alone = {name: value[None] for name, value in weights.items()}
    for kind in ("exact", "sampled", "empirical"):
        seeds = [[3, 7][place]] if kind == "sampled" else None
        values = fisher_diagonal(network, alone, probe, task, kind, seeds)
        for short, name in (("ih", "W_ih"), ("hh", "W_hh"), ("out", "W_out")):
            expected = float(values[name].mean()) / 4
            assert float(at.fisher.sel(kind=kind, connection=short)) == pytest.approx(expected, rel=1e-6), (kind, name)


@pytest.mark.parametrize("cell", ["linear", "elman"])
def test_a_student_holds_the_dimensions_of_its_own_teacher(cell):
    """Counted here from the definitions, on eigenvalues of matrices that are tested elsewhere."""
    teachers = replace(SMOKE.teachers, teacher_units=10)
    training = replace(SMOKE.training, hidden=8, errors=(0.3,), learning_rate=3e-3, elman_learning_rate=1e-2)
    found = measuring.measure_students(
        {"cell": cell, "memory": 3}, [0, 4], teachers.teacher(3), training.of(cell), Samples(24, 200, 12), "cpu"
    )
    for place, seed in enumerate([0, 4]):
        teacher = Teacher(3, 10, 2, 4, 2, 4, seed)
        task = teacher_task(teacher, 24, 200)
        network = measuring.network_of(training, cell, "zero", task)
        stop, options = Stop(3000, loss=0.15 + 0.5 * np.log(2 * np.pi)), training.of(cell).options
        at = train(network, task, [seed], stop, options, [stop.loss], progress=False).milestones[0].after
        parameters = {name: value.double() for name, value in at.parameters.items()}
        probe = task.draw([generator(seed, "fisher")], 12).to(torch.float64)
        test, last = task.test.to(torch.float64), 4 + 2 - 1
        states = network.apply(parameters, test.inputs).hidden[:, last]
        taught = teacher.network.apply(teacher.parameters, test.inputs).hidden[:, last]
        sides = protected_directions(network, parameters, probe, task)
        names = ["read", "written", "read, steps alone", "written, steps alone"]
        spectra = {name: np.linalg.eigvalsh(side[0].numpy())[::-1] for name, side in zip(names, sides, strict=True)}
        spectra["states"] = np.linalg.eigvalsh(np.cov(states[0].numpy().T))[::-1]
        for name, who, values, of in (
            ("memory", network, parameters, states),
            ("teacher", teacher.network, teacher.parameters, taught),
        ):
            spectra[name] = memory_spectrum(who, values, probe, task, last, states=of)[0].numpy()
        shares = {name: np.cumsum(values) / np.sum(values) for name, values in spectra.items()}
        one = found.isel(seed=place, error=0)
        for name, values in spectra.items():
            of_side = one.dimension.sel(side=name)
            ratio = values.sum() ** 2 / (values**2).sum()
            assert float(of_side.sel(dimensions_counted="participation ratio")) == pytest.approx(ratio, rel=1e-6), name
            for share, count in ((0.75, "components for 75 %"), (0.99, "components for 99 %")):
                assert float(of_side.sel(dimensions_counted=count)) == 1 + np.argmax(shares[name] >= share), (
                    name,
                    share,
                )
        assert float(one.least) == 1 + np.argmax(shares["teacher"] >= 0.7)
        outputs = network.apply(parameters, test.inputs, test.window).logits
        mse = float((outputs - test.targets[:, test.window]).square().mean())
        assert float(one.student_error) == pytest.approx(mse, rel=1e-5)
        encoding = measuring._encoding(states[0], teacher.memory_of(test.inputs, last)[0])
        for name, side in zip(names, sides, strict=True):
            leading = np.linalg.eigh(side[0].numpy())[1][:, -3:]
            cosine = np.linalg.svd(leading.T @ encoding.numpy())[1]
            assert float(one.overlap.sel(protected=name)) == pytest.approx((cosine**2).mean(), abs=1e-9), name


def row_of(text, first):
    """Cells of the only line of a table that begins so."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


T_OF_TWO = np.tan(0.475 * np.pi)
"""the 0.975 quantile of t with one degree of freedom, which is Cauchy's distribution"""


def interval(values, form, log=False):
    """Mean and t interval of two networks, or geometric ones."""
    values = np.log(values) if log else np.asarray(values)
    half = T_OF_TWO * abs(values[0] - values[1]) / 2
    ends = values.mean() + half * np.array([0, -1, 1])
    mean, low, high = np.exp(ends) if log else ends
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def of_zero(results):
    """At the lowest error, networks whose biases started at zero, alone."""
    return results.isel(condition=(results.biases == "zero").values)


def test_the_table_has_the_agreement_and_the_residual_variance(ran, text_of_zero):
    results, text = of_zero(ran[1]), text_of_zero
    hh = results.fisher.sel(connection="hh", error=0.1)
    closed = hh.sel(kind="closed form").values
    found = row_of(text.split("exponents of")[0], "0.1")
    kinds = ["closed form, these sequences", "exact", "sampled", "empirical"]
    for kind, cell in zip(kinds, found, strict=False):
        assert cell == interval((hh.sel(kind=kind).values / closed).mean(0), ".3f"), kind
    scaled = hh.sel(kind="empirical").values / closed / results.mean_squared_error.sel(error=0.1).values
    assert found[4] == interval(scaled.mean(0), ".3f")


def test_the_table_has_levels_and_exponents_of_each_network(ran, text_of_zero):
    at, text = of_zero(ran[1]).sel(error=0.1), text_of_zero
    columns = np.stack(
        [np.log(at["memory_load"]), np.log(at.retention), np.log(1 + at.lead), np.ones(at.sizes["condition"])], 1
    )
    by_load = text.split("by load:")[1]
    for name in measuring.VARIANTS:
        values = (at.fisher_without_bias / at.gain).sel(network=name).values
        found = row_of(text, f"closed form, biases zero, over gain: {name}")
        slopes = np.linalg.lstsq(columns, np.log(values), rcond=None)[0]
        for k in range(2):
            assert found[k] == interval(slopes[k], ".2f"), name
        level = values / at.ideal.values[:, None]
        assert found[4:] == [interval(level.mean(0), ".2f", log=True), "2"], name
        for load, cell in zip((1, 2), row_of(by_load, name), strict=True):
            assert cell == interval(level[at["memory_load"].values == load].mean(0), ".2f", log=True), (name, load)


def test_the_share_of_a_lead_is_that_of_steps_that_read_a_state_of_the_lead():
    """With a lead of 2, steps 1 and 2 read states from before the first number; step 0 reads none, step 3 the first."""
    made = xr.Dataset({"contribution": ("step", [0.0, 1.0, 2.0, 4.0, 9.0])}, {"step": range(5), "lead": 2})
    assert float(lead_share(made)) == 3 / 16


def test_the_table_has_dimensions_of_the_students(ran, text):
    at = ran[1].sel(error=0.1)
    parts = text.split("Mean squared cosine")[0].split("*")
    for count in measuring.COUNTS:
        table = parts[parts.index(count) + 1]
        for k, first in enumerate(("linear | 1", "linear | 2", "elman | 1", "elman | 2")):
            values = at.dimension.isel(student=k).sel(dimensions_counted=count)
            assert row_of(table, first)[1:] == [
                "2",
                *(interval(values.sel(side=side).values, ".1f") for side in measuring.SIDES),
            ], (count, first)
    assert row_of(text, "dimensions") == [interval(at.least.isel(student=k).values, ".1f") for k in range(2)]


def test_a_design_in_which_nothing_varies_has_levels_and_no_exponents(ran):
    results = ran[1]
    is_it = (results["memory_load"] == 2) & (results.retention == 6) & (results.lead == 0)
    one = results.isel(condition=is_it.values, student=[0])
    one = add_slopes(one.drop_vars(("slope", "student_cell")))
    text = report(one)
    at = one.sel(error=0.1).isel(condition=(one.biases == "zero").values)
    level = at.fisher.sel(kind="exact", connection="hh").values[0] / float(at.ideal[0])
    zero = text.split("Biases that started as drawn")[0]
    assert row_of(zero, "exact") == ["–", interval(level, ".2f", log=True), "2"]
    with house_style():
        assert "nothing varies" in [each.get_text() for each in figure_of.draw_exponents(one, OPTIONS).axes[0].texts]


def test_each_panel_with_logarithmic_axes_has_labels_under_a_decade(ran):
    results = of_zero(ran[1]).copy(deep=True)
    results["fisher"] = 0.03 * (1 + 0.5 * results.fisher / results.fisher.max())
    results["mean_squared_error"] = 0 * results.mean_squared_error + 1
    with house_style():
        figure = figure_of.draw(results, OPTIONS)
        FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    assert high / low < 10
    assert sum(bool(each.get_text()) for each in axes.get_yticklabels(which="both")) > 0


def test_exponents_are_drawn_for_networks_as_trained_orthogonal_and_at_the_start(ran):
    results = ran[1]
    with house_style():
        axes = figure_of.draw_exponents(results, OPTIONS).axes[0]
    labels = [each.get_text() for each in axes.get_yticklabels()]
    kinds = ["exact", "sampled", "empirical"]
    kinds += [f"closed form, {name}" for name in ("trained", "made orthogonal", "at the start")]
    assert labels == [f"{kind}; {start}" for start in figure_of.STARTS.values() for kind in kinds]
    at = of_zero(results).sel(error=0.1)
    values = (at.fisher_without_bias / at.gain).sel(network="at the start")
    expected = float(exponents(at, values).sel(term="memory_load")["average"])
    drawn = [x for line in axes.lines for x, y in line.get_xydata() if y == pytest.approx(5 - 0.22)]
    assert any(x == pytest.approx(expected) for x in drawn)
