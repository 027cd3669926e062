"""wmcl is a package for working memory and continual learning in recurrent neural networks.

Its parts are imported where they are first used, so that ``import wmcl`` takes no time.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wmcl import (
        data,
        dimensionality,
        importance,
        likelihoods,
        methods,
        networks,
        plotting,
        published,
        pytorch,
        stages,
        statistics,
        studies,
        sweeps,
        tasks,
        training,
    )

__version__ = "0.11.0"

__all__ = [
    "__version__",
    "data",
    "dimensionality",
    "importance",
    "likelihoods",
    "methods",
    "networks",
    "plotting",
    "published",
    "pytorch",
    "stages",
    "statistics",
    "studies",
    "sweeps",
    "tasks",
    "training",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"wmcl.{name}")
    raise AttributeError(f"module 'wmcl' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return __all__
