"""The training loop, its optimiser, its stop rules and what it records."""

from wmcl.training.adam import Adam, AdamState
from wmcl.training.checkpoint import CHECKPOINT_VERSION
from wmcl.training.confusion import confusion, weighted_f1
from wmcl.training.ensemble_file import ENSEMBLE_VERSION, Ensemble, load_ensemble, save_ensemble
from wmcl.training.evaluation import Evaluation, evaluate
from wmcl.training.loop import Trained, train
from wmcl.training.memory import members_that_fit, training_bytes
from wmcl.training.milestones import Milestone, Snapshot, interpolate_log
from wmcl.training.objective import Reduction, clip, loss_and_gradient, orthogonality, task_gradient, task_loss
from wmcl.training.options import Options
from wmcl.training.precision import Precision
from wmcl.training.step import Observer, Step, take_step
from wmcl.training.stepper import Execution, execution_on
from wmcl.training.stop import Reason, Stop

__all__ = [
    "CHECKPOINT_VERSION",
    "ENSEMBLE_VERSION",
    "Adam",
    "AdamState",
    "Ensemble",
    "Evaluation",
    "Execution",
    "Milestone",
    "Observer",
    "Options",
    "Precision",
    "Reason",
    "Reduction",
    "Snapshot",
    "Step",
    "Stop",
    "Trained",
    "clip",
    "confusion",
    "evaluate",
    "execution_on",
    "interpolate_log",
    "load_ensemble",
    "loss_and_gradient",
    "members_that_fit",
    "orthogonality",
    "save_ensemble",
    "take_step",
    "task_gradient",
    "task_loss",
    "train",
    "training_bytes",
    "weighted_f1",
]
