"""What makes RNN weights important: what they must hold, for how long, or how often they are used?

Trains recurrent networks on the Copy Task and its controls, and measures at matched validation loss how important their
weights are, how many dimensions their hidden states fill and which bits these hold. Writes one netCDF file; figures/
draw it.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch
import tyro
import xarray as xr
from length_study.config import PRESETS, Config, Device, check, with_own_output
from length_study.labels import describe
from length_study.ladder import add_ladder, is_ladder
from length_study.measure import measure, members_in
from length_study.report import report

from wmcl import sweeps
from wmcl.provenance import invocation, provenance


def resolve(config: Config) -> Config:
    """Fill in what depends on the machine: device, processes and ensemble size."""
    device: Device = config.run.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() and config.run.cluster is None else "cpu"
    processes, members = (2, 1) if device == "cpu" else (1, members_in(config, torch.cuda.mem_get_info()[0]))
    jobs = config.run.jobs or (processes if config.run.cluster is None else None)
    here = replace(config.run, device=device, jobs=jobs, members=config.run.members or members)
    return replace(config, run=here)


def run(config: Config) -> xr.Dataset:
    """Run the analysis, or what is missing of it, and write its file."""
    began = time.perf_counter()
    config = resolve(config)
    origin = provenance(config.run.device)
    settings = {name: asdict(config)[name] for name in ("network", "training", "stages", "measures")}
    results = sweeps.run(
        partial(measure, config, config.run.device),
        config.grid,
        range(config.conditions.seeds),
        name="importance vs length",
        settings=settings | {"device": config.run.device},
        origin=origin,
        folder=config.run.output.with_suffix(".cells"),
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
    sweeps.save_whole(results, config.run.output)
    return results


def _single(values: xr.DataArray) -> xr.DataArray:
    """In float32, for a file of half the size; the cells keep all digits."""
    return values.astype("float32") if values.dtype == "float64" else values


def _cost(condition: Mapping[str, Any]) -> float:
    """Steps of a sequence."""
    return float(condition["lead"] + condition["input_length"] + 1 + condition["pattern_length"])


def main() -> None:
    """Command line."""
    choice = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    choice.add_argument("--preset", choices=PRESETS, default="quick")
    preset = choice.parse_known_args()[0].preset
    try:
        config = tyro.cli(Config, description=__doc__, default=PRESETS[preset], config=(tyro.conf.OmitArgPrefixes,))
        config = with_own_output(config)
        check(config)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    try:
        results = run(config)
    except ConnectionError as error:
        raise SystemExit(f"error: cluster is {config.run.cluster}: {error}") from error
    except OSError as error:
        raise SystemExit(f"error: output is {config.run.output}: {error}") from error
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted. Finished networks are kept: the same command goes on from there.") from None
    print(report(results))
    if results.attrs["failed_cells"]:
        print(f"Given up, because they killed their process twice: {results.attrs['failed_cells']}")
    print(f"Wrote {config.run.output} in {results.attrs['wall_seconds']:.0f} s.")


if __name__ == "__main__":
    main()
