"""What makes RNN weights important: what they must hold, for how long, or how often they are used?

Trains recurrent networks on the Copy Task and its controls, and measures at matched validation loss how important their
weights are, how many dimensions their hidden states fill and which bits these hold. Writes one netCDF file; figures/
draw it.
"""

from dataclasses import fields
from functools import partial

import numpy as np
import xarray as xr

from length_study.conditions import in_law, task_of
from length_study.design import PRESETS, Config, check, with_own_output
from length_study.ladder import add_ladder, is_ladder
from length_study.measure import measure, members_in
from length_study.report import report
from wmcl.studies import Part, Study, Sweep
from wmcl.tasks import MemoryDemand


def results(config: Config, sweep: Sweep) -> xr.Dataset:
    """Every measure of every network, with the demands of its condition; in float32, for a file of half the size."""
    part = Part(
        "importance vs length",
        partial(
            measure,
            network=config.network,
            training=config.training,
            stages=config.stages,
            measures=config.measures,
        ),
        config.grid,
        range(config.conditions.seeds),
        cost=lambda condition: float(task_of(condition).memory_demand.steps),
        members_on_gpu=partial(members_in, config),
    )
    found = sweep(part)
    if is_ladder(found):
        found = add_ladder(found)
    return _with_demands(found, config).map(_single, keep_attrs=True)


def _with_demands(found: xr.Dataset, config: Config) -> xr.Dataset:
    """With what every condition demands, and whether the law is about it."""
    names = list(config.grid[0])
    conditions = [{name: found[name].values[k].item() for name in names} for k in range(found.sizes["condition"])]
    demands = [task_of(condition).memory_demand for condition in conditions]
    chosen = [in_law(condition, config.factorial) for condition in conditions]
    of_conditions = {"in_law": ("condition", np.array(chosen, dtype=np.int8))}
    for field in fields(MemoryDemand):
        name = {"load": "memory_load"}.get(field.name, field.name)
        of_conditions[name] = ("condition", [getattr(demand, field.name) for demand in demands])
    return found.assign_coords(of_conditions)


def _single(values: xr.DataArray) -> xr.DataArray:
    """Finished entries keep all digits."""
    return values.astype("float32") if values.dtype == "float64" else values


