"""Run a labelled grid of conditions in parallel, cached and resumable."""

from wmcl.sweeps.combine import choose
from wmcl.sweeps.place import CHECKPOINT_EVERY, checkpoint
from wmcl.sweeps.run import run
from wmcl.sweeps.store import save_atomically

__all__ = [
    "CHECKPOINT_EVERY",
    "checkpoint",
    "choose",
    "run",
    "save_atomically",
]
