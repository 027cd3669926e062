"""Make tasks: the Copy Task and its variants, recall, teachers, and tasks of recorded sequences."""

from wmcl.tasks.audioset_tasks import split_audioset_tasks
from wmcl.tasks.copy_sequence import copy_task_sequence
from wmcl.tasks.copy_task import copy_task
from wmcl.tasks.data_task import DataTask, data_task
from wmcl.tasks.distances import distances
from wmcl.tasks.identity import with_task_identity
from wmcl.tasks.labelled import Labelled
from wmcl.tasks.lag_copy import lag_copy_task
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.own_data import labelled
from wmcl.tasks.pos_tasks import pos_tasks
from wmcl.tasks.recall import recall_task
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.stroke_tasks import sequential_stroke_tasks, split_stroke_tasks
from wmcl.tasks.task import Task
from wmcl.tasks.teacher import Teacher, teacher_task

__all__ = [
    "DataTask",
    "Labelled",
    "MemoryDemand",
    "Phase",
    "Sequences",
    "Task",
    "Teacher",
    "copy_task",
    "copy_task_sequence",
    "data_task",
    "distances",
    "labelled",
    "lag_copy_task",
    "pos_tasks",
    "recall_task",
    "sequential_stroke_tasks",
    "split_audioset_tasks",
    "split_stroke_tasks",
    "teacher_task",
    "with_task_identity",
]