LABELS = {
    "pattern_length": ("pattern length p", "steps"),
    "input_length": ("input length i: steps from the first step of the pattern to the stop flag", "steps"),
    "lead": ("steps before the pattern", "steps"),
    "lead_input": ("what the lead shows", "1"),
    "independent_bits": ("independent bits of a pattern step", "bits"),
    "input_power": ("whose input energy does not depend on the independent bits", "1"),
    "visible_bits": ("channels shown again while they are asked for", "1"),
    "initialisation": ("of the weights", "1"),
    "reduction": ("what the loss of training was divided by", "1"),
    "in_law": ("whether the law of load, retention and lead is about the condition", "1"),
    "memory_load": ("independent bits held at once", "bits"),
    "retention": ("steps that each bit is held", "steps"),
    "steps": ("steps of a sequence, T", "steps"),
    "scored_bits": ("scored bits of a sequence, S", "bits"),
    "seed": ("seed of the network: initialisation and batches", "1"),
    "stage": ("matched validation loss in nats a scored bit, or the end of training", "1"),
    "kind": ("importance: empirical or sampled Fisher, SI (Synaptic Intelligence), MAS (memory aware synapses)", "1"),
    "step": ("step of the sequence", "steps"),
    "other_step": ("step of the sequence", "steps"),
    "pattern_step": ("step of the pattern, from 0", "steps"),
    "output_step": ("step after the stop flag, from 0", "steps"),
    "component": ("number of principal components", "1"),
    "probability": ("fraction of the weights of a connection", "1"),
    "damping": ("damping of Synaptic Intelligence", "squared units of a weight"),
    "path": ("path integral: of the total loss along the steps taken, or of the task loss along predicted steps", "1"),
    "importance": (
        "importance over the weights of a connection",
        "Fisher: nats^2, SI: nats, MAS: squared logits; by squared units of a weight (MAS: by units of a weight)",
    ),
    "effective_fraction": ("(sum F)^2 / (n sum F^2) over the n weights of a connection", "1"),
    "share": ("share of a connection in the importance of all weight matrices", "1"),
    "distribution": ("quantiles of the importance over the weights of a connection, per sequence", "as importance"),
    "omega_share": ("share of a connection in the path integral over all weights and biases", "1"),
    "omega_sum": ("path integral summed over all weights and biases", "units of the training loss"),
    "damped": ("mean importance of Synaptic Intelligence for each damping", "training loss by squared weight"),
    "checked": (
        "mean Fisher per sequence over the weights, on the sequences of the exact Fisher",
        "nats^2 by weight^2",
    ),
    "reuse": ("share of each pair of uses of W_hh in the trace of its sampled Fisher", "1"),
    "reuse_share": ("share of each step at which W_hh is used in the trace of its sampled Fisher", "1"),
    "reuse_own": ("share of the uses alone, without what pairs share", "1"),
    "bits_held": ("independent pattern bits that linear decoders find in h_t, lower bound", "bits"),
    "decodability": ("what linear decoders find in h_t of a pattern step, mean over its independent channels", "bits"),
    "divergence": ("KL divergence of the outputs after moving weights of W_hh", "nats per sequence"),
    "predicted_divergence": ("half of the moves squared, weighted by the exact Fisher", "nats per sequence"),
    "fraction": ("fraction of the weights of W_hh that are moved", "1"),
    "change": ("how far each weight is moved, up or down", "units of a weight"),
    "components": ("principal components that hold the configured share of the variance of h_t", "1"),
    "participation_ratio": ("participation ratio of h_t", "1"),
    "effective_rank": ("effective rank of h_t", "1"),
    "cumulative_variance": ("share of the pooled variance in the first components", "1"),
    "components_by_step": ("principal components that hold the configured share, at each step alone", "1"),
    "participation_ratio_by_step": ("participation ratio of h_t, at each step alone", "1"),
    "kernel_components": ("components of cosine kernel PCA that hold the configured share, output phase", "1"),
    "intrinsic_dimension": ("intrinsic dimension of h_t, output phase", "1"),
    "duplicates": ("rows left out because they equal another", "1"),
    "loss": ("test loss just after the matched loss was reached", "nats per scored bit"),
    "accuracy": ("test accuracy; chance is 0.5", "fraction of scored bits"),
    "accuracy_by_step": ("test accuracy at each output step", "fraction of scored bits"),
    "output_variance": ("mean p (1 - p) of the scored bits", "1"),
    "iteration": ("training steps at the validations before and after the matched loss", "steps"),
    "validation_loss": ("validation loss before and after the matched loss", "nats per scored bit"),
    "distance_moved": ("distance from the initial weights, relative to their norm", "1"),
    "clipped": ("fraction of training steps whose gradient was clipped", "1"),
    "reached": ("whether the network reached the matched loss; 0 is censored", "1"),
    "stop_reason": ("why training stopped", "1"),
    "training_iterations": ("training steps in all", "steps"),
    "ladder_slope": ("exponent of importance on the length of a sweep, measured in the way of a rung", "1"),
    "ladder_reached": ("fraction of networks that have an importance on this rung", "1"),
    "ladder_dimension_slope": ("exponent of components in the output phase on the length of a sweep", "1"),
    "ladder_dimension_reached": ("fraction of networks that have components on this rung", "1"),
    "seconds": ("wall time of a network by part of the work", "s"),
}

STUDY = Study(
    about=__doc__,
    presets=PRESETS,
    results=results,
    report=report,
    check=check,
    completed=with_own_output,
    labels=LABELS,
)
