"""What is learned."""

from wmcl.tasks.check import check_sequences
from wmcl.tasks.copy_task import copy_sequences, copy_task
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task

__all__ = ["Phase", "Sequences", "Task", "check_sequences", "copy_sequences", "copy_task"]
