"""Measure how important the weights are at a stage, in every way."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import xarray as xr

from wmcl.importance import (
    Perturbations,
    connections_of,
    fisher_diagonal,
    memory_aware_synapses,
    over_dampings,
    own_share,
    path_integral,
    perturbation_effect,
    reuse_profile,
    share,
    step_shares,
    summarise,
    synaptic_intelligence,
)
from wmcl.networks import Network, Parameters
from wmcl.stages.stage import as_array, at_matched_loss
from wmcl.tasks import Sequences, Task
from wmcl.training import Milestone, Snapshot, Trained

ImportanceKind = Literal["empirical", "sampled", "exact", "SI total", "SI task", "MAS"]
DAMPINGS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""ξ of Synaptic Intelligence"""


def importance_at(
    stage: Milestone,
    network: Network,
    task: Task,
    trained: Trained,
    sequences: Sequences,
    kinds: Sequence[ImportanceKind] = ("empirical", "sampled"),
    loss_per_sequence: bool = False,
) -> xr.Dataset:
    """Measure the importance of each kind, with the logarithm interpolated to the matched loss.

    ``empirical``, ``sampled`` and ``exact`` are Fishers, in nats²; ``SI total`` and ``SI task`` Synaptic Intelligence
    (ξ = 1e-3), in nats; ``MAS`` memory aware synapses, in squared logits; each by the units of the weight.

    Args:
        stage: of training.
        network: that was trained.
        task: that it was trained on.
        trained: for the seeds, and the path integrals of Synaptic Intelligence.
        sequences: what Fisher and MAS average over.
        kinds: which to measure.
        loss_per_sequence: whether the loss of training was one of sequences rather than of scored bits.

    Returns:
        The variables of :func:`wmcl.importance.summarise`, with dimensions ``seed`` and ``kind`` for member.

    Raises:
        ValueError: if a kind is unknown, or if training had no observer and the kind needs one.
    """
    if not kinds or not set(kinds) <= set(get_args(ImportanceKind)):
        raise ValueError(f"kinds is {kinds!r}: it must be a sequence of {', '.join(get_args(ImportanceKind))}")
    bits = sequences.scored_bits().double().mean(-1)

    def measure(snapshot: Snapshot) -> xr.Dataset:
        found = []
        for kind in kinds:
            values = _importance(kind, snapshot, network, task, trained, sequences)
            if kind.startswith("SI") and not loss_per_sequence:
                values = {name: value * float(bits.mean()) for name, value in values.items()}
            found.append(summarise(values, snapshot.parameters, bits))
        return xr.concat(found, "kind").assign_coords(kind=list(kinds)).rename(member="seed")

    return at_matched_loss(stage, measure)


def _importance(
    kind: ImportanceKind, snapshot: Snapshot, network: Network, task: Task, trained: Trained, sequences: Sequences
) -> Parameters:
    if kind == "SI total" or kind == "SI task":
        omega = path_integral(snapshot.observed, "total" if kind == "SI total" else "task")
        return synaptic_intelligence(omega, trained.initial, snapshot.parameters)
    if kind == "MAS":
        return memory_aware_synapses(network, snapshot.parameters, sequences)
    return fisher_diagonal(network, task, snapshot.parameters, sequences, kind, trained.seeds)


def path_integrals_at(stage: Milestone, trained: Trained) -> xr.Dataset:
    """Measure what Synaptic Intelligence says without its conventions, just after the loss was reached.

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
    return xr.Dataset(
        {
            "omega_share": (("seed", "connection", "path"), shares),
            "omega_sum": (("seed", "path"), sums),
            "damped": (("seed", "connection", "path", "damping"), damped),
        },
        coords={"connection": list(connections), "path": list(paths), "damping": list(DAMPINGS)},
    )


def exact_check_at(
    stage: Milestone, network: Network, task: Task, seeds: Sequence[int], sequences: Sequences, draws: int = 4
) -> xr.Dataset:
    """Measure the mean exact Fisher of each connection beside the sampled one of the same sequences, of several draws.

    Returns:
        ``checked`` (seed, estimator, connection), per sequence, just after the loss was reached.
    """
    parameters = stage.after.parameters
    connections = connections_of(parameters)
    exact = fisher_diagonal(network, task, parameters, sequences, "exact")
    sampled = fisher_diagonal(network, task, parameters, sequences, "sampled", seeds, draws=draws)
    rows = [
        [
            as_array(found[w].flatten(1).mean(1)) if w in found else np.full(len(seeds), np.nan)
            for w in connections.values()
        ]
        for found in (exact, sampled)
    ]
    return xr.Dataset(
        {"checked": (("seed", "estimator", "connection"), np.array(rows).transpose(2, 0, 1))},
        coords={"estimator": ["exact", f"sampled, {draws} draws"], "connection": list(connections)},
    )


def reuse_at(stage: Milestone, network: Network, task: Task, seeds: Sequence[int], sequences: Sequences) -> xr.Dataset:
    """Measure from which steps the sampled Fisher of the recurrent weights comes, just after the loss was reached.

    Returns:
        ``reuse`` (seed, step, other_step), pairs of uses over the trace, float32; ``reuse_share`` (seed, step), its
        row sums; ``reuse_own`` (seed), its diagonal, the share that uses have alone.
    """
    profile = reuse_profile(network, task, stage.after.parameters, sequences, "sampled", seeds)["W_hh"]
    steps = np.arange(sequences.steps)
    return xr.Dataset(
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


def perturbation_at(
    stage: Milestone,
    network: Network,
    task: Task,
    seeds: Sequence[int],
    ranking: Sequences,
    sequences: Sequences,
    perturbations: Perturbations,
) -> xr.Dataset:
    """Measure what moving recurrent weights does to the outputs, beside what the Fisher predicts.

    Weights are ranked by the sampled Fisher of the sequences ``ranking``; the prediction is the exact one of
    ``sequences``. One Fisher for both would predict too little for the weights that it ranks low.

    Returns:
        ``divergence`` and ``predicted_divergence`` (seed, selection, fraction, change), means over repetitions, in nats
        a sequence, just after the loss was reached.
    """
    parameters = stage.after.parameters
    importance = fisher_diagonal(network, task, parameters, ranking, "sampled", seeds)
    fisher = fisher_diagonal(network, task, parameters, sequences, "exact")
    found = perturbation_effect(network, task, parameters, sequences, importance, fisher, seeds, perturbations)
    return found.mean("repetition").rename(measured="divergence", predicted="predicted_divergence").drop_vars("seed")
