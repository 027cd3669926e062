"""A benchmark in a file of one's own, through the command line: comparison, search, table and figure."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from benchmark_tasks import benchmark
from method_study import study
from method_study.design import presets_of, rows_of

from wmcl.methods import CATALOGUE
from wmcl.studies.benchmark import Benchmark, TaskOptions
from wmcl.studies.rows import checked_tasks, grids_of
from wmcl.tasks import copy_task, data_task, labelled

ROOT = Path(__file__).parents[1]
EXAMPLE = Path(__file__).with_name("own_benchmark.py")
WORDS = ("left", "right", "left", "up")
"""what is answered: the gesture left is twice as frequent as the others"""


def recorded(folder, persons=2, sequences=40, seed=0):
    """Files of gestures: the direction of a movement with noise."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    for person in range(1, persons + 1):
        gestures = np.resize(WORDS, sequences)
        steps = {"left": (-1, 0), "right": (1, 0), "up": (0, 1)}
        moves = np.array([steps[each] for each in gestures])[:, None] * person
        inputs = np.cumsum(moves + 0.3 * random.standard_normal((sequences, 12, 2)), axis=1) / 10
        lengths = random.integers(6, 13, size=sequences)
        np.savez(folder / f"person{person}.npz", inputs=inputs, lengths=lengths, gestures=gestures)


