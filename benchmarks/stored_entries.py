"""How long it takes to write the entries of a sweep, to read them back, and to combine them.

    python benchmarks/stored_entries.py --entries 600

The entries are as large as those of the length study: 80 variables along 20 labelled dimensions. Prints Markdown.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tyro
import xarray as xr
from timing import print_table

from wmcl.sweeps.combine import combine
from wmcl.sweeps.grid import Entry
from wmcl.sweeps.store import Store

VARIABLES = 80
SIZES = {f"d{k}": size for k, size in enumerate((3, 2, 7, 2, 4, 4, 2, 64, 2, 5, 2, 5, 8, 3, 2, 2, 5, 2, 2, 9))}


def an_entry(seed: int) -> xr.Dataset:
    """Make the result of an entry: each variable lies along the seed and up to three other dimensions."""
    generator = np.random.default_rng(seed)
    dims = list(SIZES)
    data = {}
    for k in range(VARIABLES):
        along = ("seed", *dict.fromkeys(dims[(k * step) % len(dims)] for step in (1, 3, 7)[: k % 4]))
        shape = (1, *(SIZES[dim] for dim in along[1:]))
        data[f"v{k}"] = (along, generator.normal(size=shape), {"long_name": f"variable {k}", "units": "nats"})
    text = {dim: [f"{dim} label {k}" for k in range(SIZES[dim])] for dim in dims[::2]}
    numbers = {dim: np.arange(SIZES[dim]) for dim in dims[1::2]}
    return xr.Dataset(data, coords={"seed": [seed], **text, **numbers}, attrs={"source_revision": "abc"})


def main(entries: int = 600, seeds: int = 5) -> None:
    """Print seconds of writing, reading and combining.

    Args:
        entries: how many.
        seeds: of each condition.
    """
    every = {Entry((("p", k // seeds),), k % seeds): f"key {k}" for k in range(entries)}
    made = [an_entry(seed) for seed in range(seeds)]
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        times = [(time.perf_counter(), time.process_time())]
        for entry, key in every.items():
            store.write(key, made[entry.seed])
        times.append((time.perf_counter(), time.process_time()))
        found = {entry: result for entry, key in every.items() if (result := store.read(key)) is not None}
        times.append((time.perf_counter(), time.process_time()))
        combine(found)
        times.append((time.perf_counter(), time.process_time()))
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / entries / 1024
    print(f"## {entries} entries of {VARIABLES} variables, {size:.0f} KiB each\n")
    seconds = np.diff(times, axis=0).tolist()
    rows = [[name, *spent] for name, spent in zip(("write", "read", "combine"), seconds, strict=True)]
    print_table(["", "s", "of these on the processor"], rows)


if __name__ == "__main__":
    tyro.cli(main)
