"""Compute the jobs of a sweep on a Dask cluster.

Workers need this package and the network, but neither the analysis nor a common disk: the measure travels by value,
results come back as values, and the parent alone writes.
"""

import hashlib
import platform
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
import xarray as xr
from joblib.parallel import ParallelBackendBase

import wmcl
from wmcl.sweeps import grid
from wmcl.sweeps.by_value import Packed, packed
from wmcl.sweeps.grid import Condition
from wmcl.sweeps.pool import Measure

TIMEOUT = 10
"""seconds within which a scheduler must answer"""
_MOST_PARTS = 1000  # of the first message of a scheduler, which has two or three


class Backend(ParallelBackendBase):
    """Hand the jobs of joblib to a cluster.

    joblib's own Dask backend never hears of a task that its cluster gave up, and waits for ever; nor does it let its
    caller choose how many jobs are under way.
    """

    supports_retrieve_callback = True

    def __init__(self, client: Any) -> None:
        super().__init__(nesting_level=0)
        self.client = client

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return never 1, which joblib would compute in this process; ``pre_dispatch`` limits the jobs under way."""
        return n_jobs + 1

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> Any:
        """Send a batch of one job."""
        ((function, arguments, named),) = func.items
        future = self.client.submit(function, *arguments, **named, pure=False)
        future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Any) -> list[Any]:
        """Return the result of the one job; None if it killed its workers until the scheduler gave it up."""
        from distributed import CancelledError, KilledWorker

        try:
            return [out.result()]
        except KilledWorker:
            return [None]
        except CancelledError as error:
            raise ConnectionError("the scheduler of the cluster is gone; finished entries are kept") from error


@dataclass(frozen=True)
class Shipped:
    """Carry a measure to a worker of another machine."""

    measure: Packed
    sender: tuple[tuple[str, str], ...]

    def __call__(self, condition: Condition, seeds: Sequence[int]) -> xr.Dataset:
        """Call the measure itself, on a worker that fits."""
        _compare(dict(self.sender), {"this worker": fingerprint()})
        return self.measure(condition, seeds)


def ship(measure: Measure) -> Shipped:
    """Pack a measure together with what must be the same on the worker."""
    return Shipped(packed(measure), tuple(fingerprint().items()))


@cache
def fingerprint() -> dict[str, str]:
    """Tell what must be the same on both sides for the same numbers; Python, because code travels as its bytecode."""
    source = hashlib.sha256()
    for path in sorted(Path(wmcl.__file__).parent.rglob("*.py")):
        source.update(path.read_bytes())
    return {
        "wmcl": wmcl.__version__,
        "RESULTS_VERSION": str(grid.RESULTS_VERSION),
        "source of wmcl": source.hexdigest()[:12],
        "torch": torch.__version__.split("+")[0],
        "python": ".".join(platform.python_version_tuple()[:2]),
    }


def check_cluster(address: str) -> None:
    """Refuse a cluster that cannot compute this project's numbers.

    Raises:
        ValueError: names the address and what is wrong: it is malformed, nobody answers, there are no workers, or
            workers differ from this process in the versions that numbers depend on.
    """
    with connect(address):
        pass


@contextmanager
def connect(address: str) -> Iterator[Any]:
    """Connect to the cluster, after a check of its workers.

    Raises:
        ValueError: as :func:`check_cluster`.
    """
    if not _is_address(address):
        raise ValueError(f"cluster is {address!r}: it must be the address of a Dask scheduler, tcp://host:port")
    if find_spec("distributed") is None:
        raise ValueError(f"cluster is {address}: it needs dask.distributed, pip install 'wmcl[cluster]'")
    _check_answer(address)
    from distributed import Client

    try:
        client = Client(address, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"cluster is {address}: no Dask scheduler answers there within {TIMEOUT} s; it must be the address of"
            " one that runs"
        ) from error
    with client:
        _check_workers(client, address)
        yield client


def _check_answer(address: str) -> None:
    """Refuse what is no Dask scheduler, of which the library of clusters may wait for ever or believe any size.

    A scheduler speaks first: a message begins with the number of its parts, and the size of each.
    """
    parts = urlsplit(address)
    if parts.scheme == "tls":
        import dask

        settings = ("ca-file", "client.cert", "client.key")
        if missing := [name for name in settings if not dask.config.get(f"distributed.comm.tls.{name}", None)]:
            raise ValueError(
                f"cluster is {address}: tls needs certificates, and the configuration of Dask has no"
                f" {', '.join(f'distributed.comm.tls.{name}' for name in missing)}; set them, or take tcp://"
            )
        return
    no_scheduler = "it must be the address of a Dask scheduler that runs"
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT / 2) as channel:
            said = _received(channel, 8)
    except TimeoutError as error:
        raise ValueError(
            f"cluster is {address}: nobody says anything there within {TIMEOUT / 2:g} s; {no_scheduler}"
        ) from error
    except OSError as error:
        raise ValueError(f"cluster is {address}: nobody answers there ({error}); {no_scheduler}") from error
    if len(said) < 8 or not 0 < int.from_bytes(said, "little") <= _MOST_PARTS:
        raise ValueError(f"cluster is {address}: what answers there is no Dask scheduler ({said!r}); {no_scheduler}")


def _received(channel: socket.socket, count: int) -> bytes:
    said = b""
    while len(said) < count and (more := channel.recv(count - len(said))):
        said += more
    return said


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    rest = parts.path or parts.query or parts.fragment or parts.username
    return parts.scheme in ("tcp", "tls") and bool(parts.hostname) and bool(port) and not rest


def _check_workers(client: Any, address: str) -> None:
    # a lambda travels by value, also to workers that lack this module
    answers = client.run(lambda: import_module("wmcl.sweeps.cluster").fingerprint(), on_error="return")
    if not answers:
        raise ValueError(f"cluster is {address}: it has no workers; start at least one, and wait for it")
    try:
        _compare(fingerprint(), answers)
    except ValueError as error:
        raise ValueError(f"cluster is {address}: {error}") from None


def _compare(here: Mapping[str, str], workers: Mapping[str, Mapping[str, str] | BaseException]) -> None:
    for worker, there in workers.items():
        if not isinstance(there, Mapping):
            raise ValueError(f"{worker} cannot use wmcl ({there}); all workers must have version {here['wmcl']}")
        for name, version in here.items():
            if there.get(name) != version:
                raise ValueError(f"{name} is {there.get(name)} on {worker}; all workers must have {version}")


def threads(client: Any) -> int:
    """Count the jobs that the cluster can compute at once."""
    return sum(client.nthreads().values())
