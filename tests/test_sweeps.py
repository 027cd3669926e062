import os
import re
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from wmcl import stored_file
from wmcl.sweeps import choose, run, save_atomically
from wmcl.sweeps.grid import entries, key
from wmcl.sweeps.store import Store

CONDITIONS = [{"p": 1, "i": 1}, {"p": 2, "i": 2}, {"p": 2, "i": 3}]


def measure(log, condition, seeds):
    """A value an entry and a vector whose length depends on the condition; each call is written down."""
    with Path(log).open("a") as file:
        file.write(f"{condition['p']},{condition['i']}:{','.join(map(str, seeds))}\n")
    values = [100 * condition["p"] + 10 * condition["i"] + seed for seed in seeds]
    steps = np.arange(condition["i"])
    return xr.Dataset(
        {"value": ("seed", np.array(values, float)), "by_step": (("seed", "step"), np.add.outer(values, steps) / 1.0)},
        coords={"seed": list(seeds), "step": steps},
    )


def sweep(tmp_path, function=measure, conditions=CONDITIONS, seeds=(0, 1), **more):
    arguments = {"folder": tmp_path / "entries", "progress": False} | more
    return run(partial(function, str(tmp_path / "log")), conditions, seeds, **arguments)


def calls(tmp_path):
    log = tmp_path / "log"
    return sorted(log.read_text().split()) if log.exists() else []


@pytest.mark.parametrize(("jobs", "members"), [(1, 1), (1, 2), (2, 1)])
def test_results_are_labelled_and_the_same_however_they_are_computed(tmp_path, jobs, members):
    found = sweep(tmp_path, jobs=jobs, members=members)
    assert found.value.dims == ("condition", "seed")
    assert list(zip(found.p.values.tolist(), found.i.values.tolist(), strict=True)) == [(1, 1), (2, 2), (2, 3)]
    assert choose(found, p=2, i=3).value.sel(seed=1).item() == 231
    assert choose(found, p=2, i=2).by_step.sel(seed=0, step=1).item() == 221
    assert choose(found, p=2, i=2).by_step.sel(seed=0, step=2).isnull().all()
    assert choose(found, p=2).i.values.tolist() == [2, 3]
    assert found.value.count() == 6
    assert len(calls(tmp_path)) == 6 // members
    assert found.attrs == {"entries_computed": "6 of 6", "failed_entries": ""}


def test_finished_entries_are_used_again(tmp_path):
    first = sweep(tmp_path)
    again = sweep(tmp_path)
    assert len(calls(tmp_path)) == 6
    assert again.attrs["entries_computed"] == "0 of 6"
    xr.testing.assert_identical(first.drop_attrs(deep=False), again.drop_attrs(deep=False))
    wider = sweep(tmp_path, seeds=(0, 1, 2), conditions=CONDITIONS[::-1])
    assert calls(tmp_path)[-3:] != calls(tmp_path)[:3]
    assert len(calls(tmp_path)) == 9
    assert wider.value.count() == 9


def test_where_each_entry_comes_from_is_kept(tmp_path):
    sweep(tmp_path, seeds=(0,), origin={"source_revision": "abc"})
    both = sweep(tmp_path, origin={"source_revision": "def"})
    assert both.attrs["source_revision"] == "abc; def"
    assert both.attrs["entries_computed"] == "3 of 6"


def test_a_new_results_version_makes_old_entries_void(tmp_path, monkeypatch):
    sweep(tmp_path)
    monkeypatch.setattr("wmcl.sweeps.grid.RESULTS_VERSION", 999)
    sweep(tmp_path)
    assert len(calls(tmp_path)) == 12


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, empty])
def test_a_damaged_entry_is_reported_and_redone(tmp_path, damage):
    first = sweep(tmp_path)
    victim = sorted((tmp_path / "entries").iterdir())[2]
    damage(victim)
    with pytest.warns(UserWarning, match=f"{victim.name} is damaged: removed, and its entry is computed again"):
        again = sweep(tmp_path)
    assert len(calls(tmp_path)) == 7
    xr.testing.assert_identical(first.drop_attrs(deep=False), again.drop_attrs(deep=False))
    assert len(list((tmp_path / "entries").iterdir())) == 6


