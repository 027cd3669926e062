"""The house style of every figure, and what the figures share."""

from wmcl.plotting.data import (
    MissingError,
    choose_known,
    importance,
    of_sweeps,
    one_of,
    plain,
    require,
    stage_of,
    training_of,
    values_of,
)
from wmcl.plotting.draw import PHASES, band_with_interval, estimate, line_with_interval, shade_phases
from wmcl.plotting.options import FileOptions, ImportanceOptions, StageOptions, figure_command, write
from wmcl.plotting.style import COLOURS, MARKERS, house_style, save_figure
from wmcl.plotting.text import (
    KINDS,
    censored_text,
    count_text,
    importance_text,
    kind_text,
    stage_text,
    task_text,
    training_text,
    variance_share,
)

__all__ = [
    "COLOURS",
    "KINDS",
    "MARKERS",
    "PHASES",
    "FileOptions",
    "ImportanceOptions",
    "MissingError",
    "StageOptions",
    "band_with_interval",
    "censored_text",
    "choose_known",
    "count_text",
    "estimate",
    "figure_command",
    "house_style",
    "importance",
    "importance_text",
    "kind_text",
    "line_with_interval",
    "of_sweeps",
    "one_of",
    "plain",
    "require",
    "save_figure",
    "shade_phases",
    "stage_of",
    "stage_text",
    "task_text",
    "training_of",
    "training_text",
    "values_of",
    "variance_share",
    "write",
]
