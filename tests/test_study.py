"""A study: from its declaration to the command line, the file and the report."""

import json
import os
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import xarray as xr
from annotated_types import Ge

from wmcl.studies import CannotGoOnError, Part, Run, Study, together
from wmcl.studies.run import settled


@dataclass(frozen=True)
class Config:
    preset: str = "quick"
    number: Annotated[int, Ge(1)] = 1
    seeds: Annotated[int, Ge(1)] = 2
    failing: str = ""
    run: Run = field(default_factory=lambda: Run(output=Path("results/toy.nc")))


def times(condition, seeds, number, device):
    value = [number * condition["x"] + seed for seed in seeds]
    return xr.Dataset({"value": ("seed", np.array(value, float))}, {"seed": list(seeds)}, {"device": f"my {device}"})


ERRORS = {
    "os": OSError("disk full"),
    "on": CannotGoOnError("nothing is learned"),
    "defect": RuntimeError("a defect"),
    "interrupt": KeyboardInterrupt(),
}


def results(config, sweep):
    if config.failing:
        raise ERRORS[config.failing]
    seeds = range(config.seeds)
    found = sweep(Part("toy", partial(times, number=config.number), [{"x": 1}, {"x": 10}], seeds))
    others = sweep(
        Part(
            "others",
            partial(times, number=7),
            [{"y": 2, "x": 3}],
            seeds,
            dimension="other",
            renamed={"value": "other_value", "x": "other_x"},
            folder="others",
        )
    )
    return together(found, others).assign(total=found.value.sum())


STUDY = Study(
    about="Multiply. Nothing else.",
    presets={"quick": Config(), "other": Config("other", number=5)},
    results=results,
    report=lambda found: f"total {float(found.total):g} of {found.attrs['entries_computed']}",
    labels={"total": ("sum of everything", "apples"), "absent": ("nothing", "1")},
)


def in_folder(folder, **changes):
    return Config(**changes, run=Run(output=folder / "new" / "toy.nc", jobs=1))


def test_parts_are_merged_labelled_and_written_with_their_report(tmp_path):
    found = STUDY.run(in_folder(tmp_path, number=2))
    assert found.value.values.tolist() == [[2, 3], [20, 21]]
    assert found.other_value.dims == ("other", "seed")
    assert found.other_value.values.tolist() == [[21, 22]]
    assert found.other_x.values.tolist() == [3]
    assert found.y.dims == ("other",)
    assert found.total.attrs == {"long_name": "sum of everything", "units": "apples"}
    assert found.attrs["entries_computed"] == "4 of 4; 2 of 2"
    assert found.attrs["device"] == "my cpu"
    assert json.loads(found.attrs["configuration"])["number"] == 2
    assert found.attrs["command"].startswith("python ")
    folder = tmp_path / "new"
    assert sorted(path.name for path in folder.iterdir()) == ["toy.entries", "toy.md", "toy.nc", "toy.others"]
    assert (folder / "toy.md").read_text() == "total 46 of 4 of 4; 2 of 2\n"
    xr.testing.assert_equal(xr.load_dataset(folder / "toy.nc"), found)


def test_only_what_other_options_concern_is_computed_again(tmp_path):
    def computed(**changes):
        return STUDY.run(in_folder(tmp_path, **changes)).attrs["entries_computed"]

    assert computed() == "4 of 4; 2 of 2"
    assert computed() == "0 of 4; 0 of 2"
    assert computed(seeds=3) == "2 of 6; 1 of 3"
    assert computed(number=2) == "4 of 4; 0 of 2"
    moved = replace(in_folder(tmp_path), run=Run(output=tmp_path / "new" / "toy.nc", jobs=2, members=2))
    assert STUDY.run(moved).attrs["entries_computed"] == "0 of 4; 0 of 2"


def test_a_report_that_fails_leaves_the_old_one(tmp_path):
    config = in_folder(tmp_path)
    STUDY.run(config)

    def fails(found):
        raise ValueError("no report")

    with pytest.raises(ValueError, match="no report"):
        replace(STUDY, report=fails).run(replace(config, number=3))
    assert config.run.output.with_suffix(".md").read_text() == "total 24 of 4 of 4; 2 of 2\n"


def command(monkeypatch, folder, *arguments):
    monkeypatch.setattr("sys.argv", ["study", "--output", str(folder / "toy.nc"), "--jobs", "1", *arguments])
    STUDY.main()


def test_the_command_ends_with_the_report_and_the_file(monkeypatch, tmp_path, capsys):
    command(monkeypatch, tmp_path, "--preset", "other", "--seeds", "1")
    printed = capsys.readouterr().out
    assert printed.startswith("total 55 of 2 of 2; 1 of 1\n")
    assert f"\nWrote {tmp_path / 'toy.nc'} in " in printed
    assert "Given up" not in printed


computed = times


def kills(condition, seeds, number, device):
    if condition["x"] == 10:
        os._exit(1)
    return computed(condition, seeds, number, device)


def test_what_was_given_up_is_said(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("tests.test_study.times", kills)
    monkeypatch.setattr("sys.argv", ["study", "--output", str(tmp_path / "toy.nc"), "--jobs", "2", "--seeds", "1"])
    STUDY.main()
    assert "Given up, because they killed their process twice: x=10 seed=0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--number", "0"), "error: number is 0: it must be at least 1"),
        (("--jobs", "0"), "error: jobs is 0: it must be at least 1"),
        (("--failing", "on"), "error: nothing is learned"),
        (("--failing", "os"), r"error: output is .*toy\.nc: disk full"),
    ],
)
def test_what_an_option_can_change_is_a_sentence(monkeypatch, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=message):
        command(monkeypatch, tmp_path, *arguments)


def test_an_interrupt_is_told_and_has_the_status_of_one(monkeypatch, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, tmp_path, "--failing", "interrupt")
    assert ended.value.code == 130
    assert "Interrupted. Finished networks are kept" in capsys.readouterr().err


def test_a_defect_is_not(monkeypatch, tmp_path):
    with pytest.raises(RuntimeError, match="a defect"):
        command(monkeypatch, tmp_path, "--failing", "defect")


def test_the_machine_settles_device_and_processes():
    assert (settled(Run(cluster="tcp://a:1")).jobs, settled(Run(cluster="tcp://a:1")).device) == (None, "cpu")
    assert settled(Run(cluster="tcp://a:1", jobs=7)).jobs == 7
    assert settled(Run(device="cpu")).jobs == 2
    assert settled(Run(device="cuda")).jobs == 1


def test_attributes_of_parts_are_put_together():
    one, other = (xr.Dataset({name: 1}, attrs={"a": "x", "b": name}) for name in "cd")
    assert together(one, other).attrs == {"a": "x", "b": "c; d"}
