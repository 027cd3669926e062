"""Fisher of each task at the present weights, and of all tasks added up, each at the time it was learned.

A value of which a weight is a multiple, as with masks, has the Fisher of the weight times the square of the slope: a
weight into a unit that is off does not matter. The paper's code stores the sum of online EWC, which at the last task is
that of the task before; and it averages weights and biases together.
"""

import xarray as xr

from subspace_study.networks import Answering
from wmcl.importance import fisher_diagonal, summarise
from wmcl.importance.signals import FisherKind
from wmcl.networks import Parameters

KINDS: tuple[FisherKind, ...] = ("sampled", "empirical")
CONNECTIONS = ["hh", "ho"]
STATISTICS = ["mean", "mean with bias"]
Fishers = dict[FisherKind, Parameters]
"""by kind"""


def fishers(answering: Answering, seeds: tuple[int, ...], samples: int) -> Fishers:
    """Of both kinds, on sequences that all networks share."""
    probe = answering.sequences("importance", samples)
    found: Fishers = {}
    for kind in KINDS:
        every = fisher_diagonal(answering.network, answering.weights, probe, answering.task, kind, seeds=seeds)
        squares = {name: each.double().square() for name, each in answering.derivatives.items()}
        found[kind] = {name: value * squares.get(name, 1.0) for name, value in every.items()}
    return found


def add_fishers(total: Fishers, more: Fishers) -> Fishers:
    """The sum; nothing yet is an empty dictionary."""
    if not total:
        return more
    return {kind: {name: value + total[kind][name] for name, value in each.items()} for kind, each in more.items()}


def importances(found: Fishers, weights: Parameters) -> xr.Dataset:
    """``importance`` (seed, kind, connection, statistic) and ``effective_fraction`` (seed, kind, connection)."""
    parts = [summarise(each, weights, 1.0).sel(per="sequence", connection=CONNECTIONS) for each in found.values()]
    every = xr.concat(parts, "kind").assign_coords(kind=list(found)).drop_vars("per").rename(member="seed")
    return every[["importance", "effective_fraction"]].sel(statistic=STATISTICS)