def test_ctrl_c_waits_for_the_entry_that_is_written(tmp_path, monkeypatch):
    """It would be lost."""
    write = stored_file.write

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        write(*arguments)

    monkeypatch.setattr(stored_file, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path)
    monkeypatch.undo()
    assert len(list((tmp_path / "entries").glob("*.safetensors"))) == 1
    assert sweep(tmp_path).attrs["entries_computed"] == "5 of 6"


def test_ctrl_c_waits_for_a_result_that_is_written(tmp_path, monkeypatch):
    """The lock of the netCDF library would never be released."""
    write = xr.Dataset.to_netcdf

    def interrupted(*arguments, **named):
        signal.raise_signal(signal.SIGINT)
        return write(*arguments, **named)

    monkeypatch.setattr(xr.Dataset, "to_netcdf", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_atomically(xr.Dataset({"a": 1}), tmp_path / "result.nc")
    monkeypatch.undo()
    assert xr.load_dataset(tmp_path / "result.nc").a == 1


def fail_on_the_last_condition(log, condition, seeds):
    if condition["i"] == 3 and not Path(f"{log}.mended").exists():
        raise ArithmeticError("no such number")
    return measure(log, condition, seeds)


def test_an_exception_is_not_swallowed_and_finished_entries_are_kept(tmp_path):
    with pytest.raises(ArithmeticError, match="no such number") as raised:
        sweep(tmp_path, fail_on_the_last_condition)
    assert raised.value.__notes__ == ["while computing p=2 i=3 seed=0"]
    (tmp_path / "log.mended").touch()
    sweep(tmp_path, fail_on_the_last_condition)
    assert len(calls(tmp_path)) == 6


def die_once(log, condition, seeds):
    flag = Path(log).with_suffix(".died")
    if condition["i"] == 3 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return measure(log, condition, seeds)


def die_always(log, condition, seeds):
    if (condition["i"], seeds[0]) == (3, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return measure(log, condition, seeds)


@pytest.mark.filterwarnings("ignore:resource_tracker")
def test_a_worker_that_dies_once_costs_nothing(tmp_path):
    found = sweep(tmp_path, die_once, jobs=2)
    assert found.value.count() == 6
    assert found.attrs["failed_entries"] == ""


@pytest.mark.filterwarnings("ignore:resource_tracker")
def test_an_entry_that_kills_its_process_twice_is_recorded_and_the_rest_is_finished(tmp_path):
    found = sweep(tmp_path, die_always, jobs=2)
    assert found.attrs["failed_entries"] == "p=2 i=3 seed=1"
    assert found.attrs["entries_computed"] == "5 of 6"
    assert found.value.count() == 5
    assert choose(found, p=2, i=3).value.sel(seed=1).isnull().all()


names = st.text("abcxyz_", min_size=1, max_size=5)


@given(
    configuration_=st.dictionaries(names, st.integers() | st.text(max_size=5) | st.booleans()), seed=st.integers(0, 9)
)
@settings(max_examples=50)
def test_keys_do_not_depend_on_the_order_of_names(configuration_, seed):
    (entry,) = entries([{"p": 1, "i": 2}], [seed])
    (other,) = entries([{"i": 2, "p": 1}], [seed])
    backwards = dict(reversed(configuration_.items()))
    assert key(configuration_, entry) == key(backwards, other)
    assert key(configuration_, entry) != key(configuration_ | {"zz": 1}, entry)


def test_a_stored_entry_comes_back_identical(tmp_path):
    store = Store(tmp_path)
    result = measure(tmp_path / "log", {"p": 1, "i": 4}, [3]).assign_attrs(note="µ", number=1.5)
    result.value.attrs = {"units": "nats"}
    store.write("key", result)
    xr.testing.assert_identical(store.read("key"), result.drop_indexes(["seed", "step"]))
    assert store.read("another key") is None


EVERY_KIND = xr.Dataset(
    {
        "scalar": ("seed", [1 / 3]),
        "single": (("step", "seed"), np.float32([[0.1], [np.nan], [np.inf]])),
        "counts": ("seed", np.array([7], ">i4"), {"units": "steps", "valid_range": [0, 9], "scale": np.float64(0.5)}),
        "flags": (("seed", "day"), [[True, False]]),
        "empty": (("seed", "nothing"), np.zeros((1, 0))),
    },
    coords={
        "seed": [3],
        "step": [0.1, 0.2, 0.3],
        "day": np.array(["2001-02-03", "2001-02-04"], "datetime64[ns]"),
        "letter": ("step", ["a", "µ", ""], {"long_name": "letter"}),
        "word": ("step", np.array(["one", "two", "three"], object)),
        "whole": 5,
    },
    attrs={"note": '"µ"', "number": 1.5, "many": [1, 2], "none": float("nan")},
)


def test_every_kind_of_variable_comes_back_identical(tmp_path):
    store = Store(tmp_path)
    store.write("key", EVERY_KIND)
    found = store.read("key")
    xr.testing.assert_identical(found, EVERY_KIND.drop_indexes(list(EVERY_KIND.indexes)))
    assert list(found.variables) == list(EVERY_KIND.variables)
    for name, variable in EVERY_KIND.variables.items():
        assert found[name].dtype == variable.dtype.newbyteorder("=")
        assert found[name].attrs == variable.attrs
    found.single[0] = 2.0  # arrays may be written to


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda result: result.assign(bad=("seed", [1j])),
            "bad has type complex128: it must hold numbers, dates or text",
        ),
        (lambda result: result.assign(bad=("seed", np.array([None]))), "bad has type object"),
        (lambda result: result.assign_attrs(bad={"a": 1}), "attribute bad of the result is {'a': 1}: it must be text"),
        (lambda result: result.assign_attrs(bad=True), "attribute bad of the result is True"),
        (lambda result: result.assign(value=result.value.assign_attrs(bad=None)), "attribute bad of value is None"),
    ],
)
def test_what_no_result_file_could_hold_is_refused_with_the_first_entry(tmp_path, change, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        sweep(tmp_path, lambda log, condition, seeds: change(measure(log, condition, seeds)))
    assert len(calls(tmp_path)) == 1
    assert not list((tmp_path / "entries").iterdir())


def test_labels_of_entries_are_put_in_order(tmp_path):
    """Numbers by value, text as it appears, and where there are no labels, by position."""

    def shuffled(log, condition, seeds):
        labels = np.roll([10.0, 20.0, 30.0], condition["i"])[: condition["p"] + 1]
        words = [f"w{value:.0f}" for value in labels]
        bare = (("seed", "bare"), np.arange(condition["i"], dtype=float)[None])
        values = (("word", "seed", "x"), np.multiply.outer(labels, [labels]))
        return xr.Dataset({"square": values, "plain": bare}, coords={"seed": list(seeds), "x": labels, "word": words})

    for _ in range(2):
        found = sweep(tmp_path, shuffled, seeds=(0,))
        assert found.x.values.tolist() == [10.0, 20.0, 30.0]
        assert found.word.values.tolist() == ["w30", "w10", "w20"]
        assert found.square.dims == ("condition", "seed", "word", "x")
        square = choose(found, p=2, i=2).square.squeeze()
        assert square.sel(word="w20", x=30.0) == 600.0
        assert choose(found, p=1).square.squeeze().sel(word="w20").isnull().all()
        assert choose(found, i=2).plain.values.tolist() == [[[0.0, 1.0, pytest.approx(np.nan, nan_ok=True)]]]


def test_files_are_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "result.nc"
    save_atomically(xr.Dataset({"a": 1}), target)
    before = target.read_bytes()
    with pytest.raises(TypeError):
        save_atomically(xr.Dataset(attrs={"bad": {"a": object()}}), target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobs": 0}, "jobs is 0"),
        ({"members": 0}, "members is 0"),
        ({"seeds": ()}, "at least one condition and one seed"),
        ({"seeds": (1, 1)}, "occurs twice"),
        ({"conditions": [{"p": 1}, {"q": 1}]}, "other names"),
        ({"conditions": [{"seed": 1}]}, "the name 'seed'"),
        ({"conditions": [{"p": 1}, {"p": "a"}]}, "must be numbers, or all be text"),
        ({"conditions": [{"p": float("nan")}]}, "must be numbers"),
    ],
)
def test_senseless_sweeps_are_refused_before_work_starts(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        sweep(tmp_path, **change)
    assert calls(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda result: result.isel(seed=[1, 0]), r"returned \[1, 0\]: .* \[0, 1\], in their order"),
        (lambda result: result.isel(seed=[0]), r"returned \[0\]"),
        (lambda result: result.drop_vars("seed"), "no seed coordinate"),
        (lambda result: result.assign(constant=1.0), "constant with dimensions"),
        (lambda result: result.assign(p=("seed", [1.0, 2.0])), "p: that is the name of a condition"),
    ],
)
def test_results_that_would_get_a_wrong_label_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        sweep(tmp_path, lambda log, condition, seeds: change(measure(log, condition, seeds)), members=2)


