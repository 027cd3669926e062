"""wmcl is a package for working memory and continual learning in recurrent neural networks."""

from wmcl import (
    data,
    dimensionality,
    importance,
    likelihoods,
    methods,
    networks,
    published,
    stages,
    statistics,
    sweeps,
    tasks,
    training,
)

__version__ = "0.10.0"

__all__ = [
    "__version__",
    "data",
    "dimensionality",
    "importance",
    "likelihoods",
    "methods",
    "networks",
    "published",
    "stages",
    "statistics",
    "sweeps",
    "tasks",
    "training",
]
