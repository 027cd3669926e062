"""This module measures the performance of networks at a stage, and how training brought them there."""

import numpy as np
import xarray as xr

from wmcl.check_arguments import checked
from wmcl.importance.summary import connections_of
from wmcl.labels import label
from wmcl.networks import Parameters
from wmcl.stages.stage import as_array
from wmcl.tasks import Sequences
from wmcl.training import Trained, evaluate
from wmcl.training.milestones import Milestone


@checked
def performance_at(trained: Trained, stage: Milestone, data: Sequences) -> xr.Dataset:
    """Measure loss, accuracy and output variance on a set of sequences, just after the loss was reached."""
    result = evaluate(trained.network, stage.after.parameters, data, trained.task)
    found = xr.Dataset(
        {
            "loss": ("seed", as_array(result.loss)),
            "accuracy": ("seed", as_array(result.accuracy)),
            "accuracy_by_step": (("seed", "output_step"), as_array(result.accuracy_by_step)),
            "output_variance": ("seed", as_array(result.output_variance)),
        },
        coords={"output_step": np.arange(result.accuracy_by_step.shape[1])},
    )
    return label(
        found,
        output_variance=("mean p (1 - p) of the scored outputs", "1"),
    )


@checked
def training_at(trained: Trained, stage: Milestone) -> xr.Dataset:
    """Tell how training got there: iterations, validation losses around the threshold, distance moved, clipping."""
    clipped = [
        float(trained.curves.clipped.isel(seed=k, iteration=slice(0, int(end))).mean()) if end else 0.0
        for k, end in enumerate(stage.after.iteration)
    ]
    sides = (stage.before, stage.after)
    found = xr.Dataset(
        {
            "iteration": (("seed", "side"), np.stack([side.iteration for side in sides], 1).astype(float)),
            "validation_loss": (("seed", "side"), np.stack([side.loss for side in sides], 1)),
            "distance_moved": (("seed", "connection"), _distance(stage.after.parameters, trained.initial)),
            "clipped": ("seed", np.array(clipped)),
        },
        coords={"side": ["before", "after"], "connection": list(connections_of(trained.initial))},
    )
    return label(
        found,
        distance_moved=("distance of the weights of a connection from the initial ones, over the norm of these", "1"),
        side=("validation before or after the matched loss was reached", "1"),
    )


def _distance(parameters: Parameters, initial: Parameters) -> np.ndarray:
    """Compute ‖W - W_0‖ / ‖W_0‖ (Frobenius) of each connection; NaN for those that the network lacks."""
    columns = []
    for weight in connections_of(initial).values():
        if weight in parameters:
            change = (parameters[weight] - initial[weight]).flatten(1).norm(dim=1)
            columns.append(as_array(change / initial[weight].flatten(1).norm(dim=1)).astype(float))
        else:
            columns.append(np.full(len(next(iter(initial.values()))), np.nan))
    return np.stack(columns, 1)
