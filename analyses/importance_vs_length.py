"""What makes RNN weights important: what they must hold, for how long, or how often they are used?

Trains recurrent networks on the Copy Task and its controls, and measures at matched validation loss how important their
weights are, how many dimensions their hidden states fill and which bits these hold. Writes one netCDF file; figures/
draw it.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
import xarray as xr
from common.command_line import configuration, errors_as_sentences, print_outcome
from common.running import settled
from length_study.config import PRESETS, Config, check, with_own_output
from length_study.labels import describe
from length_study.ladder import add_ladder, is_ladder
from length_study.measure import measure, members_in
from length_study.report import report

from wmcl import sweeps
from wmcl.provenance import invocation, provenance


def resolve(config: Config) -> Config:
    """Fill in what depends on the machine: device, processes and ensemble size."""
    return replace(config, run=settled(config.run, lambda: members_in(config, torch.cuda.mem_get_info()[0])))


def run(config: Config) -> xr.Dataset:
    """Run the analysis, or what is missing of it, and write its file."""
    began = time.perf_counter()
    config = resolve(config)
    origin = provenance(config.run.device)
    parts = {name: asdict(config)[name] for name in ("network", "training", "stages", "measures")}
    results = sweeps.run(
        partial(measure, config, config.run.device),
        config.grid,
        range(config.conditions.seeds),
        name="importance vs length",
        configuration=parts | {"device": config.run.device},
        origin=origin,
        folder=config.run.output.with_suffix(".entries"),
        jobs=config.run.jobs,
        members=config.run.members or 1,
        cost=_cost,
        cluster=config.run.cluster,
    )
    if is_ladder(results):
        results = add_ladder(results)
    results = describe(results, config).assign_attrs(invocation(asdict(config)))
    results = results.map(_single, keep_attrs=True)
    results.attrs["wall_seconds"] = time.perf_counter() - began
    sweeps.save_atomically(results, config.run.output)
    return results


def _single(values: xr.DataArray) -> xr.DataArray:
    """In float32, for a file of half the size; the entries keep all digits."""
    return values.astype("float32") if values.dtype == "float64" else values


def _cost(condition: Mapping[str, Any]) -> float:
    """Return the number of steps of a sequence, to which the cost of a condition is proportional."""
    return float(condition["lead"] + condition["input_length"] + 1 + condition["pattern_length"])


def main() -> None:
    """Read the command line and run the analysis."""
    config = with_own_output(configuration(PRESETS, check, __doc__))
    with errors_as_sentences(config.run):
        results = run(config)
    print_outcome(results, report, config.run)


if __name__ == "__main__":
    main()
