"""Measure an ensemble at one stage of training, as labelled arrays with a ``seed`` dimension."""

from wmcl.stages.dimensionality import dimensionality_at, memory_at
from wmcl.stages.importance import importance_at, reuse_at
from wmcl.stages.performance import performance_at, training_at
from wmcl.stages.stage import stage_names, stages

__all__ = [
    "dimensionality_at",
    "importance_at",
    "memory_at",
    "performance_at",
    "reuse_at",
    "stage_names",
    "stages",
    "training_at",
]
