"""This module measures the importances of the weights at a stage, by every measure."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import xarray as xr

from wmcl.check_arguments import checked
from wmcl.check_data import check_data, check_is_sequences
from wmcl.importance import (
    Perturbations,
    fisher_diagonal,
    path_integral,
    perturbation_effect,
    reuse_profile,
    summarise,
    synaptic_intelligence,
)
from wmcl.importance.reuse import own_share, step_shares
from wmcl.importance.signals import GradientKind
from wmcl.importance.summary import connections_of
from wmcl.importance.synaptic_intelligence import over_dampings, share
from wmcl.importance.together import importances
from wmcl.labels import label
from wmcl.networks import Parameters
from wmcl.stages.stage import as_array, at_matched_loss
from wmcl.tasks import Sequences
from wmcl.training import Trained
from wmcl.training.milestones import Milestone, Snapshot

ImportanceKind = Literal["empirical", "sampled", "exact", "SI total", "SI task", "MAS"]
DAMPINGS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""dampings ξ of Synaptic Intelligence"""


@checked
def importance_at(
    trained: Trained,
    stage: Milestone,
    data: Sequences,
    kinds: Sequence[ImportanceKind] = ("empirical", "sampled"),
) -> xr.Dataset:
    """Measure importances of each kind, with the logarithm interpolated to the matched loss.

    ``empirical``, ``sampled`` and ``exact`` are Fishers, in nats²; ``SI total`` and ``SI task`` Synaptic Intelligence
    (ξ = 1e-3), in nats; ``MAS`` memory aware synapses, in squared logits; each by the units of the weight.

    Args:
        trained: from :func:`wmcl.training.train`.
        stage: of its training.
        data: what Fisher and MAS average over.
        kinds: which to measure.

    Returns:
        The variables of :func:`wmcl.importance.summarise`, with dimensions ``seed`` and ``kind`` for member.

    Raises:
        ValueError: if a kind is unknown, or if training had no observer and the kind needs one.
    """
    if not kinds or not set(kinds) <= set(get_args(ImportanceKind)):
        raise ValueError(f"kinds is {kinds!r}: it must be a sequence of {', '.join(get_args(ImportanceKind))}")
    check_is_sequences(data)
    bits, own = data.scored_bits().double().mean(-1), trained.task.likelihood

    by_gradient: list[GradientKind] = [kind for kind in kinds if kind != "SI total" and kind != "SI task"]

    def measure(snapshot: Snapshot) -> xr.Dataset:
        parameters = snapshot.parameters
        check_data(trained.network, parameters, data, own, reads_targets="empirical" in kinds)
        values = dict[str, Parameters](importances(trained.network, parameters, data, own, by_gradient, trained.seeds))
        for kind in kinds:
            if kind == "SI total" or kind == "SI task":
                omega = path_integral(snapshot.observed, "total" if kind == "SI total" else "task")
                scale = float(bits.mean()) if trained.options.reduction == "scored bit" else 1.0
                found = synaptic_intelligence(omega, trained.initial, parameters)
                values[kind] = {name: value * scale for name, value in found.items()}
        each = [summarise(values[kind], parameters, bits) for kind in kinds]
        return label(xr.concat(each, "kind").assign_coords(kind=list(kinds)).rename(member="seed"))

    return at_matched_loss(stage, measure)


@checked
def path_integrals_at(trained: Trained, stage: Milestone) -> xr.Dataset:
    """Measure the path integrals ω of Synaptic Intelligence, and Ω for each ξ, just after the loss was reached.

    Returns:
        ``omega_share`` (seed, connection, path), ω of a connection over Σω of all weights and biases; ``omega_sum``
        (seed, path), Σω in units of the loss that was trained on; ``damped`` (seed, connection, path, damping), mean
        Ω for each ξ, in these units by squared unit of a weight.
    """
    snapshot, seeds = stage.after, len(trained.seeds)
    connections = connections_of(snapshot.parameters)
    paths: tuple[Literal["total", "task"], ...] = ("total", "task")
    shares = np.full((seeds, len(connections), 2), np.nan)
    sums, damped = np.empty((seeds, 2)), np.full((seeds, len(connections), 2, len(DAMPINGS)), np.nan)
    for k, path in enumerate(paths):
        omega = path_integral(snapshot.observed, path)
        portion = share(omega)
        by_damping = over_dampings(omega, trained.initial, snapshot.parameters, DAMPINGS)
        sums[:, k] = sum(as_array(value.flatten(1).sum(1)) for value in omega.values())
        for c, name in enumerate(connections.values()):
            if name in snapshot.parameters:
                shares[:, c, k] = as_array(portion[name].flatten(1).sum(1))
                for d, damping in enumerate(DAMPINGS):
                    damped[:, c, k, d] = as_array(by_damping[damping][name].flatten(1).mean(1))
    found = xr.Dataset(
        {
            "omega_share": (("seed", "connection", "path"), shares),
            "omega_sum": (("seed", "path"), sums),
            "damped": (("seed", "connection", "path", "damping"), damped),
        },
        coords={"connection": list(connections), "path": list(paths), "damping": list(DAMPINGS)},
    )
    return label(
        found,
        omega_share=("share of a connection in the path integral over all weights and biases", "1"),
        omega_sum=("path integral, added up over all weights and biases", "units of the training loss"),
        damped=("mean importance of Synaptic Intelligence for each damping", "training loss by squared weight"),
        path=("path integral: of the total loss along the steps, or of the task loss along predicted steps", "1"),
        damping=("damping of Synaptic Intelligence", "squared units of a weight"),
    )


