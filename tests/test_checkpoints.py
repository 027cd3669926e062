"""A training run that was interrupted ends as if it had not been."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.same import assert_same
from tests.test_training import NETWORK, TASK
from wmcl import stored_file
from wmcl.importance import PathIntegral
from wmcl.interrupt import Interrupt
from wmcl.networks import Elman
from wmcl.networks.elman import TanhCell
from wmcl.tasks import Task, copy_task
from wmcl.training import Adam, Options, Reason, Stop, train
from wmcl.training.checkpoint import CHECKPOINT_VERSION, _plain


@dataclasses.dataclass(frozen=True)
class Breaking(Task):
    """A task that does something when the batch of some iteration is drawn."""

    at: int = -1
    act: object = None

    def batch(self, seeds, iteration, samples):
        if iteration == self.at:
            self.act()
        return super().batch(seeds, iteration, samples)


@dataclasses.dataclass(frozen=True)
class Fragile(Elman):
    """Breaks when a weight of the head moves over an edge."""

    def apply(self, parameters, inputs, steps=slice(None), taps=False, lengths=None):
        found = super().apply(parameters, inputs, steps, taps, lengths)
        edge = torch.log(0.45 - parameters["W_out"].abs().amax((1, 2)))
        return dataclasses.replace(found, logits=found.logits + 0 * edge[:, None, None, None])


def breaking(at, act):
    fields = {field.name: getattr(TASK, field.name) for field in dataclasses.fields(TASK)}
    return Breaking(**fields, at=at, act=act)


def lose_power():
    raise OSError(errno.EIO, "the power is gone")


FREEZING = "milestones, an observer, near thresholds, and members that freeze"
BREAKING = "a member that breaks, and a last iteration at which nobody else would look"
RUNS = {
    FREEZING: {
        "stop": Stop(90, loss=0.15, patience=40),
        "options": Options(batch=16, optimiser=Adam((2e-2, 1e-2, 1.0)), validate_every=10, watch_every=3, clip=0.3),
        "milestones": (0.6, 0.3, 0.2),
        "observer": PathIntegral(),
    },
    BREAKING: {
        "network": Fragile(4, 24, 3, initialisation="orthogonal"),
        "stop": Stop(43, accuracy=0.9),
        "options": Options(batch=16, optimiser=Adam((1e-3, 5e-3, 3e-2)), validate_every=10, watch_every=4, clip=None),
        "milestones": (0.5,),
    },
}


def fit(**changes):
    arguments = {"network": NETWORK, "task": TASK, "seeds": [0, 1, 2], "progress": False}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the member with seed . has a non-finite")
        return train(**{**arguments, **changes})


@cache
def uninterrupted(run):
    return fit(**RUNS[run])


def test_the_runs_hold_what_their_names_promise():
    first, second = uninterrupted(FREEZING), uninterrupted(BREAKING)
    assert {Reason.loss, Reason.patience} <= set(first.reason)
    assert len(set(first.iterations)) > 1
    assert first.milestones[0].reached.any()
    assert not first.milestones[0].reached.all()
    assert Reason.nonfinite in second.reason
    assert 0 < min(second.iterations) < 43 == max(second.iterations)


@given(run=st.sampled_from(list(RUNS)), breaks=st.lists(st.integers(0, 89), max_size=3), every=st.integers(1, 30))
@example(run=BREAKING, breaks=[42], every=1)
@settings(max_examples=6)
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path_factory, run, breaks, every):
    path = tmp_path_factory.mktemp("run") / "training.safetensors"
    for at in sorted(breaks):
        if at >= max(uninterrupted(run).iterations):
            continue
        with pytest.raises(OSError, match="power"):
            fit(**RUNS[run] | {"task": breaking(at, lose_power)}, checkpoint=path, checkpoint_every=every)
        assert path.exists() == (at >= every)
    found = fit(**RUNS[run], checkpoint=path, checkpoint_every=every)
    assert_same(found, uninterrupted(run))
    again = fit(**RUNS[run], checkpoint=path)  # a finished run is read, not trained
    assert_same(again, uninterrupted(run))


LONGER = RUNS[FREEZING] | {"stop": Stop(45, loss=0.15, patience=40)}


@cache
def longer():
    return fit(**LONGER)


@given(first=st.integers(0, 40))
@settings(max_examples=5)
def test_more_iterations_go_on_as_if_they_had_been_asked_for_at_once(tmp_path_factory, first):
    path = tmp_path_factory.mktemp("run") / "training.safetensors"
    fit(**LONGER | {"stop": dataclasses.replace(LONGER["stop"], iterations=first)}, checkpoint=path)
    assert_same(fit(**LONGER, checkpoint=path), longer())


def test_wall_time_adds_up(tmp_path):
    """The time of a session that ended before counts in that of the one that goes on."""
    path = tmp_path / "training.safetensors"
    slow = breaking(3, lambda: time.sleep(0.5))
    before = fit(stop=Stop(20), task=slow, checkpoint=path).seconds
    assert 0.5 < before <= fit(stop=Stop(20), checkpoint=path).seconds


@pytest.mark.parametrize("at", [0, 13, 42])
def test_ctrl_c_finishes_the_step_saves_and_says_where(tmp_path, at):
    run, path = RUNS[BREAKING], tmp_path / "training.safetensors"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=rf"^{at + 1} iterations are saved in .*training.safetensors: the same"):
        fit(**run | {"task": breaking(at, lambda: signal.raise_signal(signal.SIGINT))}, checkpoint=path)
    assert signal.getsignal(signal.SIGINT) is before
    assert stored_file.read(path, "checkpoint", CHECKPOINT_VERSION)[1]["iteration"] == at + 1
    assert_same(fit(**run, checkpoint=path), uninterrupted(BREAKING))


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    path = tmp_path / "training.safetensors"
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(stop=Stop(9), task=breaking(4, twice), checkpoint=path)
    assert not str(caught.value)
    assert not path.exists()


def test_without_a_checkpoint_ctrl_c_stops_at_once():
    def interrupt():
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        fit(stop=Stop(9), task=breaking(4, interrupt))


def test_ctrl_c_is_not_lost_at_the_end_nor_in_other_threads():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Interrupt(held=True):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(stop=Stop(2))))
    thread.start()
    thread.join()
    assert found[0].iterations.tolist() == [2, 2, 2]


CHILD = """
import sys, time, torch
from pathlib import Path
from tests.test_checkpoints import FREEZING, RUNS, fit, breaking
torch.set_num_threads(1)
run = RUNS[FREEZING]
def wait():
    print("ready", flush=True)
    time.sleep(float(sys.argv[2]))
