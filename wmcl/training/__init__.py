"""The training loop, its optimiser, its stop rules and what it records."""

from wmcl.training.adam import Adam, AdamState
from wmcl.training.evaluation import Evaluation, evaluate
from wmcl.training.loop import Trained, train
from wmcl.training.milestones import Milestone, Snapshot, interpolate_log
from wmcl.training.objective import clip, loss_and_gradient, orthogonality, task_loss
from wmcl.training.options import Options
from wmcl.training.stop import Reason, Stop

__all__ = [
    "Adam",
    "AdamState",
    "Evaluation",
    "Milestone",
    "Options",
    "Reason",
    "Snapshot",
    "Stop",
    "Trained",
    "clip",
    "evaluate",
    "interpolate_log",
    "loss_and_gradient",
    "orthogonality",
    "task_loss",
    "train",
]