def test_numpy_scalars_are_the_same_condition(tmp_path):
    sweep(tmp_path, conditions=[{"p": 2, "i": 3}])
    sweep(tmp_path, conditions=[{"p": np.int64(2), "i": np.int32(3)}], seeds=np.arange(2).tolist())
    assert len(calls(tmp_path)) == 2


def test_values_keep_their_precision_and_variables_their_attributes(tmp_path):
    def third(log, condition, seeds):
        result = measure(log, condition, seeds)
        result["value"] = ("seed", np.full(len(seeds), 1 / 3), {"units": "nats"})
        return result

    for found in (sweep(tmp_path, third), sweep(tmp_path, third)):
        assert (found.value.stack(all=found.value.dims).dropna("all") == 1 / 3).all()
        assert found.value.dtype == np.float64
        assert found.value.attrs == {"units": "nats"}


@pytest.mark.parametrize(
    ("values", "message"),
    [({"q": 1}, "q does not .* p, i"), ({"p": 2, "i": 1}, r"no condition .* i has .*\[1, 2, 3\]")],
)
def test_conditions_that_do_not_exist_are_refused(tmp_path, values, message):
    with pytest.raises(ValueError, match=message):
        choose(sweep(tmp_path), **values)


def test_the_dearest_conditions_start_first(tmp_path):
    sweep(tmp_path, cost=lambda condition: condition["i"], seeds=(0,))
    assert (tmp_path / "log").read_text().split() == ["2,3:0", "2,2:0", "1,1:0"]