slow = breaking(int(sys.argv[3]), wait)
fit(**run | {"task": slow}, checkpoint=Path(sys.argv[1]), checkpoint_every=int(sys.argv[4]))
print("done", flush=True)
"""


def child(path, *arguments):
    command = [sys.executable, "-c", CHILD, str(path), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=os.getcwd())


def test_a_real_ctrl_c(tmp_path):
    path = tmp_path / "training.safetensors"
    with child(path, 0.5, 17, 7) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=600)
    assert out == ""
    assert f"KeyboardInterrupt: 18 iterations are saved in {path}: the same call goes on" in error
    assert_same(fit(**RUNS[FREEZING], checkpoint=path), uninterrupted(FREEZING))


def test_a_kill_at_a_random_moment(tmp_path):
    """With a save every iteration, so that the kill may well fall into one."""
    path = tmp_path / "training.safetensors"
    with child(path, 0, 20, 1) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(np.random.default_rng().uniform(0, 0.2))
        process.kill()
        process.communicate(timeout=600)
    stored = stored_file.read(path, "checkpoint", CHECKPOINT_VERSION)[1]["iteration"]
    assert stored >= 20
    assert_same(fit(**RUNS[FREEZING], checkpoint=path), uninterrupted(FREEZING))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A checkpoint of a small network."""
    path = tmp_path_factory.mktemp("small") / "training.safetensors"
    fit_small(path)
    return path


