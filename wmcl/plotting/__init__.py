"""Draw the results of the package: each function takes a labelled Dataset and returns the axes it drew on."""

import importlib
import os
import warnings

try:
    importlib.import_module("matplotlib")
except ValueError:  # matplotlib does not know the backend that the environment names, and none is needed here
    warnings.warn(f"MPLBACKEND is {os.environ.pop('MPLBACKEND')!r}: matplotlib has no such backend", stacklevel=2)

from wmcl.plotting.accuracy import plot_accuracy_matrix
from wmcl.plotting.front import plot_front
from wmcl.plotting.importance import plot_importance
from wmcl.plotting.states import plot_states

__all__ = [
    "plot_accuracy_matrix",
    "plot_front",
    "plot_importance",
    "plot_states",
]
