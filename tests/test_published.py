"""Published numbers: some by hand, and all against the list that they come from, where it is at hand."""

import csv
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from wmcl.published import published_copy_runs

ROOT = Path(__file__).parents[1]
LIST = ROOT.parent / "shared" / "reference" / "published.csv"
BENCHMARKS = ("permuted copy", "padded copy", "pattern manipulation")


def test_a_run_by_hand():
    (run,) = (run for run in published_copy_runs("permuted copy") if run.method == "online EWC")
    assert (run.during, run.final) == (0.9993, 0.9866)
    assert (run.batch, run.iterations, run.learning_rate, run.clip, run.orthogonality) == (128, 20_000, 1e-3, 1.0, 0.01)
    assert (run.initialisation, run.multi_head) == ("fan_in", True)
    assert run.options["ewc_lambda"] == "100.0"
    assert run.options["use_ewc"] == ""
    assert run.source == "sequential/copy/README.rst line 72"


def test_what_a_command_leaves_out_is_the_default_of_that_code():
    runs = {run.method: run for run in published_copy_runs("permuted copy")}
    assert runs["fine-tuning"].learning_rate == 1e-3
    assert runs["fine-tuning"].orthogonality == 0
    assert runs["from scratch"].clip is None
    assert not runs["from scratch"].multi_head
    assert runs["masking"].initialisation == "orthogonal"
    assert runs["masking"].orthogonality == 0  # given as -1
    assert runs["multitask"].during is None


def test_all_runs():
    assert [len(published_copy_runs(name)) for name in BENCHMARKS] == [12, 2, 4]
    assert [run.xor_iterations for run in published_copy_runs("pattern manipulation")] == [1, 5, 1, 5]
    for name in BENCHMARKS:
        for run in published_copy_runs(name):
            assert all(0.5 < value <= 1 for value in (run.during, run.final) if value is not None)
            assert re.fullmatch(r"sequential/copy/README\.rst line \d+", run.source)


def test_the_list_they_come_from():
    if not LIST.exists():
        pytest.skip("the list of published runs is not on this machine")
    with LIST.open(encoding="utf-8", newline="") as file:
        listed = {row["source"].split()[-1]: row for row in csv.DictReader(file) if row["benchmark"].startswith("Copy")}
    runs = {run.source.split()[-1]: run for name in BENCHMARKS for run in published_copy_runs(name)}
    assert runs.keys() == listed.keys()
    for line, row in listed.items():
        run = runs[line]
        for value, printed in ((run.during, row["during_percent"]), (run.final, row["final_percent"])):
            assert value == (pytest.approx(float(printed) / 100) if printed else None)
        assert (run.batch, run.iterations) == (int(row["batch_size"]), int(row["iterations"]))
        assert run.learning_rate == float(row["learning_rate"] or 1e-3)
        assert run.clip == (None if row["clip_norm"] == "off" else float(row["clip_norm"]))
        assert " ".join(f"{k}={v}" if v else k for k, v in run.options.items()) == row["other_options"]
        assert run.orthogonality == max(float(run.options.get("orthogonal_hh_reg", 0)), 0)
        assert (run.initialisation == "orthogonal") == ("orthogonal_hh_init" in run.options)
        assert run.multi_head == ("multi_head" in run.options)


def test_the_file_is_part_of_the_package():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["wmcl"]
    assert "published/*.csv" in data
    assert files("wmcl.published").joinpath("copy_task.csv").is_file()
