"""Start a Dask cluster for importance_vs_length.py, and keep it until Ctrl-C.

Prints the address to hand to --cluster. Either on this machine (--local), or through the queue of Slurm (--slurm),
where every job of the queue brings as many workers as it has cores. A worker computes with one thread.
"""

import re
import signal
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import tyro
from dask.utils import parse_bytes
from distributed import LocalCluster
from joblib import cpu_count


@dataclass(frozen=True)
class Options:
    """Options."""

    local: int | None = None
    """workers on this machine"""
    slurm: int | None = None
    """jobs to submit to Slurm"""
    cores: int = 1
    """cores of a Slurm job, one worker each"""
    memory: str = "4GB"
    """memory of a Slurm job"""
    walltime: str = "08:00:00"
    """time after which Slurm ends a job, hours:minutes:seconds"""
    partition: str | None = None
    """Slurm partition; None takes the default one"""
    account: str | None = None
    """Slurm account to charge"""
    interface: str | None = None
    """network interface between the nodes, e.g. ib0; None takes the default one"""


def check(options: Options) -> None:
    """Refuse what makes no sense before anything is started, with a ValueError that names the field."""
    if (options.local is None) == (options.slurm is None):
        raise ValueError(f"local is {options.local} and slurm is {options.slurm}: give one of them")
    if options.local is not None and not 1 <= options.local <= cpu_count():
        raise ValueError(f"local is {options.local}: it must be from 1 to {cpu_count()}, the cores of this machine")
    for name in ("slurm", "cores"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")
    if _bytes(options.memory) < options.cores * 10**9:
        raise ValueError(
            f"memory is {options.memory!r}: it must be an amount such as 16GB, and at least 1 GB for each of the"
            f" {options.cores} cores"
        )
    if not re.fullmatch(r"\d+:[0-5]\d:[0-5]\d", options.walltime):
        raise ValueError(f"walltime is {options.walltime!r}: it must be hours:minutes:seconds, such as 08:00:00")
    if options.slurm is not None and find_spec("dask_jobqueue") is None:
        raise ValueError(f"slurm is {options.slurm}: it needs dask-jobqueue, pip install dask-jobqueue")


def _bytes(memory: str) -> int:
    """0 for what is no amount."""
    try:
        return parse_bytes(memory) if re.search("[A-Za-z]", memory) else 0
    except ValueError:
        return 0


def start(options: Options) -> Any:
    """A cluster that grows to its size by itself."""
    if options.local is not None:
        return LocalCluster(
            n_workers=options.local, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=":0"
        )
    cluster = slurm(options)
    cluster.scale(jobs=options.slurm)
    return cluster


def slurm(options: Options) -> Any:
    """A cluster without workers, whose jobs run through Slurm; ``job_script()`` shows what it submits."""
    from dask_jobqueue import SLURMCluster

    return SLURMCluster(
        cores=options.cores,
        processes=options.cores,
        memory=options.memory,
        walltime=options.walltime,
        queue=options.partition,
        account=options.account,
        interface=options.interface,
        python=sys.executable,
        job_script_prologue=["export OMP_NUM_THREADS=1"],
        scheduler_options={"dashboard": False, "dashboard_address": ":0"},
    )


def main() -> None:
    """Read the command line and start the cluster."""
    options = tyro.cli(Options, description=__doc__)
    try:
        check(options)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with start(options) as cluster:
            print(f"--cluster {cluster.scheduler_address}", flush=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        print("The cluster is closed.")


if __name__ == "__main__":
    main()
