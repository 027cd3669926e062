"""Define the working-memory demand of a task."""

from collections.abc import Sequence
from dataclasses import dataclass

import xarray as xr

from wmcl.labels import label


@dataclass(frozen=True)
class MemoryDemand:
    """A memory demand holds the quantities of a task whose effects on importance are told apart."""

    load: int
    """independent bits held at once, at the most"""
    retention: int | float
    """steps from the one at which a bit is shown to the one at which it is recalled, on average over all pairs of a
    target bit and a bit that it depends on; 0 if nothing is held"""
    lead: int
    """steps before the first one that matters"""
    steps: int | float
    """T, steps of a sequence, on average: how often the recurrent weights are used"""
    scored_bits: int | float
    """S, scored output units of a sequence, summed over its steps, on average"""


def demand_coordinates(found: Sequence[MemoryDemand], dim: str = "condition") -> dict[str, xr.Variable]:
    """Return the demands of the tasks of a sweep as labelled coordinates, one value a task.

    The load is called ``memory_load``, as ``load`` is a method of a dataset.
    """
    names = {"memory_load": "load"} | {name: name for name in ("retention", "lead", "steps", "scored_bits")}
    columns = {name: (dim, [getattr(demand, field) for demand in found]) for name, field in names.items()}
    demands = label(
        xr.Dataset(columns),
        memory_load=("independent bits held at once, at the most", "bits"),
        steps=("steps of a sequence, T", "steps"),
        scored_bits=("scored answers of a sequence, S", "1"),
    )
    return {str(name): demands[name].variable for name in columns}
