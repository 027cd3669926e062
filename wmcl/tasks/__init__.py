"""What is learned."""

from wmcl.tasks.check import check_sequences
from wmcl.tasks.copy_task import CopyLayout, InputPower, LeadInput, copy_task
from wmcl.tasks.demand import Demand
from wmcl.tasks.lag_copy import LagLayout, lag_copy_task
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task

__all__ = [
    "CopyLayout",
    "Demand",
    "InputPower",
    "LagLayout",
    "LeadInput",
    "Phase",
    "Sequences",
    "Task",
    "check_sequences",
    "copy_task",
    "lag_copy_task",
]
