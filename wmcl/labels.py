"""Give the variables of a result their long names and units, where they are made.

What one function makes is described in its call of :func:`label`. What several functions make, or hand on, is described
here, so that a name has one description in the package.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import xarray as xr

Label = tuple[str, str]
"""long name and unit, which is 1 of what has none"""
Labelled = TypeVar("Labelled", xr.Dataset, xr.DataArray)

ANSWERS = "fraction of scored answers"
LOSS = "nats per scored answer"
SHARED: Mapping[str, Label] = MappingProxyType(
    {
        # which networks
        "seed": ("seed of the network: initialisation and batches", "1"),
        "stage": ("matched validation loss, or the end of training", "1"),
        "trained_task": ("task that was learned last, from 0", "1"),
        "evaluated_task": ("task that is evaluated, from 0", "1"),
        "approach": ("continual-learning method", "1"),
        "initialisation": ("initialisation of the weights", "1"),
        "reduction": ("what the training loss is divided by", "1"),
        # which tasks
        "pattern_length": ("pattern length p", "steps"),
        "input_length": ("input length i, from the first step of the pattern to the stop flag", "steps"),
        "independent_bits": ("independent bits of a pattern step", "bits"),
        "visible_bits": ("channels that are shown again at the steps of their targets", "1"),
        "lead": ("steps before the first one that matters", "steps"),
        "lead_input": ("what the steps of the lead show", "1"),
        "input_power": ("energy of the input, which may depend on the independent bits or not", "1"),
        "retention": ("steps from the one that shows a bit to the one that recalls it, on average", "steps"),
        # where in a sequence
        "step": ("step of the sequence, from 0", "steps"),
        "output_step": ("position among the scored steps of a sequence", "steps"),
        "phase": ("phase of the sequence, or all of its steps", "1"),
        # where in a network
        "connection": ("connection, by the name of its weight matrix", "1"),
        "component": ("number of principal components", "1"),
        # which rows and conditions
        "hyperparameters": ("hyperparameters of the row, as JSON", "1"),
        "in_law": ("whether the law of load, retention and lead is about the condition", "1"),
        # how importance is summarised
        "kind": ("how the importance is measured", "1"),
        "statistic": ("statistic over the weights of a connection", "1"),
        "per": ("what the importance is divided by", "1"),
        "probability": ("probability of the quantile", "1"),
        "effective_fraction": ("fraction of the weights over which the importance F is spread, (ΣF)² / (n ΣF²)", "1"),
        "share": ("share of the importance, added up over all connections or parameters", "1"),
        "distribution": ("quantiles of the importance over the weights", "as the importance"),
        # what is measured in training and after it
        "accuracy": ("accuracy", ANSWERS),
        "loss": ("loss", LOSS),
        "accuracy_by_step": ("accuracy at each scored step", ANSWERS),
        "loss_by_step": ("loss at each scored step", LOSS),
        "validation_loss": ("validation loss", LOSS),
        "iteration": ("training steps made before", "steps"),
        "training_iterations": ("training steps in all", "steps"),
        "reached": ("whether the network reached the matched loss; 0 is censored", "1"),
        "seconds": ("wall time of a network", "s"),
        "part": ("part of the work on a network", "1"),
        "clipped": ("training steps whose gradient was clipped", "fraction of steps"),
        "components": ("principal components that hold a given share of the variance of h_t", "1"),
        "participation_ratio": ("participation ratio of the variance of h_t", "1"),
        "effective_rank": ("effective rank of the variance of h_t", "1"),
        "compression": ("values of a hypernetwork over the weights that it generates", "1"),
        # regression
        "term": ("regressor", "1"),
        "censored": ("networks that missed the matched loss", "1"),
        "n": ("number of networks", "1"),
    }
)


def label(results: Labelled, **labels: Label) -> Labelled:
    """Return a dataset or an array with long names and units of its variables and coordinates.

    Args:
        results: the dataset, or an array, of which the coordinates are described.
        **labels: long name and unit of what is made where this is called, by the name of the variable. Names that the
            results lack are left out. Other variables that do not say what they are take the label in ``SHARED``.
    """
    labelled = results.copy(deep=False)
    variables = labelled.variables if isinstance(labelled, xr.Dataset) else labelled.coords.variables
    for name, variable in variables.items():
        found = labels.get(str(name)) or (None if "long_name" in variable.attrs else SHARED.get(str(name)))
        if found is not None:
            variable.attrs = {**variable.attrs, "long_name": found[0], "units": found[1]}
    return labelled
