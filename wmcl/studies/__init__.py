"""Declare a study: options with constraints, sweeps of networks, a report; command line and files follow."""

from wmcl.studies.benchmark import Benchmark, Comparison, TaskOptions
from wmcl.studies.command_line import CannotGoOnError
from wmcl.studies.run import Run
from wmcl.studies.study import Part, Study, Sweep, together

__all__ = ["Benchmark", "CannotGoOnError", "Comparison", "Part", "Run", "Study", "Sweep", "TaskOptions", "together"]
