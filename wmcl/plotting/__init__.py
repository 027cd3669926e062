"""Draw figures in one house style, from parts that they share."""

from wmcl.plotting.data import MissingError, one_of, require, stage_of
from wmcl.plotting.draw import line_with_interval
from wmcl.plotting.options import FileOptions, figure_command, write
from wmcl.plotting.style import COLOURS, MARKERS, house_style
from wmcl.plotting.text import count_text

__all__ = [
    "COLOURS",
    "MARKERS",
    "FileOptions",
    "MissingError",
    "count_text",
    "figure_command",
    "house_style",
    "line_with_interval",
    "one_of",
    "require",
    "stage_of",
    "write",
]
