"""Count the steps that a target reaches back: from each output step of a Copy Task to the step that shows its bits.

Output position j is recalled at step lead + i + 1 + j. It depends on one position s of the pattern, which is shown at
step lead + shown[s], so the distance is

    i + 1 + j - shown[s],

which is i + 1 + j - s where the pattern comes first, whatever follows it. Back-propagation has to bridge as many steps.
The matrix of the task's target map says which s it is. The paper's code takes the permutation to have i steps, which
is wrong for padded tasks: it has p.
"""

import numpy as np
from jaxtyping import Int64

from wmcl.tasks.copy_task import CopyDraw
from wmcl.tasks.layout import CopyLayout
from wmcl.tasks.task import Task


def distances(task: Task) -> Int64[np.ndarray, "output_step"]:
    """Count the steps from the one that shows the bits of each output step to that output step.

    Args:
        task: a Copy Task, alone or of a sequence, whose output steps each recall one step of the pattern.

    Raises:
        ValueError: if the task is no Copy Task, if its lengths vary, or if the targets of an output step depend
            on bits of several steps, or of none.

    Example:
        >>> import wmcl
        >>> wmcl.tasks.distances(wmcl.tasks.copy_task(3, 5, order="reversed")).tolist()
        [4, 6, 8]
    """
    draw: object = task.draw
    while not isinstance(draw, CopyDraw) and hasattr(draw, "draw"):
        draw = draw.draw
    if not isinstance(draw, CopyDraw):
        raise ValueError(f"task is {task.name!r}: it must be a Copy Task")
    layout, outputs = draw.layout, draw.target_map.output_width
    p, i = layout.pattern_length, layout.input_length
    if isinstance(p, tuple) or isinstance(i, tuple):
        raise ValueError(f"task is {task.name!r}: its lengths must be the same in all sequences")
    depends = draw.matrix.reshape(p, outputs, p, layout.bits).any((1, 3))  # of output position on pattern position
    if not (depends.sum(1) == 1).all():
        raise ValueError(f"task is {task.name!r}: each of its output steps must recall one step of the pattern")
    return i + 1 + np.arange(p) - _shown(layout, p)[depends.argmax(1)]


def _shown(layout: CopyLayout, length: int) -> Int64[np.ndarray, "pattern_step"]:
    """Return the steps after the lead that show the pattern."""
    return np.arange(length) if layout.pattern_steps is None else np.array(layout.pattern_steps)
