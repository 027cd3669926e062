"""This package trains ensembles: it holds the training loop, its optimisers, its stop rules and what it records."""

from wmcl.training.confusion import weighted_f1
from wmcl.training.ensemble import Ensemble, Trained
from wmcl.training.ensemble_file import StoredEnsemble, load_ensemble, save_ensemble
from wmcl.training.evaluation import Evaluation, evaluate
from wmcl.training.memory import members_that_fit
from wmcl.training.milestones import Milestone, Snapshot
from wmcl.training.observer import Observer, Step
from wmcl.training.optimisers import SGD, Adam, AdamW, Cosine, Optimiser, Schedule, StepDecay, Warmup
from wmcl.training.options import Options, Reason, Stop
from wmcl.training.stepper import Execution
from wmcl.training.train import train

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Cosine",
    "Ensemble",
    "Evaluation",
    "Execution",
    "Milestone",
    "Observer",
    "Optimiser",
    "Options",
    "Reason",
    "Schedule",
    "Snapshot",
    "Step",
    "StepDecay",
    "Stop",
    "StoredEnsemble",
    "Trained",
    "Warmup",
    "evaluate",
    "load_ensemble",
    "members_that_fit",
    "save_ensemble",
    "train",
    "weighted_f1",
]
