"""What users draw with: the numbers on the axes are those of the Dataset, and what is missing is said."""

import doctest
import importlib
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

import wmcl
from wmcl.plotting import plot_accuracy_matrix, plot_front, plot_importance, plot_states
from wmcl.statistics import mean_interval
from wmcl.statistics.fronts import hypervolume

STORED = Path(__file__).parents[1] / "docs" / "results"


@pytest.fixture(autouse=True)
def agg():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def stored(name):
    with xr.open_dataset(STORED / f"{name}.nc") as results:
        return results.load()


def ends(container):
    """The ends of the intervals of a line."""
    return np.array([segment[:, 1] for segment in container[2][0].get_segments()])


@pytest.fixture(scope="module")
def lengths():
    return stored("importance_vs_length_quick")


# importance


def test_a_line_is_the_geometric_mean_with_its_t_interval(lengths):
    axes = plot_importance(lengths, x="input_length", hue="pattern_length", lead=0, independent_bits=7)
    assert [text.get_text() for text in axes.texts] == ["p = 2", "p = 5", "p = 10", "p = 15", "p = 20"]
    line = axes.containers[1]
    assert line[0].get_xdata().tolist() == [5, 10, 15, 20, 25, 30]
    where = {"stage": "0.05", "kind": "sampled", "connection": "hh", "per": "scored bit", "statistic": "mean"}
    is_it = (lengths.pattern_length == 5) & (lengths.lead == 0) & (lengths.independent_bits == 7)
    logs = np.log(lengths.importance.sel(where).isel(condition=is_it.values).sortby("input_length").values)
    half = stats.t.ppf(0.975, 4) * logs.std(1, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(line[0].get_ydata(), np.exp(logs.mean(1)))
    np.testing.assert_allclose(ends(line), np.exp([logs.mean(1) - half, logs.mean(1) + half]).T)
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "mean sampled Fisher of W$_{hh}$\n(nats² per scored bit)"
    assert axes.get_xlabel() == "input length i (steps)"
    assert axes.get_title(loc="left") == "n = 5 networks"


def test_labels_of_dimensions_are_chosen_and_dimensions_can_tell_lines_apart(lengths):
    chosen = {"pattern_length": 5, "lead": 0, "independent_bits": 7, "stage": "final"}
    axes = plot_importance(lengths, hue="kind", ax=plt.subplots()[1], **chosen)
    names = [text.get_text() for text in axes.texts]
    assert names == lengths.kind.values.tolist()
    one = lengths.importance.sel(stage="final", kind="MAS", connection="hh", per="scored bit", statistic="mean")
    one = wmcl.sweeps.choose(one.to_dataset(), pattern_length=5, lead=0, independent_bits=7).importance
    drawn = axes.containers[names.index("MAS")][0].get_ydata()
    np.testing.assert_allclose(drawn, mean_interval(one.sortby("input_length"), log=True)["average"])


def test_importances_that_are_not_all_positive_are_drawn_without_logarithm():
    results = xr.Dataset({"importance": (("lead", "seed"), [[-1.0, 3.0], [2.0, 4.0]])}, {"lead": [0, 10]})
    axes = plot_importance(results, x="lead", hue=None)
    np.testing.assert_allclose(axes.containers[0][0].get_ydata(), [1, 3])
    assert axes.get_yscale() == "linear"


def test_a_dataset_on_real_data_is_drawn_at_its_own_loss_and_unit():
    results = stored("importance_on_real_data")
    axes = plot_importance(results, x="task_size", hue="task")
    assert "bit of the answer" in axes.get_ylabel()
    at = results.importance.sel(stage="0.2", kind="sampled", connection="hh", per="bit", statistic="mean")
    at = at.isel(condition=np.flatnonzero(results.task.values == "sequences"))
    drawn = axes.containers[list(dict.fromkeys(results.task.values)).index("sequences")][0]
    np.testing.assert_allclose(drawn.get_ydata(), np.exp(np.log(at).mean("seed")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"conditions have input_length 10: choose one by .*lead.*, as in \w+="),
        ({"x": "length"}, "x is 'length': it must be one of .*input_length"),
        ({"hue": "colour"}, "hue is 'colour': it must be None or one of .*pattern_length"),
        ({"stage": "0.3"}, "stage is '0.3': it must be one of 0.2, 0.1, 0.05, final"),
        ({"lead": 3}, "lead is 3: it must be one of"),
        ({"task": 3}, "task tells nothing apart in importance: it must be one of"),
        (
            {"hue": None, "lead": 0, "independent_bits": 7},
            "conditions have input_length 10: choose one by .*pattern_length",
        ),
    ],
)
def test_importances_that_are_not_determined_are_refused(lengths, arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_importance(lengths, **arguments)


def test_a_dataset_without_importance_is_refused():
    with pytest.raises(ValueError, match="this dataset has no importance, which the figure draws"):
        plot_importance(stored("stability_plasticity"))


# a run


@pytest.fixture(scope="module")
def trained_in_turn():
    torch.set_num_threads(1)
    tasks = wmcl.tasks.copy_task_sequence(2, 3, 3, order="permuted time")
    network = wmcl.networks.Elman(tasks[0].inputs, 8, tasks[0].outputs, heads=2)
    stop = wmcl.training.Stop(iterations=3)
    return lambda: wmcl.methods.train_sequence(
        wmcl.methods.named("fine-tuning"), network, tasks, range(2), stop, progress=False
    )


def test_a_run_and_its_measures_are_drawn_alike(trained_in_turn):
    results = wmcl.methods.measure_run(trained_in_turn())
    from_run, from_results = plot_accuracy_matrix(trained_in_turn()), plot_accuracy_matrix(results)
    expected = 100 * results.accuracy.sel(data="test").mean("seed").transpose("trained_task", "evaluated_task")
    for axes in (from_run, from_results):
        np.testing.assert_allclose(axes.images[0].get_array(), expected, rtol=1e-6)
    axes = plot_importance(results, x="trained_task", hue=None)
    per = results.importance.sel(connection="hh", statistic="mean", per="scored bit")
    np.testing.assert_allclose(axes.containers[0][0].get_ydata(), np.exp(np.log(per).mean("seed")), rtol=1e-6)


def test_a_method_of_a_comparison_is_drawn_from_chance_on():
    results = stored("method_comparison")
    axes = plot_accuracy_matrix(results, approach="multitask")
    image = axes.images[0]
    assert image.get_clim() == (50, 100)
    row = results.approach.values.tolist().index("multitask")
    mean = 100 * results.accuracy.sel(data="test").isel(condition=row, trained_task=-1).mean("seed")
    np.testing.assert_allclose(image.get_array()[-1], mean)
    assert image.get_array().mask[:-1].all()
    assert [text.get_text() for text in axes.texts] == [f"{value:.0f}" for value in mean.values]
    labels = [label.get_text() for axes in axes.figure.axes for label in axes.get_yticklabels()]
    assert "50 chance" in labels
    with pytest.raises(ValueError, match="accuracy has 20 entries along condition: choose one by approach"):
        plot_accuracy_matrix(results)
    with pytest.raises(ValueError, match="this dataset has no accuracy"):
        plot_accuracy_matrix(results.drop_vars("accuracy"))
    with pytest.raises(ValueError, match="accuracy has no dimension trained_task"):
        plot_accuracy_matrix(stored("importance_on_real_data").isel(stage=0, condition=0))


# fronts


def test_the_area_below_a_front_is_its_hypervolume():
    results = stored("stability_plasticity")
    setting = {"memory_load": 5, "retention": 6, "lead": 0}
    axes = plot_front(results, ["SI", "HNET", "multitask"], **setting)
    at = results.points.sel(front="information", data="test").isel(setting=0)
    areas = [np.trapezoid(line.get_ydata(), line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 201]
    points = [at.sel(approach=name).transpose("seed", "strength", "axis").values for name in ("SI", "HNET")]
    np.testing.assert_allclose(areas, [np.nanmean(hypervolume(each)) for each in points], atol=0.01)
    marks = [line.get_xydata() for line in axes.lines if line.get_linestyle() == "None"]
    np.testing.assert_allclose(marks[0], points[0].mean(0))
    assert marks[-1].shape == (1, 2)
    assert [text.get_text() for text in axes.texts] == ["SI", "HNET", "multitask"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "methods has 10 entries: name one to 4 of from scratch, "),
        ({"methods": ["SI"]}, "points has 10 entries along setting: choose one by .*memory_load"),
        ({"methods": ["EWC"], "setting": 0}, "(approach|setting) is "),
        ({"methods": ["SI"], "front": "loss"}, "front is 'loss': it must be one of information, accuracy, speed"),
    ],
)
def test_fronts_that_are_not_determined_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_front(stored("stability_plasticity"), **arguments)


