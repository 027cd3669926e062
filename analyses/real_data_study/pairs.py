r"""One entry of the second part: networks that learn one task and then another, with what may foretell forgetting.

Overlaps are those in the network after the first task, before anything of the second is learned:

- of hidden states, the alignment index of Elsayed et al. (Nature Communications 7, 2016)

  .. math:: \sum_{j \le k} a_j^T C_t a_j \Big/ \sum_{j \le k} λ_j(C_t)

  with the first k principal directions a_j of the states in the first task, and the covariance C_t of the states in the
  second and its eigenvalues λ_j: the variance of the second task in directions of the first, over the most that any k
  directions hold. It is 1 if both tasks fill the same directions.
- of the sampled Fishers of both tasks, :func:`front_study.importance.overlap`, over all values but the heads. That
  of the second task is still untrained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
import xarray as xr
from front_study.importance import HEADS, overlap
from jaxtyping import Float, Float64
from torch import Tensor

from real_data_study.config import Config
from wmcl.dimensionality import covariance_spectrum, shared_variance, states
from wmcl.dimensionality.principal_components import cumulative_variance
from wmcl.importance import fisher_diagonal
from wmcl.methods import TrainedSession, named, train_sequence
from wmcl.networks import Network, Parameters
from wmcl.provenance import describe_device
from wmcl.tasks import Phase, Sequences
from wmcl.training import Stop, evaluate
from wmcl.training.evaluation import Evaluation

PHASES: Mapping[str, Phase | None] = {"last_step": Phase.output, "all_steps": None}


def pairs_of(config: Config) -> list[dict[str, int]]:
    """All ordered pairs of tasks, as numbers from 1."""
    tasks = range(1, len(config.benchmark.sequence()) + 1)
    return [{"first": s, "second": t} for s in tasks for t in tasks if s != t]


def measure(config: Config, device: str, pair: Mapping[str, Any], seeds: Sequence[int]) -> xr.Dataset:
    """Learn both tasks by fine-tuning, with a head each, and measure before and after the second."""
    tasks = config.benchmark.sequence()
    both = [tasks[pair["first"] - 1], tasks[pair["second"] - 1]]
    run = train_sequence(
        named("fine-tuning"),
        config.network.build(both[0], heads=2),
        both,
        seeds,
        Stop(config.in_turn.turn_iterations),
        config.training.options,
        device=device,
        progress=False,
    )
    first = next(run)
    before = _evaluations(first)
    overlaps = _overlaps(first, config)
    if both[0].draw.test.at_every_step:  # all steps are scored, and there is no last one
        overlaps["overlap_states_last_step"] = torch.full_like(overlaps["overlap_states_last_step"], float("nan"))
    last = next(run)
    after = _evaluations(last)
    found = overlaps | {
        "forgetting_loss": after[0].loss - before[0].loss,
        "forgetting_accuracy": before[0].accuracy - after[0].accuracy,
        "first_loss": before[0].loss,
        "first_accuracy": before[0].accuracy,
        "second_accuracy": after[1].accuracy,
        "moved": distance_moved(first.values, last.values),
    }
    return xr.Dataset(
        {name: ("seed", value.double().cpu().numpy()) for name, value in found.items()}, {"seed": list(seeds)}
    ).assign_attrs(device=describe_device(device))


def _evaluations(after: TrainedSession) -> list[Evaluation]:
    """Of both tasks on their test sets."""
    learner, found = after.learner, []
    for number, task in enumerate(learner.tasks):
        test = task.test.to(learner.device)
        found.append(evaluate(learner.network_of(number), learner.weights(after.values, number), test, task))
    return found


def _overlaps(after: TrainedSession, config: Config) -> dict[str, Float[Tensor, "member"]]:
    """Of states and Fishers of both tasks, in the network after the first."""
    learner, in_turn = after.learner, config.in_turn
    hidden, fishers = [], []
    for number, task in enumerate(learner.tasks):
        network, weights = learner.network_of(number), learner.weights(after.values, number)
        probe = task.fixed_set("states", in_turn.state_samples).to(learner.device)
        hidden.append(_hidden(network, weights, probe))
        few = task.fixed_set("fisher", in_turn.fisher_samples).to(learner.device)
        fishers.append(shared_values(fisher_diagonal(network, weights, few, task, "sampled", learner.seeds)))
    found = {}
    for name, phase in PHASES.items():
        first, second = (states(h, probe, phase) for h, probe in hidden)
        found[f"overlap_states_{name}"] = alignment(first, second, in_turn.shared_components)
    return found | {"overlap_fisher": overlap(*fishers)}


@torch.no_grad()
def _hidden(network: Network, weights: Parameters, probe: Sequences) -> tuple[Tensor, Sequences]:
    return network.apply(weights, probe.inputs, slice(0, 0), lengths=probe.lengths).hidden, probe


def alignment(
    first: Float[Tensor, "member row_a unit"], second: Float[Tensor, "member row_b unit"], components: int
) -> Float64[Tensor, "member"]:
    """Variance of the second states in so many principal directions of the first, over the most that as many hold.

    NaN if the second states do not vary.
    """
    inside = shared_variance(first, second)[:, components - 1]
    return inside / cumulative_variance(covariance_spectrum(second))[:, components - 1]


def shared_values(values: Parameters) -> Float[Tensor, "member value"]:
    """All values that both tasks use, in the order of their names."""
    return torch.cat([values[name].double().flatten(1) for name in sorted(values) if name not in HEADS], 1)


def distance_moved(before: Parameters, after: Parameters) -> Float[Tensor, "member"]:
    """‖θ' - θ‖ / ‖θ‖ over all values that both tasks use."""
    first, last = shared_values(before), shared_values(after)
    return (last - first).norm(dim=1) / first.norm(dim=1)


def configuration_of_entries(config: Config, device: str) -> dict[str, Any]:
    """What the numbers of an entry depend on, beside pair and seed."""
    return {
        "benchmark": config.study.benchmark,
        "data": dict(config.benchmark.sequence_configuration),
        "network": asdict(config.network),
        "training": asdict(config.training),
        "in_turn": asdict(config.in_turn),
        "device": device,
    }
