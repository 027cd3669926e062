"""Run a sweep: find what is missing, compute it in parallel, write each entry, combine.

Workers only return data; the parent alone writes. Killed at any moment, the same command goes on with what is
missing.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import xarray as xr
from tqdm import tqdm

from wmcl.check_arguments import checked
from wmcl.identity import described, identity
from wmcl.interrupt import interruption_stays_one
from wmcl.sweeps.by_value import packed
from wmcl.sweeps.cluster import Backend, connect, ship, threads
from wmcl.sweeps.combine import combine
from wmcl.sweeps.display import Display, refreshed
from wmcl.sweeps.grid import Condition, Entry, digest, entries, key
from wmcl.sweeps.place import Place
from wmcl.sweeps.pool import Job, Measure, Pool, compute
from wmcl.sweeps.store import Store
from wmcl.tasks.task import check_counts

MOST_ENTRIES = 1_000_000
"""of a sweep: more files in a folder than that are no help to anybody"""


@checked
def run(
    measure: Measure,
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    folder: str | Path,
    *,
    name: str = "sweep",
    given: Callable[[Condition], Mapping[str, Any]] | None = None,
    ignored: Collection[str] = (),
    jobs: int | None = None,
    members: int = 1,
    origin: Mapping[str, str] = MappingProxyType({}),
    cost: Callable[[Condition], float] = lambda condition: 1.0,
    progress: bool = True,
    cluster: str | None = None,
) -> xr.Dataset:
    """Measure every condition with every seed.

    An entry, one condition with one seed, is computed once and kept in the folder. It is used again if it depends on
    the same: the measure with its own code, everything that is bound to it, and what it is given for the condition.
    :mod:`wmcl.identity` says how these are compared.

    Args:
        measure: computes the entries of a condition and some seeds: ``measure(condition, seeds)`` returns a Dataset
            with a dimension ``seed``. Settings are bound to it by :func:`functools.partial`. With several jobs or a
            cluster it is pickled. The attributes of its Dataset stand above those of ``origin``.
        conditions: coordinates of each condition, e.g. ``{"pattern_length": 5, "input_length": 15}``.
        seeds: of the networks.
        folder: where finished entries are kept.
        name: of the sweep, for the progress bar.
        given: returns further arguments of the measure in a condition, by name, such as the hyperparameters of a
            method. Each entry depends on its own alone.
        ignored: names of bound arguments that the numbers do not depend on, such as ``device``.
        jobs: processes at once, one thread each; on a cluster, jobs under way at once. None takes 1, which runs
            everything in this process, or as many as the cluster has threads.
        members: networks of a condition that are computed together as an ensemble.
        origin: where the numbers come from (:func:`wmcl.provenance.provenance`); kept with every entry that this call
            computes.
        cost: relative time of a condition, for the estimate of the time left; those that take longest start first.
        progress: whether to show a progress bar.
        cluster: address of a Dask scheduler whose workers compute, e.g. ``tcp://host:8786``; None takes this machine.

    Returns:
        All entries, with the dimensions ``condition`` (its coordinates are the names of the conditions) and ``seed``,
        and NaN where a condition has no such entry. Attributes: those of ``origin``, each with all the different values
        that the entries have, so that entries of an earlier revision show; ``entries_computed``, how many this call
        computed (the others were there already); ``failed_entries``, the names of those that killed their process
        twice.

    Raises:
        ValueError: if the grid or a number makes no sense, if the measure depends on something that has no value that
            could be compared, or if the cluster does not answer or does not fit.
        OSError: if the folder cannot be written to, or (ConnectionError) if the scheduler of the cluster is lost.
        RuntimeError: if no entry could be computed.
    """
    for label, value in (("jobs", jobs), ("members", members)):
        if value is not None:
            check_counts(**{label: value})
    if len(conditions) * len(seeds) > MOST_ENTRIES:
        raise ValueError(
            f"conditions has {len(conditions)} entries and seeds {len(seeds)}: a sweep has at most {MOST_ENTRIES:,} of"
            " both together"
        )
    grid = entries(conditions, seeds)
    own = {} if given is None else {entry.condition: given(dict(entry.condition)) for entry in grid}
    keys = _keys(grid, identity(measure, ignored), own)
    store = Store(Path(folder))
    costs = {entry: cost(dict(entry.condition)) for entry in grid}
    varying = [name for name in conditions[0] if len({condition[name] for condition in conditions}) > 1]
    with interruption_stays_one(), store.in_use(), _pool(cluster, jobs) as pool, _reports(cluster, progress) as reports:
        results = {entry: result for entry in grid if (result := store.read(keys[entry])) is not None}
        missing = sorted((entry for entry in grid if entry not in results), key=lambda entry: -costs[entry])
        names = {job: digest("".join(keys[entry] for entry in job).encode()) for job in _jobs(missing, members)}
        places = {job: Place(name, store.folder if cluster is None else None, reports) for job, name in names.items()}
        with tqdm(
            total=sum(costs.values()),
            initial=sum(costs[entry] for entry in results),
            desc=name,
            disable=not progress,
            smoothing=0,  # the time left follows from the speed so far: jobs that stop early would make it jump
            bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed} passed, {remaining} left{postfix}",
        ) as bar:
            display = Display(bar, costs, names, varying, pool.processes, set(results))

            def finish(entry: Entry, result: xr.Dataset) -> None:
                results[entry] = result.assign_attrs({**origin, **result.attrs})
                store.write(keys[entry], results[entry])
                display.finish(entry)

            complete = partial(_with_arguments, measure, own) if own else measure
            sent = ship(complete) if cluster is not None else packed(complete) if pool.processes > 1 else complete
            with refreshed(display, reports, pool.client) if progress else nullcontext():
                failed = compute(sent, places, pool, finish, display.started)
    if not results:
        raise RuntimeError(f"every entry of the sweep killed its process twice: {'; '.join(map(str, failed))}")
    attributes = {
        name: "; ".join(sorted({str(result.attrs.get(name, "unknown")) for result in results.values()}))
        for name in origin
    }
    return combine({entry: results[entry] for entry in grid if entry in results}).assign_attrs(
        attributes,
        entries_computed=f"{len(missing) - len(failed)} of {len(grid)}",
        failed_entries="; ".join(map(str, failed)),
    )


Given = Mapping[tuple[tuple[str, Any], ...], Mapping[str, Any]]
"""further arguments of the measure, by condition"""


def _keys(grid: Sequence[Entry], common: Mapping[str, Any], own: Given) -> dict[Entry, str]:
    """Write what each entry depends on; a long description of what all depend on stands there as its digest."""
    text = json.dumps(common, sort_keys=True)
    common = common if len(text) < 20_000 else {"digest": digest(text.encode())}
    given = {condition: described(arguments, "given") for condition, arguments in own.items()}
    return {entry: key({**common, "given": given.get(entry.condition)}, entry) for entry in grid}


def _with_arguments(
    measure: Callable[..., xr.Dataset],
    own: Given,
    condition: Condition,
    seeds: Sequence[int],
) -> xr.Dataset:
    """Measure with the arguments that belong to the condition."""
    return measure(condition, seeds, **own[tuple(condition.items())])


@contextmanager
def _pool(cluster: str | None, jobs: int | None) -> Iterator[Pool]:
    if cluster is None:
        yield Pool(jobs or 1)
    else:
        with connect(cluster) as client:
            yield Pool(jobs or threads(client), Backend(client), client)


@contextmanager
def _reports(cluster: str | None, progress: bool) -> Iterator[Path | str | None]:
    """Give the folder, or on a cluster the topic, of what jobs say about how far they are."""
    if not progress:
        yield None
    elif cluster is not None:
        yield f"wmcl-{uuid4().hex}"
    else:
        with TemporaryDirectory(prefix="wmcl-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)


def _jobs(missing: Sequence[Entry], members: int) -> list[Job]:
    """Group entries of the same condition, at most so many together."""
    groups = [list(group) for _, group in groupby(missing, key=lambda entry: entry.condition)]
    return [tuple(group[k : k + members]) for group in groups for k in range(0, len(group), members)]
