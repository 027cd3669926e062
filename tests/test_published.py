"""Published numbers: some by hand, and all against the list that they come from, where it is at hand."""

import csv
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from wmcl.published import published_runs
from wmcl.published.runs import FILES

FOLDERS = {
    "Copy": "copy",
    "Split-Stroke": "smnist",
    "Split Seq": "seq_smnist",
    "Split-Audio": "audioset",
    "Multi": "pos_tagging",
}
ROOT = Path(__file__).parents[1]
LIST = ROOT.parent / "shared" / "reference" / "published.csv"


def _folder(benchmark):
    return next(folder for start, folder in FOLDERS.items() if benchmark.startswith(start))


def _plain(method):
    """Without what is written in different ways."""
    plain = (
        method.lower()
        .replace("-", " ")
        .replace(" (chunked)", "")
        .replace("hnet + replay", "hnet+r")
        .replace("task id input", "task identity")
    )
    return re.sub(r" \d+$", "", plain)


def test_a_run_by_hand():
    (run,) = (run for run in published_runs("permuted copy") if run.method == "online EWC")
    assert (run.during, run.final) == (0.9993, 0.9866)
    assert (run.batch, run.iterations, run.learning_rate, run.clip, run.orthogonality) == (128, 20_000, 1e-3, 1.0, 0.01)
    assert (run.initialisation, run.multi_head) == ("fan_in", True)
    assert run.options["ewc_lambda"] == "100.0"
    assert run.options["use_ewc"] == ""
    assert run.source == "sequential/copy/README.rst line 72"


def test_what_a_command_leaves_out_is_the_default_of_that_code():
    runs = {run.method: run for run in published_runs("permuted copy")}
    assert runs["fine-tuning"].learning_rate == 1e-3
    assert runs["fine-tuning"].orthogonality == 0
    assert runs["from scratch"].clip is None
    assert not runs["from scratch"].multi_head
    assert runs["masking"].initialisation == "orthogonal"
    assert runs["masking"].orthogonality == 0  # given as -1
    assert runs["multitask"].during is None


def test_all_runs():
    assert [len(published_runs(name)) for name in FILES] == [12, 2, 4, 8, 40, 18, 11]
    assert [run.condition for run in published_runs("pattern manipulation")] == ["r = 1", "r = 5", "r = 1", "r = 5"]
    assert {run.condition for run in published_runs("sequential stroke-mnist", "m = 3")} == {"m = 3"}
    assert len(published_runs("sequential stroke-mnist", "m = 3")) == 10
    for name in FILES:
        for run in published_runs(name):
            assert all(0.2 < value <= 1 for value in (run.during, run.final) if value is not None)
            assert re.fullmatch(r"sequential/[a-z_]+/README\.rst line \d+", run.source)


def test_a_benchmark_without_runs_is_refused():
    with pytest.raises(ValueError, match="benchmark is 'mnist': it must be one of permuted copy, padded copy"):
        published_runs("mnist")


def test_the_list_they_come_from():
    if not LIST.exists():
        pytest.skip("the list of published runs is not on this machine")
    with LIST.open(encoding="utf-8", newline="") as file:
        listed = {(_folder(row["benchmark"]), row["source"].split()[-1]): row for row in csv.DictReader(file)}
    runs = {(run.source.split("/")[1], run.source.split()[-1]): run for name in FILES for run in published_runs(name)}
    assert runs.keys() == listed.keys()
    for place, row in listed.items():
        run = runs[place]
        condition, _, method = row["method"].rpartition(": ")
        assert run.condition == condition.replace("=", " = ")
        assert _plain(run.method) == _plain(method)
        for value, printed in ((run.during, row["during_percent"]), (run.final, row["final_percent"])):
            assert value == (pytest.approx(float(printed) / 100) if printed else None)
        assert (run.batch, run.iterations) == (int(row["batch_size"]), int(row["iterations"]))
        assert run.learning_rate == float(row["learning_rate"] or 1e-3)
        assert run.clip == (None if row["clip_norm"] in ("off", "") else float(row["clip_norm"]))
        assert " ".join(f"{k}={v}" if v else k for k, v in run.options.items()) == row["other_options"]
        assert run.orthogonality == max(float(run.options.get("orthogonal_hh_reg", 0)), 0)
        assert (run.initialisation == "orthogonal") == ("orthogonal_hh_init" in run.options)
        assert run.multi_head == ("multi_head" in run.options)


def test_the_file_is_part_of_the_package():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["wmcl"]
    assert "published/*.csv" in data
    assert files("wmcl.published").joinpath("copy_task.csv").is_file()
