"""Processes that are killed at random moments."""

import os
import random
import signal
import threading
import time
from dataclasses import replace

import psutil
import pytest
import xarray as xr
from length_study.conditions import Conditions
from length_study.study import STUDY

from tests.faults.conftest import rounds
from tests.faults.small import ENTRIES, files, same, small, start, until, whole
from tests.test_cluster import Cluster

PAUSE = 0.02


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda blow: blow.name)
def test_the_parent_is_killed(context, tmp_path, undisturbed, tried, blow):
    """Again and again in the same folder, until it is through."""
    for seed in rounds(3):
        folder, chance = tmp_path / str(seed), random.Random(f"{blow} {seed}")
        folder.mkdir()
        finished = set()
        for _ in range(3):
            process = start(context, folder, PAUSE)
            time.sleep(chance.uniform(0, ENTRIES * PAUSE))
            os.kill(process.pid, blow)
            process.join(600)
            assert process.exitcode in (-blow, 130, 0)
            assert finished <= set(files(folder))
            finished = set(files(folder))
            tried()
        whole(folder, small(folder), undisturbed, ENTRIES - len(finished))
        assert finished <= set(files(folder))


def lives(process):
    """A process that ended may wait for ever for somebody to ask how."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_parent_of_two_workers_is_killed(context, tmp_path, undisturbed, tried):
    for seed in rounds(1, 25):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        folder.mkdir()
        process = start(context, folder, 0.5, jobs=2)
        until(lambda folder=folder: files(folder))
        workers = psutil.Process(process.pid).children(recursive=True)
        time.sleep(chance.uniform(0, 1))
        os.kill(process.pid, signal.SIGKILL)
        process.join(600)
        until(lambda workers=workers: not any(map(lives, workers)))
        kept = len(files(folder))
        whole(folder, small(folder), undisturbed, ENTRIES - kept)
        tried()


def kill_one(processes, moment):
    """In the background: kill one of the processes that there are at that moment."""
    killed = []

    def kill():
        moment()
        victims = processes()
        if victims:
            os.kill(victims[0], signal.SIGKILL)
            killed.append(victims[0])

    thread = threading.Thread(target=kill)
    thread.start()
    return thread, killed


def local_workers():
    here = psutil.Process().children()
    return [p.pid for p in here if "loky" in " ".join(p.cmdline()) and "resource_tracker" not in " ".join(p.cmdline())]


@pytest.mark.filterwarnings("ignore:resource_tracker")
def test_a_local_worker_is_killed(tmp_path, undisturbed, tried):
    for seed in rounds(1, 25):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        folder.mkdir()

        def moment(folder=folder, chance=chance):
            until(lambda: files(folder))
            time.sleep(chance.uniform(0, 0.5))

        thread, killed = kill_one(local_workers, moment)
        found = small(folder, 0.1, jobs=2)
        thread.join()
        whole(folder, found, undisturbed, ENTRIES)
        assert killed
        assert len((folder / "log").read_text().split()) <= ENTRIES + 2 * 2  # what ran, and its second chance
        tried()


@pytest.mark.skipif("FAULTS" not in os.environ, reason="once is in test_cluster.py; many times in make faults")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_worker_of_a_cluster_is_killed(tmp_path, undisturbed, tried):
    cluster = Cluster(tmp_path, "--local", 2)
    for seed in rounds(0, 25):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        folder.mkdir()

        def moment(folder=folder, chance=chance):
            until(lambda: files(folder))
            time.sleep(chance.uniform(0, 0.5))

        until(lambda: len(cluster.workers()) == 2)
        thread, killed = kill_one(lambda: list(cluster.workers().values()), moment)
        found = small(folder, 0.1, jobs=2, cluster=cluster.address)
        thread.join()
        whole(folder, found, undisturbed, ENTRIES)
        assert killed
        tried()
    assert cluster.close()[0] == 0


def tiny(folder):
    """Networks of 4 units that are hardly trained."""
    smoke = STUDY.presets["smoke"]
    nothing = Conditions(basic=(2, 3), padded=(), equal_length_patterns=(), leads=(), bits=(), seeds=3)
    few = replace(smoke.measures, validation_samples=8, test_samples=8, fisher_samples=4, exact_samples=0)
    return replace(
        smoke,
        conditions=nothing,
        network=replace(smoke.network, hidden=4),
        stages=replace(smoke.stages, iterations=30),
        measures=replace(few, decoder_samples=0, perturbed_samples=0, kinds=("sampled",)),
        run=replace(smoke.run, output=folder / "r.nc", jobs=1),
    )


def analyse(folder):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (folder / "ready").touch()
    STUDY.run(tiny(folder))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_analysis_is_killed(context, tmp_path, tried):
    expected = None
    for seed in rounds(2, 5):
        folder, chance = tmp_path / str(seed), random.Random(seed)
        folder.mkdir()
        if expected is None:
            whole_folder = tmp_path / "whole"
            whole_folder.mkdir()
            expected = STUDY.run(tiny(whole_folder))
        process = context.Process(target=analyse, args=(folder,))
        process.start()
        until(lambda folder=folder: (folder / "ready").exists())
        time.sleep(chance.uniform(0, 2))
        process.kill()
        process.join()
        kept = len(list((folder / "r.entries").glob("*.safetensors")))
        found = STUDY.run(tiny(folder))
        assert found.attrs["entries_computed"] == f"{6 - kept} of 6"
        same(found.drop_vars("seconds"), expected.drop_vars("seconds"))
        with xr.open_dataset(folder / "r.nc") as stored:
            xr.testing.assert_equal(stored, found)
        tried()
