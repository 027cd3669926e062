"""Declare a study: options with constraints, sweeps of networks, a report; command line and files follow."""

from wmcl.studies.command_line import CannotGoOnError, chosen_word
from wmcl.studies.run import Run
from wmcl.studies.study import Part, Study, Sweep, together

__all__ = ["CannotGoOnError", "Part", "Run", "Study", "Sweep", "chosen_word", "together"]
