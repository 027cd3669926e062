"""Networks and tasks in float64, where results of another order of operations agree to many digits."""

import dataclasses

import torch

from wmcl.networks import Elman


@dataclasses.dataclass(frozen=True)
class Double(Elman):
    """Trains in float64."""

    def init(self, seeds, dtype=torch.float64):
        return super().init(seeds, dtype)


def double_task(task):
    """The same task with float64 sequences."""
    return task.changed(lambda made: made.to(torch.float64), task.inputs)
