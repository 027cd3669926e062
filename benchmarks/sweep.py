"""Where the time of a finished sweep went.

    python benchmarks/sweep.py docs/results/importance_vs_length_quick.nc

Reads the ``seconds`` of a results file; computes nothing anew. Prints Markdown.
"""

import json
from pathlib import Path
from typing import Annotated

import tyro
import xarray as xr
from timing import print_table


def rows(seconds: xr.DataArray) -> list[list[object]]:
    """A row for each condition that the sweep has, and their sum: labels, networks, seconds by part, all parts."""
    axes = [dim for dim in seconds.dims if dim not in ("seed", "part")]
    cells = seconds.stack(condition=axes).dropna("condition", how="all").transpose("condition", "seed", "part")
    networks = cells.isel(part=0).notnull().sum("seed").values
    parts = cells.sum("seed").values
    found = [
        [*labels, int(count), *row.tolist(), float(row.sum())]
        for labels, count, row in zip(cells.condition.values, networks, parts, strict=True)
    ]
    whole = ["all", *[""] * (len(axes) - 1), int(networks.sum()), *parts.sum(0).tolist(), float(parts.sum())]
    return [*found, whole]


def efficiency(results: xr.Dataset) -> str:
    """How busy the processes of the sweep were."""
    work, wall = float(results.seconds.sum()), float(results.attrs["wall_seconds"])
    jobs = json.loads(results.attrs["configuration"])["run"]["jobs"]
    told = f"{work:.0f} s of work in {wall:.0f} s of wall time with {jobs} jobs"
    computed, whole = results.attrs["cells_computed"].split(" of ")
    if computed != whole:
        return f"{told}; only {computed} of {whole} cells were computed in that time, so no parallel efficiency."
    return f"{told}: parallel efficiency {work / (jobs * wall):.0%}."


def main(
    results: Annotated[Path, tyro.conf.Positional] = Path("docs/results/importance_vs_length_quick.nc"),
) -> None:
    """Print where the time of a sweep went.

    Args:
        results: netCDF file of an analysis.
    """
    with xr.open_dataset(results) as file:
        sweep = file.load()
    origin = f"{sweep.attrs['device']}, source {sweep.attrs['source_revision']}, {sweep.attrs['created']}"
    print(f"## Sweep {results.name}\n\n{origin}. {efficiency(sweep)} Seconds by condition, of all networks:\n")
    labels = [str(dim).replace("_", " ") for dim in sweep.seconds.dims if dim not in ("seed", "part")]
    print_table([*labels, "networks", *sweep.part.values, "all parts"], rows(sweep.seconds))


if __name__ == "__main__":
    tyro.cli(main)
