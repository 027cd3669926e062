"""Make tasks: the Copy Task and its variants, recall, teachers, and tasks of recorded sequences."""

from wmcl.tasks.audioset_tasks import split_audioset_tasks
from wmcl.tasks.check import check_sequences
from wmcl.tasks.copy_memory_demand import binary_rank
from wmcl.tasks.copy_sequence import InputsOfTasks, copy_task_sequence
from wmcl.tasks.copy_task import CopyDraw, copy_task
from wmcl.tasks.data_task import DataTask, data_task
from wmcl.tasks.distances import distances
from wmcl.tasks.identity import with_task_identity
from wmcl.tasks.labelled import Labelled, labelled
from wmcl.tasks.lag_copy import LagLayout, lag_copy_task
from wmcl.tasks.layout import CopyLayout, Filler, InputPower, LeadInput, Lengths
from wmcl.tasks.memory_demand import MemoryDemand
from wmcl.tasks.pos_tasks import pos_tasks
from wmcl.tasks.recall import RecallLayout, recall_task
from wmcl.tasks.sequences import Phase, Sequences
from wmcl.tasks.stroke_tasks import sequential_stroke_tasks, split_stroke_tasks
from wmcl.tasks.target_map import TargetMap
from wmcl.tasks.target_rule import Order, XorMode
from wmcl.tasks.task import Task, check_counts
from wmcl.tasks.task_draws import TaskDraws
from wmcl.tasks.teacher import Teacher, teacher_task

__all__ = [
    "CopyDraw",
    "CopyLayout",
    "DataTask",
    "Filler",
    "InputPower",
    "InputsOfTasks",
    "Labelled",
    "LagLayout",
    "LeadInput",
    "Lengths",
    "MemoryDemand",
    "Order",
    "Phase",
    "RecallLayout",
    "Sequences",
    "TargetMap",
    "Task",
    "TaskDraws",
    "Teacher",
    "XorMode",
    "binary_rank",
    "check_counts",
    "check_sequences",
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
