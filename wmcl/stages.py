"""Every measure of an ensemble at one stage of training, as labelled arrays with a ``seed`` dimension."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from wmcl.dimensionality import (
    Centre,
    StepScatter,
    components_for_variance,
    cumulative_variance,
    participation_ratio,
    steps_of,
)
from wmcl.importance import CONNECTIONS, FisherKind, fisher_diagonal, summarise
from wmcl.networks import Elman, Parameters
from wmcl.tasks import Phase, Sequences, Task
from wmcl.training import Milestone, Snapshot, Trained, evaluate, interpolate_log

PHASES: Mapping[str, Phase | None] = {
    "lead": Phase.lead,
    "input": Phase.input,
    "stop": Phase.stop,
    "output": Phase.output,
    "all": None,
}
CENTRES: tuple[Centre, ...] = ("pooled", "step")


def stage_names(trained: Trained) -> list[str]:
    """Labels of :func:`stages`: the matched losses, then ``final``."""
    return [str(milestone.threshold) for milestone in trained.milestones] + ["final"]


def stages(trained: Trained) -> list[Milestone]:
    """The milestones of a training run, and its end as one more stage that every member has reached."""
    end = Snapshot(trained.iterations, trained.validation_loss, trained.parameters)
    everyone = np.ones(len(trained.seeds), bool)
    return [*trained.milestones, Milestone(float("nan"), everyone, end, end)]


def importance_at(
    stage: Milestone,
    network: Elman,
    task: Task,
    seeds: Sequence[int],
    sequences: Sequences,
    kinds: Sequence[FisherKind] = ("empirical", "sampled"),
) -> xr.DataArray:
    """Fisher importances, with the logarithm interpolated to the matched loss.

    Returns:
        Dimensions (kind, seed, connection, statistic, per).
    """
    bits = sequences.scored_bits().double().mean(-1)

    def at(parameters: Parameters) -> xr.DataArray:
        fishers = (fisher_diagonal(network, task, parameters, sequences, kind, seeds) for kind in kinds)
        summaries = [summarise(fisher, bits) for fisher in fishers]
        return xr.concat(summaries, "kind").assign_coords(kind=list(kinds)).rename(member="seed")

    after = at(stage.after.parameters).transpose("seed", ...)
    if stage.before is stage.after:
        return after
    before = at(stage.before.parameters).transpose("seed", ...)
    return after.copy(data=interpolate_log(before.values, after.values, stage.position()))


def dimensionality_at(stage: Milestone, network: Elman, sequences: Sequences, threshold: float = 0.75) -> xr.Dataset:
    """Linear dimensionality of the hidden states by phase and by step, just after the loss was reached.

    The phases are those that occur in the sequences, and ``all``.

    Returns:
        ``components`` and ``participation_ratio`` (seed, phase, centre), ``cumulative_variance`` (seed, phase,
        component) of the pooled states, ``components_by_step`` and ``participation_ratio_by_step`` (seed, step).
    """
    with torch.no_grad():
        hidden = network.apply(stage.after.parameters, sequences.inputs, slice(0, 0)).hidden
    scatter = StepScatter.of(hidden)
    phases = {n: steps_of(sequences, p) for n, p in PHASES.items() if p is None or bool((sequences.phase == p).any())}
    spectra = torch.stack([torch.stack([scatter.spectrum(p, c) for c in CENTRES], 1) for p in phases.values()], 1)
    by_step = scatter.spectrum_by_step()
    by_phase, step = ("seed", "phase", "centre"), ("seed", "step")
    return xr.Dataset(
        {
            "components": (by_phase, _array(components_for_variance(spectra, threshold))),
            "participation_ratio": (by_phase, _array(participation_ratio(spectra))),
            "cumulative_variance": (
                ("seed", "phase", "component"),
                _array(cumulative_variance(spectra[:, :, CENTRES.index("pooled")])).astype(np.float32),
            ),
            "components_by_step": (step, _array(components_for_variance(by_step, threshold))),
            "participation_ratio_by_step": (step, _array(participation_ratio(by_step))),
        },
        coords={
            "phase": list(phases),
            "centre": list(CENTRES),
            "component": np.arange(1, hidden.shape[-1] + 1),
            "step": np.arange(sequences.steps),
        },
    )


def performance_at(stage: Milestone, network: Elman, task: Task, sequences: Sequences) -> xr.Dataset:
    """Loss, accuracy and output variance on a set of sequences, just after the loss was reached."""
    result = evaluate(network, task, stage.after.parameters, sequences)
    return xr.Dataset(
        {
            "loss": ("seed", _array(result.loss)),
            "accuracy": ("seed", _array(result.accuracy)),
            "accuracy_by_step": (("seed", "output_step"), _array(result.accuracy_by_step)),
            "output_variance": ("seed", _array(result.output_variance)),
        },
        coords={"output_step": np.arange(result.accuracy_by_step.shape[1])},
    )


def training_at(stage: Milestone, trained: Trained) -> xr.Dataset:
    """How training got there: iterations, validation losses around the threshold, distance moved, clipping."""
    clipped = [
        float(trained.curves.clipped.isel(seed=k, iteration=slice(0, int(end))).mean()) if end else 0.0
        for k, end in enumerate(stage.after.iteration)
    ]
    sides = (stage.before, stage.after)
    return xr.Dataset(
        {
            "iteration": (("seed", "side"), np.stack([side.iteration for side in sides], 1).astype(float)),
            "validation_loss": (("seed", "side"), np.stack([side.loss for side in sides], 1)),
            "distance_moved": (("seed", "connection"), _distance(stage.after.parameters, trained.initial)),
            "clipped": ("seed", np.array(clipped)),
        },
        coords={"side": ["before", "after"], "connection": list(CONNECTIONS)},
    )


def _distance(parameters: Parameters, initial: Parameters) -> np.ndarray:
    """‖W - W_0‖ / ‖W_0‖ (Frobenius) of each connection; NaN for those that the network lacks."""
    columns = []
    for weight in CONNECTIONS.values():
        if weight in parameters:
            change = (parameters[weight] - initial[weight]).flatten(1).norm(dim=1)
            columns.append(_array(change / initial[weight].flatten(1).norm(dim=1)).astype(float))
        else:
            columns.append(np.full(len(next(iter(initial.values()))), np.nan))
    return np.stack(columns, 1)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()
