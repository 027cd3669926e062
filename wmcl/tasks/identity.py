"""Give networks the identity of the task, as further inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from wmcl.check_arguments import checked
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task


@checked
def with_task_identity(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks with one more input feature for each of them: 1 at every step of its own sequences, else 0.

    Padded steps stay zero. Everything else, random draws included, stays as it was.

    Raises:
        ValueError: if there is no task, or if tasks differ in their inputs or outputs, so that no network takes all.
    """
    sizes = sorted({(task.inputs, task.outputs) for task in tasks})
    if len(sizes) != 1:
        raise ValueError(f"tasks have (inputs, outputs) {sizes}: they must have one and the same")
    return [task.changed(_Identified(k, len(tasks)), task.inputs + len(tasks)) for k, task in enumerate(tasks)]


@dataclass(frozen=True)
class _Identified:
    tells_which: ClassVar[bool] = True
    task: int
    tasks: int

    def __call__(self, made: Sequences) -> Sequences:
        identity = made.inputs.new_zeros(*made.inputs.shape[:3], self.tasks)
        identity[..., self.task] = (made.phase != Phase.padding).to(identity.dtype)
        return replace(made, inputs=torch.cat([made.inputs, identity], -1))
