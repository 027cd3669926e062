"""What all result files of the analyses say of themselves, and how they are written."""

import time
from collections.abc import Callable, Mapping

import xarray as xr

from common.running import Run
from wmcl import sweeps
from wmcl.atomic_file import write_atomically
from wmcl.training import Reason


def describe(results: xr.Dataset, descriptions: Mapping[str, tuple[str, str]], reason: str = "reason") -> xr.Dataset:
    """Long names and units, and what the numbers mean that tell why training ended, where there are such."""
    for name, (long_name, units) in descriptions.items():
        if name in results.variables:
            results[name].attrs = {"long_name": long_name, "units": units}
    if reason in results:
        results[reason].attrs |= {
            "flag_values": [int(each) for each in Reason],
            "flag_meanings": " ".join(each.name for each in Reason),
        }
    return results


def write(results: xr.Dataset, run: Run, began: float, report: Callable[[xr.Dataset], str]) -> xr.Dataset:
    """Write the file, and beside it the report as Markdown; each appears whole or not at all.

    Args:
        results: everything but the wall time, which is added.
        run: names the file.
        began: :func:`time.perf_counter` when the analysis began.
        report: text of the results.

    Raises:
        OSError: names the file and the reason, e.g. a full disk.
    """
    results = results.assign_attrs(wall_seconds=time.perf_counter() - began)
    sweeps.save_atomically(results, run.output)
    write_atomically(f"{report(results)}\n".encode(), run.output.with_suffix(".md"))
    return results
