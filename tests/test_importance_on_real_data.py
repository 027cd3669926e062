"""The study of real data: conditions and what they ask for, each measure against its definition, and end to end."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from benchmark_tasks import strokes as digits
from benchmark_tasks.strokes import SEQUENTIAL
from real_data_study import study
from real_data_study.outcome import correlations, exponents, law_effects, lines, remove_pairs
from real_data_study.pairs import measure_pair
from real_data_study.report import exponent, report
from scipy import stats

from figures import importance_on_real_data as figure_of
from tests.studies import given_of_parts, keys_of_parts
from wmcl.dimensionality import alignment
from wmcl.importance import fisher_diagonal
from wmcl.methods import named, train_sequence
from wmcl.plotting.data import MissingError
from wmcl.plotting.style import house_style
from wmcl.statistics import mean_interval
from wmcl.tasks import Phase
from wmcl.training import Stop, evaluate

STUDY = study.study_of(SEQUENTIAL, "sequential_smnist")
SMOKE = STUDY.presets["smoke"]
STROKES = replace(SMOKE.data, digits=(1, 3), two_classes=(2,), pairs=(1, 2, 5))


def parts_of(config):
    return keys_of_parts(STUDY, config)


def by_name(strokes, seed=0):
    return {(each["task"], each["task_size"]): strokes.task(each, seed) for each in strokes.conditions}


def test_one_digit_is_a_condition_once():
    found = [tuple(each.values()) for each in STROKES.conditions]
    longer = [(task, 3) for task in ("sequences", "first digit", "last digit", "blank lead")]
    assert found == [("one digit", 1), *longer, ("two classes", 2)]
    assert [STROKES.load(each) for each in STROKES.conditions] == [1, 3, 1, 1, 1, 1]


def test_conditions_of_a_seed_show_the_same_digits_and_pairs_take_turns():
    tasks = by_name(STROKES, seed=4)
    assert {name: task.outputs for name, task in tasks.items()} == {
        name: 8 if name[0] == "sequences" else 2 for name in tasks
    }
    three = {name[0]: task.draw.test for name, task in tasks.items() if name[1] == 3}
    every = three.pop("sequences")
    for place, name in ((0, "first digit"), (2, "last digit"), (2, "blank lead")):
        np.testing.assert_array_equal(three[name].targets, (every.targets >> place) & 1)
        np.testing.assert_array_equal(three[name].offsets, every.offsets)
    assert "2 or 3" in tasks["one digit", 1].name
    assert "2 or 3" in STROKES.task({"task": "one digit", "task_size": 1}, 7).name
    assert "8 or 9" in STROKES.task({"task": "one digit", "task_size": 1}, 2).name
    one, other = (STROKES.task({"task": "one digit", "task_size": 1}, seed).draw.train.rows for seed in (1, 4))
    assert one.shape != other.shape or (one != other).any()


def test_what_a_condition_demands_is_counted_in_its_sequences():
    for (name, m), task in by_name(STROKES).items():
        found, part = STROKES.demand({"task": name, "task_size": m}, task), task.draw.test
        shown = STROKES.task({"task": "last digit" if m > 1 else "one digit", "task_size": m}, 0).draw.test
        ends = np.flatnonzero(shown.rows[:, 3]) + 1
        of_digits = np.diff([0, *ends]).reshape(-1, m).mean(0)  # steps of the digits at each place
        places = {"first digit": [0], "last digit": [m - 1], "blank lead": [m - 1]}.get(name, list(range(m)))
        np.testing.assert_allclose(found.retention, np.mean([of_digits[place:].sum() for place in places]), rtol=0.03)
        np.testing.assert_allclose(found.lead, of_digits[: places[0]].sum(), rtol=0.03)
        assert found.memory_load == (m if name == "sequences" else 1)
        if name == "blank lead":
            np.testing.assert_allclose(found.lead, part.leads.mean(), rtol=0.03)


def test_a_pair_is_measured_before_and_after_the_second_task():
    in_turn = replace(SMOKE.in_turn, turn_iterations=3, state_samples=20, fisher_samples=8)
    pair = {"first": 3, "second": 1}
    found = measure_pair(pair, [0, 4], SMOKE.data, None, SMOKE.network, SMOKE.training, in_turn, "cpu")
    tasks = SMOKE.data.sequence()
    first, last = train_sequence(
        named("fine-tuning"),
        SMOKE.network.build(tasks[2], heads=2),
        [tasks[2], tasks[0]],
        [0, 4],
        Stop(3),
        SMOKE.training.options,
        progress=False,
    )
    network = first.learner.network_of(0)
    before, after = (evaluate(network, each.values, tasks[2].test, tasks[2]) for each in (first, last))
    np.testing.assert_allclose(found.forgetting_loss, after.loss - before.loss, rtol=1e-5)
    np.testing.assert_allclose(found.forgetting_accuracy, before.accuracy - after.accuracy, atol=1e-6)
    hidden, fishers = [], []
    for number, task in enumerate((tasks[2], tasks[0])):
        probe = task.fixed_set("states", 20)
        states = network.apply(first.values, probe.inputs).hidden
        hidden.append(torch.stack([states[k][(probe.phase == Phase.output)[0]] for k in range(2)]))
        head = first.learner.network_of(number)
        each = fisher_diagonal(head, first.values, task.fixed_set("fisher", 8), task, "sampled", (0, 4))
        fishers.append(torch.cat([each[name].flatten(1) for name in ("W_ih", "b_ih", "W_hh", "b_hh")], 1))
    np.testing.assert_allclose(found.overlap_states_last_step, alignment(*hidden, 3), rtol=1e-5)
    p, q = (each / each.sum(1, keepdim=True) for each in fishers)
    np.testing.assert_allclose(found.overlap_fisher, (p * q).sqrt().sum(1), rtol=1e-5)
    names = [name for name in first.values if name not in ("W_out", "b_out")]
    moved = sum((last.values[name] - first.values[name]).flatten(1).square().sum(1) for name in names).sqrt()
    length = sum(first.values[name].flatten(1).square().sum(1) for name in names).sqrt()
    np.testing.assert_allclose(found.moved, moved / length, rtol=1e-5)


def of_pairs(values):
    """Values of all ordered pairs of four tasks, by seed."""
    every = [(s, t) for s in range(1, 5) for t in range(1, 5) if s != t]
    first, second = np.array(every).T
    return xr.DataArray(values, dims=("pair", "seed"), coords={"first": ("pair", first), "second": ("pair", second)})


def test_what_pairs_do_alone_is_taken_off():
    random = np.random.default_rng(0)
    pattern = of_pairs(random.normal(size=(12, 1)) * np.ones((1, 3)))
    np.testing.assert_allclose(remove_pairs(pattern), 0, atol=1e-15)
    noise = of_pairs(random.normal(size=(12, 3)))
    np.testing.assert_allclose(remove_pairs(noise), noise.values - noise.values.mean(1, keepdims=True))
    assert remove_pairs(noise[:, :2]).isnull().all()


def test_correlations_are_those_of_each_seed():
    random = np.random.default_rng(1)
    names = ("overlap_states_last_step", "overlap_states_all_steps", "overlap_fisher", "second_accuracy", "moved")
    results = xr.Dataset({name: of_pairs(random.normal(size=(12, 3))) for name in names})
    results["forgetting_loss"] = 2 * results.overlap_fisher + 1
    results["forgetting_accuracy"] = of_pairs(random.normal(size=(12, 3)))
    found = correlations(results)
    np.testing.assert_allclose(found.sel(predictor="overlap_fisher", forgetting="forgetting_loss"), 1)
    one = found.sel(predictor="moved", forgetting="forgetting_accuracy", removed="nothing")
    for seed in range(3):
        expected = stats.spearmanr(results.moved[:, seed], results.forgetting_accuracy[:, seed]).statistic
        np.testing.assert_allclose(one[seed], expected)


def lawful(missed=False):
    """Importances and dimensions that follow power laws in size, load, retention and lead."""
    rows = [("one digit", 1, 1, 40, 0)]
    for m in (2, 4):
        rows += [("sequences", m, m, 20 * (m + 1), 0), ("first digit", m, 1, 40 * m, 0)]
        rows += [("blank lead", m, 1, 40, 40 * (m - 1)), ("last digit", m, 1, 40, 40 * (m - 1))]
    task, size, load, retention, lead = (np.array(column) for column in zip(*rows, strict=True))
    level = load**1.5 * retention**0.5 * (1.0 + lead) ** -0.25
    seeds = np.array([1.0, 2.0, 3.0])
    values = xr.DataArray(
        level[:, None, None, None, None, None, None]
        * seeds[:, None, None, None, None, None]
        * np.ones((1, 1, 1, 1, 1)),
        dims=("condition", "seed", "stage", "kind", "connection", "statistic", "per"),
    )
    seen = np.ones((len(rows), 3, 1))
    seen[3, 1] = 0 if missed else 1
    reached = xr.DataArray(seen, dims=("condition", "seed", "stage"))
    by_phase = xr.DataArray(size.astype(float) ** 0.75, dims="condition").expand_dims(seed=3, stage=1, phase=1)
    steps = by_phase.isel(phase=0).expand_dims(side=["after"])
    found = xr.Dataset(
        {"importance": values, "reached": reached}
        | dict.fromkeys(("components", "participation_ratio", "effective_rank"), by_phase)
        | {"iteration": steps}
    ).where(reached == 1)
    found["reached"] = reached
    own = {"task": task, "task_size": size, "memory_load": load, "retention": retention, "lead": lead}
    own["in_law"] = (task != "last digit").astype(int)
    names = {"stage": ["0.2"], "kind": ["sampled"], "connection": ["hh"], "statistic": ["mean"], "per": ["bit"]}
    return found.assign_coords(
        {name: ("condition", column) for name, column in own.items()} | names | {"seed": range(3), "phase": ["output"]}
    ).assign_attrs(smallest="one digit")


def test_exponents_and_law_of_what_is_lawful():
    results = lawful()
    assert lines(results)["first digit"] == [0, 2, 6]
    found = exponents(results).isel(stage=0, kind=0, connection=0, per=0, phase=0)
    np.testing.assert_allclose(found.components_exponent, 0.75)
    np.testing.assert_allclose(found.iterations_exponent, 0.75)
    np.testing.assert_allclose(found.importance_exponent.sel(line="first digit"), 0.5)
    x, y = np.log([1, 2, 4]), 1.5 * np.log([1, 2, 4]) + 0.5 * np.log([40, 60, 100])
    np.testing.assert_allclose(found.importance_exponent.sel(line="sequences"), np.polyfit(x, y, 1)[0])
    larger = found.importance_exponent_without_smallest.sel(line="sequences")
    np.testing.assert_allclose(larger, (y[2] - y[1]) / (x[2] - x[1]))
    law = law_effects(results, "0.2").sel(analysis="planned")
    np.testing.assert_allclose(law["average"], [1.5, 0.5, -0.25])


def test_a_network_that_missed_the_loss_leaves_no_exponent_and_no_words():
    found = exponents(lawful(missed=True)).importance_exponent.sel(line="blank lead").isel(stage=0, kind=0)
    assert found.isnull().values.ravel().tolist() == [False, True, False]
    assert exponent(mean_interval(found.squeeze()), 3).endswith("(1 missed)")
    for values, text in (([1, 1.1, 0.9], ": grows"), ([-1, -1.1, -0.9], ": falls"), ([1, -1, 0.1], "]")):
        assert exponent(mean_interval(xr.DataArray(values, dims="seed")), 3).endswith(text)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    config = replace(
        SMOKE,
        data=replace(SMOKE.data, digits=(1, 2), two_classes=(), tasks=2, train_samples=40),
        network=replace(SMOKE.network, hidden=5),
        training=replace(SMOKE.training, batch=4),
        stages=replace(SMOKE.stages, losses=(0.75,), main_loss=0.75, iterations=3),
        measures=replace(SMOKE.measures, kinds=("sampled", "SI task"), importance_samples=4),
        in_turn=replace(SMOKE.in_turn, turn_iterations=2, state_samples=8, fisher_samples=4),
        run=replace(SMOKE.run, output=tmp_path_factory.mktemp("real") / "small.nc", jobs=1, device="cpu"),
    )
    return STUDY.run(config)


def test_what_the_file_holds(small):
    results = small
    assert (results.sizes["condition"], results.sizes["pair"], results.sizes["seed"]) == (5, 2, 2)
    assert results.attrs["data"] == "stand-in strokes"
    assert results.attrs["entries_computed"] == "10 of 10; 4 of 4"
    np.testing.assert_allclose(
        results.importance.sel(per="bit") * results["memory_load"], results.importance.sel(per="answer"), rtol=1e-6
    )
    sequences = results.isel(condition=results.task.values.tolist().index("sequences")).sel(stage="0.75", seed=0)
    assert sequences.reached == 1
    assert float(sequences.validation_loss.sel(side="after")) <= 0.75  # a bit: that of four classes is twice as much
    assert "Data: stand-in strokes." in report(results)


def test_the_figure_names_its_data_and_draws_whatever_there_is(small):
    results = small
    options = figure_of.Options("small.nc")
    with house_style():
        full = figure_of.draw(results, options)
        forgetting = figure_of.draw_forgetting(results, options)
    assert "stand-in strokes" in full.get_supxlabel()
    assert (len(full.axes), len(forgetting.axes)) == (2, 2)
    with pytest.raises(MissingError, match="this dataset has no correlation"):
        figure_of.draw_forgetting(results.drop_dims("pair").drop_vars("correlation"), options)
    names = [text.get_text() for text in full.axes[1].texts]
    drawn = [full.axes[1].containers[names.index("sequences")]]
    at = results.sel(stage="0.75", phase="output").components
    expected = [float(at[k].mean("seed")) for k in lines(results)["sequences"]]
    np.testing.assert_allclose(drawn[0].lines[0].get_ydata(), expected)


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("data", {"digits": (2, 3)}, r"digits is \(2, 3\): it must hold 1"),
        ("data", {"digits": (1, 9)}, "digits has 9: it must lie between 1 and 8"),
        ("data", {"pairs": (0,)}, "pairs has 0: it must lie between 1 and 5"),
        ("data", {"pairs": (1, 1)}, r"pairs is \(1, 1\): it must hold at least one, each once"),
        ("data", {"tasks": 1}, "tasks is 1: it must be 0, or from 2 to 5"),
        ("stages", {"main_loss": 0.4}, "main_loss is 0.4: it must be one of losses"),
        ("in_turn", {"shared_components": 13}, "shared_components is 13: it must be at most the 12 units"),
        ("training", {"reduction": "sequence"}, "reduction is 'sequence'"),
    ],
)
def test_what_makes_no_sense_is_refused(part, values, message):
    with pytest.raises(ValueError, match=message):
        STUDY.check_options(replace(SMOKE, **{part: replace(getattr(SMOKE, part), **values)}))


def test_data_that_are_not_there_end_in_how_to_get_them(monkeypatch, tmp_path):
    digits._strokes_of.cache_clear()
    monkeypatch.setenv("WMCL_DATA", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["importance_on_real_data.py"])
    with pytest.raises(SystemExit, match="wmcl data download stroke-mnist"):
        study.main()


def test_an_entry_depends_on_what_its_numbers_depend_on():
    one, two = parts_of(SMOKE)
    more_digits, _ = parts_of(replace(SMOKE, data=replace(SMOKE.data, digits=(1, 2, 3), two_classes=(2,), tasks=2)))
    assert {name: more_digits[name] for name in one} == one
    samples = replace(SMOKE.data, train_samples=401)
    longer, of_pairs = parts_of(replace(SMOKE, data=samples))
    assert not set(longer.values()) & set(one.values())
    assert of_pairs == two
    assert parts_of(replace(SMOKE, in_turn=replace(SMOKE.in_turn, fisher_samples=17)))[0] == one


def test_other_drawings_make_other_entries(monkeypatch):
    before = given_of_parts(STUDY, SMOKE)
    drawn = digits.stand_in_strokes(*digits.STAND_IN, seed=1)
    monkeypatch.setattr(digits, "_strokes_of", lambda source: drawn)
    for one, other in zip(before, given_of_parts(STUDY, SMOKE), strict=True):
        assert one.keys() == other.keys()
        assert not set(one.values()) & set(other.values())
