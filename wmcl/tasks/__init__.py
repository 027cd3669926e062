"""What is learned."""

from wmcl.tasks.copy_task import copy_sequences, copy_task
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.task import Task

__all__ = ["Phase", "Sequences", "Task", "copy_sequences", "copy_task"]