@checked
def exact_at(trained: Trained, stage: Milestone, data: Sequences) -> Parameters:
    """Measure the exact Fisher, per sequence, just after the loss was reached."""
    return fisher_diagonal(trained.network, stage.after.parameters, data, trained.task, "exact")


@checked
def exact_check_at(
    trained: Trained, stage: Milestone, data: Sequences, exact: Parameters, draws: int = 4
) -> xr.Dataset:
    """Compare the mean exact Fisher of each connection, from :func:`exact_at`, with the sampled one of these sequences.

    The sampled Fisher has several draws of targets for each sequence.

    Returns:
        ``checked`` (seed, estimator, connection), per sequence, just after the loss was reached.
    """
    parameters = stage.after.parameters
    connections = connections_of(parameters)
    network, task, seeds = trained.network, trained.task, trained.seeds
    sampled = fisher_diagonal(network, parameters, data, task, "sampled", seeds, draws=draws)
    rows = [
        [
            as_array(found[w].flatten(1).mean(1)) if w in found else np.full(len(seeds), np.nan)
            for w in connections.values()
        ]
        for found in (exact, sampled)
    ]
    checked = xr.Dataset(
        {"checked": (("seed", "estimator", "connection"), np.array(rows).transpose(2, 0, 1))},
        coords={"estimator": ["exact", f"sampled, {draws} draws"], "connection": list(connections)},
    )
    return label(
        checked,
        checked=("mean Fisher of the weights of a connection, per sequence", "nats^2 by squared weight"),
        estimator=("how the Fisher is computed", "1"),
    )


@checked
def reuse_at(trained: Trained, stage: Milestone, data: Sequences) -> xr.Dataset:
    """Measure from which steps the sampled Fisher of the recurrent weights comes, just after the loss was reached.

    Returns:
        ``reuse`` (seed, step, other_step), pairs of uses over the trace, float32; ``reuse_share`` (seed, step), its
        row sums; ``reuse_own`` (seed), its diagonal, the share that uses have alone.
    """
    check_is_sequences(data)
    parameters, seeds = stage.after.parameters, trained.seeds
    profile = reuse_profile(trained.network, parameters, data, trained.task, "sampled", seeds)["W_hh"]
    steps = np.arange(data.steps)
    found = xr.Dataset(
        {
            "reuse": (
                ("seed", "step", "other_step"),
                as_array(profile / profile.sum((1, 2), keepdim=True)).astype(np.float32),
            ),
            "reuse_share": (("seed", "step"), as_array(step_shares(profile))),
            "reuse_own": ("seed", as_array(own_share(profile))),
        },
        coords={"step": steps, "other_step": steps},
    )
    return label(
        found,
        reuse=("share of each pair of uses of W_hh in the trace of its sampled Fisher", "1"),
        reuse_share=("share of each step at which W_hh is used in the trace of its sampled Fisher", "1"),
        reuse_own=("share of single uses of W_hh, without pairs, in the trace of its sampled Fisher", "1"),
        other_step=("step of the other use of W_hh, from 0", "steps"),
    )


@checked
def perturbation_at(
    trained: Trained,
    stage: Milestone,
    ranking: Sequences,
    data: Sequences,
    exact: Parameters,
    perturbations: Perturbations,
) -> xr.Dataset:
    """Measure what moving recurrent weights does to the outputs, and what the Fisher predicts.

    Weights are ranked by the sampled Fisher of the sequences ``ranking``; the prediction is the exact one of
    ``data``, from :func:`exact_at`. One Fisher for both would predict too little for the weights that it ranks low.

    Returns:
        ``divergence`` and ``predicted_divergence`` (seed, selection, fraction, change), means over repetitions, in nats
        a sequence, just after the loss was reached.
    """
    parameters = stage.after.parameters
    network, task, seeds = trained.network, trained.task, trained.seeds
    importance = fisher_diagonal(network, parameters, ranking, task, "sampled", seeds)
    found = perturbation_effect(network, parameters, data, task, importance, exact, seeds, perturbations)
    mean = found.mean("repetition", keep_attrs=True).drop_vars("seed")
    return mean.rename(measured="divergence", predicted="predicted_divergence")
