"""What makes RNN weights important: what they must hold, for how long, or how often they are used?

Trains recurrent networks on the Copy Task and its controls, and measures at matched validation loss how important their
weights are, how many dimensions their hidden states fill and which bits these hold. Writes one netCDF file; figures/
draw it.
"""

from functools import partial

import numpy as np
import xarray as xr

from length_study.conditions import demand_of, in_law
from length_study.design import PRESETS, Config, check, with_own_output
from length_study.ladder import add_ladder, is_ladder
from length_study.measure import measure, members_in
from length_study.report import report
from wmcl.studies import Part, Study, Sweep
from wmcl.tasks.memory_demand import demand_coordinates


def results(config: Config, sweep: Sweep) -> xr.Dataset:
    """Every measure of every network, with the demands of its condition; in float32, for a file of half the size."""
    part = Part(
        "importance vs length",
        partial(
            measure,
            network=config.network,
            training=config.training,
            stages=config.stages,
            measures=config.measures,
        ),
        config.grid,
        range(config.conditions.seeds),
        cost=lambda condition: float(demand_of(condition).steps),
        members_on_gpu=partial(members_in, config),
    )
    found = sweep(part)
    if is_ladder(found):
        found = add_ladder(found)
    return _with_demands(found, config).map(_single, keep_attrs=True)


def _with_demands(found: xr.Dataset, config: Config) -> xr.Dataset:
    """With what every condition demands, and whether the law is about it."""
    names = list(config.grid[0])
    conditions = [{name: found[name].values[k].item() for name in names} for k in range(found.sizes["condition"])]
    chosen = np.array([in_law(condition, config.factorial) for condition in conditions], dtype=np.int8)
    demands = demand_coordinates([demand_of(condition) for condition in conditions])
    return found.assign_coords(demands | {"in_law": ("condition", chosen)})


def _single(values: xr.DataArray) -> xr.DataArray:
    """Finished entries keep all digits."""
    return values.astype("float32") if values.dtype == "float64" else values


LABELS = {
    "rung": ("choices that the exponent of importance is measured with", "1"),
    "dimension_rung": ("choices that the exponent of dimensionality is measured with", "1"),
    "sweep": ("conditions that an exponent is taken over", "1"),
    "ladder_slope": ("exponent of importance on the length of a sweep, measured with these choices", "1"),
    "ladder_reached": ("fraction of networks that have an importance with these choices", "1"),
    "ladder_dimension_slope": ("exponent of components in the output phase on the length of a sweep", "1"),
    "ladder_dimension_reached": ("fraction of networks that have components with these choices", "1"),
}

STUDY = Study(
    about=__doc__,
    presets=PRESETS,
    results=results,
    report=report,
    check=check,
    completed=with_own_output,
    labels=LABELS,
)