# states


def test_states_are_drawn_in_their_principal_components():
    task = wmcl.tasks.copy_task(2, 3)
    network = wmcl.networks.Elman(task.inputs, 8, task.outputs)
    options = {"stop": wmcl.training.Stop(iterations=2), "progress": False}
    states = wmcl.training.train(network, task, [3, 4], **options).hidden()
    axes = plot_states(states, seed=4)
    values = states.sel(seed=4).transpose("step", "sample", "unit").values.reshape(-1, 8).astype(float)
    centred = values - values.mean(0)
    covariance = np.linalg.eigh(centred.T @ centred)
    places = axes.collections[0].get_offsets()
    variance = (np.asarray(places) ** 2).sum(0)
    np.testing.assert_allclose(variance, covariance.eigenvalues[:-3:-1], rtol=1e-6)
    expected = centred @ covariance.eigenvectors[:, -1]
    np.testing.assert_allclose(np.abs(places[:, 0]), np.abs(expected), atol=1e-6)
    share = 100 * covariance.eigenvalues[-1] / covariance.eigenvalues.sum()
    assert f"({share:.0f} % of the variance)" in axes.get_xlabel()
    assert [text.get_text() for text in axes.texts] == ["input", "stop", "output"]
    mean = axes.lines[0].get_xydata()
    np.testing.assert_allclose(mean, np.asarray(places).reshape(states.sizes["step"], -1, 2).mean(1))
    with pytest.raises(ValueError, match="seed is 5: it must be one of 3, 4"):
        plot_states(states, seed=5)
    with pytest.raises(ValueError, match="states have no dimension step"):
        plot_states(states.isel(step=0))
    with pytest.raises(ValueError, match="states must be finite"):
        plot_states(states * 0)


@pytest.mark.parametrize("module", ["accuracy", "front", "importance", "states"])
def test_examples_run(module):
    found = doctest.testmod(importlib.import_module(f"wmcl.plotting.{module}"))
    assert found.attempted > 2
    assert not found.failed
