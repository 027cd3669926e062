"""Draw figures in one house style, from parts that they share."""

from wmcl.plotting.draw import line_with_interval
from wmcl.plotting.options import FileOptions, figure_command, write
from wmcl.plotting.style import COLOURS, MARKERS

__all__ = [
    "COLOURS",
    "MARKERS",
    "FileOptions",
    "figure_command",
    "line_with_interval",
    "write",
]
