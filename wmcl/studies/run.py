"""Say how a study runs: where its file goes, in how many processes, and on which device."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from wmcl.studies.constraints import Count
from wmcl.sweeps.cluster import check_cluster

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class Run:
    """How to run."""

    output: Path = Path("results/study.nc")
    """file to write; finished entries are kept beside it in a folder of the same name, and used again"""
    jobs: Count | None = None
    """processes at once, one thread each; None takes 2, 1 on a GPU, or all threads of a cluster"""
    members: Count | None = None
    """networks of a condition trained together as one ensemble; None takes 1, or on a GPU as many as fit its memory"""
    device: Device = "auto"
    """auto takes a GPU if there is one, and cpu on a cluster"""
    cluster: str | None = None
    """address of a Dask scheduler whose workers compute, tcp://host:port; None computes on this machine"""


def settled(run: Run) -> Run:
    """Fill in what depends on the machine: the device, and how many processes work at once."""
    device: Device = run.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() and run.cluster is None else "cpu"
    processes = 2 if device == "cpu" else 1
    return replace(run, device=device, jobs=run.jobs or (processes if run.cluster is None else None))


def check_run(run: Run) -> None:
    """Refuse a run that this machine cannot do, with a ValueError that names the field."""
    if run.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda: there is no GPU that PyTorch can use; take cpu or auto")
    check_output(run.output)
    most = 16 * (os.cpu_count() or 1)
    if run.cluster is None and run.jobs is not None and run.jobs > most:
        raise ValueError(f"jobs is {run.jobs}: this machine has {os.cpu_count()} processors, so at most {most}")
    if run.cluster is not None:
        check_cluster(run.cluster)


def check_output(output: Path) -> None:
    """Refuse a file that cannot be written, with a ValueError that names it."""
    if output.suffix != ".nc" or os.path.isdir(output):
        raise ValueError(f"output is {output}: it must be the name of a file that ends in .nc")
    try:
        folder = next(parent for parent in output.absolute().parents if parent.exists())
        output.with_suffix(".entries").exists()
    except OSError as error:  # of a name that is too long, for instance
        raise ValueError(f"output is {output}: {error.strerror}") from None
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"output is {output}: {folder} must be a folder that can be written to")
