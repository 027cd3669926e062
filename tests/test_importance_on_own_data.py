"""The study of importances on a benchmark in a file of one's own: each of its tasks is a condition."""

import shutil
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr
from real_data_study import study

from figures import importance_on_real_data as figure_of
from tests.test_own_benchmark import EXAMPLE, data, recorded
from wmcl.plotting.style import house_style
from wmcl.studies.benchmark import Benchmark, TaskOptions
from wmcl.studies.conditions import entropy
from wmcl.tasks import Task, copy_task


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own importances")
    shutil.copy(EXAMPLE, folder / "importance_of_gestures.py")
    recorded(folder / "gestures", persons=3)
    return folder


@pytest.fixture
def main(folder, monkeypatch, capsys):
    def of(*words):
        name = f"{folder / 'importance_of_gestures.py'}:BENCHMARK"
        few = ("--kinds", "sampled", "--hidden", "4", "--iterations", "20", "--shared-components", "2")
        words = ("--preset", "smoke", "--jobs", "1", "--folder", folder / "gestures", *few, *words)
        monkeypatch.setattr(sys, "argv", ["analysis", "--benchmark", name, *map(str, words)])
        study.main()
        return capsys.readouterr().out

    return of


def test_own_data_by_the_command_line(main, folder, tmp_path):
    printed = main("--output", tmp_path / "r.nc", "--losses", "5", "1", "--main-loss", "5")
    results = xr.load_dataset(tmp_path / "r.nc")
    assert results.task.values.tolist() == ["task 1", "task 2"]
    assert results.sizes["pair"] == 2
    options = study.study_of(sys.modules["importance_of_gestures"].BENCHMARK, "own").presets["smoke"].data.options
    own = type(options)(folder / "gestures").tasks(2)
    np.testing.assert_allclose(results["memory_load"], [entropy(task) for task in own])
    assert "Data: Gestures." in printed
    assert "At a validation loss of 5.0 nats an answer" in printed
    assert "fewer than 5 pairs" in printed
    assert "Rank correlation" not in printed
    with house_style():
        figure = figure_of.draw(results, figure_of.Options("r.nc"))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["task 1", "task 2"]


def test_more_tasks_in_turn_compute_their_pairs_alone(main, folder, tmp_path):
    words = ("--output", tmp_path / "r.nc", "--losses", "5", "--main-loss", "5", "--measured", "3", "--tasks")
    for tasks, computed in ((2, "6 of 6; 4 of 4"), (3, "0 of 6; 8 of 12")):
        main(*words, tasks)
        assert xr.load_dataset(tmp_path / "r.nc").attrs["entries_computed"] == computed


@dataclass(frozen=True)
class Made(TaskOptions):
    """Tasks that a test hands over."""

    made: tuple[Task, ...] = ()

    def tasks(self, number):
        return list(self.made[:number])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ((data(), data(outputs=2)), "outputs of the task 'some' is 2: it must be 3, as of the first task 'some'"),
        ((data(real=True),) * 2, "real numbers have no accuracy to compare"),
        ((copy_task(4),) * 2, "it must be made by wmcl.tasks.data_task, and its targets must be classes"),
        ((data(),), "measured is 2: it must be 1, the number of tasks that the benchmark makes"),
    ],
)
def test_tasks_that_do_not_fit_are_refused(made, message):
    of = study.study_of(Benchmark(Made(made), name="made", tasks=2), "made.py:BENCHMARK")
    with pytest.raises(ValueError, match=message):
        of.check_options(of.presets["smoke"])