def test_work_is_done_on_one_thread_and_the_callers_threads_are_left_alone(tmp_path):
    threads = torch.get_num_threads()
    seen = []

    def look(log, condition, seeds):
        seen.append(torch.get_num_threads())
        return measure(log, condition, seeds)

    torch.set_num_threads(2)
    try:
        sweep(tmp_path, look, seeds=(0,))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert set(seen) == {1}


def test_an_entry_file_with_the_key_of_another_is_not_believed(tmp_path):
    sweep(tmp_path, seeds=(0,))
    first, second = sorted((tmp_path / "entries").iterdir())[:2]
    first.replace(second)
    with pytest.warns(UserWarning, match=f"{second.name} is damaged"):
        sweep(tmp_path, seeds=(0,))
    assert len(calls(tmp_path)) == 3 + 2
    assert len(list((tmp_path / "entries").iterdir())) == 3


def fails_when_stopped(condition, seeds):
    """As libraries do in which Ctrl-C stops a step that nobody expects to stop."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(600)
    except KeyboardInterrupt:
        raise RuntimeError("error return without exception set") from None


def test_an_interrupt_that_makes_something_else_fail_is_still_an_interrupt(tmp_path):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        run(fails_when_stopped, [{"p": 1}], [0], tmp_path, progress=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
