"""The training loop, its optimiser, its stop rules and what it records."""

from wmcl.training.adam import Adam, AdamState
from wmcl.training.evaluation import Evaluation, evaluate
from wmcl.training.loop import Trained, train
from wmcl.training.milestones import Milestone, Snapshot, interpolate_log
from wmcl.training.objective import Reduction, clip, loss_and_gradient, orthogonality, task_gradient, task_loss
from wmcl.training.options import Options
from wmcl.training.step import Observer, Step, take_step
from wmcl.training.stop import Reason, Stop

__all__ = [
    "Adam",
    "AdamState",
    "Evaluation",
    "Milestone",
    "Observer",
    "Options",
    "Reason",
    "Reduction",
    "Snapshot",
    "Step",
    "Stop",
    "Trained",
    "clip",
    "evaluate",
    "interpolate_log",
    "loss_and_gradient",
    "orthogonality",
    "take_step",
    "task_gradient",
    "task_loss",
    "train",
]