def command(folder, script, *words):
    """Run a command of the project in a folder, and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *words], cwd=folder, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the file of the example, as gestures.py, and with recordings."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(EXAMPLE, folder / "gestures.py")
    recorded(folder / "gestures")
    return folder


FEW = ("from scratch", "online EWC", "coresets")


@pytest.fixture(scope="module")
def compared(folder):
    """What the comparison prints, and its file."""
    words = ("--benchmark", "gestures.py:BENCHMARK", "--preset", "smoke", "--methods", *FEW)
    printed = command(folder, "analyses/method_comparison.py", *words)
    return printed, folder / "results" / "method_comparison_gestures_smoke.nc"


@pytest.fixture
def main(folder, monkeypatch, capsys):
    """The same command in this process, with other words."""

    def of(*words):
        names = ["--benchmark", f"{folder / 'gestures.py'}:BENCHMARK", "--preset", "smoke", "--jobs", "1"]
        monkeypatch.setattr(sys, "argv", ["analysis", *names, *map(str, words)])
        study.main()
        return capsys.readouterr().out

    return of


def test_own_data_are_compared_by_the_command_line(compared):
    printed, output = compared
    results = xr.load_dataset(output)
    assert results.approach.values.tolist() == list(FEW)
    assert results.accuracy.dims == ("condition", "seed", "trained_task", "evaluated_task", "data")
    assert results.accuracy.sizes["trained_task"] == 2
    assert "Gestures: test accuracy of 2 networks a method" in printed
    assert "the share of the most frequent class is" in printed
    assert output.with_suffix(".md").read_text().strip() in printed
    assert set(results.published_source.values) == {""}


def test_chance_is_the_share_of_the_most_frequent_gesture(compared, folder):
    own = benchmark(f"{folder / 'gestures.py'}:BENCHMARK")
    tasks = type(own.task)(folder / "gestures").tasks(2)
    shares = [task.test.targets[0].sum((0, 1)) / task.test.samples for task in tasks]
    expected = np.mean([float(share.max()) for share in shares])
    assert xr.load_dataset(compared[1]).attrs["chance"] == pytest.approx(expected)


def test_a_figure_of_own_data(compared, folder):
    command(folder, "figures/method_comparison.py", str(compared[1]), "--output", "figures")
    assert (folder / "figures" / "method_comparison_gestures_smoke.png").exists()


def test_other_recordings_are_other_entries(main, tmp_path):
    """A second run computes nothing; with another file of the second person it computes everything again."""
    recorded(tmp_path / "own")
    words = ("--folder", tmp_path / "own", "--methods", "fine-tuning", "--output", tmp_path / "r.nc")
    for computed in (2, 0):
        main(*words)
        assert xr.load_dataset(tmp_path / "r.nc").attrs["entries_computed"] == f"{computed} of 2"
    recorded(tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other" / "person2.npz", tmp_path / "own")
    main(*words)
    assert xr.load_dataset(tmp_path / "r.nc").attrs["entries_computed"] == "2 of 2"


def test_what_a_search_on_own_data_chose_is_what_the_comparison_takes(main, folder, tmp_path):
    files = ("--chosen", tmp_path / "chosen.json", "--output", tmp_path / "r.nc")
    words = ("--folder", folder / "gestures", "--methods", "coresets", *files)
    assert f"Wrote {tmp_path / 'chosen.json'}." in main(*words, "--search")
    choice = json.loads((tmp_path / "chosen.json").read_text())["coresets"]
    assert [one["values"] for one in choice["validation"]] == [{"strength": 1.0}, {"strength": 10.0}]
    main(*words)
    results = xr.load_dataset(tmp_path / "r.nc")
    assert json.loads(results.hyperparameters.item())["of_method"]["strength"] == choice["chosen"]["strength"]
    assert results.is_searched.values.tolist() == [1]


def test_every_method_has_values_to_start_from_and_a_search_has_a_grid(folder):
    own = benchmark(f"{folder / 'gestures.py'}:BENCHMARK")
    presets = presets_of(own, "gestures.py:BENCHMARK")
    assert set(presets) == {"quick", "smoke"}
    for config in presets.values():
        assert {each.method for each in rows_of(own, config).values()} == set(CATALOGUE)
        assert config.selection.chosen == config.run.output.with_name(f"{config.run.output.stem}_chosen.json")
    assert set(grids_of(own)) <= set(rows_of(own, presets["quick"]))
    assert len({str(config.run.output) for config in presets.values()}) == 2


# what is refused


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("audio", "benchmark is 'audio': it must be one of copy, smnist, sequential_smnist, audioset, pos, or like"),
        ("mine", "or like mine.py:BENCHMARK"),
        ("nowhere.py:BENCHMARK", "benchmark is 'nowhere.py:BENCHMARK': there is no file nowhere.py"),
        ("{folder}/gestures.py:MINE", "gestures.py:MINE': there is no such name in the file; it must be a wmcl"),
        (
            "{folder}/gestures.py:Gestures",
            "what has that name in the file is the class Gestures; it must be a wmcl.studies",
        ),
        ("{folder}/json.py:BENCHMARK", "there is another module json; give the file another name"),
    ],
)
def test_a_benchmark_that_is_not_there_is_refused_in_a_sentence(name, message, folder, refusal):
    (folder / "json.py").write_text("")
    assert message in refusal(study.main, "--benchmark", name.format(folder=folder))


def test_recordings_that_are_not_there_are_asked_for_in_a_sentence(folder, refusal):
    words = ("--benchmark", f"{folder / 'gestures.py'}:BENCHMARK", "--folder", "elsewhere")
    assert refusal(study.main, *words).startswith("error: folder is elsewhere: there is no file person1.npz in it")


def test_a_preset_that_own_data_do_not_have_is_refused(folder, refusal):
    assert "'quick', 'smoke'" in refusal(
        study.main, "--benchmark", f"{folder / 'gestures.py'}:BENCHMARK", "--preset", "paper"
    )


class Made(TaskOptions):
    """Tasks that a test hands over."""

    def __init__(self, *made):
        self.made = made

    def tasks(self, number):
        return list(self.made)


def data(outputs=3, real=False, features=2):
    parts = []
    for seed in range(3):
        rows = np.random.default_rng(seed).standard_normal((6, 4, features))
        answers = rows[:, -1, :1] if real else np.arange(6) % outputs
        parts.append(labelled(rows, answers, classes=None if real else outputs, real=real))
    return data_task("some", *parts)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ((data(), data(outputs=2)), "outputs of the task 'some' is 2: it must be 3, as of the first task 'some'"),
        ((data(features=4), data()), "inputs of the task 'some' is 2: it must be 4"),
        (
            (data(outputs=7, features=8), copy_task(4)),
            r"likelihood of the task .* is Bernoulli\(\): it must be Categorical",
        ),
        ((data(), "a task"), "task 2 of 2 is a str: it must be a wmcl.tasks.Task"),
        ((data(),), "tasks is 2: it must be 1, the number of tasks that the benchmark makes"),
        ((data(real=True),) * 2, "real numbers have no accuracy to compare"),
    ],
)
def test_tasks_that_do_not_fit_are_refused(made, message):
    with pytest.raises(ValueError, match=message):
        checked_tasks(Made(*made), 2)


def test_tasks_that_fit_are_handed_on():
    made = [data(), data()]
    assert checked_tasks(Made(*made), 2) == made


def test_a_benchmark_is_tasks_and_the_rest_has_defaults():
    own = Benchmark(Made(data()))
    assert (own.presets, own.starting_values, own.grids, own.poster) == ({}, {}, {}, ())
    assert own.task.title == "Made"
    assert not own.task.one_head
    assert own.task.published() == ()
