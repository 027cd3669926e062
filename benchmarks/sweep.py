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

SETTINGS = ("pattern_length", "input_length", "lead", "independent_bits", "initialisation", "reduction")


def varying(results: xr.Dataset) -> list[str]:
    """The settings in which conditions differ."""
    return [name for name in SETTINGS if len(set(results[name].values.tolist())) > 1]


def rows(results: xr.Dataset) -> list[list[object]]:
    """A row for each condition, and their sum: labels, networks, seconds by part, all parts."""
    seconds = results.seconds.transpose("condition", "seed", "part")
    labels = [results[name].values.tolist() for name in varying(results)]
    networks = seconds.isel(part=0).notnull().sum("seed").values
    parts = seconds.sum("seed").values
    found = [
        [*(values[k] for values in labels), int(networks[k]), *parts[k].tolist(), float(parts[k].sum())]
        for k in range(results.sizes["condition"])
    ]
    whole = ["all", *[""] * (len(labels) - 1), int(networks.sum()), *parts.sum(0).tolist(), float(parts.sum())]
    return [*found, whole]


def efficiency(results: xr.Dataset) -> str:
    """How busy the processes of the sweep were."""
    work, wall = float(results.seconds.sum()), float(results.attrs["wall_seconds"])
    jobs = json.loads(results.attrs["configuration"])["run"]["jobs"]
    told = f"{work:.0f} s of work in {wall:.0f} s of wall time with {jobs} jobs"
    computed, whole = results.attrs["entries_computed"].split(" of ")
    if computed != whole:
        return f"{told}; only {computed} of {whole} entries were computed in that time, so no parallel efficiency."
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
    labels = [name.replace("_", " ") for name in varying(sweep)]
    print_table([*labels, "networks", *sweep.part.values, "all parts"], rows(sweep))


if __name__ == "__main__":
    tyro.cli(main)
