"""Compute jobs in processes that may die."""

import os
import shutil
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import xarray as xr
from joblib import Parallel, delayed
from joblib.parallel import ParallelBackendBase

from wmcl.sweeps.grid import Condition, Entry
from wmcl.sweeps.place import Place, working_at
from wmcl.training.checkpoint import UnfitCheckpointError

Measure = Callable[[Condition, Sequence[int]], xr.Dataset]
Job = tuple[Entry, ...]
"""entries of one condition that are computed together"""
Finish = Callable[[Entry, xr.Dataset], None]
Started = Callable[[Sequence[Job]], None]


@dataclass(frozen=True)
class Pool:
    """Tell where jobs are computed."""

    processes: int
    """how many jobs are under way at once"""
    backend: ParallelBackendBase | None = None
    """None takes processes of this machine"""
    client: Any = None
    """of the cluster, if there is one"""


@dataclass(frozen=True)
class Failure:
    """Carry the error of a measure as a result."""

    error: Exception
    traceback: str
    """of the process that raised it, as text"""


def compute(measure: Measure, jobs: Mapping[Job, Place], pool: Pool, finish: Finish, started: Started) -> list[Entry]:
    """Compute all jobs, each at its place, handing each finished entry on as it comes.

    If a process dies, the jobs that ran at that moment are suspects: each is tried once more in a process of its own,
    after everything else is done. A job whose process dies again is given up. (A cluster first starts a job anew by
    itself, on other workers; only a job that it gave up is a suspect here.)

    Returns:
        The entries that were given up.
    """
    waiting, suspects = list(jobs), list[Job]()
    while waiting:
        suspected = _parallel(measure, waiting, jobs, pool, finish, started)
        suspects += suspected
        waiting = [job for job in waiting if job not in suspected]
    dead = [job for job in suspects if _parallel(measure, [job], jobs, pool, finish, started)]
    return [entry for job in dead for entry in job]


def _parallel(
    measure: Measure, waiting: list[Job], places: Mapping[Job, Place], pool: Pool, finish: Finish, started: Started
) -> list[Job]:
    """Compute jobs and remove them from ``waiting``; return those that were lost with the process that ran them."""
    running: list[Job] = []

    def feed() -> Iterator[Any]:
        for job in list(waiting):
            running.append(job)
            started(running)
            yield delayed(_work)(measure, job, places[job], os.getpid())

    parallel = Parallel(
        n_jobs=pool.processes,
        backend=pool.backend,
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch=pool.processes,
        max_nbytes=None,
    )
    try:
        with _closing(parallel(feed())) as results:
            for found in results:
                if found is None:
                    continue  # lost: it stays among the running ones
                if isinstance(found, Failure):
                    raise found.error from RuntimeError(found.traceback)
                job, result = found
                for position, entry in enumerate(job):
                    finish(entry, result.isel(seed=[position]))
                if (checkpoints := places[job].checkpoints) is not None:
                    shutil.rmtree(checkpoints, ignore_errors=True)
                running.remove(job)
                waiting.remove(job)
                started(running)
    except BrokenProcessPool:
        pass  # all that ran are lost
    return running


@contextmanager
def _closing(results: Generator[Any, None, None]) -> Iterator[Generator[Any, None, None]]:
    """Cancel what is left when the loop over the results ends early, without joblib's advice to ask for less."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"\d+ tasks (have been|which were)", UserWarning)
            results.close()


def _check(job: Job, result: xr.Dataset) -> None:
    """Refuse results that would be stored under the wrong label."""
    seeds = [entry.seed for entry in job]
    if "seed" not in result.coords or result.seed.values.tolist() != seeds:
        found = result.seed.values.tolist() if "seed" in result.coords else "no seed coordinate"
        raise ValueError(
            f"measure returned {found}: it must return the seeds that it was given, {seeds}, in their order"
        )
    for name, variable in result.data_vars.items():
        if "seed" not in variable.dims:
            raise ValueError(f"measure returned {name} with dimensions {variable.dims}: seed must be one of them")
    taken = {name for name, _ in job[0].condition} & {*map(str, result.variables), *map(str, result.dims)}
    if taken:
        raise ValueError(f"measure returned {', '.join(sorted(taken))}: that is the name of a condition")


@cache
def _end_with(parent: int) -> None:
    """End this process when the one that started it has ended, which would leave it waiting for minutes."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if os.getppid() == parent:
        threading.Thread(target=watch, daemon=True).start()


def _work(measure: Measure, job: Job, place: Place, parent: int) -> tuple[Job, xr.Dataset] | Failure:
    """Compute a job in one thread: two busy threads can be many times slower than one.

    An error is returned, not raised: it takes its turn behind the results that came before it, which joblib would drop.
    A checkpoint that does not fit, as one of another version, is removed, and the job begins anew. Any other error
    leaves it where it is, so that the job goes on from there once the reason is gone.
    """
    _end_with(parent)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        try:
            return job, _measured(measure, job, place)
        except UnfitCheckpointError as error:
            if place.checkpoints is None or not place.checkpoints.exists():
                raise
            warnings.warn(f"a checkpoint is removed, and its job begins anew: {error}", UserWarning, stacklevel=2)
            shutil.rmtree(place.checkpoints)
            return job, _measured(measure, job, place)
    except Exception as error:
        error.add_note(f"while computing {', '.join(map(str, job))}")
        return Failure(error, traceback.format_exc())
    finally:
        torch.set_num_threads(threads)


def _measured(measure: Measure, job: Job, place: Place) -> xr.Dataset:
    with working_at(place):
        result = measure(dict(job[0].condition), [entry.seed for entry in job])
    _check(job, result)
    return result
