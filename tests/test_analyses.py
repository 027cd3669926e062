"""What the analyses have in common: tables, files, and how a command line ends."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from common import command_line, results, tables
from common.running import Run

from wmcl.training import Reason


def test_tables_have_a_cell_a_column():
    assert tables.table_head(["a", "b", "c"]) == ["| a | b | c |", "| --- | ---: | ---: |"]
    assert tables.table_row(["x", "1"]) == "| x | 1 |"
    assert tables.number(np.nan, ".2f") == tables.interval(".2f", np.nan, np.nan, np.nan) == tables.ABSENT
    assert tables.interval(".2f", 1.0, np.nan, np.nan) == "1.00"
    assert tables.interval(".1f", 1.0, 0.5, 1.5) == "1.0 [0.5, 1.5]"


def test_everything_that_is_there_is_described():
    found = xr.Dataset({"a": ("x", [1.0]), "reason": ("x", [0.0])})
    described = results.describe(found, {"a": ("some number", "m"), "missing": ("another", "1")})
    assert described.a.attrs == {"long_name": "some number", "units": "m"}
    assert described.reason.attrs["flag_meanings"].split() == [reason.name for reason in Reason]
    assert "reason" not in results.describe(found[["a"]], {})


def test_file_and_report_appear_together_and_leave_nothing_else(tmp_path):
    run = Run(output=tmp_path / "new" / "r.nc")
    found = results.write(xr.Dataset({"a": 1.0}), run, 0.0, lambda made: f"{made.attrs['wall_seconds'] > 0}")
    assert sorted(path.name for path in run.output.parent.iterdir()) == ["r.md", "r.nc"]
    assert run.output.with_suffix(".md").read_text() == "True\n"
    assert xr.load_dataset(run.output).attrs["wall_seconds"] == found.attrs["wall_seconds"]


def test_a_report_that_fails_leaves_the_old_one(tmp_path):
    run = Run(output=tmp_path / "r.nc")
    run.output.with_suffix(".md").write_text("old")

    def fails(made):
        raise ValueError("no report")

    with pytest.raises(ValueError, match="no report"):
        results.write(xr.Dataset(), run, 0.0, fails)
    assert run.output.with_suffix(".md").read_text() == "old"


@dataclass(frozen=True)
class Config:
    """Of an analysis that does nothing."""

    number: int = 1
    run: Run = field(default_factory=lambda: Run(output=Path("results/nothing.nc")))


def command(monkeypatch, analyse, *arguments):
    def check(config):
        if config.number < 1:
            raise ValueError(f"number is {config.number}: it must be at least 1")

    monkeypatch.setattr("sys.argv", ["analysis", *arguments])
    command_line.analysis_command(
        {"quick": Config()}, check, analyse, lambda found: json.dumps(found.attrs), "Nothing."
    )


def outcome(config, failed=""):
    return xr.Dataset(attrs={"failed_entries": failed, "wall_seconds": 2.0, "number": config.number})


def test_a_command_ends_with_its_report_and_its_file(monkeypatch, capsys):
    command(monkeypatch, outcome, "--number", "3")
    printed = capsys.readouterr().out
    assert '"number": 3' in printed
    assert printed.endswith("\nWrote results/nothing.nc in 2 s.\n")
    assert "Given up" not in printed
    command(monkeypatch, lambda config: outcome(config, "a=1 seed=0"))
    assert "Given up, because they killed their process twice: a=1 seed=0" in capsys.readouterr().out


def test_what_an_option_can_change_is_a_sentence_and_a_defect_is_not(monkeypatch):
    def stops(error):
        def analyse(config):
            raise error

        return analyse

    with pytest.raises(SystemExit, match="error: number is 0: it must be at least 1"):
        command(monkeypatch, outcome, "--number", "0")
    with pytest.raises(SystemExit, match="error: nothing is learned"):
        command(monkeypatch, stops(command_line.CannotGoOnError("nothing is learned")))
    with pytest.raises(SystemExit, match=r"error: output is results/nothing\.nc"):
        command(monkeypatch, stops(OSError("disk full")))
    with pytest.raises(SystemExit, match="Interrupted"):
        command(monkeypatch, stops(KeyboardInterrupt()))
    with pytest.raises(RuntimeError, match="a defect"):
        command(monkeypatch, stops(RuntimeError("a defect")))
