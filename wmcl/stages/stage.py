"""Name and list the stages of training at which networks are measured."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from torch import Tensor

from wmcl.training import Trained
from wmcl.training.milestones import Milestone, Snapshot, interpolate_log


def stage_names(trained: Trained) -> list[str]:
    """Label what :func:`stages` lists: the matched losses, then ``final``."""
    return [str(milestone.threshold) for milestone in trained.milestones] + ["final"]


def stages(trained: Trained) -> list[Milestone]:
    """List the milestones of a training run, and its end as one more stage that every member has reached."""
    end = Snapshot(trained.iterations, trained.validation_loss, trained.parameters, trained.observed)
    everyone = np.ones(len(trained.seeds), bool)
    return [*trained.milestones, Milestone(float("nan"), everyone, end, end)]


def at_matched_loss(stage: Milestone, measure: Callable[[Snapshot], xr.Dataset]) -> xr.Dataset:
    """Interpolate a measure to the matched loss: the logarithms of all values, between before and after.

    Args:
        stage: with the snapshots on either side of the loss.
        measure: of a snapshot; every variable has the dimension ``seed``.
    """
    after = measure(stage.after)
    if stage.before is stage.after:
        return after
    before = measure(stage.before)

    def between(name: str) -> xr.DataArray:
        late = after[name].transpose("seed", ...)
        early = before[name].transpose(*late.dims)
        return late.copy(data=interpolate_log(early.values, late.values, stage.position()))

    return after.assign({name: between(str(name)) for name in after.data_vars})


def as_array(values: Tensor) -> np.ndarray:
    """Copy a tensor to an array on the CPU, without gradient."""
    return values.detach().cpu().numpy()
