"""This package trains ensembles: it holds the training loop, its optimisers, its stop rules and what it records."""

from wmcl.training.ensemble import Ensemble, Trained
from wmcl.training.ensemble_file import load_ensemble, save_ensemble
from wmcl.training.evaluation import evaluate, weighted_f1
from wmcl.training.execution import Execution
from wmcl.training.memory import members_that_fit
from wmcl.training.observer import Observer
from wmcl.training.optimisers import SGD, Adam, AdamW, Cosine, Optimiser, StepDecay, Warmup
from wmcl.training.options import Options, Reason, Stop
from wmcl.training.train import train

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Cosine",
    "Ensemble",
    "Execution",
    "Observer",
    "Optimiser",
    "Options",
    "Reason",
    "StepDecay",
    "Stop",
    "Trained",
    "Warmup",
    "evaluate",
    "load_ensemble",
    "members_that_fit",
    "save_ensemble",
    "train",
    "weighted_f1",
]