def fit_small(path, **changes):
    network, options = Elman(4, 3, 3, initialisation="fan_in"), Options(batch=2, validate_every=10, watch_every=10)
    arguments = {"network": network, "seeds": [0], "stop": Stop(12), "options": options, "milestones": (5.0,)}
    return fit(**arguments | changes, checkpoint=path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": Elman(4, 5, 3, initialisation="fan_in")}, "network.hidden is 5: .* was made with 3"),
        ({"network": Fragile(4, 3, 3)}, "network.class is 'tests.test_checkpoints.Fragile': .* was made with 'Elman'"),
        ({"seeds": [1]}, r"seeds is \[1\]: .* was made with \[0\]"),
        ({"stop": Stop(12, loss=0.1)}, "stop.loss is 0.1: .* was made with None"),
        ({"stop": Stop(11)}, "stop.iterations is 11: .* has made 12 iterations"),
        ({"options": Options(batch=2, watch_every=10)}, "options.validate_every is 25: .* was made with 10"),
        (
            {"options": Options(batch=2, validate_every=10, watch_every=10, optimiser=Adam((1e-3,)))},
            r"options.optimiser.learning_rate is \[0.001\]: .* was made with 0.001",
        ),
        ({"milestones": (5.0, 0.1)}, r"milestones is \[5.0, 0.1\]: .* was made with \[5.0\]"),
        ({"observer": PathIntegral()}, "observer is {'class': 'PathIntegral', .* was made with None"),
        (
            {"task": copy_task(2, 4, width=3, validation_samples=64)},
            r"tasks is \[{'name': 'copy p=2 i=4'.* was made with .*'copy p=2 i=3'",
        ),
        (
            {"task": copy_task(2, 3, width=3, validation_samples=65)},
            r"tasks is .*'validation_digest': .* was made with .*'validation_digest'",
        ),
    ],
)
def test_another_run_is_refused_by_the_field_that_differs(small, changes, message):
    content = small.read_bytes()
    with pytest.raises(ValueError, match=message):
        fit_small(small, **changes)
    assert small.read_bytes() == content


def test_networks_that_share_a_name_but_not_their_parameters_are_refused(small):
    def wider(self, seeds, dtype=torch.float32):
        found = Elman.init(self, seeds, dtype)
        return found | {"b_out": torch.zeros(len(found["b_out"]), 4)}

    other = type("Elman", (Elman,), {"init": wider, "__module__": "wmcl.networks.elman"})
    other = other(4, 3, 3, initialisation="fan_in")
    with pytest.raises(ValueError, match=r"network has the parameters .*\(1, 4\).* was made with .*\(1, 3\)"):
        fit_small(small, network=other)


def test_a_senseless_interval_is_refused(tmp_path):
    with pytest.raises(ValueError, match="checkpoint_every is 0: it must be a whole number of at least 1"):
        fit(stop=Stop(1), checkpoint=tmp_path / "x", checkpoint_every=0)


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path.name} (is damaged|is no checkpoint)"):
        stored_file.read(path, "checkpoint", CHECKPOINT_VERSION)


def test_flipped_bytes_all_over_the_header_are_refused(small, tmp_path):
    content = small.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    for place in (*range(40), *range(40, end, 7), *range(end - 20, end)):
        other = ord("\t") if content[place] == ord(" ") else content[place] ^ 0x20  # JSON that means the same; case
        refused(tmp_path / "flipped", content[:place] + bytes([other]) + content[place + 1 :])


@given(data=st.data())
@settings(max_examples=100)
def test_any_flipped_byte_is_refused(small, tmp_path_factory, data):
    content = small.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[place] ^ data.draw(st.integers(1, 255))])
    refused(tmp_path_factory.mktemp("flipped") / "file", content[:place] + flipped + content[place + 1 :])


@given(share=st.floats(0, 1, exclude_max=True), more=st.binary(max_size=3))
@settings(max_examples=30)
def test_truncated_and_lengthened_files_are_refused(small, tmp_path_factory, share, more):
    content = small.read_bytes()
    path = tmp_path_factory.mktemp("cut") / "file"
    refused(path, content[: int(share * len(content))])
    if more:
        refused(path, content + more)


@pytest.mark.parametrize("content", [b"", b"12345", b"\xff" * 100, b"some text that is longer than a header would be"])
def test_other_files_are_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file is no checkpoint of wmcl, or its header is damaged"):
        fit_small(path)
    assert path.read_bytes() == content


def test_other_kinds_and_versions_are_refused(tmp_path):
    path = tmp_path / "file"
    for kind, version, message in (
        ("ensemble", CHECKPOINT_VERSION, "is a wmcl ensemble file: it must be a wmcl checkpoint"),
        ("checkpoint", CHECKPOINT_VERSION + 1, f"has version {CHECKPOINT_VERSION + 1}: this wmcl reads version"),
    ):
        stored_file.write(path, kind, version, {"W": np.zeros(3)}, {})
        with pytest.raises(ValueError, match=message):
            fit_small(path)


def test_a_failed_save_leaves_the_earlier_file(small, monkeypatch):
    content = small.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda number: lose_power())
    with pytest.raises(OSError, match="power"):
        stored_file.write(small, "checkpoint", 1, {"W": np.zeros(3)}, {})
    assert small.read_bytes() == content
    assert [path.name for path in small.parent.iterdir()] == [small.name]


@given(
    arrays=st.dictionaries(
        st.text(max_size=5).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(["f4", "f8", "i8", "?"]), st.lists(st.integers(0, 3), max_size=3)).map(
            lambda made: np.arange(int(np.prod(made[1]))).reshape(made[1]).astype(made[0]).T
        ),
        max_size=4,
    ),
    text=st.text(),
    number=st.floats(),
)
def test_what_was_written_is_read(tmp_path_factory, arrays, text, number):
    path = tmp_path_factory.mktemp("file") / "below" / "file"
    stored_file.write(path, "thing", 3, arrays, {"text": text, "number": number})
    found, description = stored_file.read(path, "thing", 3)
    assert_same(found, arrays)
    assert_same(description, {"text": text, "number": number})


def test_another_cell_of_the_same_name_is_another_run_and_arrays_are_kept_whole(tmp_path):
    def leaky(leak):
        class LeakyCell(TanhCell):
            pass

        LeakyCell.leak = leak
        cell_of_network = LeakyCell()

        class Leaky(Elman):
            cell = cell_of_network

        return Leaky(4, 5, 3, initialisation="fan_in")

    fit(network=leaky(0.5), stop=Stop(1), checkpoint=tmp_path / "cell")
    with pytest.raises(ValueError, match=r"cell\.leak is 0\.9: .* was made with 0\.5"):
        fit(network=leaky(0.9), stop=Stop(1), checkpoint=tmp_path / "cell")
    values = np.full(1200, 1e-3)
    values[600] += 1e-12
    assert json.loads(json.dumps(values, default=_plain)) == values.tolist()  # its repr is rounded and shortened


def with_step(power):
    """A network whose cell raises its states to a power: the same names, and another step."""

    class PowerCell(TanhCell):
        def step(self, *arguments):
            assert power
            return super().step(*arguments)

    cell_of_network = PowerCell()

    class Powerful(Elman):
        cell = cell_of_network

    return Powerful(4, 5, 3, initialisation="fan_in")


SCALE = 1.0


class ScaledCell(TanhCell):
    def step(self, *arguments):
        assert SCALE
        return super().step(*arguments)


class Scaled(Elman):
    cell = ScaledCell()


def test_a_step_that_is_written_otherwise_is_another_run(tmp_path, monkeypatch):
    """Also where the step itself is the same, but not what it takes from around it."""
    fit(network=with_step(1), stop=Stop(1), checkpoint=tmp_path / "closure")
    fit(network=with_step(1), stop=Stop(2), checkpoint=tmp_path / "closure")
    with pytest.raises(ValueError, match=r"PowerCell.* is not what it was when the checkpoint .*closure was made"):
        fit(network=with_step(2), stop=Stop(2), checkpoint=tmp_path / "closure")
    scaled = Scaled(4, 5, 3, initialisation="fan_in")
    fit(network=scaled, stop=Stop(1), checkpoint=tmp_path / "globals")
    monkeypatch.setattr("tests.test_checkpoints.SCALE", 2.0)
    with pytest.raises(ValueError, match=r"Scaled(Cell.step)? is not what it was when the checkpoint .*globals was"):
        fit(network=scaled, stop=Stop(2), checkpoint=tmp_path / "globals")


@pytest.mark.parametrize("body", ["states * 1.0", "states * 2.0"])
def test_a_cell_of_a_notebook_is_known_by_its_code(body, tmp_path):
    """It has no file of its own."""

    def cell(text):
        scope = {"TanhCell": TanhCell, "__name__": "a notebook"}
        exec(f"class Cell(TanhCell):\n  def look(self, states):\n    return {text}\n", scope)
        cell_of_network = scope["Cell"]()

        class Own(Elman):
            cell = cell_of_network

        return Own(4, 5, 3, initialisation="fan_in")

    fit(network=cell("states * 1.0"), stop=Stop(1), checkpoint=tmp_path / "file")
    if body == "states * 1.0":
        fit(network=cell(body), stop=Stop(2), checkpoint=tmp_path / "file")
    else:
        with pytest.raises(ValueError, match=r"Cell(\.look)? is not what it was"):
            fit(network=cell(body), stop=Stop(2), checkpoint=tmp_path / "file")


def test_of_the_code_of_this_package_the_version_alone_counts(small):
    description = stored_file.read(small, "checkpoint", CHECKPOINT_VERSION)[1]
    assert "code" not in description["configuration"]
